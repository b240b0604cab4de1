"""
Score masks against a semantic camera while both run: pairing, windows, figures. No ROS here.

Every mask is scored twice: *paired*, against the truth of its own stamp, as offline; and *timely*,
against the newest truth that is not after the time at which the mask came out, for that is the
world in which a planner uses it. Slow masks lose by this even if they are right. (Li, Wang and
Ramanan, Towards Streaming Perception, 2020; Pylot calls it timely mIoU.)

Stamps and times are in ns of the camera's own clock, such as the simulation's.
"""
from collections import Counter, deque

from unet_perception.accuracy_frames import AGE, Mask, MOST, Truth, Truths
from unet_perception.accuracy_window import Window

JUMP = 10**9  # ns: stamps that go back by more begin anew, as when a bag loops

# What becomes of a mask.
SCORED = 'scored'
NO_TRUTH = 'no truth for it'
UNREADABLE_TRUTH = 'truth unreadable'
UNREADABLE_MASK = 'mask unreadable'
SIZES = 'sizes differ'
SCHEME = 'another scheme fits'
CLOCK = 'clock far from its stamp'
UNSCORED = (NO_TRUTH, UNREADABLE_TRUTH, UNREADABLE_MASK, SIZES, SCHEME, CLOCK)


class Score:
    """
    The masks that wait for their truth, and a window of those that found it.

    exact: whether only the truth of a mask's own stamp will do.
    counts: masks by what became of them. problems: where to leave a sentence on each but SCORED.
    """

    def __init__(self, scheme, exact, check_scheme, problems):
        self.counts, self.problems = Counter(), problems
        self._scheme, self._exact, self._check_scheme = scheme, exact, check_scheme
        self.clear()

    def clear(self):
        """Forget the masks that wait and the window, but not the counts."""
        self.waiting, self.window, self._misfit = deque(), Window(self._scheme), ''

    def figures(self):
        """Return metrics.summary() of the window; None if it is empty or of another scheme."""
        return None if self._misfit or not len(self.window) else self.window.figures()

    def miss(self, reason, sentence):
        """Count a mask that cannot be scored."""
        self.counts[reason] += 1
        self.problems[reason] = sentence

    def settle(self, truths, size):
        """Score the masks for which no better truth can come; return if there are new figures."""
        before = self.counts[SCORED]
        while self.waiting and self._needed(self.waiting[0]) <= truths.newest:
            self._settle(self.waiting.popleft(), truths, size)
        while self.waiting and (len(self.waiting) > MOST
                                or self.waiting[-1].stamp - self.waiting[0].stamp > AGE):
            self._miss_truth(self.waiting.popleft())
        return self.counts[SCORED] > before and not self._misfit

    def _needed(self, mask):
        return mask.stamp if self._exact else mask.time

    def _settle(self, mask, truths, size):
        truth = truths.until(self._needed(mask))
        if truth is None or self._exact and truth.stamp != mask.stamp:
            self._miss_truth(mask)
            return
        truth.found |= self._exact
        if truth.tags is None:
            self.counts[UNREADABLE_TRUTH] += 1  # why is among the problems already
            return
        if truth.tags.shape != mask.labels.shape:
            (h, w), (height, width) = truth.tags.shape, mask.labels.shape
            self.miss(SIZES, f'the semantic image is {w}x{h}, but the mask {width}x{height}; give '
                             f'both cameras one size')
            return
        try:
            self.window.add(mask.count(truth, self._scheme), size)
        except ValueError as error:
            self.miss(UNREADABLE_MASK, f'the mask of {_seconds(mask.stamp)}: {error}')
            return
        self._misfit = self._check_scheme and self.window.misfit()
        if self._misfit:
            self.miss(SCHEME, self._misfit)
        else:
            self.counts[SCORED] += 1

    def _miss_truth(self, mask):
        self.miss(NO_TRUTH, f'no semantic image of the stamp {_seconds(mask.stamp)} for the mask'
                  if self._exact else
                  f'no semantic image for {_seconds(mask.time)}, when a mask came out')


class LiveAccuracy:
    """
    Scores the masks and truths of one camera as they come.

    frames: length of the windows; may change any time. problems: the last sentence on each kind
    of trouble; whoever reports them clears them. restarts: how often time went back.
    """

    def __init__(self, scheme, check_scheme=False, frames=100):
        """Start with empty windows. check_scheme: whether tags may be another scheme's unseen."""
        self.frames, self.problems, self.restarts = frames, {}, 0
        self.truths = Truths()
        self.paired = Score(scheme, True, check_scheme, self.problems)
        self.timely = Score(scheme, False, check_scheme, self.problems)
        self._newest_mask = -1

    def add_truth(self, stamp, tags, problem=''):
        """
        Take a truth, tags None and a problem if it is unreadable; return the Scores that grew.

        tags: uint8 (height, width), all of the scheme.
        """
        if problem:
            self.problems[UNREADABLE_TRUTH] = problem
        if stamp < self.truths.newest - JUMP:
            self.clear(f"the semantic camera's stamps went back to {_seconds(stamp)}")
        if stamp <= self.truths.newest:
            self.problems['order'] = (
                f'two semantic images came for {_seconds(stamp)}, or out of order; '
                f'is the topic published twice?')
            return []
        self.truths.add(Truth(stamp, tags))
        return self._settle()

    def add_mask(self, stamp, labels, now):
        """Take a mask, uint8 labels (height, width), that came out now; return as add_truth()."""
        if stamp < self._newest_mask - JUMP:
            self.clear(f"the masks' stamps went back to {_seconds(stamp)}")
        self._newest_mask = max(stamp, self._newest_mask)
        # /clock may come after the image of its tick, but no mask before its image.
        mask = Mask(stamp, max(now, stamp), labels)
        self.paired.waiting.append(mask)
        if now and abs(now - stamp) <= AGE:
            self.timely.waiting.append(mask)
        else:
            self.timely.miss(CLOCK, f'the clock says {_seconds(now)} at a mask of the stamp '
                                    f'{_seconds(stamp)}; set use_sim_time as the camera does, and '
                                    f'see that /clock is published')
        return self._settle()

    def miss_mask(self, problem):
        """Count a mask that cannot be read."""
        for score in (self.paired, self.timely):
            score.miss(UNREADABLE_MASK, problem)

    def clear(self, why):
        """Begin anew, since time went back."""
        self.restarts += 1
        self.problems['restart'] = f'{why}: the windows are empty again'
        self._newest_mask = -1
        for part in (self.truths, self.paired, self.timely):
            part.clear()

    def _settle(self):
        return [score for score in (self.paired, self.timely)
                if score.settle(self.truths, self.frames)]


def _seconds(ns):
    return f'{ns / 1e9:.3f} s'
