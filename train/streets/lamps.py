"""What lamps and wetness add to a shaded picture, at the picture's own size."""
import cv2
import numpy as np


def lit(view, picture, nearness, ground, scene, weather, rng):
    """
    Return the picture (height, width, 3) with the lamps' light and the mirroring of wet ground.

    nearness: float32 (height, width), 1 / depth. ground: float32, 1 where the ground is.
    """
    if weather.night:
        picture = picture * (1 + _pools(view, nearness, scene))
    if weather.wet:
        picture = _mirrored(view, picture, nearness, ground, weather, rng)
    return picture


def _pools(view, nearness, scene):
    """Return how many times its own light each place gets from lamps (height, width, 3)."""
    x, y = np.arange(view.width, dtype=np.float32), np.arange(view.height, dtype=np.float32)
    depth = 1 / np.maximum(nearness, 1e-3)
    place = [((a * x + (b * y[:, None] + c)) * depth).astype(np.float32) + np.float32(at)
             for (a, b, c), at in zip(view.rays(np.eye(3)), view.position)]
    out = np.zeros((*nearness.shape, 3), np.float32)
    for (lx, ly, lz), color, reach in scene.lamps:
        square = (place[0] - lx) ** 2 + (place[1] - ly) ** 2 + (0.6 * (place[2] - lz)) ** 2
        out += (np.exp(square * np.float32(-1 / reach ** 2)) * (nearness > 1e-3))[..., None] * (
            np.asarray(color, np.float32))
    return out / (1 + out / 6)  # the eye of the camera adapts


def _mirrored(view, picture, nearness, ground, weather, rng):
    """Darken wet ground and mix the scene above the horizon into it, blurred downwards."""
    ahead = view.rays(np.array([0, 0, 1.0]))
    horizon = -(ahead[2] + ahead[0] * view.width / 2) / ahead[1]
    rows = np.clip(2 * horizon - np.arange(view.height), 0, view.height - 1).astype(int)
    mirror = cv2.blur(picture[rows], (3, max(3, view.height // 12)))
    coarse = rng.normal(0, 1, (9, 7)).astype(np.float32)
    puddles = cv2.resize(coarse, (view.width, view.height), interpolation=cv2.INTER_CUBIC)
    grazing = np.clip(view.position[2] * nearness * 1.5, 0.02, 1) ** -0.3 * 0.3
    share = np.clip(weather.wet * (grazing + 0.22 * puddles), 0, 0.75) * ground
    dry = picture * (1 - (0.4 * weather.wet * ground)[..., None])
    return dry + (mirror * 0.9 - dry) * share[..., None]
