"""What is painted on a road."""
import numpy as np
from train.streets.layer import Layer
from train.streets.layout import LINE, START

YELLOW = (0.93, 0.76, 0.28)


class Markings(Layer):
    """Paints a street's road."""

    def along(self):
        """Paint lanes, edges, parking lots, arrows and maybe a zebra crossing."""
        left, right = self.street.edges
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

    def across(self):
        """Paint what belongs to the crossing street: stop lines, zebra crossings, its middle."""
        rng, street = self.rng, self.street
        s, half, far = street.crossing, street.half, 90.0
        left, right = street.edges
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

    def _arrows(self, white, paint):
        for t in self.street.middles():
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
