"""How fast a training goes, and how long it waits for data."""
from time import perf_counter


class Watch:
    """Measures the steps of a training, but the first of each epoch, which may make a graph."""

    def __init__(self):
        self.waited = self.worked = 0.0  # seconds
        self._frames = 0
        self._began = False

    def begin_epoch(self):
        """Leave the next step out."""
        self._began = False

    def step(self, fetch, work, frames):
        """Return work(*fetch()), one step on so many frames; fetch waits for their data."""
        begin = perf_counter()
        data = fetch()
        fetched = perf_counter()
        result = work(data)
        if self._began:
            self.waited += fetched - begin
            self.worked += perf_counter() - fetched
            self._frames += frames
        self._began = True
        return result

    @property
    def seconds(self):
        """Return how long the steps took."""
        return self.waited + self.worked

    @property
    def rate(self):
        """Return how many frames a second it learns from; NaN before the second step."""
        return self._frames / self.seconds if self.seconds else float('nan')

    @property
    def waiting(self):
        """Return the share of the time that goes by waiting for data, 0..1; NaN as rate."""
        return self.waited / self.seconds if self.seconds else float('nan')

    def __str__(self):
        """Say both in one line."""
        return f'{self.rate:.3g} frames a second, waiting for data {self.waiting:.1%} of the time'
