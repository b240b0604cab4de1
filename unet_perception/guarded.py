"""Run a function in a process of its own, because what it calls can end or hang the process."""
import multiprocessing
import os
from pathlib import Path
import signal
import tempfile
from typing import NamedTuple

EXIT = 10.0  # s that a process may take to end after its last message


class Ended(NamedTuple):
    """
    The last message of a guarded function.

    how: 'done', 'stopped' (by stop()), 'failed' (with one of the errors it is expected to raise)
    or 'died'. why: a sentence or, for an unexpected error, its traceback.
    """

    how: str
    why: str = ''


class Guarded:
    """
    function(send, *args) in a process of its own; send(message) brings messages here.

    expected: the exceptions whose text is a sentence for the user. After stop(), or the end of
    this process, the next send() raises KeyboardInterrupt; Ctrl-C does nothing there.
    """

    def __init__(self, function, *args, expected=(ValueError, OSError)):
        self._log = tempfile.NamedTemporaryFile(prefix='guarded-')
        context = multiprocessing.get_context('spawn')
        self._messages, theirs = context.Pipe(duplex=False)
        self._process = context.Process(
            target=_run, args=(theirs, self._log.name, expected, function, args), daemon=True)
        handler = signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process inherits it
        try:
            self._process.start()
        finally:
            signal.signal(signal.SIGINT, handler)
        theirs.close()
        self._stopped = False

    def messages(self, limit):
        """Yield each message, then an Ended. limit(): s until the next message at most."""
        ended = None
        while ended is None:
            seconds = limit()
            if not self._messages.poll(seconds):
                ended = Ended('died', f'it hung for {seconds:g} s')
                self._process.kill()
                break
            try:
                message = self._messages.recv()
            except EOFError:
                break
            if isinstance(message, Ended):
                ended = message
            else:
                yield message
        self._process.join(EXIT)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        yield ended or Ended('stopped' if self._stopped else 'died', self._last_words())

    def stop(self):
        """Stop the function; the second time, kill its process."""
        if self._stopped:
            self._process.kill()
        else:
            self._process.terminate()
        self._stopped = True

    def _last_words(self):
        """Return what a process said that died: of C++ its exception, of Python the traceback."""
        lines = Path(self._log.name).read_text(errors='replace').splitlines()
        code = self._process.exitcode
        if code >= 0:
            return '\n'.join([f'exit code {code}', *lines[-20:]])
        said = [line.split('what():')[1].strip() for line in lines if 'what():' in line]
        return f'{said[-1]} ({signal.Signals(-code).name})' if said else signal.Signals(-code).name


class _Send:
    """
    Sends messages; the place where stop(), or the end of who listens, interrupts a function.

    So nothing is interrupted half done. It interrupts once: what tidies up may send on.
    """

    def __init__(self, connection):
        self._connection, self._stop, self._interrupted = connection, False, False
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def __call__(self, message):
        try:
            self._connection.send(message)
        except OSError:
            self._stop = True
        if self._stop and not self._interrupted:
            self._interrupted = True
            raise KeyboardInterrupt

    def _on_signal(self, number, frame):
        self._stop = True


def _run(connection, log, expected, function, args):
    """Run the function in this, the new process."""
    with open(log, 'a') as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    send = _Send(connection)
    try:
        function(send, *args)
        ended = Ended('done')
    except KeyboardInterrupt:
        ended = Ended('stopped')
    except expected as error:  # any other: a traceback into the log
        ended = Ended('failed', str(error))
    connection.send(ended)
