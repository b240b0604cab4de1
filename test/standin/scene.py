"""
What stands along the street of a town: a drawn ground and boxes, each with its tag.

Tags are those of CARLA 0.9.14 to 0.9.16 (scheme C). A town's name seeds where things stand and
what colours they have, so that towns differ and one town is always the same.
"""
from dataclasses import dataclass
from functools import cache
from zlib import crc32

import cv2
import numpy as np
from standin import street

(NONE, ROAD, SIDEWALK, BUILDING, WALL, FENCE, POLE, TRAFFIC_LIGHT, TRAFFIC_SIGN, VEGETATION,
 TERRAIN, SKY, PEDESTRIAN, RIDER, CAR, TRUCK, BUS, TRAIN, MOTORCYCLE, BICYCLE, STATIC, DYNAMIC,
 OTHER, WATER, ROAD_LINE, GROUND, BRIDGE, RAIL_TRACK, GUARD_RAIL) = range(29)

# R, G, B about which a thing's own colour varies, by tag.
COLORS = np.array([
    (0, 0, 0), (84, 84, 88), (150, 145, 140), (150, 120, 100), (140, 130, 120), (120, 95, 70),
    (110, 115, 118), (60, 62, 50), (190, 190, 195), (62, 92, 40), (104, 124, 62), (150, 185, 225),
    (150, 90, 80), (120, 70, 90), (130, 40, 40), (170, 150, 60), (60, 90, 150), (120, 120, 140),
    (60, 60, 60), (50, 80, 70), (80, 100, 90), (160, 110, 70), (120, 110, 130), (60, 90, 110),
    (215, 215, 210), (126, 106, 86), (130, 128, 126), (96, 88, 84), (165, 168, 172)], np.float32)
CELL = 0.05  # m per pixel of the ground's picture
MARGIN = 40.0  # ground around the street, m


@dataclass
class Boxes:
    """
    Upright boxes.

    center: float (n, 3), m. half: float (n, 3), half the sides. yaw: float (n,), degrees.
    tag: int (n,). color: float (n, 3), R, G, B. round: bool (n,), drawn as ellipses.
    """

    center: np.ndarray
    half: np.ndarray
    yaw: np.ndarray
    tag: np.ndarray
    color: np.ndarray
    round: np.ndarray  # noqa: A003

    def __add__(self, other):
        """Return the boxes of both."""
        return Boxes(*map(np.concatenate, zip(vars(self).values(), vars(other).values())))


@dataclass
class Ground:
    """
    The ground from above.

    tags: uint8, rows along y, columns along x. origin: x and y of tags[0, 0], m.
    """

    tags: np.ndarray
    origin: tuple


def boxes(rows, rng):
    """
    Return Boxes from rows of (x, y, yaw, z, length, width, height, tag, round).

    x, y: the middle; z: of the lower side. Colours vary about the tag's by rng.
    """
    rows = np.array(rows, float).reshape(-1, 9)
    x, y, yaw, z, length, width, height, tag, rounded = rows.T
    tag = tag.astype(int)
    color = COLORS[tag] * rng.uniform(0.75, 1.25, (len(rows), 1))
    color += rng.normal(0, 8, color.shape)
    return Boxes(np.stack([x, y, z + height / 2], 1), np.stack([length, width, height], 1) / 2,
                 yaw, tag, color.clip(0, 255), rounded.astype(bool))


@cache
def ground(town):
    """Draw the Ground of a town."""
    rng = np.random.default_rng(crc32(town.encode()))
    half_x = street.LONG / 2 + street.RADIUS + MARGIN
    half_y = street.SHORT / 2 + street.RADIUS + MARGIN
    tags = np.full((round(2 * half_y / CELL), round(2 * half_x / CELL)), GROUND, np.uint8)

    def strip(tag, left, right, start=0.0, length=street.LENGTH):
        s = np.append(np.arange(start, start + length, 1.0), start + length)
        points = [np.stack(street.place(s, t)[:2], -1) for t in (left, right)]
        corners = np.concatenate([points[0], points[1][::-1]])
        pixels = ((corners + (half_x, half_y)) / CELL * 256).round().astype(np.int32)
        cv2.fillPoly(tags, [pixels], tag, shift=8)

    def both(tag, near, far, **stretch):
        strip(tag, near, far, **stretch)
        strip(tag, -far, -near, **stretch)

    curb = street.LANE + street.SIDEWALK
    both(TERRAIN, curb, curb + 4)
    both(WATER, 14, 30, start=rng.uniform(20, 120), length=25)
    both(SIDEWALK, street.LANE, curb)
    strip(ROAD, -street.LANE, street.LANE)
    for side in (-1, 1):
        edge = side * (street.LANE - 0.25)
        strip(ROAD_LINE, edge - 0.08, edge + 0.08)
    for s in np.arange(0, street.LENGTH - 6, 6):
        strip(ROAD_LINE, -0.08, 0.08, start=s, length=3)
    for s in rng.uniform(0, street.LENGTH, 5):  # zebra crossings
        for t in np.arange(-3, 3.1, 1):
            strip(ROAD_LINE, t - 0.25, t + 0.25, start=s, length=3)
    strip(RAIL_TRACK, -20, 20, start=rng.uniform(300, 420), length=3)
    return Ground(tags, (-half_x, -half_y))


@cache
def furniture(town):
    """Return the Boxes that stand in a town."""
    rng = np.random.default_rng(crc32(town.encode()) + 1)
    rows = []

    def stand(s, t, z, length, width, height, tag, rounded=False):
        x, y, yaw = street.place(s, t)
        rows.append((x, y, yaw, z, length, width, height, tag, rounded))

    for side in (-1, 1):
        s = 0.0
        while s < street.LENGTH - 20:
            length, gap = rng.uniform(9, 18), rng.choice([1, 6, 14])
            stand(s + length / 2, side * rng.uniform(15, 17), 0, length, 10, rng.uniform(4, 16),
                  BUILDING)
            for part in np.arange(s + length + 1.5, s + length + gap - 1, 3):
                stand(part, side * 11, 0, 3, 0.2, *rng.choice([(1.4, FENCE), (2.0, WALL)]))
            s += length + gap
        for s in np.arange(6, street.LENGTH, 14):
            s, height = s + rng.uniform(-3, 3), rng.uniform(1.6, 3)
            stand(s, side * 7.6, 0, 0.3, 0.3, height, VEGETATION)
            stand(s, side * 7.6, height - 0.4, 3, 3, rng.uniform(2, 4), VEGETATION, True)
        for number, s in enumerate(np.arange(3, street.LENGTH, 25)):
            stand(s, side * 4.1, 0, 0.18, 0.18, 6, POLE)
            if number % 3 == 0:
                stand(s, side * 3.9, 4.6, 0.4, 0.4, 1.1, TRAFFIC_LIGHT)
        for s in rng.uniform(0, street.LENGTH, 14):
            stand(s, side * 4.4, 0, 0.1, 0.1, 2.2, POLE)
            stand(s, side * 4.4, 2.2, 0.1, 0.7, 0.7, TRAFFIC_SIGN)
        for tag, height in ((STATIC, 1.1), (DYNAMIC, 0.7), (OTHER, 0.9)):
            for s in rng.uniform(0, street.LENGTH, 8):
                stand(s, side * 5.4, 0, 0.8, 0.6, height, tag)
        for s in np.arange(street.LONG, street.LONG + street.CORNER, 3):
            stand(s, side * 6.2, 0.3, 3, 0.1, 0.4, GUARD_RAIL)
        stand(210, side * 7.5, 0, 1, 1, 5.5, BRIDGE)
    stand(210, 0, 5.5, 3, 17, 0.8, BRIDGE)
    stand(330, 30, 0.2, 18, 3, 3.4, TRAIN)
    return boxes(rows, rng)
