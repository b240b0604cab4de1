"""Two workers on one machine: the same training as one, and one that is killed and comes back."""
import csv
import signal
import socket
import subprocess
import sys
import threading
import time

from conftest import ROOT
import pytest
from test_fit import arguments, SMALL

from train import fit, meeting
from unet_perception.model import open_bundle


def free_addresses(count=2):
    sockets = [socket.create_server(('localhost', 0)) for _ in range(count)]
    addresses = [f'localhost:{s.getsockname()[1]}' for s in sockets]
    for s in sockets:
        s.close()
    return addresses


class Worker:
    """A process of train.fit and what it has printed."""

    def __init__(self, log, *flags):
        self.log = log
        with open(log, 'a') as file:
            self.process = subprocess.Popen([sys.executable, '-u', '-m', 'train.fit', *flags],
                                            cwd=ROOT, stdout=file, stderr=subprocess.STDOUT)

    def wait_for(self, what, seconds=180):
        """Wait until what() is true."""
        give_up = time.monotonic() + seconds
        while not what():
            assert self.process.poll() is None and time.monotonic() < give_up, self.log.read_text()
            time.sleep(0.02)

    def end(self, seconds=180):
        """Return the exit code, once there is one."""
        return self.process.wait(seconds)


def history(run):
    with open(run / 'history.csv', newline='') as file:
        return [{name: float(value) for name, value in row.items()}
                for row in csv.DictReader(file)]


@pytest.fixture
def start(drive_folder, tmp_path):
    """Return a function that starts one of two workers; kill what is left at the end."""
    addresses, workers = ','.join(free_addresses()), []

    def start(index, *flags, wait=120):
        workers.append(Worker(tmp_path / f'worker{index}.log', *arguments(
            drive_folder, tmp_path, '--workers', addresses, '--worker-index', str(index),
            '--wait', str(wait), *flags)))
        return workers[-1]

    yield start
    for worker in workers:
        worker.process.kill()
        worker.process.wait()


def test_two_workers_learn_as_one_and_go_on_after_a_kill(start, drive_folder, tmp_path):
    recipe = [*SMALL, '--precision', 'float32', '--coarse', '0']
    leader, helper = start(0, '--name', 'two', *recipe), start(1)
    run = tmp_path / 'runs/two'
    leader.wait_for((run / 'panel_01.png').exists)  # drawn once the epoch is saved
    helper.process.kill()
    leader.wait_for(lambda: 'another worker is lost' in leader.log.read_text(), 30)
    assert start(1).end() == leader.end() == 0
    assert 'worker 1 is done' in helper.log.read_text()
    assert open_bundle(tmp_path / 'models/two').height == 32

    assert fit.main(arguments(drive_folder, tmp_path, '--name', 'one', *recipe)) == 0
    for two, one in zip(history(run), history(tmp_path / 'runs/one'), strict=True):
        assert two['epoch'] == one['epoch']
        # The same frames; only dropout differs.
        assert two['loss'] == pytest.approx(one['loss'], rel=0.1)
        assert two['val_loss'] == pytest.approx(one['val_loss'], rel=0.2)


def test_workers_that_do_not_come_or_do_not_fit_are_named(start, drive_folder, tmp_path):
    leader = start(0, '--name', 'x', *SMALL, wait=3)
    assert leader.end() == 1
    assert 'worker 1 (localhost:' in leader.log.read_text()
    assert 'did not come within 3 seconds' in leader.log.read_text()
    assert not (tmp_path / 'runs/x').exists()
    helper = start(1, wait=1)
    assert helper.end() == 1 and 'worker 0 (localhost:' in helper.log.read_text()
    helper = start(1)
    helper.wait_for(lambda: 'waiting for worker 0' in helper.log.read_text())
    helper.process.send_signal(signal.SIGTERM)
    assert helper.end(5) == -signal.SIGTERM


def meet_all(addresses, plans, patience=10):
    """Let each worker meet the others in a thread; return what each has found."""
    found = {}

    def one(index, plan):
        try:
            found[index] = meeting.meet(addresses, index, plan, patience)
        except ValueError as error:
            found[index] = str(error)

    threads = [threading.Thread(target=one, args=item) for item in plans.items()]
    for thread in threads:
        thread.start()
        time.sleep(0.1)
    for thread in threads:
        thread.join()
    return found


@pytest.mark.parametrize('order', [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_all_workers_hear_the_plan_of_the_first(order):
    plan = {'recipe': {'epochs': 3}}
    found = meet_all(free_addresses(3), {i: plan if i == 0 else None for i in order})
    assert found == {0: plan, 1: plan, 2: plan}


def test_a_stranger_and_one_who_left_are_not_counted():
    addresses = free_addresses()
    host, port = addresses[0].split(':')
    thread = threading.Thread(target=lambda: found.update(meet_all(addresses, {0: {}}, 8)))
    found = {}
    thread.start()
    for hello in (b'GET / HTTP/1.1\n', b'{"workers": ["other:1"], "index": 1}\n',
                  f'{{"workers": ["{addresses[0]}", "{addresses[1]}"], "index": 1}}\n'.encode()):
        while True:
            try:
                with socket.create_connection((host, int(port))) as caller:
                    caller.sendall(hello)
                    break
            except ConnectionRefusedError:
                time.sleep(0.05)
    assert meet_all(addresses, {1: None}, 8) == {1: {}}
    thread.join()
    assert found == {0: {}}


@pytest.mark.parametrize('flags, message', [
    (['--workers', 'a:1,b:2'], 'give both --workers and --worker-index'),
    (['--workers', 'a:1,b:2', '--worker-index', '2'], '--worker-index is 2'),
    (['--workers', 'a,b:2'], "'a' is no HOST:PORT"), (['--workers', 'a:1'], 'several different'),
    (['--workers', 'a:1,a:1'], 'several different')])
def test_flags_of_workers_that_do_not_fit_are_refused(flags, message, tmp_path, capsys):
    with pytest.raises(SystemExit):
        fit.main(['--data', str(tmp_path), '--name', 'x', *flags])
    assert message in capsys.readouterr().err
