"""What a camera makes of the light: exposure, colour, bloom, blur, vignette, rain, noise."""
import cv2
import numpy as np


def expose(picture, weather, rng):
    """Return uint8 RGB of float32 light (height, width, 3), 255 for white."""
    height, width = picture.shape[:2]
    level = float(np.median(picture[::4, ::4].max(2)))
    gain = np.clip(rng.uniform(*weather.level) / max(level, 1), 0.55, 2.2) ** rng.uniform(0.2, 0.9)
    picture = picture * np.float32(gain / 255)
    bright = cv2.resize(np.maximum(picture - 0.85, 0), (max(width // 4, 1), max(height // 4, 1)),
                        interpolation=cv2.INTER_AREA)
    if bright.max() > 0:
        glare = cv2.GaussianBlur(bright, (0, 0), width / 90) + cv2.GaussianBlur(
            bright, (0, 0), width / 30) * 0.5
        picture = picture + cv2.resize(glare, (width, height)) * rng.uniform(0.1, 0.7)
    if weather.rain:
        picture = _rain(picture, weather.rain, rng)
    light = np.linspace(0, 4, 2048, dtype=np.float32)
    film = np.where(light < 0.72, light, 0.72 + 0.28 * np.tanh((light - 0.72) / 0.28))
    film **= np.float32(np.exp(rng.normal(0.05, 0.13)))
    picture = np.take(film, (picture * (2047 / 4)).astype(np.int32), mode='clip')
    grey = picture @ np.array([0.3, 0.59, 0.11], np.float32)
    picture = grey[..., None] + (picture - grey[..., None]) * np.float32(rng.uniform(0.6, 1.15))
    picture = picture * np.exp(rng.normal(0, (0.02, 0.009, 0.022))).astype(np.float32)
    y, x = np.linspace(-1, 1, height)[:, None] ** 2, np.linspace(-1, 1, width) ** 2
    picture = picture * (1 - rng.uniform(0, 0.22) * (x + y) / 2)[..., None].astype(np.float32)
    if rng.random() < 0.55:  # sharpened, or a little soft
        amount = rng.uniform(-0.5, 0.9)
        picture = picture + (picture - cv2.GaussianBlur(picture, (0, 0), 0.9)) * amount
    if rng.random() < 0.4:
        shape = (height, width, 1) if rng.random() < 0.5 else picture.shape
        grain = rng.standard_normal(shape, np.float32)
        picture = picture + grain * np.float32(rng.uniform(0, 0.014))
    picture = (picture * 255).clip(0, 255).astype(np.uint8)
    if rng.random() < 0.25:
        quality = int(rng.integers(55, 95))
        packed = cv2.imencode('.jpg', picture, (cv2.IMWRITE_JPEG_QUALITY, quality))
        picture = cv2.imdecode(packed[1], cv2.IMREAD_COLOR)
    return picture


def _rain(picture, strength, rng):
    """Add streaks, all falling the same way."""
    height, width = picture.shape[:2]
    streaks = np.zeros((height, width), np.uint8)
    lean, count = rng.normal(0, 0.15), int(strength * width * height / 350)
    starts = rng.random((count, 2)) * (width, height)
    long = rng.uniform(0.02, 0.09, count) * height
    for (x, y), far in zip(starts, long):
        cv2.line(streaks, (int(x), int(y)), (int(x + lean * far), int(y + far)),
                 int(rng.integers(20, 80)), 1)
    return picture + streaks[..., None] * np.float32(0.3 / 80) * (0.3 + picture.mean())
