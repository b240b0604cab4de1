"""Put what stands beside and over a road: poles, lamps, lights, signs, rails, bridges, things."""
import numpy as np
from train.streets.layout import (
    BRIDGE, DYNAMIC, GUARD, LIGHT, POLE, SIGN, START, STATIC, WALL)


class Furniture:
    """Furnishes both sides of a street."""

    def __init__(self, scene, street, atlas, rng, camera):
        self.scene, self.street, self.atlas, self.rng = scene, street, atlas, rng
        self.camera = camera
        self.grey = np.full(3, rng.uniform(0.25, 1.1)) * np.exp(rng.normal(0, 0.05, 3))

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
        if street.crossing is not None and rng.random() < 0.75:
            self._lights(street.crossing - street.half - rng.uniform(1, 3), -1)
            self._lights(street.crossing + street.half + rng.uniform(1, 4), 1)
        elif street.walk and rng.random() < 0.15:
            self._lights(rng.uniform(12, 60), 1)
        if rng.random() < (0.4 if street.theme == 'highway' else 0.06):
            self._gantry(rng.uniform(18, 80))
        if rng.random() < (0.22 if street.theme == 'highway' else 0.1):
            self._bridge(rng.uniform(10, 90))
        if rng.random() < 0.3:
            self._works()

    def _box(self, s, t, z, size, tag, tile, color=(1, 1, 1), turn=0.0, **more):
        x, y, yaw = self.street.place(s, t)
        self.scene.box(x, y, yaw + turn, z, size, tag, tile, color, **more)

    def _pole(self, s, t, high, wide=0.13, tag=POLE, tile='metal', color=None):
        tile = self.atlas.names[tile][0]
        color = self.grey if color is None else color
        for turn in (0.0, np.pi / 4):  # eight-sided
            self._box(s, t, 0, (wide, wide, high), tag, tile, color, turn, round_=0.5)

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
            self._pole(s, t, high, 0.16)
            at = t
            if kind < 0.75:
                at = t - side * arm
                self._box(s, (t + at) / 2, high - 0.1, (0.08, arm, 0.1), POLE, tile, self.grey)
                self._box(s, at, high - 0.16, (0.3, 0.7, 0.14), POLE, tile,
                          self.grey if not night else (4, 3.5, 2.6), sides=range(6))
            else:
                self._box(s, t, high, (0.35, 0.35, 0.5), POLE, self.atlas.names['cloth'][0],
                          np.full(3, 1.1) if not night else (5, 4.5, 3.4), sides=range(6))
            if night and s < 75:
                x, y, _ = street.place(s, at)
                self.scene.lamps.append(((x, y, 0.5), color, high * 0.95))

    def _masts(self, t):
        """Put masts of wood with a beam for wires."""
        for s in np.arange(START + self.rng.uniform(0, 30), 150, 28):
            if self.street.clear(s, 2):
                self._pole(s, t, 8.5, 0.24, tile='planks', color=(0.6, 0.52, 0.46))
                self._box(s, t, 7.6, (0.12, 2.0, 0.14), POLE, self.atlas.names['planks'][0],
                          (0.6, 0.52, 0.46), sides=range(6))
        if self.rng.random() < 0.6:
            for aside in (-0.9, 0.9):
                self._wire(t + aside)

    def _wire(self, t):
        """Hang a wire along the masts."""
        s = np.arange(START, 150, 7.0)
        high = 7.75 - 0.5 * np.sin(np.linspace(0, len(s) * np.pi / 4, len(s))) ** 2
        wire = np.column_stack([*self.street.place(s, t)[:2], high])
        up = np.array([0, 0, 0.025])
        self.scene.quads(np.stack([wire[:-1], wire[1:], wire[1:] + up, wire[:-1] + up], 1), POLE,
                         self.atlas.names['cloth'][0], (0.12, 0.12, 0.12), both=True,
                         shadow=False)

    def _panel(self, s, t, z, size, tag, tile, turn=0.0, **more):
        """Put a board across the street's direction; size: width and height."""
        x, y, yaw = self.street.place(s, t)
        right = np.array([-np.sin(yaw + turn), np.cos(yaw + turn), 0]) * size[0] / 2
        up = np.array([0, 0, size[1]])
        foot = np.array([x, y, z])
        self.scene.quads([foot - right, foot + right, foot + right + up, foot - right + up], tag,
                         tile, both=True, **more)

    def _sign(self, s, t):
        rng = self.rng
        if not self.street.clear(s, 1):
            return
        high, size = rng.uniform(1.8, 2.8), rng.uniform(0.55, 0.95)
        self._pole(s + 0.06, t, high + size * 0.5, 0.07)
        turn = rng.normal(0, 0.25)
        kind = 'sign' if rng.random() < 0.8 else 'sign_back'
        self._panel(s, t, high, (size, size), SIGN, self.atlas.pick(rng, kind), turn)
        if rng.random() < 0.25:
            self._panel(s, t, high - size, (size, size * 0.95), SIGN, self.atlas.pick(rng, 'sign'),
                        turn)

    def _lights(self, s, where):
        """Put traffic lights at both sides, on poles or on arms over the road."""
        rng, street = self.rng, self.street
        left, right = street.edges
        arms, face = rng.random() < 0.55, self.atlas.pick(rng, 'light')
        for side, edge in ((1, right), (-1, left)):
            if rng.random() < 0.25:
                continue
            t, high = edge + side * 0.7, rng.uniform(5.2, 6.6) if arms else rng.uniform(2.8, 3.6)
            self._pole(s, t, high, 0.2 if arms else 0.13)
            turn = (0 if side > 0 else np.pi) if rng.random() < 0.8 else np.pi / 2
            places = [t - side * 0.25]
            if arms:
                reach = min(abs(edge) * rng.uniform(0.5, 1.1), 9)
                self._box(s, t - side * reach / 2, high - 0.15, (0.12, reach, 0.14), POLE,
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
        self._box(s, t, z, size, LIGHT, cloth, dark, turn, sides=range(1, 6))
        self._box(s, t, z, size, LIGHT, face, turn=turn, sides=[0], side=tuple(size[1:]), glow=1.0)

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
                self._box(s, t, 0.4, (1.7, 0.45, 0.08), STATIC, pick(rng, 'planks'),
                          sides=range(6))
                self._box(s, t + side * 0.2, 0.45, (1.7, 0.06, 0.45), STATIC, pick(rng, 'planks'))
                for end in (-0.7, 0.7):
                    self._box(s + end, t, 0, (0.07, 0.4, 0.42), STATIC, pick(rng, 'metal'), color)
            elif kind == 1:
                self._pole(s, t, rng.uniform(0.8, 1.1), 0.5, STATIC, color=color)
            elif kind == 2:
                self._pole(s, t, 0.75, 0.25, STATIC, 'cloth', (0.75, 0.15, 0.1))
                self._pole(s, t, 0.5, 0.36, STATIC, 'cloth', (0.75, 0.15, 0.1))
            elif kind == 3:
                self._box(s, t, 0, rng.uniform((.4, .4, .8), (1.2, .8, 1.6)), STATIC,
                          pick(rng, 'metal', 'cloth'), color)
            elif kind == 4:  # bus stop
                for end in (-1.6, 1.6):
                    self._box(s + end, t, 0, (0.08, 0.1, 2.4), STATIC, pick(rng, 'metal'), color)
                self._box(s, t, 2.4, (3.6, 1.5, 0.12), STATIC, pick(rng, 'metal'), color,
                          sides=range(6))
                self._box(s + 1.6, t, 0.3, (0.1, 1.3, 1.9), STATIC, pick(rng, 'poster'), glow=1.0,
                          side=(1.3, 1.9))
            elif kind == 5:
                self._box(s, t, 0, (0.16, 1.3, 2.2), STATIC, pick(rng, 'poster'), glow=1.0,
                          side=(1.3, 2.2), turn=rng.uniform(0, 1.6))
            else:  # planter
                self._box(s, t, 0, (1.2, 1.2, 0.55), STATIC, pick(rng, 'concrete', 'planks'))

    def _bollards(self, t):
        for s in np.arange(0, 40, self.rng.uniform(1.5, 4)):
            if self.street.clear(s, 1):
                self._pole(s, t, 0.8, 0.12)

    def _guard(self, t, wall=False):
        """Put a guard rail on posts, or a wall of concrete."""
        street, rng = self.street, self.rng
        start = rng.uniform(START, 20)
        for s in np.arange(start, start + rng.uniform(30, 130), 4.0):
            if not street.clear(s + 2, 5):
                continue
            if wall:
                self._box(s + 2, t, 0, (4.05, 0.35, 0.85), WALL, self.atlas.names['concrete'][0])
                continue
            self._box(s + 2, t, 0.45, (4.05, 0.1, 0.32), GUARD, self.atlas.names['metal'][0],
                      (1.05, 1.05, 1.08), sides=range(6), side=(1, 0.32))
            self._box(s, t, 0, (0.12, 0.1, 0.7), GUARD, self.atlas.names['metal'][1])

    def _gantry(self, s):
        rng, (left, right) = self.rng, self.street.edges
        high = rng.uniform(6, 7.5)
        for t in (left - 0.8, right + 0.8):
            self._pole(s, t, high + 0.6, 0.35)
        self._box(s, (left + right) / 2, high, (0.35, right - left + 1.6, 0.4), POLE,
                  self.atlas.names['metal'][0], self.grey, sides=range(6))
        for t in np.linspace(left + 2, right - 2, rng.integers(1, 4)):
            self._panel(s - 0.3, t, high - 0.6, (3.4, 2.2), SIGN, self.atlas.pick(rng, 'sign'))

    def _bridge(self, s):
        """Lead another road over the street, on pillars; a long one is an underpass."""
        rng, (left, right) = self.rng, self.street.edges
        long = rng.uniform(4, 12) if rng.random() < 0.7 else rng.uniform(20, 50)
        tile, color = self.atlas.pick(rng, 'concrete'), np.full(3, rng.uniform(0.7, 1.15))
        high, s = rng.uniform(5, 7), s + long / 2
        more = {'tile': tile, 'color': color, 'tag': BRIDGE, 'side': (5, 5)}
        self._box(s, 0, high, (long, 150, rng.uniform(0.8, 1.6)), sides=range(6), **more)
        self._box(s - long / 2, 0, high + 1, (0.2, 150, 1.1), **more)
        for t in (left - 1.2, right + 1.2):
            if long > 20:
                self._box(s, t, 0, (long, 0.6, high), WALL, tile, color, side=(5, 5))
            else:
                for at in np.arange(-long / 2 + 0.6, long / 2, 3.5):
                    self._box(s + at, t, 0, (0.9, 0.9, high), **more)

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
                self._box(s, at, 0.15, (0.1, 1.4, 0.75), DYNAMIC, pick(rng, 'cloth'),
                          (1.1, 1.0, 0.95) if number % 2 else orange, sides=range(6))
            elif kind == 2:
                self._pole(s, at, 0.95, 0.5, DYNAMIC, 'cloth', orange)
            else:
                self._box(s, at, 0, rng.uniform((.3, .3, .25), (.9, .9, .9)), DYNAMIC,
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
        self._box(s, t, 0, (0.45, 0.45, 0.06), DYNAMIC, cloth, color * 0.8)
