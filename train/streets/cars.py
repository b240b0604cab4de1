"""
Kinds of vehicles: their outline seen from the side, and tiles of their sides, fronts and backs.

Body paint is light grey in the tiles; a car's faces tint it.
"""
from typing import NamedTuple

import cv2
import numpy as np
from train.streets.noise import noise, SIDE
from train.streets.plants import cut, X, Y

PAINT, GLASS, DARK = (225.0, 225.0, 225.0), (44.0, 52.0, 60.0), (30.0, 30.0, 32.0)


class Kind(NamedTuple):
    """
    A kind of vehicle.

    length, width, height: m. outline: x from the back (0) to the front (1) and z (share of the
    height), over the top. glass: which of the outline's stretches are glass. belt: z above which
    the cabin narrows. wheel: radius, m.
    """

    length: float
    width: float
    height: float
    outline: tuple
    glass: tuple
    belt: float
    wheel: float


KINDS = {
    'sedan': Kind(4.6, 1.85, 1.45, ((0, .35), (.01, .62), (.16, .66), (.3, .97), (.55, 1),
                                    (.72, .66), (.98, .55), (1, .3)), (2, 4), .66, .33),
    'hatch': Kind(3.9, 1.75, 1.5, ((0, .35), (.01, .62), (.1, .95), (.5, 1), (.72, .66), (.98, .5),
                                   (1, .3)), (1, 3), .64, .31),
    'suv': Kind(4.7, 1.95, 1.8, ((0, .35), (.01, .6), (.07, .96), (.6, 1), (.75, .66), (.98, .58),
                                 (1, .3)), (1, 3), .63, .38),
    'coupe': Kind(4.5, 1.9, 1.28, ((0, .4), (.02, .66), (.12, .7), (.34, .98), (.5, 1), (.7, .65),
                                   (.98, .48), (1, .3)), (2, 4), .66, .34),
    'pickup': Kind(5.4, 1.95, 1.85, ((0, .35), (0, .58), (.34, .58), (.37, .96), (.6, 1),
                                     (.73, .62), (.98, .58), (1, .3)), (2, 4), .6, .4),
    'van': Kind(5.3, 2.0, 2.3, ((0, .25), (0, .93), (.04, 1), (.72, 1), (.87, .58), (.98, .48),
                                (1, .25)), (3,), .55, .36),
    'truck': Kind(7.5, 2.4, 3.2, ((0, .25), (0, 1), (.7, 1), (.71, .78), (.93, .78), (.99, .45),
                                  (1, .2)), (4,), 2, .48),
    'bus': Kind(10.5, 2.5, 3.0, ((0, .2), (0, .97), (.03, 1), (.96, 1), (.985, .9), (1, .35),
                                 (1, .15)), (4,), 2, .48),
}
FOOT = 0.14  # share of the height below the body


def _outline(kind):
    points = [(0.0, FOOT), *kind.outline, (1.0, FOOT)]
    return np.array([(x * (SIDE - 1), (1 - z) * (SIDE - 1)) for x, z in points])


def side(rng, kind):
    """Draw the side, its front at the right; holes around it and below it."""
    rgb, there = np.full((SIDE, SIDE, 3), 120, np.float32), np.zeros((SIDE, SIDE), np.uint8)
    shape = [_outline(kind).round().astype(np.int32)]
    cv2.fillPoly(there, shape, 1)
    cv2.fillPoly(rgb, shape, PAINT)
    rgb *= (0.8 + 0.25 * (1 - Y) + 0.06 * np.cos(Y * 24))[..., None]
    rows = (1 - Y)
    if kind.belt > 1:  # box or bus
        if kind.length > 9:
            glass = (rows > 0.45) & (rows < 0.86) & (X > 0.03) & (X < 0.97)
            rgb[glass & (X * 9 % 1 > 0.06)] = GLASS
            rgb[(rows < 0.3) & (rows > 0.24)] *= 0.8
        else:
            rgb[(X < 0.7)] *= rng.uniform(0.8, 1.2)
            rgb[abs(X - 0.7) < 0.012] = DARK
            rgb[(rows < 0.24) & (X < 0.7)] = DARK
            rgb[(abs(X - 0.86) < 0.06) & (abs(rows - 0.58) < 0.12)] = GLASS
    else:
        inner = _outline(kind)
        middle = np.array([inner[:, 0].mean(), (1 - kind.belt) * SIDE])
        inner = (middle + (inner - middle) * (0.9, 0.86)).round().astype(np.int32)
        pane = np.zeros((SIDE, SIDE), np.uint8)
        cv2.fillPoly(pane, [inner], 1)
        pane = pane.astype(bool) & (rows > kind.belt + 0.02)
        if kind.length == 5.3:
            pane &= X > rng.choice([0.1, 0.62])
        rgb[pane] = GLASS
        rgb[pane & (rows > kind.belt + 0.2)] += 18
        for x in (0.33, 0.52):
            rgb[abs(X - x) < 0.008] *= 0.6
        rgb[(abs(rows - kind.belt + 0.1) < 0.01) & (abs(X % 0.19 - 0.1) < 0.02)] *= 0.6
    rgb[(X > 0.965) & (abs(rows - 0.5) < 0.06)] = (235, 235, 225)
    rgb[(X < 0.03) & (abs(rows - 0.56) < 0.07)] = (170, 30, 28)
    rgb[(rows < FOOT + 0.05)] *= 0.45
    for x in (0.19, 0.81) if kind.length < 9 else (0.2, 0.74):
        rx, ry = kind.wheel / kind.length * SIDE, kind.wheel / kind.height * SIDE
        middle = (round(x * SIDE), round(SIDE - ry))
        for share, color, cover in ((1.2, DARK, False), (1.0, (24, 24, 26), True),
                                    (0.62, rng.uniform(80, 190) * np.ones(3), True),
                                    (0.2, (60, 60, 62), True)):
            axes = (round(rx * share), round(ry * share))
            if cover:
                cv2.ellipse(there, middle, axes, 0, 0, 360, 1, -1)
            cv2.ellipse(rgb, middle, axes, 0, 0, 360, tuple(map(float, color)), -1)
    return cut(rgb * (1 + 0.02 * noise(rng, 1.5)[..., None]), there.astype(bool))


def end(rng, kind, front):
    """Draw the front or the back: below the belt, or all of it where the end is upright."""
    rgb = np.ones((SIDE, SIDE, 3), np.float32) * PAINT * (0.75 + 0.3 * (1 - Y[..., None]))
    tall = not front and (kind.belt > 1 or kind.length == 5.3)
    y = 1 - (1 - Y) / (0.5 if tall else 1)
    if tall:
        rgb[(Y > 0.08) & (Y < 0.45) & (abs(X - 0.5) < 0.42)] = (
            GLASS if kind.length > 9 else rng.uniform(170, 225))
        rgb[abs(X - 0.5) < 0.008] *= 0.7
    lights = (abs(y - rng.uniform(0.3, 0.4)) < rng.uniform(0.07, 0.17)) & (
        abs(X - 0.5) > rng.uniform(0.27, 0.36)) & (abs(X - 0.5) < 0.47)
    if front:
        grille = abs(y - 0.45) < rng.uniform(0.08, 0.2)
        rgb[grille & (abs(X - 0.5) < rng.uniform(0.18, 0.3))] = 42
        rgb[lights] = rng.uniform((215, 215, 205), (250, 250, 250))
    else:
        rgb[lights] = rng.uniform((140, 15, 15), (225, 45, 40))
    rgb[(y > 0.72)] *= rng.choice([0.35, 0.7])
    rgb[(abs(y - 0.66) < 0.07) & (abs(X - 0.5) < 0.13)] = (222, 222, 205)
    rgb[(y > 0.8) & (abs(X - 0.5) > 0.36)] = (24, 24, 26)
    rgb[y > 0.93] = (20, 20, 22)
    shine = lights * (255.0 if front else 160.0)
    return np.dstack([rgb, shine]).clip(0, 255).astype(np.float32)


def windscreen(rng):
    """Glass that mirrors some sky, with pillars at its sides."""
    rgb = GLASS + rng.uniform(0, 50) * (0.3 + Y[..., None]) * np.array([0.85, 0.95, 1.05])
    pillar = (abs(X - 0.5) > 0.45) | (Y < 0.06)
    rgb[pillar] = PAINT
    rgb[(Y > 0.8) & ~pillar] *= 0.7
    return np.dstack([rgb, np.zeros((SIDE, SIDE))]).clip(0, 255).astype(np.float32)
