"""What became of the frames, and how long they took."""
import threading
from collections import Counter, deque

import numpy as np

# Every frame received ends as exactly one of these, but for the one or two in work.
OUTCOMES = ('processed', 'dropped', 'failed', 'unread')


class FrameStatistics:
    """Counts of frames by outcome, and the latencies of the last frames. Safe between threads.

    processed: labelled and published. dropped: replaced by a newer frame before its turn.
    failed: could not be read. unread: nobody subscribed to any output.
    """

    def __init__(self, window=200):
        self._lock = threading.Lock()
        self._counts = Counter()
        self._latencies = deque(maxlen=window)
        self._reported = Counter()

    def count(self, outcome):
        """Count one frame as 'received' or as one of OUTCOMES."""
        with self._lock:
            self._counts[outcome] += 1

    def latency(self, seconds):
        """Note the time from the receipt of a frame to its published results."""
        with self._lock:
            self._latencies.append(seconds)

    def values(self):
        """Return all figures by name: counts, and latency percentiles in ms (NaN before any)."""
        with self._lock:
            counts = {name: self._counts[name] for name in ('received', *OUTCOMES)}
            latencies = list(self._latencies) or [float('nan')]
        percentiles = np.percentile(latencies, (50, 95, 99)) * 1000
        return {**counts, **{f'latency p{p} [ms]': round(float(value), 2)
                             for p, value in zip((50, 95, 99), percentiles)}}

    def since_last_report(self, values):
        """Return by how much each count of values() has grown since the last call."""
        new = {name: values[name] - self._reported[name] for name in ('received', *OUTCOMES)}
        self._reported.update(new)
        return new
