"""What lies flat along a street."""
import numpy as np
from train.streets.layout import END, START


class Layer:
    """Lays strips of a street's ground into a scene, the later over the earlier."""

    def __init__(self, scene, street, atlas, rng):
        self.scene, self.street, self.atlas, self.rng = scene, street, atlas, rng

    def ribbon(self, left, right, start=START, end=END, **surface):
        """Lay a strip between two t from start to end."""
        street = self.street
        step = 3.0 if abs(street.curve) > 1e-3 else 40.0
        s = np.linspace(start, end, max(2, int((end - start) / step) + 1))
        sides = [np.stack(street.place(s, t)[:2], 1) for t in (left, right)]
        self.scene.strip(np.concatenate([sides[0], sides[1][::-1]]), **surface)

    def tint(self, spread=0.1):
        """Return a random tint, R, G, B about 1."""
        rng = self.rng
        return np.exp(rng.normal(0, spread * 0.14, 3) + rng.normal(0, spread))
