"""A scene: strips of ground over one another, and planar faces that stand on it."""
from typing import NamedTuple

import numpy as np
from train.streets.camera import kept

_BOX = np.array([[(0, 0, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1)],  # back
                 [(1, 1, 0), (1, 0, 0), (1, 0, 1), (1, 1, 1)],  # front
                 [(1, 0, 0), (0, 0, 0), (0, 0, 1), (1, 0, 1)],  # left
                 [(0, 1, 0), (1, 1, 0), (1, 1, 1), (0, 1, 1)],  # right
                 [(0, 0, 1), (0, 1, 1), (1, 1, 1), (1, 0, 1)],  # top
                 [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)]], float)  # bottom
ALL = ((-80, -4000), (8000, -4000), (8000, 4000), (-80, 4000))  # ground to the horizon
WHOLE = (0.003, 0.003, 0.997, 0.997)  # of a tile; not its very edge, where it begins anew


class Faces(NamedTuple):
    """
    Planar faces.

    corners: (n, 4, 3), m, from the lower left to the left of the top as seen from outside; a
    triangle has its last corner twice. tag: (n,), labels. tile: (n,) of the atlas. color: (n, 3),
    a tint, 1 for none. across, down: (n, 3), what a metre adds to a place in the tile (1 is the
    whole tile). origin: (n, 2), the place of the first corner. glow: (n,), how much of the tile's
    shine is light. round: (n,), how much light is that of a rounded thing, not of a plane.
    both: (n,), also seen from behind. shadow: (n,), casts one.
    """

    corners: np.ndarray
    tag: np.ndarray
    tile: np.ndarray
    color: np.ndarray
    across: np.ndarray
    down: np.ndarray
    origin: np.ndarray
    glow: np.ndarray
    round: np.ndarray  # noqa: A003
    both: np.ndarray
    shadow: np.ndarray


class Strip(NamedTuple):
    """
    Ground: a polygon (k, 2) in m, how high it lies, and its surface.

    side: m per tile. turn: radians, where the tile's columns lead. origin: x, y of a tile's
    corner. slope: where it begins to rise (x), and how much (m per m).
    """

    polygon: np.ndarray
    height: float
    tag: int
    tile: int
    color: tuple
    side: float
    turn: float
    origin: tuple
    slope: tuple = (0.0, 0.0)


class Scene:
    """
    Strips (the later hides the earlier), Faces, lamps and shadows on the ground.

    lamps: (place (3,), color (3,), reach in m). blots: polygons (4, 2) that are dark because
    something stands close above them. shades: polygons (k, 3) that only cast shadows.
    """

    def __init__(self):
        self.strips, self.lamps, self.blots, self.shades = [], [], [], []
        self._corners, self._counts, self._surfaces = [], [], []
        self.slope = (0.0, 0.0)

    def strip(self, polygon, tag, tile, color=(1, 1, 1), side=4.0, height=0.0,
              turn=0.0, origin=(0.0, 0.0)):
        """Lay a strip of ground."""
        self.strips.append(Strip(np.asarray(polygon, float), height, tag, tile, color, side, turn,
                                 origin))

    def quads(self, corners, tag, tile, color=(1, 1, 1), side=None, fit=WHOLE, glow=0.0,
              round_=0.0, both=False, shadow=True):
        """
        Add faces; corners (n, 4, 3) or (4, 3), the rest for all of them.

        side: width and height of the tile in m, from the first corner; else the tile is fitted,
        fit: its left, top, right and bottom place.
        """
        corners = np.array(corners, float).reshape(-1, 4, 3)
        self._corners.append(corners)
        self._counts.append(len(corners))
        self._surfaces.append((tag, tile, *color, *(side or (0, 0)), *fit, glow, round_, both,
                               shadow))

    def box(self, x, y, yaw, z, size, tag, tile, color=(1, 1, 1), sides=range(5), **surface):
        """Add a box: middle, direction (radians), lower side, length, width and height, m."""
        surface.setdefault('side', (2.0, 2.0))
        turn = np.array([[np.cos(yaw), np.sin(yaw), 0], [-np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
        corners = (_BOX[list(sides)] - (0.5, 0.5, 0)) * size @ turn + (x, y, z)
        self.quads(corners, tag, tile, color, **surface)

    def boards(self, places, size, tag, tile, camera, color=(1, 1, 1), round_=1.0, mirror=False,
               **surface):
        """
        Add upright pictures that face the camera.

        places: (n, 3), the middles of their feet. size: width and height.
        """
        places = np.asarray(places, float).reshape(-1, 3)
        width, height = size
        away = places[:, :2] - camera[:2]
        away /= np.hypot(*away.T)[:, None] + 1e-9
        right = np.column_stack([-away[:, 1], away[:, 0], np.zeros(len(away))]) * width / 2
        up = np.array([0, 0, 1.0]) * height
        corners = np.stack([places - right, places + right, places + right + up,
                            places - right + up], 1)
        left, top, end, bottom = WHOLE
        fit = (end, top, left, bottom) if mirror else WHOLE
        self.quads(corners, tag, tile, color, fit=fit, round_=round_, both=True, **surface)

    def height(self, x):
        """Return how high the ground is at x."""
        start, rise = self.slope
        return rise * np.maximum(x - start, 0)

    def incline(self, start, rise):
        """
        Let the ground rise, or fall, by `rise` m per m beyond x = start, and all that is on it.

        Once, when all is there. What is upright stays so; it must not fall out of sight, since
        ground does not hide ground.
        """
        self.slope, strips = (start, rise), self.strips
        self.strips = []
        for strip in strips:
            for beyond in (False, True):
                away = (strip.polygon[:, 0] - start) * (1 if beyond else -1)
                polygon = kept(strip.polygon, away)
                if len(polygon) > 2:
                    self.strips.append(strip._replace(
                        polygon=polygon, slope=self.slope if beyond else strip.slope))
        for corners in (*self._corners, *self.shades):
            corners[..., 2] += self.height(corners[..., 0])
        self.lamps = [((x, y, z + self.height(x)), *rest) for (x, y, z), *rest in self.lamps]

    def faces(self):
        """Return all Faces."""
        corners = np.concatenate(self._corners)
        tag, tile, r, g, b, *sizes, glow, round_, both, shadow = np.repeat(
            np.array(self._surfaces, float), self._counts, 0).T
        wide, high, left, top, end, bottom = (size[:, None] for size in sizes)
        right, up = corners[:, 1] - corners[:, 0], corners[:, 3] - corners[:, 0]
        # The vectors of the plane that have 1 with one of the two edges and 0 with the other.
        squares = [(e * e).sum(1, keepdims=True) for e in (right, up)]
        both_ways = (right * up).sum(1, keepdims=True)
        area = squares[0] * squares[1] - both_ways ** 2 + 1e-12
        across = (right * squares[1] - up * both_ways) / area
        above = (up * squares[0] - right * both_ways) / area
        fitted = wide == 0
        wide, high = np.where(fitted, 1, wide), np.where(fitted, 1, high)
        across = across * np.where(fitted, end - left, np.sqrt(squares[0]) / wide)
        above = above * np.where(fitted, bottom - top, np.sqrt(squares[1]) / high)
        origin = np.where(fitted, np.concatenate([left, bottom], 1), (0.0, 1.0))
        return Faces(corners, tag.astype(int), tile.astype(int), np.stack([r, g, b], 1), across,
                     -above, origin, glow, round_, both > 0, shadow > 0)
