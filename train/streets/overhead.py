"""Put what hangs over a road or bars it: traffic lights, gantries, bridges, road works."""
import numpy as np
from train.streets.layout import BRIDGE, DYNAMIC, LIGHT, POLE, SIGN, START, WALL
from train.streets.stand import Stand


class Overhead(Stand):
    """Builds over a street and on it."""

    def build(self):
        """Put all of it."""
        rng, street = self.rng, self.street
        if street.crossing is not None and rng.random() < 0.75:
            self._lights(street.crossing - street.half - rng.uniform(1, 3), -1)
            self._lights(street.crossing + street.half + rng.uniform(1, 4), 1)
        elif street.walk and rng.random() < 0.15:
            self._lights(rng.uniform(12, 60), 1)
        if rng.random() < (0.4 if street.theme == 'highway' else 0.06):
            self._gantry(rng.uniform(18, 80))
        if rng.random() < (0.22 if street.theme == 'highway' else 0.1):
            self._bridge(rng.uniform(10, 90))
        if street.theme in ('downtown', 'city') and rng.random() < 0.06:
            self._viaduct()
        if rng.random() < 0.3:
            self._works()

    def _lights(self, s, where):
        """Put traffic lights at both sides, on poles or on arms over the road."""
        rng, street = self.rng, self.street
        left, right = street.edges
        arms, face = rng.random() < 0.55, self.atlas.pick(rng, 'light')
        for side, edge in ((1, right), (-1, left)):
            if rng.random() < 0.25:
                continue
            t, high = edge + side * 0.7, rng.uniform(5.2, 6.6) if arms else rng.uniform(2.8, 3.6)
            self.pole(s, t, high, 0.2 if arms else 0.13)
            turn = (0 if side > 0 else np.pi) if rng.random() < 0.8 else np.pi / 2
            places = [t - side * 0.25]
            if arms:
                reach = min(abs(edge) * rng.uniform(0.5, 1.1), 9)
                self.box(s, t - side * reach / 2, high - 0.15, (0.12, reach, 0.14), POLE,
                         self.atlas.names['metal'][0], self.grey, sides=range(6))
                shares = (0.95, 0.55)[:rng.integers(1, 3)]
                places += [t - side * reach * share for share in shares]
            for number, at in enumerate(places):
                z = rng.uniform(2.3, 2.8) if number == 0 else high - rng.uniform(0.5, 1.1)
                self._light(s - 0.15, at, z, turn if where < 2 else 0, face)

    def _light(self, s, t, z, turn, face):
        size = np.array([0.3, 0.34, 1.0]) * self.rng.uniform(0.85, 1.15)
        dark = np.full(3, self.rng.uniform(0.18, 0.35))
        if self.rng.random() < 0.2:
            dark = np.array([0.85, 0.68, 0.2])
        cloth = self.atlas.names['cloth'][0]
        self.box(s, t, z, size, LIGHT, cloth, dark, turn, sides=range(1, 6))
        self.box(s, t, z, size, LIGHT, face, turn=turn, sides=[0], side=tuple(size[1:]), glow=1.0)

    def _gantry(self, s):
        rng, (left, right) = self.rng, self.street.edges
        high = rng.uniform(6, 7.5)
        for t in (left - 0.8, right + 0.8):
            self.pole(s, t, high + 0.6, 0.35)
        self.box(s, (left + right) / 2, high, (0.35, right - left + 1.6, 0.4), POLE,
                 self.atlas.names['metal'][0], self.grey, sides=range(6))
        for t in np.linspace(left + 2, right - 2, rng.integers(1, 4)):
            self.panel(s - 0.3, t, high - 0.6, (3.4, 2.2), SIGN, self.atlas.pick(rng, 'sign'))

    def _bridge(self, s):
        """Lead another road over the street, on pillars; a long one is an underpass."""
        rng, (left, right) = self.rng, self.street.edges
        long = rng.uniform(4, 12) if rng.random() < 0.7 else rng.uniform(20, 50)
        tile, color = self.atlas.pick(rng, 'concrete'), np.full(3, rng.uniform(0.7, 1.15))
        high, s = rng.uniform(5, 7), s + long / 2
        more = {'tile': tile, 'color': color, 'tag': BRIDGE, 'side': (5, 5)}
        self.box(s, 0, high, (long, 150, rng.uniform(0.8, 1.6)), sides=range(6), **more)
        self.box(s - long / 2, 0, high + 1, (0.2, 150, 1.1), **more)
        end = long / 2
        x, y, _ = self.street.place(s + np.array([-end, end, end, -end]),
                                    np.array([left, left, right, right]))
        self.scene.blots.append(np.stack([x, y], 1))
        for t in (left - 1.2, right + 1.2):
            if long > 20:
                self.box(s, t, 0, (long, 0.6, high), WALL, tile, color, side=(5, 5))
            else:
                for at in np.arange(-long / 2 + 0.6, long / 2, 3.5):
                    self.box(s + at, t, 0, (0.9, 0.9, high), **more)

    def _viaduct(self):
        """Lead a railway along the street, high up on pillars."""
        rng, street = self.rng, self.street
        t = rng.choice([0.0, *street.edges]) + rng.normal(0, 0.5)
        high, tile = rng.uniform(5.5, 8), self.atlas.pick(rng, 'concrete')
        for s in np.arange(START, 130, 10.0):
            self.box(s + 5, t, high, (10.3, 5.0, 1.2), BRIDGE, tile, sides=range(6), side=(5, 5))
            if rng.random() < 0.6 and street.clear(s, 1):
                self.box(s, t, 0, (1.1, 1.1, high), BRIDGE, tile, side=(5, 5))

    def _works(self):
        """Put cones, barriers, barrels and boxes on the road or beside it."""
        rng, street, pick = self.rng, self.street, self.atlas.pick
        left, right = street.edges
        start, t = rng.uniform(5, 40), rng.uniform(left, right + street.walk)
        kind = rng.integers(4)
        for number in range(rng.integers(2, 8)):
            s, at = start + number * rng.uniform(0.7, 2.5), t + rng.normal(0, 0.3)
            orange = np.array([1.15, 0.42, 0.12]) * rng.uniform(0.8, 1.1)
            if kind == 0:
                self._cone(s, at, orange)
            elif kind == 1:
                self.box(s, at, 0.15, (0.1, 1.4, 0.75), DYNAMIC, pick(rng, 'cloth'),
                         (1.1, 1.0, 0.95) if number % 2 else orange, sides=range(6))
            elif kind == 2:
                self.pole(s, at, 0.95, 0.5, DYNAMIC, 'cloth', orange)
            else:
                self.box(s, at, 0, rng.uniform((.3, .3, .25), (.9, .9, .9)), DYNAMIC,
                         pick(rng, 'planks', 'cloth'), rng.uniform(0.5, 1.1, 3),
                         rng.uniform(0, 1.5))

    def _cone(self, s, t, color):
        x, y, _ = self.street.place(s, t)
        top, cloth = np.array([x, y, 0.75]), self.atlas.names['cloth'][0]
        angle = np.linspace(0, 2 * np.pi, 7)
        ring = np.stack([x + 0.2 * np.cos(angle), y + 0.2 * np.sin(angle), np.full(7, 0.05)], 1)
        tip = np.broadcast_to(top, (6, 3))
        self.scene.quads(np.stack([ring[:-1], ring[1:], tip, tip], 1), DYNAMIC, cloth, color,
                         both=True, round_=0.6)
        self.box(s, t, 0, (0.45, 0.45, 0.06), DYNAMIC, cloth, color * 0.8)
