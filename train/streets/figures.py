"""Tiles of people and two-wheelers, with holes like those of plants; a figure fills its tile."""
import cv2
import numpy as np
from train.streets.noise import noise, SIDE
from train.streets.plants import cut, X, Y

SKIN = ((224, 180, 150), (190, 140, 110), (130, 90, 68), (86, 60, 48), (235, 200, 175))


class _Sketch:
    """Strokes on a tile, in shares of its width (x) and height (y)."""

    def __init__(self, rng):
        self.rgb = np.full((SIDE, SIDE, 3), 90, np.float32)
        self.there = np.zeros((SIDE, SIDE), np.uint8)
        self._rng = rng

    def _both(self, draw, color):
        draw(self.rgb, tuple(float(c) for c in color))
        draw(self.there, 1)

    def line(self, points, width, color):
        points = np.round(np.array(points) * SIDE).astype(np.int32)
        self._both(lambda on, c: cv2.polylines(on, [points], False, c, max(1, int(width * SIDE))),
                   color)

    def fill(self, points, color):
        points = np.round(np.array(points) * SIDE).astype(np.int32)
        self._both(lambda on, c: cv2.fillPoly(on, [points], c), color)

    def oval(self, x, y, rx, ry, color, width=-1):
        middle, axes = (round(x * SIDE), round(y * SIDE)), (round(rx * SIDE), round(ry * SIDE))
        self._both(lambda on, c: cv2.ellipse(on, middle, axes, 0, 0, 360, c, width), color)

    def tile(self):
        folds = 1 + 0.1 * noise(self._rng, 1.2, 3)
        light = folds * (1.05 - self._rng.choice([-0.35, 0.35]) * (X - 0.5))
        return cut(self.rgb * light[..., None], self.there.astype(bool))


def _clothes(rng):
    kind = rng.random()
    if kind < 0.45:
        return rng.uniform(20, 75) + rng.normal(0, 8, 3)
    if kind < 0.65:
        return rng.uniform(140, 225) + rng.normal(0, 8, 3)
    if kind < 0.88:
        return rng.uniform(40, 150) + rng.normal(0, 28, 3)
    return rng.uniform(25, 200, 3)


def person(rng):
    """Somebody who stands or walks; the tile is half as wide as high."""
    sketch, skin = _Sketch(rng), rng.choice(SKIN)
    top, legs, shoes = _clothes(rng), _clothes(rng), rng.uniform(20, 90, 3)
    hair = rng.choice([(30, 26, 24), (90, 64, 42), (190, 160, 110), (120, 118, 116), (60, 30, 24)])
    stride, swing = rng.uniform(0, 0.14), rng.uniform(-0.12, 0.12)
    wide, skirt = rng.uniform(0.15, 0.23), rng.random() < 0.15
    for sign in (-1, 1):
        hip, foot = 0.5 + sign * 0.07, 0.5 + sign * (0.08 + stride * 0.9)
        knee = (hip + foot) / 2 + 0.05 * stride
        dark = 0.8 if sign < 0 else 1.0
        sketch.line([(hip, 0.52), (knee, 0.74), (foot, 0.95)], 0.12,
                    (skin if skirt else legs) * dark)
        sketch.fill([(foot - 0.07, 0.94), (foot + 0.09, 0.94), (foot + 0.11, 0.995),
                     (foot - 0.07, 0.995)], shoes)
    sketch.line([(0.5 - wide, 0.23), (0.5 - wide - 0.06 - abs(swing), 0.38),
                 (0.5 - wide - swing, 0.5)], 0.085, top * 0.8)
    if skirt:
        sketch.fill([(0.38, 0.45), (0.62, 0.45), (0.72, 0.68), (0.28, 0.68)], legs)
    hem = rng.uniform(0.5, 0.62)
    sketch.fill([(0.5 - wide, 0.19), (0.5, 0.165), (0.5 + wide, 0.19), (0.5 + wide * 0.9, 0.35),
                 (0.5 + wide * 0.85, hem), (0.5 - wide * 0.85, hem), (0.5 - wide * 0.9, 0.35)],
                top)
    if rng.random() < 0.3:  # open jacket, tie
        sketch.fill([(0.46, 0.17), (0.54, 0.17), (0.52, 0.48), (0.48, 0.48)], _clothes(rng))
    sketch.line([(0.5 + wide, 0.22), (0.5 + wide + 0.05 + abs(swing), 0.38),
                 (0.5 + wide + swing, 0.5)], 0.085, top)
    for x in (0.5 - wide - swing, 0.5 + wide + swing):
        sketch.oval(x, 0.52, 0.05, 0.03, skin)
    if rng.random() < 0.25:
        sketch.fill([(0.66, 0.5), (0.88, 0.5), (0.88, 0.66), (0.66, 0.66)], _clothes(rng))
    sketch.fill([(0.46, 0.12), (0.54, 0.12), (0.54, 0.18), (0.46, 0.18)], skin * 0.85)
    sketch.oval(0.5, 0.08, 0.1, 0.072, hair)
    if rng.random() < 0.5:
        sketch.oval(0.5 + rng.uniform(-0.03, 0.03), 0.095, 0.08, 0.058, skin)
    return sketch.tile()


def rider(rng):
    """Somebody on a two-wheeler, seen from the side; square, as the tile of the two-wheeler."""
    sketch, skin, top, legs = _Sketch(rng), rng.choice(SKIN), _clothes(rng), _clothes(rng)
    sketch.line([(0.4, 0.5), (0.56, 0.6), (0.5, 0.8)], 0.075, legs)
    sketch.line([(0.39, 0.5), (0.47, 0.27)], 0.15, top)
    sketch.line([(0.47, 0.27), (0.6, 0.38), (0.7, 0.42)], 0.05, top * 0.85)
    sketch.oval(0.7, 0.42, 0.025, 0.025, skin)
    sketch.oval(0.51, 0.13, 0.06, 0.075, skin)
    sketch.oval(0.505, 0.11, 0.068, 0.07, _clothes(rng))
    return sketch.tile()


def rider_behind(rng):
    """Draw the same from behind or before; the tile is half as wide as high."""
    sketch, top, legs = _Sketch(rng), _clothes(rng), _clothes(rng)
    for sign in (-1, 1):
        sketch.line([(0.5 + sign * 0.1, 0.5), (0.5 + sign * 0.2, 0.65), (0.5 + sign * 0.14, 0.85)],
                    0.12, legs)
        sketch.line([(0.5 + sign * 0.17, 0.25), (0.5 + sign * 0.32, 0.4)], 0.1, top * 0.9)
    sketch.fill([(0.3, 0.2), (0.7, 0.2), (0.65, 0.55), (0.35, 0.55)], top)
    sketch.oval(0.5, 0.1, 0.12, 0.085, _clothes(rng))
    return sketch.tile()


def bicycle(rng):
    sketch, frame = _Sketch(rng), _clothes(rng)
    for x in (0.2, 0.8):
        sketch.oval(x, 0.81, 0.175, 0.175, (38, 38, 40), 5)
        for angle in np.arange(0, np.pi, np.pi / 5):
            c, s = 0.17 * np.cos(angle), 0.17 * np.sin(angle)
            sketch.line([(x - c, 0.81 - s), (x + c, 0.81 + s)], 0.003, (120, 120, 120))
    sketch.line([(0.2, 0.81), (0.36, 0.58), (0.68, 0.56), (0.48, 0.82), (0.2, 0.81)], 0.02, frame)
    sketch.line([(0.48, 0.82), (0.34, 0.52)], 0.02, frame)
    sketch.line([(0.8, 0.81), (0.68, 0.46), (0.74, 0.44)], 0.02, frame)
    sketch.line([(0.29, 0.52), (0.4, 0.52)], 0.035, (30, 30, 30))
    return sketch.tile()


def motorbike(rng):
    sketch, body = _Sketch(rng), _clothes(rng)
    for x in (0.19, 0.81):
        sketch.oval(x, 0.81, 0.15, 0.15, (32, 32, 34), 12)
        sketch.oval(x, 0.81, 0.06, 0.06, (130, 130, 132))
    sketch.fill([(0.3, 0.66), (0.66, 0.62), (0.62, 0.86), (0.36, 0.88)], (62, 62, 64))
    sketch.fill([(0.12, 0.56), (0.42, 0.54), (0.5, 0.48), (0.68, 0.52), (0.7, 0.66), (0.4, 0.68)],
                body)
    sketch.line([(0.8, 0.81), (0.68, 0.48), (0.62, 0.42)], 0.035, (110, 110, 112))
    sketch.line([(0.2, 0.82), (0.55, 0.86)], 0.04, (140, 140, 142))
    sketch.oval(0.73, 0.52, 0.04, 0.045, (230, 230, 210))
    return sketch.tile()


def bike_behind(rng):
    """Draw a two-wheeler from behind or before; the tile is half as wide as high."""
    sketch = _Sketch(rng)
    wide = rng.uniform(0.04, 0.13)
    sketch.fill([(0.5 - wide, 0.62), (0.5 + wide, 0.62), (0.5 + wide, 0.995), (0.5 - wide, 0.995)],
                (34, 34, 36))
    sketch.fill([(0.5 - wide - 0.07, 0.48), (0.5 + wide + 0.07, 0.48), (0.5 + wide, 0.72),
                 (0.5 - wide, 0.72)], _clothes(rng))
    sketch.line([(0.16, 0.43), (0.84, 0.43)], 0.025, (50, 50, 50))
    sketch.oval(0.5, 0.55, 0.08, 0.03, (215, 50, 40) if rng.random() < 0.6 else (240, 240, 220))
    return sketch.tile()


def pickets(rng):
    """Draw upright boards on two rails, without a seam at the ends."""
    color = rng.choice([(225, 222, 215), (120, 92, 70), (90, 74, 60), (60, 62, 64)])
    count, wide = rng.choice([8, 16]), rng.uniform(0.25, 0.8)
    there = ((X * count % 1) < wide) & (Y > 0.06)
    there |= (abs(Y - 0.25) < 0.04) | (abs(Y - 0.78) < 0.04)
    light = 1 + 0.07 * noise(rng, 0.8, 2, (0.2, 1)) - 0.15 * ((X * count % 1) > wide * 0.8)
    return cut(color * light[..., None], there)


def rails(rng):
    """Two or three rails on posts."""
    color = rng.choice([(96, 78, 66), (70, 60, 56), (200, 198, 192), (150, 150, 150)])
    there = X % 0.5 < 0.045
    for y in np.linspace(0.15, 0.8, rng.integers(2, 5)):
        there = there | (abs(Y - y - 0.012 * noise(rng, 2)[0]) < rng.uniform(0.03, 0.055))
    return cut(color * (1 + 0.12 * noise(rng, 0.8))[..., None], there)


def mesh(rng):
    """Wire between posts; fine enough that one sees through it."""
    step = rng.choice([8, 12, 16])
    x, y = X * SIDE, Y * SIDE
    there = ((x + y) % step < 1.7) | ((x - y) % step < 1.7)
    there |= (X < 0.03) | (Y < 0.025)
    return cut(np.ones((SIDE, SIDE, 3)) * rng.uniform(90, 170), there)


def bars(rng):
    """Iron bars."""
    there = ((X * 16 % 1) < rng.uniform(0.15, 0.3)) | (abs(Y - 0.1) < 0.02) | (abs(Y - 0.9) < 0.02)
    return cut(np.ones((SIDE, SIDE, 3)) * rng.uniform(30, 90), there | (X % 0.5 < 0.04))
