"""
Render a scene as a camera sees it: RGB picture and tags, each pixel of both from one part.

The ground is a picture from above, seen in perspective; what stands on it is painted over it from
far to near. So tags are exact: they and the colours come from the same drawing.
"""
from typing import NamedTuple

import cv2
import numpy as np
from standin.scene import CELL, COLORS, GROUND, SKY
from train.streets.camera import clipped, FINE, fixed, NEAR

FAR = 150.0  # m from the camera
FACES = np.array([(1, 3, 7, 5), (0, 4, 6, 2), (2, 6, 7, 3), (0, 1, 5, 4), (4, 5, 7, 6),
                  (0, 2, 3, 1)])  # of a box's corners: +x, -x, +y, -y, top, bottom
CORNERS = np.array([(x, y, z) for z in (-1, 1) for y in (-1, 1) for x in (-1, 1)], float)
SHADES = np.array([0.95, 0.7, 0.85, 0.6, 1.1, 0.4], np.float32)


class Light(NamedTuple):
    """What the weather does to a picture. altitude: of the sun, degrees. fog, rain: 0 to 100."""

    altitude: float = 45.0
    fog: float = 0.0
    rain: float = 0.0


def render(view, ground, boxes, light, seed=0):
    """
    Return a uint8 RGB picture (height, width, 3) and uint8 tags (height, width).

    ground: scene.Ground. boxes: scene.Boxes. seed: of the picture's noise.
    """
    parts, depth = _ground(view, ground)
    shown = _visible(view, boxes)
    _paint_boxes(parts, view, boxes, shown)
    tags = np.append(np.arange(len(COLORS)), boxes.tag[shown].repeat(6)).astype(np.uint8)
    colors = np.concatenate([COLORS, (boxes.color[shown, None] * SHADES[:, None]).reshape(-1, 3)])
    depths = ((boxes.center[shown] - view.position) @ view.rotation[:, 0]).repeat(6)
    depths = np.append(np.zeros(len(COLORS)), depths).astype(np.float32)[parts]
    depth = np.where(parts < len(COLORS), depth, depths)
    return _lit(colors.astype(np.float32)[parts], depth, light, seed), tags[parts]


def _ground(view, ground):
    """Return int32 parts (the ground's tags and the sky) and float32 depths, m; the sky has 0."""
    # From the ground's pixels to the camera's: on a plane two of the three axes do.
    offset = np.array([*ground.origin, 0]) - view.position
    back = np.linalg.inv(view.project @ np.column_stack([[CELL, 0, 0], [0, CELL, 0], offset]))
    tags = cv2.warpPerspective(ground.tags, back, (view.width, view.height),
                               flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
                               borderMode=cv2.BORDER_CONSTANT, borderValue=GROUND)
    u, v = np.arange(view.width), np.arange(view.height)[:, None]
    nearness = (back[2, 0] * u + back[2, 1] * v + back[2, 2]).astype(np.float32)
    below = nearness > 1e-4  # else beyond the horizon
    return (np.where(below, tags, SKY).astype(np.int32),
            np.where(below, 1 / np.where(below, nearness, 1), 0))


def _visible(view, boxes):
    """Return the numbers of the boxes that may be in the picture, from far to near."""
    away = (boxes.center - view.position) @ view.rotation
    forward, size = away[:, 0], np.linalg.norm(boxes.half, axis=1)
    reach = np.array([view.width, view.height]) / (2 * view.focal)  # tangents of half the angles
    inside = np.abs(away[:, 1:]) < forward[:, None] * reach + size[:, None] * (1 + reach)
    numbers = np.flatnonzero(inside.all(1) & (forward > NEAR - size) & (forward < FAR)
                             & (2 * size * view.focal > forward))  # larger than a pixel
    return numbers[np.argsort(-np.linalg.norm(away[numbers], axis=1))]


def _paint_boxes(parts, view, boxes, shown):
    """Paint the faces that the camera sees; face f of the box shown as n-th gets 6 n + f."""
    half, yaw = boxes.half[shown], np.radians(boxes.yaw[shown])
    along = np.stack([np.cos(yaw), np.sin(yaw)], 1)
    across = np.stack([-np.sin(yaw), np.cos(yaw)], 1)
    away = boxes.center[shown] - view.position
    corners = CORNERS * half[:, None]
    level = corners[..., :1] * along[:, None] + corners[..., 1:2] * across[:, None]
    points = (np.concatenate([level, corners[..., 2:]], 2) + away[:, None]) @ view.project.T
    camera = -np.stack([(away[:, :2] * axis).sum(1) for axis in (along, across)] + [away[:, 2]], 1)
    facing = np.stack([camera > half, camera < -half], 2).reshape(-1, 6)
    near = points[..., 2].min(1, initial=np.inf) < NEAR
    with np.errstate(divide='ignore', invalid='ignore'):
        pixels = points[..., :2] / points[..., 2:]
    whole = fixed(np.where(near[:, None, None], 0, pixels))
    low, high = pixels.min(1, initial=np.inf), pixels.max(1, initial=-np.inf)
    for number, box in enumerate(shown):
        part = len(COLORS) + 6 * number
        if boxes.round[box]:
            if not near[number]:
                cv2.ellipse(parts, ((low[number] + high[number]) / 2, high[number] - low[number],
                                    0), part, -1)
            continue
        for face in np.flatnonzero(facing[number]):
            polygon = whole[number, FACES[face]]
            if near[number]:
                polygon = fixed(clipped(points[number, FACES[face]]))
            if len(polygon):
                cv2.fillConvexPoly(parts, polygon, int(part + face), shift=FINE)


def _lit(colors, depth, light, seed):
    """
    Return the colours as uint8 under a weather: daylight, fog, rain, the camera's noise.

    depth: m; 0 where there is nothing for the air to hide.
    """
    rng = np.random.default_rng(seed)
    day = np.float32(np.clip(0.25 + light.altitude / 60, 0.12, 1.0))
    haze = 1 - np.exp(depth * np.float32(-0.001 - light.fog * 4e-4))[..., None]
    colors = colors + haze * (np.float32(200) - colors)
    noise = rng.integers(-6, 7, depth.shape, np.int8)
    if light.rain:
        noise += np.where(rng.random(depth.shape[1]) < light.rain / 500, 25, 0).astype(np.int8)
    return (colors * day + noise[..., None]).clip(0, 255).astype(np.uint8)
