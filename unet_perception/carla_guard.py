"""Run what talks to a CARLA server in a process of its own; undo what one leaves that dies."""
import signal
from typing import NamedTuple

from unet_perception.carla_session import CarlaError, Session, tidy_up
from unet_perception.carla_traces import Traces
from unet_perception.guarded import Ended, Guarded

EXPECTED = (CarlaError, ValueError, OSError)


class Server(NamedTuple):
    """Where a server is and how long it may take, s: a call, a town, a picture."""

    host: str
    port: int
    timeout: float
    load_timeout: float
    sensor_timeout: float


class Step(NamedTuple):
    """What goes on, and how many seconds it may take at worst."""

    text: str
    seconds: float


class Note(NamedTuple):
    """Something that the user should know."""

    text: str


def connect(send, server):
    """Return a Session that sends its Steps and Traces."""
    return Session(server.host, server.port, server.timeout,
                   lambda text, seconds: send(Step(text, seconds)), send)


def restore(send, server, traces):
    """Undo what a process left that has died; send the Traces after each step."""
    tidy_up(traces, server.host, server.port, server.timeout, send)


class Guard:
    """
    Runs one function after the other; stop() ends the one that runs, and all after it.

    stopped: whether stop() was called.
    """

    def __init__(self):
        self.stopped, self._guarded = False, None

    def stop(self):
        """Stop what runs; it tidies up first. The second time, kill it."""
        self.stopped = True
        if self._guarded is not None:
            self._guarded.stop()

    def run(self, function, server, *args, show=lambda message: None):
        """
        Run function(send, *args); show() gets its messages but the Traces. Return an Ended.

        What the function leaves at the Server is undone, or the Ended says what could not be.
        """
        self._guarded = Guarded(function, *args, expected=EXPECTED)
        if self.stopped:  # before there was something to stop
            self._guarded.stop()
        ended, traces = _follow(self._guarded, show)
        self._guarded = None  # nothing stops what follows
        if traces:
            _, traces = _follow(Guarded(restore, server, traces, expected=EXPECTED),
                                lambda message: None, traces)
        if traces:
            left = f'not put back at the server: {traces}; if it still runs, restart it'
            ended = Ended('failed', '; '.join(filter(None, [ended.why, left])))
        return ended


class SignalGuard(Guard):
    """A Guard that SIGINT, SIGTERM and SIGHUP stop, for the time of a `with` block."""

    def __enter__(self):
        self._handlers = {number: signal.signal(number, lambda *_: self.stop())
                          for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        return self

    def __exit__(self, *_):
        for number, handler in self._handlers.items():
            signal.signal(number, handler)


def _follow(guarded, show, traces=None):
    """Return how a function ended and which traces it left."""
    step, traces = Step('starting', 60.0), traces or Traces()
    for message in guarded.messages(lambda: step.seconds):
        if isinstance(message, Step):
            step = message
        if isinstance(message, Traces):
            traces = message
        if not isinstance(message, (Traces, Ended)):
            show(message)
    if message.how == 'died':
        message = message._replace(why=f"CARLA's client died in {step.text}: {message.why}")
    return message, traces
