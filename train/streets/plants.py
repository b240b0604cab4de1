"""
Tiles of plants: RGBA (256, 256, 4) where A is 255 where the plant is and 0 where one sees through.

A tree comes with its trunk, as CARLA labels both Vegetation. Colours go on beyond the edges, so
that smaller versions of a tile have no seams.
"""
import cv2
import numpy as np
from train.streets.noise import noise, paint, SIDE

Y, X = np.mgrid[:SIDE, :SIDE].astype(np.float32) / SIDE  # y down from the top


def cut(rgb, there):
    """Return RGBA of RGB and of where a thing is, bool (SIDE, SIDE)."""
    return np.dstack([rgb, there * 255.0]).clip(0, 255).astype(np.float32)


def _green(rng):
    base = np.array([rng.uniform(52, 105), rng.uniform(76, 118), rng.uniform(30, 58)])
    turn = rng.random()
    if turn < 0.08:  # autumn
        base = np.array([rng.uniform(120, 165), rng.uniform(85, 115), 45])
    elif turn < 0.16:  # greyish
        base = np.array([96, 106, 84]) + rng.normal(0, 8, 3)
    return base * rng.uniform(0.75, 1.15)


def _blobs(rng, places, ragged, fine=0.35):
    """
    Return the cover (bool) and the light (float32), (SIDE, SIDE), of clumps of leaves.

    places: (n, 3) x, y, radius, as shares of the tile; later ones hide earlier ones.
    """
    texture, leaves = noise(rng, 1.0, 8), noise(rng, fine, 10)
    cover, light = np.full((SIDE, SIDE), -1, np.float32), np.zeros((SIDE, SIDE), np.float32)
    side = rng.choice([-1, 1])
    for x, y, radius in places:
        reach = radius * (1 + 4 * ragged)  # noise above 4 deviations aside, all of it
        at = tuple(slice(max(0, int((c - reach) * SIDE)), max(0, int((c + reach) * SIDE) + 1))
                   for c in (y, x))
        dx, dy = (X[at] - x) / radius, (Y[at] - y) / radius
        solid = 1 - np.sqrt(dx * dx + dy * dy) + ragged * texture[at]
        shine = (0.82 - 0.42 * dy - 0.22 * side * dx) * np.float32(rng.uniform(0.88, 1.12))
        np.copyto(light[at], shine, where=solid > 0.12)
        np.maximum(cover[at], solid, out=cover[at])
    light += 0.2 * leaves + 0.16 * texture
    return (cover + 0.16 * leaves) > 0.12, light


def _shaded(base, light, rng):
    light = np.clip(light, 0.15, 1.7)[..., None]
    tips = np.array([1.12, 1.05, 0.85])
    return base * light * (1 + (tips - 1) * np.clip(light - 0.8, 0, 1)) + rng.normal(0, 2, 3)


def _trunk(rgb, there, rng, top, x=0.5, width=0.02, branches=5, reach=0.25):
    """Draw a trunk from the tile's foot to `top`, with branches."""
    bark = paint(rng.choice([(92, 78, 66), (118, 108, 96), (74, 62, 54), (150, 142, 132)]),
                 (noise(rng, 0.8, 2, (0.2, 1)), 16))
    lines = np.zeros((SIDE, SIDE), np.uint8)
    foot, head = np.array([x, 1.0]) * SIDE, np.array([x + rng.normal(0, 0.02), top]) * SIDE
    thick = max(2, int(width * SIDE))
    cv2.line(lines, foot.astype(int), head.astype(int), 1, thick)
    for _ in range(branches):
        start = foot + (head - foot) * rng.uniform(0.45, 1)
        end = start + np.array([rng.uniform(-reach, reach), -rng.uniform(0.08, 0.3)]) * SIDE
        cv2.line(lines, start.astype(int), end.astype(int), 1, max(1, thick // 2))
        for _ in range(3):
            twig = end + rng.normal(0, 0.08, 2) * SIDE
            cv2.line(lines, end.astype(int), twig.astype(int), 1, 1)
    on = lines.astype(bool)
    rgb[on] = (bark * (0.75 + 0.5 * X[..., None]))[on]
    return there | on


def broadleaf(rng):
    crown, wide = rng.uniform(0.42, 0.72), rng.uniform(0.22, 0.36)
    count = rng.integers(14, 40)
    angle, far = rng.uniform(0, 2 * np.pi, count), np.sqrt(rng.random(count))
    radius = rng.uniform(0.07, 0.16, count)
    x, y = 0.5 + wide * far * np.cos(angle), crown / 2 + 0.04 + crown * 0.4 * far * np.sin(angle)
    order = np.argsort(-y)
    places = np.stack([x, np.maximum(y, 0.12), radius], 1)[order]
    there, light = _blobs(rng, places, rng.uniform(0.12, 0.3))
    light -= 0.35 * np.clip((Y - crown * 0.75) / crown, 0, 1)
    rgb = _shaded(_green(rng), light, rng)
    back, behind = rgb * 0.55, np.zeros((SIDE, SIDE), bool)
    behind = _trunk(back, behind, rng, crown * 0.6, width=rng.uniform(0.015, 0.035))
    return cut(np.where((there | ~behind)[..., None], rgb, back), there | behind)


def conifer(rng):
    layers, wide, foot = rng.integers(7, 16), rng.uniform(0.2, 0.36), rng.uniform(0.82, 0.97)
    high = np.clip(Y / foot, 0, 1)
    steps = (high * layers) % 1
    edge = wide * high ** rng.uniform(0.7, 1) * (0.62 + 0.45 * steps)
    needles, clumps = noise(rng, 0.4, 10), noise(rng, 1.0, 6, (1, 0.6))
    there = (abs(X - 0.5) < edge * (1 + 0.22 * clumps + 0.12 * needles) + 0.004) & (Y < foot)
    there &= (clumps + 0.6 * needles) > rng.uniform(-2.6, -1.5)
    light = 0.62 + 0.5 * steps - 0.5 * abs(X - 0.45) / wide * 0.6 + 0.2 * needles + 0.18 * clumps
    base = _green(rng) * np.array([0.75, 0.85, 0.9])
    rgb = _shaded(base, light, rng)
    bare = np.zeros((SIDE, SIDE), bool)
    back = rgb.copy()
    bare = _trunk(back, bare, rng, 0.1, width=0.02, branches=0)
    rgb = np.where((bare & ~there)[..., None], back, rgb)
    return cut(rgb, there | bare)


def cypress(rng):
    wide = rng.uniform(0.12, 0.3)
    edge = wide * np.sqrt(np.clip(1 - (2 * Y - 1.05) ** 2, 0, 1))
    clumps, leaves = noise(rng, 0.9, 6), noise(rng, 0.3, 12)
    there = (abs(X - 0.5) < edge * (1 + 0.16 * clumps)) & (leaves > -2.2)
    light = 0.8 - 0.6 * (X - 0.45) / wide * 0.5 + 0.2 * leaves + 0.22 * clumps
    return cut(_shaded(_green(rng), light, rng), there | ((abs(X - 0.5) < 0.02) & (Y > 0.9)))


def palm(rng):
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    lean = rng.normal(0, 0.05)
    top = np.array([0.5 + lean, rng.uniform(0.2, 0.32)]) * SIDE
    rgb = _shaded(_green(rng), 0.8 + 0.25 * noise(rng, 0.5, 8), rng)
    steps = np.linspace(0, 1, 20)[:, None]
    trunk = np.array([0.5, 1.0]) * SIDE * (1 - steps) + top * steps
    trunk[:, 0] += lean * SIDE * (steps * (1 - steps))[:, 0]
    droop, count = rng.uniform(0.3, 0.8), rng.integers(14, 26)
    for angle in np.linspace(-0.5, np.pi + 0.5, count) + rng.normal(0, 0.1, count):
        long = rng.uniform(0.2, 0.33) * SIDE
        direction = np.array([np.cos(angle), -np.sin(angle) * 0.85])
        s = np.linspace(0, 1, 16)[:, None]
        line = top + direction * long * s + np.array([0, 1]) * long * droop * s ** 2
        cv2.polylines(canvas, [line.astype(np.int32)], False, 1, 2)
        along = np.diff(line, axis=0)
        along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-6
        for point, (dx, dy), share in zip(line[1:], along, s[1:, 0]):
            blade = 0.22 * long * (1.15 - share)
            for turn in (-1, 1):  # to both sides, forwards and down
                leaf = point + blade * np.array([0.7 * dx - turn * dy,
                                                 0.7 * dy + turn * dx + 0.35])
                cv2.line(canvas, point.astype(int), leaf.astype(int), 1, int(rng.integers(1, 3)))
    there = canvas.astype(bool)
    rgb = rgb * np.where(Y < top[1] / SIDE, 1.15, 0.72)[..., None]
    lines = np.zeros((SIDE, SIDE), np.uint8)
    cv2.polylines(lines, [trunk.astype(np.int32)], False, 1, int(rng.integers(4, 9)))
    bark = paint((132, 118, 100), (noise(rng, 0.6, 2, (1, 0.2)), 14))
    on = lines.astype(bool) & ~there
    rgb[on] = bark[on]
    return cut(rgb, there | on)


def bush(rng):
    count = rng.integers(8, 26)
    x = rng.uniform(0.14, 0.86, count)
    y = 1 - rng.uniform(0.02, 1, count) * (0.85 - 1.5 * (x - 0.5) ** 2)
    places = np.stack([x, y, rng.uniform(0.1, 0.2, count)], 1)[np.argsort(y)]
    there, light = _blobs(rng, places, rng.uniform(0.15, 0.4), rng.uniform(0.15, 0.5))
    light -= 0.5 * np.clip(Y - 0.75, 0, 1)
    rgb = _shaded(_green(rng), light, rng)
    if rng.random() < 0.2:  # in bloom
        spots = noise(rng, 0.2, 12) > 1.9
        rgb[spots] = rng.choice([(200, 60, 70), (225, 210, 90), (220, 220, 225)])
    return cut(rgb, there)


def hedge(rng):
    """Draw a clipped row, without a seam at its ends."""
    leaves, clumps = noise(rng, 0.3, 12), noise(rng, 1.1, 5)
    there = Y > 0.07 + 0.03 * clumps + 0.02 * leaves
    light = 0.95 - 0.5 * Y + 0.25 * leaves + 0.15 * clumps
    return cut(_shaded(_green(rng), light, rng), there)


def thicket(rng):
    """Draw the edge of a wood, without a seam at its ends: crowns, ragged at the top."""
    tall = noise(rng, 1.2, 2, (4, 1))
    clumps, leaves = noise(rng, 1.1, 4), noise(rng, 0.35, 12)
    tips = np.roll(tall, 7, 0)[0]
    there = Y > 0.22 + 0.1 * tips[None] + 0.05 * clumps + 0.03 * leaves
    light = 0.8 - 0.45 * Y + 0.28 * clumps + 0.2 * leaves
    trunks = (noise(rng, 0.5, 6, (0.04, 1)) > 1.7) & (Y > 0.6)
    rgb = _shaded(_green(rng) * 0.85, light, rng)
    rgb[trunks] = rgb[trunks] * 0.5 + np.array([70, 62, 56]) * 0.5
    return cut(rgb, there)


def corn(rng):
    """Draw a row of tall stalks, without a seam at its ends."""
    stalks, leaves = noise(rng, 0.7, 8, (0.1, 1)), noise(rng, 0.5, 8, (0.45, 1))
    tips = stalks[0][None]
    there = (Y > 0.16 + 0.07 * tips) & (stalks + 0.8 * leaves > -1.9 + 1.0 * (Y < 0.3))
    base = np.array([rng.uniform(105, 140), rng.uniform(110, 132), rng.uniform(50, 70)])
    return cut(_shaded(base, 0.95 - 0.5 * Y + 0.2 * stalks + 0.22 * leaves, rng), there)


def tuft(rng):
    """High grass and weeds."""
    blades = noise(rng, 0.6, 6, (0.08, 1))
    there = (Y > 0.35 + 0.2 * blades[0][None] + 1.2 * (X - 0.5) ** 2) & (blades > -0.9 + Y * -0.8)
    base = np.array([rng.uniform(85, 150), rng.uniform(105, 140), rng.uniform(45, 70)])
    return cut(_shaded(base, 0.95 - 0.3 * Y + 0.25 * blades, rng), there)


def bare_tree(rng):
    rgb, there = paint((96, 84, 74), (noise(rng, 0.8), 14)), np.zeros((SIDE, SIDE), bool)
    for _ in range(3):
        there = _trunk(rgb, there, rng, rng.uniform(0.1, 0.3), width=0.02, branches=9, reach=0.3)
    return cut(rgb, there)
