"""Put houses, walls and fences along a street."""
import numpy as np
from train.streets.layout import BUILDING, FENCE, OTHER, START, WALL


class Houses:
    """Builds along both sides of a street."""

    def __init__(self, scene, street, atlas, rng):
        self.scene, self.street, self.atlas, self.rng = scene, street, atlas, rng

    def build(self):
        """Build both sides."""
        rng, street = self.rng, self.street
        share = {'downtown': 1.0, 'city': 0.97, 'suburb': 0.97, 'highway': 0.4, 'rural': 0.5,
                 'forest': 0.15}[street.theme]
        for side, front in zip((-1, 1), street.front):
            if rng.random() < share:
                self._row(side, front)
            if rng.random() < {'downtown': 0.12, 'city': 0.25}.get(street.theme, 0.5):
                self._border(side, front)
        if street.crossing is not None and street.walk:
            self._across()

    def _row(self, side, front):
        rng, street = self.rng, self.street
        s = START + rng.uniform(0, 15)
        last = {'downtown': 150, 'city': 130}.get(street.theme, 110)
        dense = street.theme in ('downtown', 'city')
        while s < last:
            length = rng.uniform(10, 34) if dense else rng.uniform(8, 18)
            if street.clear(s + length / 2, length / 2 + 3):
                t = front + side * rng.uniform(0, 2 if dense else 5)
                self._one(s + length / 2, side, t, length)
            gap = rng.choice([0.0, 0.0, 3.0, 10.0]) if dense else rng.uniform(4, 18)
            if street.theme in ('rural', 'forest', 'highway'):
                gap = rng.uniform(8, 70)
            s += length + gap

    def _one(self, s, side, t, length):
        street, rng = self.street, self.rng
        deep = rng.uniform(9, 18)
        x, y, yaw = street.place(s, t + side * deep / 2)
        theme = street.theme
        if theme == 'suburb' or theme in ('rural', 'forest') and rng.random() < 0.6:
            self._house(x, y, yaw + np.pi / 2 * (rng.random() < 0.3), length, min(deep, 11))
        elif theme in ('rural', 'highway', 'forest'):
            self._hall(x, y, yaw, length, deep)
        else:
            self._block(x, y, yaw, length, deep, side)

    def _tint(self, spread=0.12):
        return np.exp(self.rng.normal(0, 0.03, 3) + self.rng.normal(0, spread))

    def _block(self, x, y, yaw, length, deep, side):
        """Build a house of several floors, maybe with shops, a cornice and things on its roof."""
        rng, pick = self.rng, self.atlas.pick
        tower = self.street.theme == 'downtown' and rng.random() < 0.55
        high = rng.uniform(18, 90) if tower else rng.uniform(6, 20)
        tile = pick(rng, 'glass') if rng.random() < (0.5 if tower else 0.12) else pick(
            rng, 'windows')
        floor, color = rng.uniform(2.8, 4.0), self._tint()
        surface = {'side': (rng.uniform(9, 17), 4 * floor), 'glow': 1.2}
        foot = rng.uniform(3.2, 4.6) if rng.random() < 0.7 else 0.0
        size = (length, deep, high)
        self.scene.box(x, y, yaw, foot, size, BUILDING, tile, color, sides=range(4), **surface)
        self.scene.box(x, y, yaw, foot + high - 0.5, (length + 0.5, deep + 0.5, 0.8), BUILDING,
                       pick(rng, 'concrete'), self._tint(), sides=range(6))
        if foot:
            out = rng.choice([0.1, -0.6])
            self.scene.box(x, y, yaw, 0, (length + out, deep + out, foot + 0.1), BUILDING,
                           pick(rng, 'shops'), self._tint(), sides=range(4),
                           side=(rng.uniform(7, 12), foot + 0.1), glow=1.3)
            if rng.random() < 0.3:
                self._awning(x, y, yaw, length * rng.uniform(0.3, 0.9), deep, side)
        if tower and rng.random() < 0.5:
            self.scene.box(x, y, yaw, foot + high, (length * .6, deep * .6, rng.uniform(3, 25)),
                           BUILDING, tile, color, **surface)
        elif rng.random() < 0.25:
            for step in np.arange(0.2, min(high, 20) - floor, floor):  # balconies
                for at in (-0.3, 0.0, 0.3):
                    wide = -side * (deep / 2 + 0.5)
                    self.scene.box(x + at * length * np.cos(yaw) - wide * np.sin(yaw),
                                   y + at * length * np.sin(yaw) + wide * np.cos(yaw),
                                   yaw, foot + step, (3.0, 1.1, 1.0), BUILDING,
                                   pick(rng, 'concrete'), color * 0.9, sides=range(6))

    def _awning(self, x, y, yaw, length, deep, side):
        wide = -side * (deep / 2 + 0.7)
        color = self.rng.uniform(0.2, 1, 3)
        self.scene.box(x - wide * np.sin(yaw), y + wide * np.cos(yaw), yaw, 2.7,
                       (length, 1.4, 0.35), BUILDING, self.atlas.pick(self.rng, 'cloth'), color,
                       sides=range(6))

    def _house(self, x, y, yaw, length, deep):
        """Build a house with a gabled roof, maybe with a wing and a chimney."""
        rng, scene, pick = self.rng, self.scene, self.atlas.pick
        floors = rng.integers(1, 3)
        high, wall = floors * rng.uniform(2.7, 3.3), pick(rng, 'house')
        color, rise = self._tint(), rng.uniform(1.2, 4)
        scene.box(x, y, yaw, 0, (length, deep, high), BUILDING, wall, color, sides=range(4),
                  side=(rng.uniform(7, 11), high / floors), glow=1.0)
        turn = np.array([[np.cos(yaw), np.sin(yaw), 0], [-np.sin(yaw), np.cos(yaw), 0],
                         [0, 0, 1]])
        a, b, over = length / 2 + 0.5, deep / 2 + 0.5, high - 0.25

        def put(corners, tile, tint, side):
            scene.quads(np.array(corners) @ turn + (x, y, 0), BUILDING, tile, tint, side=side,
                        both=True)

        tile, tint = pick(rng, 'roof'), self._tint()
        top = high + rise
        put([(a, -b, over), (-a, -b, over), (-a, 0, top), (a, 0, top)], tile, tint, (3, 3))
        put([(-a, b, over), (a, b, over), (a, 0, top), (-a, 0, top)], tile, tint, (3, 3))
        plain = pick(rng, 'plaster', 'planks', 'brick')
        a -= 0.6
        for c in (-a, a):
            put([(c, -b, over), (c, b, over), (c, 0, top), (c, 0, top)], plain, color, (4, 4))
        if rng.random() < 0.4:
            scene.box(x + 1, y + 1, yaw, high, (0.7, 0.7, rise + 0.8), BUILDING,
                      pick(rng, 'brick'))

    def _hall(self, x, y, yaw, length, deep):
        """Build a hall, a barn or silos."""
        rng, scene, pick = self.rng, self.scene, self.atlas.pick
        if rng.random() < 0.25:
            tile, high, color = pick(rng, 'concrete', 'metal'), rng.uniform(8, 18), self._tint()
            for shift in range(rng.integers(1, 4)):
                for turn in np.arange(0, np.pi / 2, np.pi / 8):  # nearly round
                    scene.box(x + 5.2 * shift, y, yaw + turn, 0, (4.7, 2.0, high), BUILDING, tile,
                              color, side=(2, 4))
            return
        high = rng.uniform(4, 9)
        scene.box(x, y, yaw, 0, (length * 1.4, deep, high), BUILDING, pick(
            rng, 'garage', 'house', 'windows'), self._tint(), side=(rng.uniform(8, 14), high),
            glow=0.7)

    def _border(self, side, front):
        """Put a wall, a fence or rails between sidewalk and yards."""
        rng, street, pick = self.rng, self.street, self.atlas.pick
        inner = street.edges[side > 0] + side * (street.walk + street.verge)
        t = inner + side * rng.uniform(0.2, max(0.3, min(3, abs(front - inner) - 0.5)))
        kind = ('wall', 'pickets', 'rails', 'mesh', 'bars')[rng.integers(5)]
        high = rng.uniform(0.8, 2.6) if kind in ('wall', 'mesh') else rng.uniform(0.9, 1.6)
        start = rng.uniform(START, 30)
        s = np.arange(start, start + rng.uniform(15, 110), 3.0)
        s = s[[street.clear(at, 4) for at in s]]
        if len(s) < 2:
            return
        ends = [np.stack(street.place(at, t)[:2], 1) for at in (s, s + 3.0)]
        lower = [np.column_stack([e, np.zeros(len(e))]) for e in ends]
        corners = np.stack([*lower, *(e + (0, 0, high) for e in lower[::-1])], 1)
        if kind == 'wall':
            tile = pick(rng, 'brick', 'concrete', 'plaster', 'planks')
            self.scene.quads(corners, WALL, tile, self._tint(), side=(3, 3), both=True)
            middle = (s + 1.5)
            x, y, yaw = street.place(middle, t)
            for at in zip(x, y, yaw):
                self.scene.box(*at, 0, (3.05, 0.25, high + 0.06), WALL, tile, sides=(0, 1, 4))
        else:
            self.scene.quads(corners, FENCE, pick(rng, kind), self._tint(0.2), both=True,
                             side=(rng.choice([1.5, 3.0]), high), round_=0.3)

    def _across(self):
        """Close the view along the crossing street with houses."""
        street, rng = self.street, self.rng
        for side, edge in zip((-1, 1), street.edges):
            for near in (-1, 1):
                s = street.crossing + near * (street.half + street.walk + 7)
                x, y, yaw = street.place(s, edge + side * rng.uniform(45, 80))
                self._block(x, y, yaw, 13, 25, -side)

    def clutter(self):
        """Put things that no other class names onto yards."""
        rng, street = self.rng, self.street
        for _ in range(rng.integers(1, 7)):
            side = rng.integers(2)
            t = street.front[side] - (2 * side - 1) * rng.uniform(0.3, 1.8)
            s = rng.uniform(4, 70)
            if not street.clear(s, 3):
                continue
            size = rng.uniform((0.5, 0.5, 0.5), (2.6, 1.8, 2.2))
            x, y, yaw = street.place(s, t)
            self.scene.box(x, y, yaw + rng.normal(0, 0.3), 0, size, OTHER, self.atlas.pick(
                rng, 'metal', 'rock', 'planks', 'cloth'), rng.uniform(0.4, 1.1, 3))
