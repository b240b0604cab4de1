"""Put plants along a street, and what closes the view: woods, hills, skylines."""
import numpy as np
from train.streets.layout import BUILDING, OTHER, START, TERRAIN, VEGETATION


class Greens:
    """Plants along both sides of a street."""

    def __init__(self, scene, street, atlas, rng, camera):
        self.scene, self.street, self.atlas, self.rng = scene, street, atlas, rng
        self.camera = camera
        self.tint = np.exp(rng.normal(0, 0.06, 3) + rng.normal(0.05, 0.16))
        kinds = [('broadleaf',), ('conifer',), ('palm', 'broadleaf'), ('broadleaf', 'conifer'),
                 ('palm',), ('cypress', 'broadleaf'), ('broadleaf', 'bare')]
        some = kinds[rng.integers(len(kinds))]
        if street.theme == 'forest':
            some = kinds[rng.choice([0, 1, 3])]
        self.kinds = some

    def grow(self):
        """Plant all of it."""
        rng, street = self.rng, self.street
        rows = {'downtown': 0.5, 'city': 0.6, 'suburb': 0.75, 'highway': 0.6, 'rural': 0.6,
                'forest': 1.0}[street.theme]
        for side, edge, front in zip((-1, 1), street.edges, street.front):
            inner = edge + side * (street.walk + street.verge)
            if rng.random() < rows:
                t = edge + side * (1.0 if street.walk else street.verge + 1.5)
                self._row(t, rng.uniform(6, 22))
            if abs(front - inner) > 3 and rng.random() < 0.7:
                self._strewn(('broadleaf', 'bush', *self.kinds), inner, front,
                             rng.integers(3, 22))
            if rng.random() < (0.6 if not street.walk else 0.25):
                self._strewn(('bush', 'bush', 'tuft'), inner, inner + side * rng.uniform(1.5, 7),
                             rng.integers(8, 60), low=True)
            if street.theme == 'forest' or street.theme in ('rural', 'highway') and (
                    rng.random() < 0.45):
                self._strewn(self.kinds, inner + side * 3, inner + side * rng.uniform(12, 45),
                             rng.integers(25, 90))
            if rng.random() < 0.2:
                self._long('hedge', inner + side * 0.7, rng.uniform(0.7, 2.0), 2.5)
            elif not street.walk and rng.random() < 0.25:
                for row in range(3):
                    self._long('corn', inner + side * (1.5 + row), rng.uniform(1.8, 2.8), 3.0)
            if not street.walk and rng.random() < 0.3:
                self._slope(inner + side * rng.uniform(1, 14), side)
        if street.median > 2 and rng.random() < 0.6:
            self._row(0.0, rng.uniform(5, 14))
            if rng.random() < 0.5:
                self._strewn(('bush', 'tuft'), -street.median / 4, street.median / 4, 30, low=True)
        self._horizon()

    def _row(self, t, step):
        rng, street = self.rng, self.street
        kind, high = self.kinds[rng.integers(len(self.kinds))], rng.uniform(4.5, 12)
        for s in np.arange(START + rng.uniform(0, step), 130, step):
            if street.clear(s, 3) and rng.random() < 0.9:
                self._plant(kind, s + rng.normal(0, 0.4), t, high * rng.uniform(0.85, 1.15))

    def _strewn(self, kinds, left, right, count, low=False):
        rng = self.rng
        far, aside = rng.random(count) ** 1.4 * 120 - 4, left + (right - left) * rng.random(count)
        for s, t in zip(far, aside):
            kind = kinds[rng.integers(len(kinds))]
            small = low or kind in ('bush', 'tuft')
            high = rng.uniform(0.4, 1.5) if small else rng.uniform(4, 15)
            if self.street.clear(s, 3):
                self._plant(kind, s, t, high)

    def _plant(self, kind, s, t, high):
        rng = self.rng
        x, y, _ = self.street.place(s, t)
        wide = high * {'bush': 1.3, 'tuft': 1.2, 'cypress': 0.8}.get(kind, 1.0)
        wide *= rng.uniform(0.8, 1.2)
        if np.hypot(x - self.camera[0], y - self.camera[1]) < 0.32 * wide + 0.8:
            return
        self.scene.boards((x, y, -0.05), (wide, high), VEGETATION, self.atlas.pick(rng, kind),
                          self.camera, self.tint * np.exp(rng.normal(0, 0.07)),
                          mirror=rng.random() < 0.5, shadow=False)
        self._shade(x, y, wide, high, kind)
        if kind in ('bush', 'tuft', 'conifer', 'cypress'):
            reach = np.array([(-1, 0), (0, -1), (1, 0), (0, 1)]) * wide * 0.3
            self.scene.blots.append(reach + (x, y))

    def _shade(self, x, y, wide, high, kind):
        """Let a crown cast a ragged shadow, as a level thing half way up."""
        if np.hypot(x - self.camera[0], y - self.camera[1]) > 60:
            return
        rng = self.rng
        small = kind in ('bush', 'tuft', 'cypress', 'conifer')
        parts = 1 if high < 2 else 7
        for _ in range(parts):
            angle = np.linspace(0, 2 * np.pi, 12)[:-1]
            radius = wide * (0.35 if parts == 1 else 0.13) * rng.uniform(0.6, 1.4, 11)
            middle = rng.normal(0, wide * 0.12 * (parts > 1), 2) + (x, y)
            up = high * (rng.uniform(0.1, 0.6) if small else rng.uniform(0.45, 0.95))
            self.scene.shades.append(np.stack([middle[0] + radius * np.cos(angle),
                                               middle[1] + radius * np.sin(angle),
                                               np.full(11, up)], 1))
        if not small:
            trunk = np.array([(-.1, 0, 0), (.1, 0, 0), (.1, 0, high * .6), (-.1, 0, high * .6)])
            self.scene.shades.append(trunk + (x, y, 0))

    def _long(self, kind, t, high, piece):
        street, tile = self.street, self.atlas.pick(self.rng, kind)
        s = np.arange(START, 110, piece)
        s = s[[street.clear(at, 5) for at in s]]
        lower = [np.column_stack([*street.place(at, t)[:2], np.zeros(len(s))])
                 for at in (s, s + piece)]
        corners = np.stack([*lower, *(e + (0, 0, high) for e in lower[::-1])], 1)
        self.scene.quads(corners, VEGETATION, tile, self.tint, side=(piece, high), round_=0.8,
                         both=True)

    def _slope(self, t, side):
        """Raise a bank or a rock beside the road."""
        rng, street = self.rng, self.street
        rocky = rng.random() < 0.4
        tag = OTHER if rocky else TERRAIN  # as CARLA has its rocks
        tile = self.atlas.pick(rng, 'rock' if rocky else 'grass')
        s = np.arange(rng.uniform(START, 40), rng.uniform(50, 120), 6.0)
        high = np.abs(np.convolve(rng.normal(0, 1, len(s) + 4), np.ones(5) / 2, 'valid'))
        high *= rng.uniform(1, 8) * np.sin(np.linspace(0, np.pi, len(s)))
        out = t + side * (1 + high * (rng.uniform(0.2, 0.6) if rocky else rng.uniform(0.8, 2)))
        low = np.column_stack([*street.place(s, t)[:2], np.zeros(len(s))])
        top = np.column_stack([*street.place(s, out)[:2], high])
        back = np.column_stack([*street.place(s, out + side * 12)[:2], high * 0.8])
        for a, b in ((low, top), (top, back)):
            # A quad of four heights is not plane; two triangles are.
            self.scene.quads(np.stack([a[:-1], a[1:], b[1:], b[1:]], 1), tag, tile,
                             self.tint, side=(7, 7), both=True, shadow=False)
            self.scene.quads(np.stack([a[:-1], b[1:], b[:-1], b[:-1]], 1), tag, tile,
                             self.tint, side=(7, 7), both=True, shadow=False)

    def _horizon(self):
        rng, street = self.rng, self.street
        if rng.random() < (0.35 if street.walk else 0.6):
            self._ring(rng.uniform(250, 600), rng.uniform(8, 80), 'hill', (120, 120),
                       (TERRAIN, VEGETATION, OTHER)[rng.integers(3)])
        if rng.random() < (0.55 if street.walk else 0.8):
            high = rng.uniform(6, 16)
            self._ring(rng.uniform(110, 230), high, 'thicket', (high * 1.6, high), VEGETATION)
        if street.theme == 'downtown' or rng.random() < 0.25:
            for _ in range(rng.integers(4, 26)):
                angle, far = rng.uniform(-1.2, 1.2), rng.uniform(170, 420)
                size = rng.uniform((14, 14, 15), (40, 40, 110))
                tile = self.atlas.pick(rng, 'glass', 'windows')
                self.scene.box(far * np.cos(angle), far * np.sin(angle), rng.uniform(0, 1.5), 0,
                               size, BUILDING, tile, side=(14, 13), glow=1.2, shadow=False)

    def _ring(self, far, high, kind, side, tag):
        """Put a wall of distant things around the view, of uneven height."""
        rng, tile = self.rng, self.atlas.pick(self.rng, kind)
        gaps = kind == 'thicket' and rng.random() < 0.5
        angle = np.linspace(-1.7, 1.7, 45)
        wave = np.convolve(rng.normal(0, 1, 53), np.hanning(9) / 2.4, 'valid')
        top = high * (1 + 0.35 * wave).clip(0.15) if kind == 'hill' else np.full(45, high)
        foot = np.column_stack([far * np.cos(angle), far * np.sin(angle), np.full(45, -3.0)])
        head = foot + np.column_stack([np.zeros((45, 2)), 3.0 + top])
        keep = np.repeat(rng.random(15) < 0.7, 3)[:44] if gaps else np.ones(44, bool)
        self.scene.quads(np.stack([foot[:-1], foot[1:], head[1:], head[:-1]], 1)[keep], tag, tile,
                         self.tint * 0.95, side=side, round_=1.0, both=True, shadow=False)
