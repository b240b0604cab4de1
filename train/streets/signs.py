"""Tiles of traffic signs, with holes around them, of traffic lights and of posters."""
import cv2
import numpy as np
from train.streets.noise import noise, SIDE
from train.streets.plants import cut, X, Y

RED, WHITE, BLUE, YELLOW, GREEN, BLACK = (
    np.array(c, np.float32) for c in ((178, 30, 34), (232, 232, 230), (28, 70, 150),
                                      (232, 190, 40), (20, 105, 70), (28, 28, 28)))


def _written(rgb, rng, text, ink, size=1.6):
    (width, height), _ = cv2.getTextSize(text, 0, size, 5)
    cv2.putText(rgb, text, ((SIDE - width) // 2, (SIDE + height) // 2), 0, size,
                tuple(map(float, ink)), 5)


def sign(rng):
    x, y = X - 0.5, Y - 0.5
    kind = rng.integers(9)
    far = np.hypot(x, y)
    octagon = np.maximum(np.maximum(abs(x), abs(y)), (abs(x) + abs(y)) * 0.707)
    text = str(rng.choice(['30', '50', '60', '90', '25', '40']))
    if kind == 0:  # speed limit, no entry and the like
        there, rgb = far < 0.48, np.where(far[..., None] < 0.37, WHITE, RED)
        _written(rgb, rng, text, BLACK)
    elif kind == 1:
        there, rgb = octagon < 0.48, np.where(octagon[..., None] < 0.45, RED, WHITE)
        _written(rgb, rng, 'STOP', WHITE, 1.7)
    elif kind == 2:  # give way
        inner = (y > -0.38) & (abs(x) < (0.36 - y) * 0.46)
        there = (y > -0.46) & (abs(x) < (0.48 - y) * 0.52)
        rgb = np.where(inner[..., None], WHITE, RED)
    elif kind == 3:  # warning
        inner = (y < 0.38) & (abs(x) < (0.36 + y) * 0.46)
        there = (y < 0.46) & (abs(x) < (0.48 + y) * 0.52)
        rgb = np.where(inner[..., None], WHITE if rng.random() < 0.5 else YELLOW, RED)
        rgb[inner & (abs(x) < 0.04) & (y > -0.1) & (y < 0.3)] = BLACK
    elif kind == 4:
        there, rgb = abs(x) + abs(y) < 0.48, np.where((abs(x) + abs(y))[..., None] < 0.44,
                                                      YELLOW, BLACK)
        rgb[(abs(x) < 0.05) & (abs(y) < 0.25)] = BLACK
    elif kind == 5:
        there, rgb = far < 0.48, np.broadcast_to(BLUE, (SIDE, SIDE, 3)).copy()
        rgb[(abs(x) < 0.06) & (abs(y) < 0.3)] = WHITE
    else:  # plates
        color = (WHITE, BLUE, GREEN)[kind - 6]
        edge = np.maximum(abs(x), abs(y))
        there = np.maximum(abs(x) / rng.uniform(0.3, 0.5), abs(y) / 0.48) < 1
        rgb = np.where(edge[..., None] > 0.43, BLACK if kind == 6 else WHITE, color)
        ink = BLACK if kind == 6 else WHITE
        if kind == 6:
            cv2.putText(rgb, 'SPEED', (70, 80), 0, 1.1, (28, 28, 28), 3)
            cv2.putText(rgb, text, (60, 200), 0, 3.0, (28, 28, 28), 9)
        else:
            for row in range(70, 220, 50):
                cv2.putText(rgb, ''.join(map(chr, rng.integers(97, 123, 6))), (60, row), 0, 1.2,
                            tuple(map(float, ink)), 3)
    return cut(rgb * (1 + 0.03 * noise(rng, 1.5)[..., None]), there)


def sign_back(rng):
    """Draw what one sees of a sign from behind."""
    far = np.hypot(X - 0.5, Y - 0.5)
    there = far < 0.48 if rng.random() < 0.5 else far < 2
    grey = rng.uniform(110, 170) * (1.1 - 0.3 * Y[..., None])
    return cut(np.ones((SIDE, SIDE, 3)) * grey, there)


def traffic_light(rng):
    """Three lamps in a housing, one of them lit."""
    body = np.array(rng.choice([(34, 36, 34), (50, 52, 48), (196, 160, 40), (60, 72, 60)]))
    rgb = np.ones((SIDE, SIDE, 3), np.float32) * body * (1.05 - 0.2 * X[..., None])
    shine, lit = np.zeros((SIDE, SIDE), np.float32), rng.integers(3)
    colors = ((235, 40, 35), (240, 180, 40), (40, 225, 120))
    for place in range(3):
        far = np.hypot((X - 0.5) * 1.0, (Y - (place + 0.5) / 3) * 2.6)
        rgb[far < 0.36] = (20, 20, 20)
        rgb[far < 0.3] = np.array(colors[place]) * (1 if place == lit else 0.22)
        if place == lit:
            shine[far < 0.3] = 255
    return np.dstack([rgb, shine]).clip(0, 255).astype(np.float32)


def poster(rng):
    """Advertisement: blocks of colour and writing."""
    rgb = np.ones((SIDE, SIDE, 3), np.float32) * (rng.uniform(40, 230) + rng.normal(0, 25, 3))
    for _ in range(rng.integers(2, 7)):
        a, b = rng.integers(0, SIDE, (2, 2))
        color = tuple(rng.uniform(30, 230) + rng.normal(0, 30, 3))
        if rng.random() < 0.5:
            cv2.rectangle(rgb, a.tolist(), b.tolist(), color, -1)
        else:
            cv2.circle(rgb, a.tolist(), int(rng.integers(15, 70)), color, -1)
    _written(rgb, rng, ''.join(map(chr, rng.integers(65, 91, 5))), rng.uniform(0, 255, 3), 2)
    rgb[(abs(X - 0.5) > 0.48) | (abs(Y - 0.5) > 0.48)] = 60
    return np.dstack([rgb, np.full((SIDE, SIDE), 200)]).clip(0, 255).astype(np.float32)
