"""
Tiles of what the ground and plain walls are made of.

A maker takes an rng and returns RGBA (256, 256, 4), float32 in 0..255; A is how much a place
shines at night. Colours are of a lit surface; a face may tint them.
"""
import cv2
import numpy as np
from train.streets.noise import mixed, noise, paint, SIDE


def plain(rgb, shine=None):
    """Return RGBA of RGB (SIDE, SIDE, 3) and of the shine (SIDE, SIDE), nothing by default."""
    shine = np.zeros((SIDE, SIDE)) if shine is None else shine
    return np.dstack([rgb, shine]).clip(0, 255).astype(np.float32)


def _cracks(rng, count, thick=1):
    """Return 0 or 1 (SIDE, SIDE): wandering lines that leave a tile where they enter it."""
    out = np.zeros((SIDE * 3, SIDE * 3), np.uint8)
    for _ in range(count):
        steps = rng.normal(0, 7, (40, 2)) + rng.normal(0, 6, 2)
        line = (rng.uniform(SIDE, 2 * SIDE, 2) + np.cumsum(steps, 0)).astype(np.int32)
        cv2.polylines(out, [line], False, 1, thick)
    return out.reshape(3, SIDE, 3, SIDE).max((0, 2)).astype(np.float32)


def asphalt(rng):
    grey = rng.uniform(108, 182)
    base = np.array([1, 1, 1]) * grey + rng.normal(0, 2.5, 3)
    rgb = paint(base, (noise(rng, 0.2), rng.uniform(2, 10)), (noise(rng, 1.6), rng.uniform(2, 7)))
    streaks = noise(rng, 1.2, 2, (0.1, 1))
    rgb += streaks[..., None] * rng.uniform(0, 4)
    if rng.random() < 0.45:
        rgb = mixed(rgb, rgb * 0.68, cv2.GaussianBlur(_cracks(rng, rng.integers(1, 6)), (3, 3), 0))
    if rng.random() < 0.4:
        rgb = mixed(rgb, rgb * rng.uniform(0.75, 1.15), (noise(rng, 1.8) - 1.2) * 4)
    return plain(rgb)


def slabs(rng):
    """Pavement: concrete slabs, setts, bricks or plain."""
    warm = np.array([12, 3, -8]) * (rng.random() < 0.4)
    base = rng.uniform(125, 205) + rng.normal(0, 5, 3) + warm
    rgb = paint(base, (noise(rng, 0.4), rng.uniform(4, 10)), (noise(rng, 1.7), rng.uniform(3, 9)))
    rows, columns = rng.choice([1, 2, 4, 8, 16]), rng.choice([1, 2, 4, 8, 16])
    y, x = np.mgrid[:SIDE, :SIDE]
    height, width = SIDE // rows, SIDE // columns
    shift = (y // height % 2) * (width // 2) * (rng.random() < 0.5)
    column, row = (x + shift) % SIDE // width, y // height
    shades = rng.normal(1, rng.uniform(0.01, 0.07), (rows, columns))
    rgb *= shades[row, column][..., None]
    gap = rng.choice([1, 2, 3])
    joint = ((y % height) < gap) | (((x + shift) % width) < gap)
    if rows * columns > 1 or rng.random() < 0.6:
        rgb *= np.where(joint, rng.uniform(0.55, 0.88), 1)[..., None]
    if rng.random() < 0.5:
        rgb = mixed(rgb, rgb * 0.7, (noise(rng, 1.8) - 1.0) * 2)
    return plain(rgb)


def grass(rng):
    base = np.array([rng.uniform(70, 125), rng.uniform(92, 132), rng.uniform(38, 66)])
    if rng.random() < 0.25:  # dry
        base = np.array([rng.uniform(125, 160), rng.uniform(115, 140), rng.uniform(70, 95)])
    blades = noise(rng, 0.4, 6, (0.6, 1.2))
    rgb = paint(base, (blades, (15, 16, 9)), (noise(rng, 1.6), (14, 9, 7)))
    soil = paint((128, 104, 78), (noise(rng, 0.5), 12))
    return plain(mixed(rgb, soil, (noise(rng, 1.5) - rng.uniform(0.8, 2.6)) * 1.6))


def soil(rng):
    base = np.array([rng.uniform(120, 175), rng.uniform(100, 140), rng.uniform(70, 110)])
    rgb = paint(base, (noise(rng, 0.4), 13), (noise(rng, 1.6), (12, 11, 9)))
    tufts = paint((95, 112, 55), (noise(rng, 0.4), 14))
    return plain(mixed(rgb, tufts, (noise(rng, 1.2) - rng.uniform(0.8, 2.5)) * 2))


def paint_line(rng):
    """Road paint: worn, so that grey shows through."""
    white = rng.uniform(185, 235)
    rgb = paint((white, white, white * 0.98), (noise(rng, 0.5), 9))
    worn = paint((130, 130, 130), (noise(rng, 0.3), 10))
    return plain(mixed(rgb, worn, (noise(rng, 0.9) - rng.uniform(0.2, 2.4)) * 1.5))


def concrete(rng):
    base = rng.uniform(120, 185) + rng.normal(0, 6, 3)
    streaks = noise(rng, 1.3, 1, (0.15, 1))
    rgb = paint(base, (noise(rng, 0.5), 5), (noise(rng, 1.7), 8), (streaks, rng.uniform(2, 9)))
    if rng.random() < 0.6:
        rgb[::SIDE // 2] *= 0.75
        rgb[:, ::SIDE // 2] *= 0.75
    return plain(rgb)


def brick(rng):
    base = rng.choice([(150, 92, 74), (172, 128, 100), (125, 78, 66), (160, 150, 138),
                       (196, 180, 155), (110, 96, 92)]) + rng.normal(0, 8, 3)
    rows, columns = rng.choice([16, 32]), rng.choice([4, 8, 16])
    y, x = np.mgrid[:SIDE, :SIDE]
    height, width = SIDE // rows, SIDE // columns
    x = (x + (y // height % 2) * width // 2) % SIDE
    shade = rng.normal(1, 0.1, (rows, columns))[y // height, x // width]
    rgb = paint(base, (noise(rng, 0.5), 6), (noise(rng, 1.7), 7)) * shade[..., None]
    joint = (y % height < 1 + (height > 8)) | (x % width < 2)
    return plain(np.where(joint[..., None], rng.uniform(0.65, 1.25) * base * 0.9, rgb))


def plaster(rng):
    base = rng.choice([(206, 196, 178), (214, 200, 160), (186, 178, 170), (222, 218, 210),
                       (196, 150, 120), (176, 120, 96), (150, 165, 175), (170, 176, 150),
                       (150, 70, 60), (205, 170, 130)]) + rng.normal(0, 10, 3)
    streaks = noise(rng, 1.3, 1, (0.12, 1))
    return plain(paint(base, (noise(rng, 0.4), 4), (noise(rng, 1.8), 6),
                       (streaks, rng.uniform(1, 6))))


def planks(rng):
    base = rng.choice([(120, 50, 42), (150, 128, 104), (110, 88, 70), (205, 202, 195),
                       (90, 82, 76), (130, 60, 45)]) + rng.normal(0, 8, 3)
    y, x = np.mgrid[:SIDE, :SIDE]
    along = y if rng.random() < 0.5 else x
    grain = noise(rng, 1.1, 3, (1, 0.12) if along is y else (0.12, 1))
    width = SIDE // rng.choice([8, 16])
    rgb = paint(base, (grain, 8)) * rng.normal(1, 0.05, 32)[along // width][..., None]
    return plain(rgb * np.where(along % width < 2, 0.6, 1)[..., None])


def roof(rng):
    base = rng.choice([(120, 70, 55), (92, 88, 88), (70, 66, 66), (140, 95, 75), (105, 100, 90),
                       (150, 150, 150)]) + rng.normal(0, 7, 3)
    y, x = np.mgrid[:SIDE, :SIDE]
    rgb = paint(base, (noise(rng, 0.6), 9), (noise(rng, 1.6), 8))
    gap = (y % 16 < 3) | ((x + y // 16 % 2 * 8) % 16 < 2)
    return plain(rgb * np.where(gap, 0.78, 1)[..., None])


def metal(rng):
    base = rng.uniform(105, 185) + rng.normal(0, 5, 3)
    y = np.mgrid[:SIDE, :SIDE][0]
    ribs = np.cos(y * (2 * np.pi * rng.choice([1, 2, 4]) / SIDE)).astype(np.float32)
    return plain(paint(base, (ribs, rng.uniform(0, 26)), (noise(rng, 1.4), 6)))


def rock(rng):
    base = np.array([128, 120, 110]) + rng.normal(0, 9, 3)
    ridges = -np.abs(noise(rng, 1.5))
    rgb = paint(base, (ridges, 26), (noise(rng, 0.8), 13))
    moss = paint((92, 106, 58), (noise(rng, 0.5), 14))
    return plain(mixed(rgb, moss, (noise(rng, 1.3) - rng.uniform(0.3, 2)) * 2))


def hill(rng):
    """Woods or meadows far away."""
    base = np.array([rng.uniform(62, 100), rng.uniform(84, 112), rng.uniform(48, 66)])
    rgb = paint(base, (noise(rng, 0.7, 4), (20, 20, 13)), (noise(rng, 1.7), (14, 10, 6)))
    return plain(rgb)


def water(rng):
    base = rng.choice([(72, 98, 112), (60, 84, 86), (86, 108, 120), (58, 78, 62)])
    return plain(paint(base + rng.normal(0, 6, 3), (noise(rng, 1.1, 3, (1, 0.3)), 12)))


def sleepers(rng):
    """Rails and sleepers on gravel: along the columns, one tile is the gauge and its margins."""
    rgb = paint((122, 114, 106), (noise(rng, 0.1), 22))
    y, x = np.mgrid[:SIDE, :SIDE]
    wood = (y % 64 < 24) & (abs(x - 128) < 108)
    rgb = mixed(rgb, paint((92, 80, 70), (noise(rng, 0.5), 9)), wood.astype(float))
    rail = abs(abs(x - 128) - 66) < 7
    return plain(mixed(rgb, paint((120, 106, 98), (noise(rng, 0.3), 8)), rail.astype(float)))


def tram(rng):
    """Rails let into the road."""
    rgb = paint((128, 126, 122), (noise(rng, 0.3), 9))
    x = np.mgrid[:SIDE, :SIDE][1]
    rail = abs(abs(x - 128) - 66) < 8
    return plain(mixed(rgb, paint((78, 76, 76), (noise(rng, 0.3), 6)), rail.astype(float)))


def sheen(rng):
    """Polished paint: sky mirrored above, ground below."""
    y = np.linspace(1, 0, SIDE, dtype=np.float32)[:, None] * np.ones((1, SIDE), np.float32)
    wave = np.cos(y * rng.uniform(3, 9) + rng.uniform(0, 6)) + 0.3 * noise(rng, 2)
    return plain(paint((205, 206, 210), (y - 0.5, rng.uniform(0, 50)), (wave, rng.uniform(4, 22))))


def cloth(rng):
    """Any one colour, a little uneven; faces tint it."""
    return plain(paint((200, 200, 200), (noise(rng, 0.6), 5), (noise(rng, 1.7), 9)))
