"""Functions in processes of their own: how they end, and how this one hears of it."""
import ctypes
import os
import re
import signal
import subprocess
import sys
import time

from conftest import ROOT
import pytest

from unet_perception.guarded import Ended, Guarded


def count(send, number):
    """Send so many numbers."""
    for n in range(number):
        send(n)


def tidy(send):
    """Send until it is interrupted, then tidy up, which takes some messages."""
    try:
        while True:
            send('busy')
            time.sleep(0.01)
    finally:
        send('tidying')
        send('tidy')


def fail(send):
    """Fail as it may."""
    raise ValueError('this cannot be had')


def trip(send):
    """Fail as it should not."""
    {}['key']


def abort(send):
    """End as a C++ exception ends a process that nobody catches it in."""
    send('going')
    os.write(2, b'terminate called after throwing\n  what():  no answer\n')
    os.abort()


def hang(send):
    """Hang where no signal gets through."""
    send('going')
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    ctypes.CDLL(None).pause()


def run(function, *args, limit=20.0):
    return list(Guarded(function, *args).messages(lambda: limit))


def test_messages_come_in_order_and_the_end_comes_last():
    assert run(count, 3) == [0, 1, 2, Ended('done')]
    assert run(fail) == [Ended('failed', 'this cannot be had')]


@pytest.mark.parametrize('function, why', [
    (abort, r'^no answer \(SIGABRT\)$'), (trip, r"(?s)^exit code 1\n.*KeyError: 'key'$"),
    (hang, r'^it hung for 2 s$')])
def test_a_death_is_told_by_its_last_words(function, why, capfd):
    *_, ended = run(function, limit=2.0)
    assert ended.how == 'died'
    assert re.search(why, ended.why)
    assert capfd.readouterr().err == ''  # its noise stays there


def test_stop_interrupts_once_and_kills_the_second_time():
    guarded, heard = Guarded(tidy), []
    for message in guarded.messages(lambda: 20.0):
        if message == 'busy' and 'busy' not in heard:
            guarded.stop()
        heard.append(message)
    assert heard[-3:] == ['tidying', 'tidy', Ended('stopped')]
    guarded, heard = Guarded(hang), []
    for message in guarded.messages(lambda: 20.0):
        guarded.stop()
        guarded.stop()
        heard.append(message)
    assert [m if m == 'going' else m.how for m in heard] == ['going', 'stopped']


def test_it_is_interrupted_when_nobody_listens_any_more(tmp_path):
    """The end of this process by SIGKILL is the end of its guarded ones; they tidy up."""
    script = (f'import sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "test")!r}]\n'
              f'if __name__ == "__main__":\n'
              f'    import os, test_guarded as t\n'
              f'    for message in t.Guarded(t.mark, {str(tmp_path / "tidy")!r}).messages('
              f'lambda: 20): os.kill(os.getpid(), 9)\n')
    (tmp_path / 'parent.py').write_text(script)
    done = subprocess.run([sys.executable, str(tmp_path / 'parent.py')], timeout=60)
    assert done.returncode == -signal.SIGKILL
    for _ in range(200):
        if (tmp_path / 'tidy').exists():
            return
        time.sleep(0.05)
    pytest.fail('it was not interrupted')


def mark(send, path):
    """Write a file when it is interrupted."""
    try:
        while True:
            send('busy')
            time.sleep(0.01)
    finally:
        open(path, 'w').close()
