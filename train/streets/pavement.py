"""What lies on the ground: road, curbs, sidewalks, grass, rails, water."""
import numpy as np
from train.streets.layer import Layer
from train.streets.layout import (
    CURB, END, GROUND, RAILS, ROAD, SIDEWALK, START, TERRAIN, WATER)
from train.streets.markings import Markings
from train.streets.scene import ALL


class Pavement(Layer):
    """Lays the ground of a street, from below to above."""

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
        self.scene.strip(ALL, tag, pick(rng, base), tone, rng.uniform(4, 9))
        self._aside()
        self._sidewalks()
        self._road()
        paint = Markings(self.scene, street, self.atlas, rng)
        paint.along()
        if street.crossing is not None:
            self._crossing()
            paint.across()
        self._rails()

    def _aside(self):
        """Lay what is beyond the sidewalks: yards, fields, water, plazas."""
        rng, street, pick = self.rng, self.street, self.atlas.pick
        for side, edge, front in zip((-1, 1), street.edges, street.front):
            inner = edge + side * (street.walk + street.verge)
            what = rng.random()
            if street.theme in ('rural', 'highway', 'forest') and what < 0.25:
                far = inner + side * rng.uniform(3, 12)
                self.ribbon(far, far + side * rng.uniform(15, 90), tag=WATER, side=6.0,
                            tile=pick(rng, 'water'), color=self.tint())
            elif what < 0.6:
                for _ in range(rng.integers(1, 4)):
                    kind = ('slabs', 'soil', 'grass', 'concrete', 'asphalt')[rng.integers(5)]
                    start = rng.uniform(START, 60)
                    tag = TERRAIN if kind in ('soil', 'grass') else (
                        GROUND if rng.random() < 0.7 else SIDEWALK)
                    self.ribbon(inner, inner + side * rng.uniform(4, 25), start,
                                start + rng.uniform(8, 60), tag=tag, tile=pick(rng, kind),
                                color=self.tint(), side=rng.uniform(2, 6))

    def _sidewalks(self):
        rng, street, pick = self.rng, self.street, self.atlas.pick
        tile, color = pick(rng, 'slabs', 'slabs', 'concrete'), self.tint(0.15)
        if rng.random() < 0.2:
            tile, color = pick(rng, 'asphalt'), self.tint(0.1)
        self.paving = {'tile': tile, 'color': color}
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
                            color=self.tint(), side=4.0, height=self.raised)
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
        self.asphalt = {'tag': ROAD, 'tile': pick(rng, 'asphalt'), 'color': self.tint(0.14),
                        'side': rng.uniform(3, 7)}
        if rng.random() < 0.15:  # hardly told from the sidewalks but by their curbs
            self.asphalt |= self.paving if rng.random() < 0.5 else {
                'color': self.paving['color']}
        self.ribbon(left, right, **self.asphalt)
        worn = {**self.asphalt, 'color': self.asphalt['color'] * rng.uniform(0.82, 0.97)}
        for t in street.middles():
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
                    color=self.tint(), side=4.0, height=0.1)

    def _crossing(self):
        """Lay the crossing street, its sidewalks and its corners."""
        rng, street = self.rng, self.street
        s, half, far = street.crossing, street.half, 90.0
        left, right = street.edges
        if street.walk:
            for t0, t1 in ((-far, left), (right, far)):
                for a, b in ((-half - street.walk, -half), (half, half + street.walk)):
                    self.ribbon(t0, t1, s + a, s + b, tag=SIDEWALK, side=3.0, height=self.raised,
                                tile=self.atlas.pick(rng, 'slabs', 'concrete'),
                                color=self.tint(0.12))
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
                        color=self.tint() * 0.8)
        for rail in (-0.72, 0.72):
            self.ribbon(t + rail - 0.05, t + rail + 0.05, tag=RAILS, color=(0.6, 0.56, 0.54),
                        tile=self.atlas.pick(self.rng, 'metal'))

    def _track(self, x, y, turn, long, tile):
        along, across = np.array([np.cos(turn), np.sin(turn)]), np.array(
            [-np.sin(turn), np.cos(turn)])
        ends = [(-long, -1.4), (long, -1.4), (long, 1.4), (-long, 1.4)]
        self.scene.strip([(x, y) + a * along + b * across for a, b in ends], RAILS, tile,
                         side=2.8, turn=turn, origin=(x - 1.4 * across[0], y - 1.4 * across[1]))
