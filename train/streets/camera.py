"""A pinhole camera, and what is linear in its pixels."""
from typing import NamedTuple

import numpy as np

NEAR = 0.2  # m; what is nearer to the camera's plane is cut off
FINE = 4  # bits of a pixel's fraction that OpenCV gets
FAR_OUT = 16000  # pixels from the picture; OpenCV takes not much more


def rotation(pitch, yaw, roll):
    """Return (3, 3), the camera's forward, right and up as columns; degrees, as CARLA's angles."""
    (cp, cy, cr), (sp, sy, sr) = (f(np.radians([pitch, yaw, roll])) for f in (np.cos, np.sin))
    return np.array([[cp * cy, cy * sp * sr - sy * cr, -cy * sp * cr - sy * sr],
                     [cp * sy, sy * sp * sr + cy * cr, -sy * sp * cr + cy * sr],
                     [sp, -cp * sr, cp * cr]])


class View(NamedTuple):
    """
    A camera: size in pixels, horizontal field of view in degrees, place and rotation.

    position: (3,), m. rotation: (3, 3) as rotation() returns it.
    """

    width: int
    height: int
    fov: float
    position: np.ndarray
    rotation: np.ndarray

    @property
    def focal(self):
        """Return the focal length in pixels."""
        return self.width / (2 * np.tan(np.radians(self.fov) / 2))

    def finer(self, times):
        """Return the same camera with so many times the pixels along each side."""
        return self._replace(width=self.width * times, height=self.height * times)

    def rays(self, vectors):
        """
        Return (..., 3), a, b, c so that a x + b y + c is the vector times the ray of pixel (x, y).

        A ray is 1 m long along the camera's forward; whole numbers are the middles of pixels.
        """
        away = np.asarray(vectors) @ self.rotation / self.focal
        forward, right, up = away[..., 0], away[..., 1], away[..., 2]
        middle = (self.width - 1) / 2, (self.height - 1) / 2
        return np.stack([right, -up, forward * self.focal - right * middle[0] + up * middle[1]],
                        -1)

    @property
    def project(self):
        """Return (3, 3), which makes x w, y w and w (depth, m) of what is so far from here."""
        return np.array([[(self.width - 1) / 2, self.focal, 0],
                         [(self.height - 1) / 2, 0, -self.focal],
                         [1, 0, 0]]) @ self.rotation.T

    def see(self, points):
        """Return (..., 3), x w, y w and w (depth, m) of points (..., 3)."""
        return (points - self.position) @ self.project.T


def kept(polygon, away):
    """Return the part (k, n) of a polygon where `away`, of each corner (k,), is at least 0."""
    inside = away >= 0
    if inside.all():
        return polygon
    crosses = inside != np.roll(inside, -1)
    share = away / np.where(crosses, away - np.roll(away, -1), 1)
    cut = polygon + (np.roll(polygon, -1, 0) - polygon) * share[:, None]
    return np.stack([polygon, cut], 1)[np.stack([inside, crosses], 1)]


def clipped(polygon):
    """Return the pixels (k, 2) of the part beyond NEAR; rows of the polygon are x w, y w, w."""
    polygon = kept(polygon, polygon[:, 2] - NEAR)
    pixels = polygon[:, :2] / polygon[:, 2:]
    if abs(pixels).max(initial=0) > FAR_OUT:
        for axis in (0, 1):
            for side in (-1, 1):
                pixels = kept(pixels, FAR_OUT + side * pixels[:, axis])
    return pixels


def fixed(pixels):
    """Return pixels (..., 2) as OpenCV takes them, whole numbers of 1 / 16."""
    return (pixels.clip(-FAR_OUT, FAR_OUT) * (1 << FINE)).round().astype(np.int32)
