"""Which part of a scene each pixel shows, and how near it is."""
from typing import NamedTuple

import cv2
import numpy as np
from train.streets.camera import clipped, FINE, fixed, NEAR
from train.streets.noise import SIDE
from unet_perception.labels import NAMES

SMALL = 0.7  # pixels; what is less wide and less high is left out
SKY = 0  # the first part; the strips follow, then the faces


class Parts(NamedTuple):
    """
    What is common to all pixels of a part, by part.

    tag, tile: int. color: (n, 3). plane: (n, 3), of 1 / depth by pixel (View.rays). places:
    (n, 2, 3), the same of the place in the tile over depth. distance: from the camera to the
    plane, m. normal: (n, 3). glow, round: as of Faces. ground: how many parts are sky and ground.
    """

    tag: np.ndarray
    tile: np.ndarray
    color: np.ndarray
    plane: np.ndarray
    places: np.ndarray
    spread: np.ndarray
    distance: np.ndarray
    normal: np.ndarray
    glow: np.ndarray
    round: np.ndarray  # noqa: A003
    ground: int


def parts(view, scene, faces):
    """Return the Parts of a scene whose Faces are given."""
    strips = scene.strips
    count = 1 + len(strips)
    total = count + len(faces.tag)
    corner = np.zeros((total, 3))
    corner[count:] = faces.corners[:, 0]
    normal = np.zeros((total, 3))
    lies = [(s.side, s.turn, *s.origin, s.height, *s.slope) for s in strips]
    side, turn, x, y, height, start, rise = np.array([(1.0, 0, 0, 0, 0, 0, 0), *lies]).T
    corner[:count] = np.stack([x, y, height + rise * (x - start)], 1)
    normal[:count, 0], normal[:count, 2] = -rise / np.hypot(1, rise), 1 / np.hypot(1, rise)
    first = faces.corners[:, 0]
    normal[count:] = np.cross(faces.corners[:, 2] - first, faces.corners[:, 1] - first)
    normal[count:] /= np.linalg.norm(normal[count:], axis=1, keepdims=True) + 1e-9
    east, none = np.stack([np.cos(turn), np.sin(turn)]) / side, np.zeros(count)
    across = np.concatenate([np.stack([-east[1], east[0], none], 1), faces.across])
    down = np.concatenate([np.stack([east[0], east[1], none], 1), faces.down])
    origin = np.concatenate([np.zeros((count, 2)), faces.origin])
    away = corner - view.position
    distance = (normal * away).sum(1)
    distance = np.where(abs(distance) < 1e-4, -1e-4, distance)
    plane = view.rays(normal) / distance[:, None]
    places = []
    for axis, start in ((across, origin[:, 0]), (down, origin[:, 1])):
        shift = start - (axis * away).sum(1)
        places.append(view.rays(axis) + shift[:, None] * plane)

    def both(name, sky):
        return np.concatenate([np.array([sky, *(getattr(s, name) for s in strips)]),
                               getattr(faces, name)])

    dull = np.zeros(count)

    spread = np.sqrt(np.linalg.norm(across, axis=1) * np.linalg.norm(down, axis=1))
    return Parts(both('tag', NAMES.index('Sky')), both('tile', 0).astype(np.int32),
                 both('color', (0, 0, 0)), plane, np.stack(places, 1), spread, distance, normal,
                 np.append(dull, faces.glow), np.append(dull, faces.round), count)


def paint(view, scene, faces, table, cover, cut):
    """
    Return int32 parts (height, width) and float32 nearness, 1 / depth (0 in the sky).

    table: the Parts. cover, cut: of the Atlas.
    """
    shape = view.height, view.width
    shown = np.zeros(shape, np.int32)
    for number, strip in enumerate(scene.strips, 1):
        x, (start, rise) = strip.polygon[:, 0], strip.slope
        points = np.column_stack([strip.polygon, strip.height + rise * (x - start)])
        pixels = clipped(view.see(points))
        if len(pixels) > 2:
            cv2.fillPoly(shown, [fixed(pixels)], number, shift=FINE)
    a, b, c = table.plane[:table.ground].T.astype(np.float32)
    columns, rows = np.arange(shape[1], dtype=np.float32), np.arange(shape[0], dtype=np.float32)
    nearness = np.take(a, shown) * columns
    nearness += np.take(b, shown) * rows[:, None]
    nearness += np.take(c, shown)
    nearness[shown == SKY] = 0
    np.maximum(nearness, 1e-4, out=nearness, where=shown != SKY)
    _paint_faces(view, faces, table, cover, cut, shown, nearness)
    return shown, nearness


def polygons(seen, size):
    """
    Return the polygons that may be in a picture of that size as (numbers, pixels, bounds).

    seen: (n, k, 3), View.see() of their corners. pixels: a list of fixed() (k, 2). bounds: int
    (n, 4), left, top, right and bottom of what is inside, the latter two exclusive.
    """
    w, limits = seen[..., 2], np.array(size)
    before = (seen[..., :2] > -w[..., None]).any(1)
    inside = (before & (seen[..., :2] < w[..., None] * limits).any(1)).all(1)
    numbers = np.flatnonzero(inside & (w.max(1) > NEAR))
    seen = seen[numbers]
    near = seen[..., 2].min(1) < NEAR
    whole = seen[..., :2] / np.where(near[:, None], 1, seen[..., 2])[..., None]
    large = near | (np.ptp(whole, 1) > SMALL).any(1)
    numbers, seen, near, whole = numbers[large], seen[large], near[large], whole[large]
    pixels = list(fixed(whole))
    low, high = whole.min(1), whole.max(1)
    for number in np.flatnonzero(near):
        rest = clipped(seen[number])
        if len(rest):
            pixels[number], low[number], high[number] = fixed(rest), rest.min(0), rest.max(0)
        else:  # what is beyond NEAR lies far outside the picture
            low[number] = high[number] = -2
    low = (low - 1).clip(0, limits).astype(int)
    high = (high + 2).clip(0, limits).astype(int)
    return numbers, pixels, np.concatenate([low, high], 1)


def _paint_faces(view, faces, table, cover, cut, shown, nearness):
    seen = view.see(faces.corners)
    front = np.flatnonzero(faces.both | (table.distance[table.ground:] < -1e-3))
    numbers, pixels, bounds = polygons(seen[front], (view.width, view.height))
    numbers = front[numbers]
    depth = np.maximum(seen[numbers, :, 2], NEAR)
    most = (1 / depth.min(1)).tolist()
    order = np.argsort(depth.mean(1))  # what is near leaves less to do for what is behind it
    mask = np.zeros(shown.shape, np.uint8)
    holes, first = cut[faces.tile], table.ground
    planes, places = table.plane.astype(np.float32), table.places.astype(np.float32)
    columns = np.arange(view.width, dtype=np.float32)
    rows = np.arange(view.height, dtype=np.float32)[:, None]
    for place in order.tolist():
        number, (left, top, right, bottom) = int(numbers[place]), bounds[place].tolist()
        if left >= right or top >= bottom:
            continue
        part, at = first + number, (slice(top, bottom), slice(left, right))
        local = mask[at]
        corner = np.array((left << FINE, top << FINE), np.int32)
        cv2.fillConvexPoly(local, pixels[place] - corner, 1, shift=FINE)
        x, y = columns[left:right], rows[top:bottom]
        a, b, c = planes[part]
        near = np.minimum(a * x + (b * y + c), most[place])
        there = (near > nearness[at]) & local.view(bool)
        local[:] = 0
        if holes[number]:
            if not there.any():
                continue
            safe = np.maximum(near, 1e-5)
            with np.errstate(invalid='ignore'):  # too large where the face is not
                u, v = (((p * x + (q * y + r)) / safe * SIDE).astype(np.int32) & SIDE - 1
                        for p, q, r in places[part])
            there &= cover[faces.tile[number]].ravel()[v * SIDE + u]
        np.copyto(nearness[at], near, where=there)
        np.copyto(shown[at], part, where=there)
