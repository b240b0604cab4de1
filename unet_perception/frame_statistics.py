"""What became of the frames, and how long they took."""
from collections import Counter, deque
import threading
import time

import numpy as np

# Every frame received ends as exactly one of these, but for those that wait or are in work.
OUTCOMES = ('processed', 'dropped', 'failed', 'unread')
WITHHELD = 'camera_info withheld'  # of processed frames: there was none, or none that fits
# Of a frame's way through the node, in its order, s; latency is the sum of those before it, age
# the outputs' by the node's clock, which may be a simulation's.
STAGES = ('wait', 'prepare', 'network', 'publish', 'latency', 'age')


class FrameStatistics:
    """
    Counts of frames by outcome, and times of the last frames by stage. Safe between threads.

    processed: labelled and published. dropped: replaced by a newer frame before its turn.
    failed: could not be read. unread: nobody subscribed to any output.
    """

    def __init__(self, window=200):
        self._lock = threading.Lock()
        self._counts = Counter()
        self._times = {stage: deque(maxlen=window) for stage in STAGES}
        self._reported = Counter()
        self.begin()

    def begin(self):
        """Count the silence from now on."""
        self._last = time.monotonic()

    def silence(self):
        """Return the time since the last image, or since begin(), s."""
        return time.monotonic() - self._last

    def count(self, outcome):
        """Count one frame as 'received', as one of OUTCOMES, or as WITHHELD."""
        with self._lock:
            self._counts[outcome] += 1
            if outcome == 'received':
                self._last = time.monotonic()

    def note(self, stage, seconds):
        """Note what one frame took in one of STAGES."""
        with self._lock:
            self._times[stage].append(seconds)

    def forget(self, stage):
        """Forget all times of a stage."""
        with self._lock:
            self._times[stage].clear()

    def values(self):
        """Return all figures by name: counts, and percentiles of each stage in ms (NaN: none)."""
        with self._lock:
            figures = {name: self._counts[name] for name in ('received', *OUTCOMES, WITHHELD)}
            times = {stage: list(window) or [np.nan] for stage, window in self._times.items()}
        for stage in reversed(STAGES):
            for p, seconds in zip((50, 95, 99), np.percentile(times[stage], (50, 95, 99))):
                figures[f'{stage} p{p} [ms]'] = round(1000 * float(seconds), 2)
        return figures

    def since_last_report(self, values):
        """Return by how much each count of values() has grown since the last call."""
        new = {name: values[name] - self._reported[name] for name in ('received', *OUTCOMES)}
        self._reported.update(new)
        return new
