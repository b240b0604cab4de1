"""
Masks and truths while they wait for one another: bounded by number and by age.

Stamps and times are in ns of the camera's own clock.
"""
from collections import deque
from dataclasses import dataclass

import numpy as np

from unet_perception.accuracy_window import tag_matrix

MOST = 60        # masks that wait, and truths that are kept: 2 s at 30 Hz
AGE = 5 * 10**9  # ns by which the newest of them may be ahead of the oldest


@dataclass
class Truth:
    """A semantic image: its uint8 tags, None if they were unreadable; if a mask found it."""

    stamp: int
    tags: np.ndarray
    found: bool = False


@dataclass
class Mask:
    """A mask that came out at `time`; the truth it was last counted against, and that count."""

    stamp: int
    time: int
    labels: np.ndarray
    counted: tuple = (None, None)

    def count(self, truth, scheme):
        """Return tag_matrix() by a truth; when masks are fast, both scores have the same."""
        if self.counted[0] is not truth:
            self.counted = truth, tag_matrix(truth.tags, self.labels, scheme)
        return self.counted[1]


class Truths:
    """The last truths, in the order of their stamps. lost: how many went that no mask found."""

    def __init__(self):
        self._truths, self.lost = deque(), 0

    @property
    def newest(self):
        """Return the newest stamp, -1 before any."""
        return self._truths[-1].stamp if self._truths else -1

    def add(self, truth):
        """Keep a truth that is newer than the others, and forget those too many or too old."""
        self._truths.append(truth)
        while len(self._truths) > MOST or truth.stamp - self._truths[0].stamp > AGE:
            self.lost += not self._truths.popleft().found

    def until(self, time):
        """Return the newest truth not after a time, or None."""
        return next((t for t in reversed(self._truths) if t.stamp <= time), None)

    def clear(self):
        """Forget the truths."""
        self._truths.clear()
