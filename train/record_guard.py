"""Run the parts of train.record in processes of their own, and undo what one leaves that dies."""
import signal

from train.record_messages import Step
from train.recorder import EXPECTED, restore
from unet_perception.carla_traces import Traces
from unet_perception.guarded import Ended, Guarded

STARTING = Step('starting', 60.0)


class Guard:
    """Runs one function after the other; SIGINT, SIGTERM and SIGHUP stop the one that runs.

    For the time of a `with` block. stopped: whether such a signal came.
    """

    def __init__(self):
        self.stopped, self._guarded, self._handlers = False, None, {}

    def __enter__(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._handlers[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_):
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _on_signal(self, number, frame):
        self.stopped = True
        if self._guarded is not None:
            self._guarded.stop()

    def run(self, function, server, *args, show=lambda message: None):
        """Run function(send, *args); show() gets its messages but the Traces. Return an Ended.

        server: record_messages.Server. What the function leaves there is undone, or the Ended
        says what could not be.
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


def _follow(guarded, show, traces=None):
    """Return how a function ended and which traces it left."""
    step, traces = STARTING, traces or Traces()
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
