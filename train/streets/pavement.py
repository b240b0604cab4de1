"""What lies on the ground: road, paint, curbs, sidewalks, grass, rails, water."""
import numpy as np
from train.streets.layout import (
    CURB, END, GROUND, LINE, RAILS, ROAD, SIDEWALK, START, TERRAIN, WATER)

YELLOW = (0.93, 0.76, 0.28)


class Pavement:
    """Lays the ground of a street into a scene, from below to above."""

    def __init__(self, scene, street, atlas, rng):
        self.scene, self.street, self.atlas, self.rng = scene, street, atlas, rng

    def lay(self):
        """Lay all of it."""
        rng, street, pick = self.rng, self.street, self.atlas.pick
        rural = street.walk == 0
        base = 'grass' if rural or rng.random() < 0.5 else ('soil', 'slabs', 'slabs')[
            rng.integers(3)]
        tone = np.exp(rng.normal(0, 0.12, 3) * 0.4 + rng.normal(0, 0.12))
        tag = GROUND if base == 'slabs' else TERRAIN
        if base == 'soil' and rng.random() < 0.3:
            tag = GROUND
        self.scene.strip([(0, 0)] * 3, tag, pick(rng, base), tone, rng.uniform(4, 9))
        self._aside()
        self._sidewalks()
        self._road()
        if street.crossing is not None:
            self._crossing()
        self._rails()

    def ribbon(self, left, right, start=START, end=END, **surface):
        """Lay a strip between two t from start to end."""
        street = self.street
        step = 3.0 if abs(street.curve) > 1e-3 else 40.0
        s = np.linspace(start, end, max(2, int((end - start) / step) + 1))
        sides = [np.stack(street.place(s, t)[:2], 1) for t in (left, right)]
        self.scene.strip(np.concatenate([sides[0], sides[1][::-1]]), **surface)

    def _tint(self, spread=0.1):
        rng = self.rng
        return np.exp(rng.normal(0, spread * 0.25, 3) + rng.normal(0, spread))

    def _aside(self):
        """Lay what is beyond the sidewalks: yards, fields, water, plazas."""
        rng, street, pick = self.rng, self.street, self.atlas.pick
        for side, edge, front in zip((-1, 1), street.edges, street.front):
            inner = edge + side * (street.walk + street.verge)
            what = rng.random()
            if street.theme in ('rural', 'highway', 'forest') and what < 0.25:
                far = inner + side * rng.uniform(3, 12)
                self.ribbon(far, far + side * rng.uniform(15, 90), tag=WATER, side=6.0,
                            tile=pick(rng, 'water'), color=self._tint())
            elif what < 0.6:
                for _ in range(rng.integers(1, 4)):
                    kind = ('slabs', 'soil', 'grass', 'concrete', 'asphalt')[rng.integers(5)]
                    start = rng.uniform(START, 60)
                    tag = TERRAIN if kind in ('soil', 'grass') else (
                        GROUND if rng.random() < 0.7 else SIDEWALK)
                    self.ribbon(inner, inner + side * rng.uniform(4, 25), start,
                                start + rng.uniform(8, 60), tag=tag, tile=pick(rng, kind),
                                color=self._tint(), side=rng.uniform(2, 6))

    def _sidewalks(self):
        rng, street, pick = self.rng, self.street, self.atlas.pick
        tile, color = pick(rng, 'slabs', 'slabs', 'concrete'), self._tint(0.15)
        if rng.random() < 0.2:
            tile, color = pick(rng, 'asphalt'), self._tint(0.1)
        side_length, curb = rng.uniform(1.5, 4), rng.uniform(0.7, 1.25)
        grass, stone = pick(rng, 'grass'), pick(rng, 'concrete')
        self.raised = CURB if street.walk and rng.random() < 0.85 else 0.0
        for side, edge in zip((-1, 1), street.edges):
            walk = edge + side * (street.walk + street.verge)
            if street.walk:
                self.ribbon(edge, walk, tag=SIDEWALK, tile=tile, color=color, side=side_length,
                            height=self.raised)
            if street.verge:
                soil = not street.walk and rng.random() < 0.4
                self.ribbon(edge + side * 0.3 * bool(street.walk), edge + side * street.verge,
                            tag=TERRAIN, tile=pick(rng, 'soil') if soil else grass,
                            color=self._tint(), side=4.0, height=self.raised)
            if self.raised:
                self.ribbon(edge, edge + side * 0.22, tag=SIDEWALK, tile=stone,
                            color=np.full(3, curb), side=2.0, height=self.raised)
                self._curb(edge, side, stone, curb)

    def _curb(self, edge, side, stone, shade):
        s = np.linspace(START, END, 40)
        s = np.concatenate(self._pieces(s)) if self.street.crossing else s
        x, y, _ = self.street.place(s, edge)
        low = np.stack([x, y, np.zeros_like(x)], 1)
        high = low + (0, 0, self.raised)
        keep = (np.diff(s) < 6)
        corners = np.stack([low[:-1], low[1:], high[1:], high[:-1]], 1)[keep]
        self.scene.quads(corners, SIDEWALK, stone, np.full(3, shade * 0.85), side=(2, 2),
                         both=True, shadow=False)

    def _pieces(self, s):
        """Split places along the street at the crossing."""
        start, end = (self.street.crossing + k * self.street.half for k in (-1, 1))
        return np.append(s[s < start], start), np.append(end, s[s > end])

    def _road(self):
        rng, street, pick = self.rng, self.street, self.atlas.pick
        left, right = street.edges
        self.asphalt = {'tag': ROAD, 'tile': pick(rng, 'asphalt'), 'color': self._tint(0.14),
                        'side': rng.uniform(3, 7)}
        self.ribbon(left, right, **self.asphalt)
        worn = {**self.asphalt, 'color': self.asphalt['color'] * rng.uniform(0.82, 0.97)}
        for t in self._middles():
            if rng.random() < 0.5:
                for wheel in (-0.8, 0.8):
                    self.ribbon(t + wheel - 0.25, t + wheel + 0.25, **worn)
        for _ in range(rng.integers(0, 7)):  # mended places, tar over cracks
            t, s = rng.uniform(left, right), rng.uniform(0, 40)
            wide, long = rng.choice([(0.1, 9.0), (0.12, 25.0), (1.5, 3.0), (3.0, 6.0)])
            self.ribbon(t, min(t + wide, right), s, s + long * rng.uniform(0.5, 1.5), **{
                **self.asphalt, 'tile': pick(rng, 'asphalt'),
                'color': self.asphalt['color'] * rng.uniform(0.6, 1.15)})
        if rng.random() < 0.2:
            self._cover(left, right)
        if street.median:
            self._median()
        self._lines(left, right)

    def _cover(self, left, right):
        """Lay manhole covers."""
        for _ in range(3):
            t, s = self.rng.uniform(left, right), self.rng.uniform(2, 30)
            angle = np.linspace(0, 2 * np.pi, 16)
            x, y, _ = self.street.place(s + 0.35 * np.cos(angle), t + 0.35 * np.sin(angle))
            self.scene.strip(np.stack([x, y], 1), ROAD, self.atlas.pick(self.rng, 'metal'),
                             np.full(3, 0.5), 1.0)

    def _median(self):
        rng, street, pick = self.rng, self.street, self.atlas.pick
        half, kind = street.median / 2, rng.choice(['grass', 'slabs', 'paint', 'soil'])
        if kind == 'paint':
            return
        tag = SIDEWALK if kind == 'slabs' else TERRAIN
        self.ribbon(-half, half, tag=SIDEWALK, tile=pick(rng, 'concrete'), side=2.0, height=0.1)
        self.ribbon(-half + 0.25, half - 0.25, tag=tag, tile=pick(rng, kind),
                    color=self._tint(), side=4.0, height=0.1)

    def _middles(self):
        """Return t of the lanes' middles."""
        street = self.street
        left, right = street.lanes
        return ([-(street.median / 2 + (n + 0.5) * street.lane) for n in range(left)]
                + [street.median / 2 + (n + 0.5) * street.lane for n in range(right)])

    def _lines(self, left, right):
        rng, street = self.rng, self.street
        wide = rng.uniform(0.1, 0.18)
        paint = {'tag': LINE, 'tile': self.atlas.pick(rng, 'line'), 'side': rng.uniform(2, 5)}
        white, yellow = np.full(3, rng.uniform(0.75, 1.0)), np.array(YELLOW) * rng.uniform(.8, 1)
        dash, gap = rng.choice([(1.5, 4.5), (3, 6), (3, 9), (2, 3), (6, 9)])

        def line(t, color, dashed, width=wide):
            if not dashed:
                self.ribbon(t - width / 2, t + width / 2, color=color, **paint)
                return
            for s in np.arange(START, 110, dash + gap):
                self.ribbon(t - width / 2, t + width / 2, s, s + dash, color=color, **paint)

        plain = street.theme in ('suburb', 'rural', 'forest') and rng.random() < 0.15
        if not plain:
            middle = yellow if rng.random() < 0.55 else white
            inner = street.median / 2
            if street.median:
                line(-inner - 0.25, middle, False)
                line(inner + 0.25, middle, False)
            elif street.lanes[0]:
                if rng.random() < 0.4:
                    line(-0.12, middle, rng.random() < 0.2)
                    line(0.12, middle, rng.random() < 0.4)
                else:
                    line(0, middle, rng.random() < 0.7)
            for side, count in zip((-1, 1), street.lanes):
                for n in range(1, count):
                    line(side * (inner + n * street.lane), white, True)
        edges = rng.random() < (0.85 if not street.walk else 0.4)
        for side, edge in zip((-1, 1), (left, right)):
            if street.parking:
                t = edge - side * street.parking
                line(t, white, rng.random() < 0.4)
                if rng.random() < 0.4:
                    for s in np.arange(0, 60, 6):
                        self.ribbon(min(t, edge), max(t, edge), s, s + wide, color=white, **paint)
            elif edges:
                line(edge - side * 0.3, yellow if rng.random() < 0.15 else white,
                     rng.random() < 0.12)
        if rng.random() < 0.2:
            self._arrows(white, paint)
        if street.crossing is None and street.walk and rng.random() < 0.3:
            self._zebra(rng.uniform(4, 35), left, right, white, paint)

    def _arrows(self, white, paint):
        for t in self._middles():
            s, turn = self.rng.uniform(5, 14), self.rng.choice([-1, 0, 1])
            shape = np.array([(0, -.08), (0, .08), (2.2, .08), (2.2, .35), (3.4, 0), (2.2, -.35),
                              (2.2, -.08)]) * (1, 1 if not turn else turn)
            if t < 0:
                shape[:, 0] *= -1
            x, y, _ = self.street.place(s + shape[:, 0], t + shape[:, 1])
            self.scene.strip(np.stack([x, y], 1), color=white, **paint)

    def _zebra(self, s, left, right, white, paint, long=None):
        step = self.rng.uniform(0.8, 1.3)
        long = long or self.rng.uniform(2.5, 4.5)
        if self.rng.random() < 0.25:  # two lines
            for at in (s, s + long):
                self.ribbon(left, right, at, at + 0.25, color=white, **paint)
            return
        for t in np.arange(left + 0.3, right - step / 2, step):
            self.ribbon(t, t + step * 0.5, s, s + long, color=white, **paint)

    def _crossing(self):
        """Lay the crossing street, its sidewalks and what is painted before it."""
        rng, street = self.rng, self.street
        s, half, far = street.crossing, street.half, 90.0
        left, right = street.edges
        if street.walk:
            for t0, t1 in ((-far, left), (right, far)):
                for a, b in ((-half - street.walk, -half), (half, half + street.walk)):
                    self.ribbon(t0, t1, s + a, s + b, tag=SIDEWALK, side=3.0, height=self.raised,
                                tile=self.atlas.pick(rng, 'slabs', 'concrete'),
                                color=self._tint(0.12))
        self.ribbon(-far, far, s - half, s + half, **self.asphalt)
        radius = rng.uniform(1, 5)
        for edge, sign in ((left, -1), (right, 1)):  # rounded corners
            for toward in (-1, 1):
                angle = np.linspace(0, np.pi / 2, 6)
                arc = np.stack([s + toward * (half + radius * (1 - np.sin(angle))),
                                edge + sign * radius * (1 - np.cos(angle))], 1)
                arc = np.concatenate([arc, [(s + toward * half, edge)]])
                x, y, _ = street.place(arc[:, 0], arc[:, 1])
                self.scene.strip(np.stack([x, y], 1), **self.asphalt)
        paint = {'tag': LINE, 'tile': self.atlas.pick(rng, 'line'), 'side': 3.0}
        white = np.full(3, rng.uniform(0.75, 1.0))
        near = s - half
        if rng.random() < 0.6:
            self._zebra(near - 5, left, right, white, paint, 3.5)
            if rng.random() < 0.6:
                self._zebra(s + half + 1.5, left, right, white, paint, 3.5)
            near -= 6
        if rng.random() < 0.7:
            self.ribbon(street.median / 2, right, near - 1, near - 0.5, color=white, **paint)
        if half > 4:
            for t0, t1 in ((-far, left - 4), (right + 4, far)):
                color = YELLOW if rng.random() < 0.5 else white
                self.ribbon(t0, t1, s - 0.08, s + 0.08, color=color, **paint)

    def _rails(self):
        rng, street = self.rng, self.street
        if rng.random() < 0.07 and street.theme != 'highway':  # across the street
            s = rng.uniform(10, 50)
            for shift in (0.0, 4.0)[:rng.integers(1, 3)]:
                x, y, turn = street.place(s + shift, 0.0)
                self._track(x, y, turn + np.pi / 2, 100, self.atlas.pick(rng, 'sleepers'))
        elif rng.random() < 0.07:  # along it
            beside = street.walk == 0
            for t in (street.front[1], rng.uniform(-2, 2))[not beside:][:1]:
                self._along(t, beside)

    def _along(self, t, beside):
        """Lay rails along the street: on gravel, or let into the road."""
        if beside:
            self.ribbon(t - 2, t + 2, tag=RAILS, tile=self.atlas.pick(self.rng, 'soil'),
                        color=np.full(3, 0.85))
            for s in np.arange(START, 60, 0.7):
                self.ribbon(t - 1.3, t + 1.3, s, s + 0.28, tag=RAILS, color=(0.62, 0.55, 0.5),
                            tile=self.atlas.names['planks'][0])
        else:
            self.ribbon(t - 1, t + 1, tag=RAILS, tile=self.atlas.pick(self.rng, 'concrete'),
                        color=self._tint() * 0.8)
        for rail in (-0.72, 0.72):
            self.ribbon(t + rail - 0.05, t + rail + 0.05, tag=RAILS, color=(0.6, 0.56, 0.54),
                        tile=self.atlas.pick(self.rng, 'metal'))

    def _track(self, x, y, turn, long, tile):
        along, across = np.array([np.cos(turn), np.sin(turn)]), np.array(
            [-np.sin(turn), np.cos(turn)])
        ends = [(-long, -1.4), (long, -1.4), (long, 1.4), (-long, 1.4)]
        self.scene.strip([(x, y) + a * along + b * across for a, b in ends], RAILS, tile,
                         side=2.8, turn=turn, origin=(x - 1.4 * across[0], y - 1.4 * across[1]))
