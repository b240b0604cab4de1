"""
Where the workers of a run meet, before TensorFlow lets them work together.

TensorFlow would wait for a missing worker without end, deaf to Ctrl-C and SIGTERM. So worker 0
listens at its own address until all others have come, and tells them the plan, in lines of JSON.
"""
from contextlib import ExitStack
import json
import socket
import time

ANSWER = 30  # seconds for a worker that is there to say a line


def meet(workers, index, plan, patience):
    """
    Return worker 0's plan (JSON values) once all workers are there and know it.

    workers: addresses, 'host:port'; index: this one's place among them.
    Raise ValueError if that takes more than `patience` seconds or worker 0 refuses this one.
    """
    give_up = time.monotonic() + patience
    try:
        return _lead(workers, plan, give_up) if index == 0 else _join(workers, index, give_up)
    except TimeoutError as error:
        raise ValueError(f'{error} did not come within {patience:g} seconds; start it with the '
                         f'same --workers and its own --worker-index') from error


def _lead(workers, plan, give_up):
    lines = {}  # by worker
    with ExitStack() as stack:
        server = stack.enter_context(_server(workers[0]))
        while len(lines) < len(workers) - 1:
            missing = [k for k in range(1, len(workers)) if k not in lines]
            names = ', '.join(f'worker {k} ({workers[k]})' for k in missing)
            print(f'waiting for {names}', flush=True)
            server.settimeout(max(0.01, give_up - time.monotonic()))
            try:
                line = stack.enter_context(_Line(server.accept()[0]))
            except TimeoutError as error:
                raise TimeoutError(names) from error
            _welcome(line, workers, lines)
            if len(lines) == len(workers) - 1:  # all there; still?
                lines = {k: line for k, line in lines.items()
                         if line.say(plan=plan) and line.hear()}
        for line in lines.values():
            line.say(go=True)
    return plan


def _server(address):
    port = int(address.rpartition(':')[2])
    try:
        return socket.create_server(('', port))
    except OSError as error:
        raise ValueError(f'worker 0 cannot listen at port {port}: {error.strerror}; take another '
                         f'one in --workers') from error


def _welcome(line, workers, lines):
    """Add the line of a worker that has come, unless it is none of these."""
    hello = line.hear() or {}
    if hello.get('workers') != workers:
        line.say(error=f'--workers is {",".join(workers)} there')
    elif hello.get('index') in range(1, len(workers)):
        lines[hello['index']] = line  # of a worker that has come again, the newer one


def _join(workers, index, give_up):
    host, _, port = workers[0].rpartition(':')
    plan = None
    print(f'waiting for worker 0 ({workers[0]})', flush=True)
    while time.monotonic() < give_up:
        try:
            line = _Line(socket.create_connection((host, int(port)), timeout=ANSWER))
        except OSError:  # it is not there yet, or busy with TensorFlow
            time.sleep(0.3)
            continue
        with line:
            line.say(workers=workers, index=index)
            while message := line.hear(give_up):
                if 'error' in message:
                    raise ValueError(f'worker 0 ({workers[0]}) refuses this one: '
                                     f'{message["error"]}')
                if 'go' in message:
                    return plan
                plan = message['plan']
                line.say(index=index)
        time.sleep(0.3)  # worker 0 has gone
    raise TimeoutError(f'worker 0 ({workers[0]})')


class _Line:
    """A connection to another worker: JSON objects, one a line."""

    def __init__(self, connection):
        self._connection = connection
        self._file = connection.makefile('rw', encoding='utf-8')

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._connection.close()

    def say(self, **message):
        """Send a message; return False if the other has gone."""
        try:
            self._file.write(json.dumps(message) + '\n')
            self._file.flush()
        except OSError:
            return False
        return True

    def hear(self, until=None):
        """
        Return the next message; None if there is none in time, or nothing that is one.

        until: time.monotonic() to wait for, instead of a few seconds.
        """
        self._connection.settimeout(max(0.01, until - time.monotonic()) if until else ANSWER)
        try:
            return json.loads(self._file.readline())
        except (OSError, ValueError):
            return None
