"""Put what stands beside a road: lamps, masts, signs, rails, what people use."""
import numpy as np
from train.streets.layout import GUARD, OTHER, POLE, SIGN, START, STATIC, WALL
from train.streets.stand import Stand


class Furniture(Stand):
    """Furnishes both sides of a street."""

    def furnish(self, night):
        """Put all of it."""
        rng, street = self.rng, self.street
        for side, edge in zip((-1, 1), street.edges):
            t = edge + side * (0.5 if street.walk else street.verge + 0.4)
            if rng.random() < 0.75 or night:
                self._lamps(t, side, night)
            if rng.random() < 0.3:
                self._masts(t + side * rng.uniform(0.5, 4))
            for _ in range(rng.integers(0, 5)):
                self._sign(rng.uniform(5, 60), t + side * rng.uniform(-0.1, 0.6))
            if street.walk and rng.random() < 0.8:
                self._things(edge, side)
            if rng.random() < (0.55 if street.theme == 'highway' else 0.3 if not street.walk
                               else 0.05):
                self._guard(edge + side * min(0.5, street.verge))
            if street.walk and rng.random() < 0.25:
                self._bollards(edge + side * 0.35)
        if street.theme == 'highway' and street.median and rng.random() < 0.7:
            self._guard(0.0, wall=rng.random() < 0.5)

    def _lamps(self, t, side, night):
        rng, street = self.rng, self.street
        high, step, arm = rng.uniform(4, 9.5), rng.uniform(14, 32), rng.uniform(0.6, 2.6)
        kind = rng.random()
        tile = self.atlas.names['metal'][0]
        tone = [(1.7, 1.2, .6), (1.5, 1.4, 1.2), (1.3, 1.4, 1.5)][rng.integers(3)]
        color = np.array(tone) * rng.uniform(2, 5)
        for s in np.arange(START + rng.uniform(0, step), 120, step):
            if not street.clear(s, 1):
                continue
            self.pole(s, t, high, 0.16)
            at = t
            if kind < 0.75:
                at = t - side * arm
                self.box(s, (t + at) / 2, high - 0.1, (0.08, arm, 0.1), POLE, tile, self.grey)
                self.box(s, at, high - 0.16, (0.3, 0.7, 0.14), POLE, tile,
                         self.grey if not night else (4, 3.5, 2.6), sides=range(6))
            else:
                self.box(s, t, high, (0.35, 0.35, 0.5), POLE, self.atlas.names['cloth'][0],
                         np.full(3, 1.1) if not night else (5, 4.5, 3.4), sides=range(6))
            if night and s < 75:
                x, y, _ = street.place(s, at)
                self.scene.lamps.append(((x, y, 0.5), color, high * 0.95))

    def _masts(self, t):
        """Put masts of wood with a beam for wires."""
        for s in np.arange(START + self.rng.uniform(0, 30), 150, 28):
            if self.street.clear(s, 2):
                self.pole(s, t, 8.5, 0.24, tile='planks', color=(0.6, 0.52, 0.46))
                self.box(s, t, 7.6, (0.12, 2.0, 0.14), POLE, self.atlas.names['planks'][0],
                         (0.6, 0.52, 0.46), sides=range(6))
        if self.rng.random() < 0.8:
            for aside in (-0.9, 0.9):
                self._wire(t + aside)

    def _wire(self, t):
        """Hang a wire along the masts; CARLA labels wires Other."""
        s = np.arange(START, 150, 7.0)
        high = 7.75 - 0.5 * np.sin(np.linspace(0, len(s) * np.pi / 4, len(s))) ** 2
        wire = np.column_stack([*self.street.place(s, t)[:2], high])
        up = np.array([0, 0, 0.025])
        self.scene.quads(np.stack([wire[:-1], wire[1:], wire[1:] + up, wire[:-1] + up], 1), OTHER,
                         self.atlas.names['cloth'][0], (0.12, 0.12, 0.12), both=True,
                         shadow=False)

    def _sign(self, s, t):
        rng = self.rng
        if not self.street.clear(s, 1):
            return
        high, size = rng.uniform(1.8, 2.8), rng.uniform(0.55, 0.95)
        self.pole(s + 0.06, t, high + size * 0.5, 0.07)
        turn = rng.normal(0, 0.25)
        kind = 'sign' if rng.random() < 0.8 else 'sign_back'
        self.panel(s, t, high, (size, size), SIGN, self.atlas.pick(rng, kind), turn)
        if rng.random() < 0.25:
            self.panel(s, t, high - size, (size, size * 0.95), SIGN, self.atlas.pick(rng, 'sign'),
                       turn)

    def _things(self, edge, side):
        """Put benches, bins, hydrants, boxes, a bus stop, a poster on the sidewalk."""
        rng, street, pick = self.rng, self.street, self.atlas.pick
        for _ in range(rng.integers(2, 9)):
            s, t = rng.uniform(3, 60), edge + side * rng.uniform(0.6, street.walk + street.verge)
            if not street.clear(s, 1):
                continue
            color = rng.uniform(0.15, 0.9) * np.exp(rng.normal(0, 0.3, 3))
            kind = rng.integers(7)
            if kind == 0:  # bench
                self.box(s, t, 0.4, (1.7, 0.45, 0.08), STATIC, pick(rng, 'planks'),
                         sides=range(6))
                self.box(s, t + side * 0.2, 0.45, (1.7, 0.06, 0.45), STATIC, pick(rng, 'planks'))
                for end in (-0.7, 0.7):
                    self.box(s + end, t, 0, (0.07, 0.4, 0.42), STATIC, pick(rng, 'metal'), color)
            elif kind == 1:
                self.pole(s, t, rng.uniform(0.8, 1.1), 0.5, STATIC, color=color)
            elif kind == 2:
                self.pole(s, t, 0.75, 0.25, STATIC, 'cloth', (0.75, 0.15, 0.1))
                self.pole(s, t, 0.5, 0.36, STATIC, 'cloth', (0.75, 0.15, 0.1))
            elif kind == 3:
                self.box(s, t, 0, rng.uniform((.4, .4, .8), (1.2, .8, 1.6)), STATIC,
                         pick(rng, 'metal', 'cloth'), color)
            elif kind == 4:  # bus stop
                for end in (-1.6, 1.6):
                    self.box(s + end, t, 0, (0.08, 0.1, 2.4), STATIC, pick(rng, 'metal'), color)
                self.box(s, t, 2.4, (3.6, 1.5, 0.12), STATIC, pick(rng, 'metal'), color,
                         sides=range(6))
                self.box(s + 1.6, t, 0.3, (0.1, 1.3, 1.9), STATIC, pick(rng, 'poster'), glow=1.0,
                         side=(1.3, 1.9))
            elif kind == 5:
                self.box(s, t, 0, (0.16, 1.3, 2.2), STATIC, pick(rng, 'poster'), glow=1.0,
                         side=(1.3, 2.2), turn=rng.uniform(0, 1.6))
            else:  # planter
                self.box(s, t, 0, (1.2, 1.2, 0.55), STATIC, pick(rng, 'concrete', 'planks'))

    def _bollards(self, t):
        for s in np.arange(0, 40, self.rng.uniform(1.5, 4)):
            if self.street.clear(s, 1):
                self.pole(s, t, 0.8, 0.12)

    def _guard(self, t, wall=False):
        """Put a guard rail on posts, or a wall of concrete."""
        street, rng = self.street, self.rng
        start = rng.uniform(START, 20)
        for s in np.arange(start, start + rng.uniform(30, 130), 4.0):
            if not street.clear(s + 2, 5):
                continue
            if wall:
                self.box(s + 2, t, 0, (4.05, 0.35, 0.85), WALL, self.atlas.names['concrete'][0])
                continue
            self.box(s + 2, t, 0.45, (4.05, 0.1, 0.32), GUARD, self.atlas.names['metal'][0],
                     (1.05, 1.05, 1.08), sides=range(6), side=(1, 0.32))
            self.box(s, t, 0, (0.12, 0.1, 0.7), GUARD, self.atlas.names['metal'][1])
