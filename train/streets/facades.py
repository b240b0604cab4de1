"""Tiles of fronts: windows on walls, glass, shops. A lit window shines at night."""
import cv2
import numpy as np
from train.streets.noise import noise, paint, SIDE
from train.streets.surfaces import brick, concrete, plain, planks, plaster

WARM = np.array([(255, 214, 150), (255, 235, 200), (220, 235, 255)], np.float32)


def _glass(rng, height, width):
    """Return the RGB of a window (height, width, 3): dark, or a sky in it, maybe a curtain."""
    down = np.linspace(1, 0, height, dtype=np.float32)[:, None, None]
    tone = rng.choice([(48, 54, 62), (70, 84, 98), (96, 116, 136), (36, 38, 42), (80, 80, 78),
                       (140, 156, 172)])
    pane = np.broadcast_to(tone * (0.75 + 0.5 * down), (height, width, 3)).copy()
    if rng.random() < 0.3:
        pane[:int(height * rng.uniform(0.2, 1))] += rng.uniform(20, 90)
    return pane + rng.normal(0, 5)


def windows(rng):
    """Four floors of windows, 4 in a row, on a wall."""
    wall = [brick, plaster, plaster, concrete, concrete, planks][rng.integers(6)](rng)[..., :3]
    shine = np.zeros((SIDE, SIDE), np.float32)
    cell = SIDE // 4
    wide, high = int(cell * rng.uniform(0.3, 0.8)), int(cell * rng.uniform(0.4, 0.75))
    left, top = (cell - wide) // 2, int((cell - high) * rng.uniform(0.3, 0.7))
    frame = rng.choice([235, 205, 90, 50]) * (1 + rng.normal(0, 0.03, 3))
    sill, band, bars = rng.random() < 0.5, rng.random() < 0.4, rng.integers(0, 3)
    balcony, lit = rng.random() < 0.3, rng.uniform(0.15, 0.6)
    for row in range(4):
        if band:
            wall[row * cell:row * cell + 4] *= rng.uniform(0.75, 1.15)
        for column in range(4):
            y, x = row * cell + top, column * cell + left
            wall[y - 2:y + high + 2, x - 2:x + wide + 2] = frame
            wall[y:y + high, x:x + wide] = _glass(rng, high, wide)
            for bar in range(1, bars + 1):
                at = x + wide * bar // (bars + 1)
                wall[y:y + high, at - 1:at + 1] = frame
            if sill:
                wall[y + high + 2:y + high + 6, x - 4:x + wide + 4] *= 1.2
                wall[y + high + 6:y + high + 8, x - 4:x + wide + 4] *= 0.65
            if balcony and column in (1, 2):
                wall[y + high // 2:y + high, x - 5:x + wide + 5] *= 0.6
                wall[y + high // 2:y + high:4, x - 5:x + wide + 5] = frame * 0.7
            if rng.random() < lit:
                shine[y:y + high, x:x + wide] = rng.uniform(90, 255)
    return plain(wall, shine)


def curtain_wall(rng):
    """Glass from floor to floor, with mullions."""
    tone = rng.choice([(70, 92, 112), (92, 112, 120), (58, 66, 74), (110, 128, 140),
                       (76, 100, 98)]) + rng.normal(0, 6, 3)
    rows, columns = rng.choice([4, 8]), rng.choice([4, 8, 16])
    shades = np.kron(rng.normal(1, rng.uniform(0.05, 0.2), (rows, columns)),
                     np.ones((SIDE // rows, SIDE // columns)))
    rgb = paint(tone, (noise(rng, 1.9), 14)) * shades[..., None]
    y, x = np.mgrid[:SIDE, :SIDE]
    frame = rng.choice([60, 100, 170, 200]) * np.ones(3)
    floor = y % (SIDE // rows) < rng.integers(2, 14)
    mullion = x % (SIDE // columns) < rng.integers(1, 5)
    rgb[floor | mullion] = frame
    lit = np.kron(rng.random((rows, columns)) < rng.uniform(0.1, 0.5),
                  np.ones((SIDE // rows, SIDE // columns))) * ~(floor | mullion)
    return plain(rgb, lit * rng.uniform(90, 230))


def shops(rng):
    """Draw the ground floor: panes, doors, and a board with writing over them."""
    wall = [brick, plaster, concrete][rng.integers(3)](rng)[..., :3] * rng.uniform(0.6, 1)
    shine = np.zeros((SIDE, SIDE), np.float32)
    x = 6
    while x < SIDE - 24:
        wide = int(rng.uniform(22, 80))
        right = min(x + wide, SIDE - 6)
        top = int(rng.uniform(70, 100))
        bottom = SIDE - (3 if rng.random() < 0.3 else int(rng.uniform(12, 50)))
        wall[top:bottom, x:right] = _glass(rng, bottom - top, right - x)
        for _ in range(5):  # what lies in the window
            a, b = rng.integers(x, right), rng.integers(top, bottom)
            end = int(min(a + 12, right)), int(min(b + 25, bottom))
            color = rng.uniform(30, 190) + rng.normal(0, 22, 3)
            cv2.rectangle(wall, (int(a), int(b)), end, tuple(color), -1)
        shine[top:bottom, x:right] = rng.uniform(60, 255) * (rng.random() < 0.7)
        x = right + int(rng.uniform(4, 18))
    board = rng.uniform(30, 210, 3)
    wall[20:58] = board
    shine[20:58] = 90 * (rng.random() < 0.5)
    ink = tuple(255 - board if rng.random() < 0.6 else np.full(3, 240.0))
    for a in range(10, SIDE - 30, int(rng.integers(26, 90))):
        cv2.putText(wall, ''.join(map(chr, rng.integers(65, 91, 4))), (a, 48),
                    int(rng.integers(0, 5)), 0.7, ink, 2)
    return plain(wall, shine)


def house(rng):
    """Draw the wall of a house: a floor with a door and a few windows."""
    wall = [brick, plaster, planks, planks][rng.integers(4)](rng)[..., :3]
    shine = np.zeros((SIDE, SIDE), np.float32)
    frame = rng.choice([240, 225, 70, 110]) * np.ones(3)
    for x in (18, 104, 186):
        wide, top, high = int(rng.uniform(34, 60)), int(rng.uniform(50, 80)), 90
        if x == 104 and rng.random() < 0.6:
            high = SIDE - top
        wall[top - 5:top + high + 4, x - 5:x + wide + 5] = frame
        wall[top:top + high, x:x + wide] = (_glass(rng, high, wide) if high == 90
                                            else rng.uniform(40, 150, 3))
        if high == 90:
            wall[top + 43:top + 47, x:x + wide] = frame
            shine[top:top + high, x:x + wide] = 220 * (rng.random() < 0.4)
    wall[:10] *= 0.75
    return plain(wall, shine)


def garage(rng):
    """Sliding doors and vents of halls, barns, car parks."""
    wall = [concrete, planks, plaster][rng.integers(3)](rng)[..., :3]
    y, x = np.mgrid[:SIDE, :SIDE]
    door = (abs(x - 128) < rng.uniform(40, 100)) & (y > rng.uniform(60, 140))
    wall[door] = rng.uniform(60, 210, 3)
    wall[door & (y % 20 < 3)] *= 0.7
    return plain(wall)
