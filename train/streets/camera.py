"""A pinhole camera, and what is linear in its pixels."""
from typing import NamedTuple

import numpy as np

NEAR = 0.2  # m; what is nearer to the camera's plane is cut off
FINE = 4  # bits of a pixel's fraction that OpenCV gets


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


def clipped(polygon):
    """Return the pixels (k, 2) of the part beyond NEAR; rows of the polygon are x w, y w, w."""
    w = polygon[:, 2]
    inside = w >= NEAR
    if inside.all():
        return polygon[:, :2] / w[:, None]
    after = np.roll(polygon, -1, 0)
    crosses = inside != np.roll(inside, -1)
    step = np.where(crosses, after[:, 2] - w, 1)
    cut = polygon + (after - polygon) * ((NEAR - w) / step)[:, None]
    both = np.stack([polygon, cut], 1)[np.stack([inside, crosses], 1)]
    return both[:, :2] / both[:, 2:]


def fixed(pixels):
    """Return pixels (..., 2) as OpenCV takes them, whole numbers of 1 / 16."""
    return (pixels.clip(-20000, 20000) * (1 << FINE)).round().astype(np.int32)
