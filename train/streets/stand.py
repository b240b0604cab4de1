"""What stands along a street."""
import numpy as np
from train.streets.layout import POLE


class Stand:
    """Puts things at places (s, t) of a street into a scene."""

    def __init__(self, scene, street, atlas, rng):
        self.scene, self.street, self.atlas, self.rng = scene, street, atlas, rng
        self.grey = np.full(3, rng.uniform(0.25, 1.1)) * np.exp(rng.normal(0, 0.05, 3))

    def box(self, s, t, z, size, tag, tile, color=(1, 1, 1), turn=0.0, **more):
        """Put a box as Scene does; z: its lower side, turn: radians."""
        x, y, yaw = self.street.place(s, t)
        self.scene.box(x, y, yaw + turn, z, size, tag, tile, color, **more)

    def pole(self, s, t, high, wide=0.13, tag=POLE, tile='metal', color=None):
        """Put a round pole."""
        tile = self.atlas.names[tile][0]
        color = self.grey if color is None else color
        for turn in (0.0, np.pi / 4):  # eight-sided
            self.box(s, t, 0, (wide, wide, high), tag, tile, color, turn, round_=0.5)

    def panel(self, s, t, z, size, tag, tile, turn=0.0, **more):
        """Put a board across the street's direction; size: width and height."""
        x, y, yaw = self.street.place(s, t)
        right = np.array([-np.sin(yaw + turn), np.cos(yaw + turn), 0]) * size[0] / 2
        up = np.array([0, 0, size[1]])
        foot = np.array([x, y, z])
        self.scene.quads([foot - right, foot + right, foot + right + up, foot - right + up], tag,
                         tile, both=True, **more)
