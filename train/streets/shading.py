"""The colours of a painted scene under a weather: surface, light, shadow, air, lamps, wetness."""
import cv2
import numpy as np
from train.streets.atlas import LEVELS
from train.streets.camera import FINE
from train.streets.noise import SIDE
from train.streets.painting import polygons, SKY

SAMPLES = 16384  # shaded at a time, so that they stay in the processor's cache


def shade(view, scene, faces, table, shown, nearness, weather, atlas, sky):
    """
    Return float32 RGB (height / 2, width / 2, 3), 255 for white, of the painted view.

    shown, nearness: as paint() has them. table: the Parts. sky: float32, as large as the result.
    Four pixels that show one part are shaded as one: their texels come from a smaller version of
    the tile, so they are as smooth as four.
    """
    shader = _Shader(view, faces, table, weather, atlas)
    size = view.width // 2, view.height // 2
    shadow, blots = (cv2.resize(mask, size, interpolation=cv2.INTER_AREA) for mask in (
        _shadow(view, scene, faces, weather, shown.shape), _blots(view, scene, shown.shape)))
    four = [(dy, dx) for dy in (0, 1) for dx in (0, 1)]
    parts = [shown[dy::2, dx::2] for dy, dx in four]
    mixed = (parts[0] != parts[1]) | (parts[0] != parts[2]) | (parts[0] != parts[3])
    near = cv2.resize(nearness, size, interpolation=cv2.INTER_AREA)
    out = np.empty((*mixed.shape, 3), np.float32)
    x = np.arange(0.5, view.width, 2, np.float32)
    step = max(1, SAMPLES // size[0])
    for top in range(0, size[1], step):
        at = slice(top, top + step)
        y = np.arange(0.5, view.height, 2, np.float32)[at, None]
        out[at] = shader.colors(parts[0][at], near[at], x, y, shadow[at], blots[at], sky[at], 1.0)
    rows, columns = np.nonzero(mixed)
    for first in range(0, len(rows), SAMPLES // 4):
        y, x = rows[first:first + SAMPLES // 4], columns[first:first + SAMPLES // 4]
        ys, xs = (2 * np.stack([y] * 4) + [[dy] for dy, _ in four],
                  2 * np.stack([x] * 4) + [[dx] for _, dx in four])
        out[y, x] = shader.colors(shown[ys, xs], nearness[ys, xs], xs.astype(np.float32),
                                  ys.astype(np.float32), shadow[y, x], blots[y, x], sky[y, x],
                                  0.0).mean(0)
    return out


class _Shader:
    """Knows the colours of a scene's parts at every place."""

    def __init__(self, view, faces, table, weather, atlas):
        light, self._dark = _light(view, faces, table, weather)
        self._places = np.ascontiguousarray(table.places.reshape(-1, 6).T * SIDE, np.float32)
        self._levels = _level(view, table).astype(np.float32)
        self._tints = (light * table.color).astype(np.float32)
        self._glows = (table.glow / 255).astype(np.float32)
        self._up = view.rays(np.array([0, 0, 1.0])).astype(np.float32)
        self._height, self._haze = np.float32(view.position[2]), np.float32(-weather.haze)
        self._air = (weather.horizon * 255).astype(np.float32)
        self._tile, self._ground, self._atlas = table.tile, table.ground, atlas

    def colors(self, part, near, x, y, shadow, blots, sky, coarse):
        """
        Return float32 RGB (..., 3) of pixels x, y that show the parts, both as shade() has them.

        shadow, blots: uint8, and sky, float32 RGB, there. coarse: so many halvings more. All may
        be of shapes that broadcast.
        """
        depth = 1 / np.maximum(near, np.float32(1e-4))
        color = self._lit(part, near, depth, x, y, coarse)
        if shadow.any():
            under = (part < self._ground) * shadow
            color *= 1 - under[..., None] * (self._dark / 255)
        if blots.any():
            under = (part < self._ground) * blots
            color *= 1 - under[..., None] * np.float32(0.6 / 255)
        # Less light comes to what is low down between other things.
        a, b, c = self._up
        high = (a * x + (b * y + c)) * depth + self._height
        low = np.clip(1 - abs(high) * np.float32(0.6), 0, 1) * (part >= self._ground)
        color *= 1 - low[..., None] * np.float32(0.25)
        haze = 1 - np.exp(depth * self._haze)
        color += (self._air - color) * haze[..., None]
        np.copyto(color, sky, where=(part == SKY)[..., None])
        return color

    def _lit(self, part, near, depth, x, y, coarse):
        """Return the surface's colour in the light that falls on it, or that it sheds."""
        u, v = (((np.take(a, part) * x + np.take(b, part) * y + np.take(c, part)) * depth)
                .astype(np.int32) & SIDE - 1 for a, b, c in (self._places[:3], self._places[3:]))
        level = np.take(self._levels, part) - 1.5 * np.log2(np.maximum(near, np.float32(1e-4)))
        level = (level + np.float32(coarse)).clip(0, LEVELS - 1).astype(np.int32)
        side = 8 - level
        place = (((self._tile[part] << side) + (v >> level)) << side) + (u >> level)
        texel = np.take(self._atlas.texels, self._atlas.start[level] + place).view(np.uint8)
        texel = texel.reshape(*part.shape, 4)
        color = np.take(self._tints, part, 0)
        color *= texel[..., :3]
        glow = np.take(self._glows, part)
        if glow.any():
            glow = np.minimum(glow * texel[..., 3], 1)[..., None]
            color += (texel[..., :3] - color) * glow
        return color


def _light(view, faces, table, weather):
    """Return the light on each part (n, 3), and the share that a shadow takes from the ground."""
    normal = np.where((table.distance > 0)[:, None], -table.normal, table.normal)
    up = normal[:, 2:]
    around = weather.above * (0.5 + 0.5 * up) + weather.below * (0.5 - 0.5 * up)
    plane = around + weather.sun * np.clip(normal @ weather.to_sun, 0, 1)[:, None]
    # Rounded things (crowns, people) show more of their lit side with the sun behind the camera.
    behind = 0.5 - 0.5 * view.rotation[:, 0] @ weather.to_sun
    rounded = (weather.above * 0.8 + weather.below * 0.2) + weather.sun * (0.2 + 0.55 * behind)
    light = plane + (rounded - plane) * table.round[:, None]
    sun = weather.sun * max(weather.to_sun[2], 0)
    return light * weather.gain, (sun / (sun + weather.above)).astype(np.float32)


def _level(view, table):
    """Return which halving of a tile has about a pixel a texel at 1 m, by part."""
    texels = np.log2(SIDE * table.spread + 1e-9) - np.log2(view.focal)
    return texels - 0.5 * np.log2(abs(table.distance)) + 0.3


def _shadow(view, scene, faces, weather, shape):
    """Return uint8, 255 where the sun does not reach the ground, blurred."""
    out = np.zeros(shape, np.uint8)
    if weather.sun.max() < 0.2:
        return out
    away = weather.to_sun[:2] / max(weather.to_sun[2], 0.12)
    casting = [faces.corners[faces.shadow]]
    for count in {len(shade) for shade in scene.shades}:
        casting.append(np.stack([shade for shade in scene.shades if len(shade) == count]))
    for corners in casting:
        high = corners[..., 2:] - scene.height(corners[..., :1])
        _fill(out, view, scene, corners[..., :2] - high * away)
    return cv2.blur(out, (3, 3))


def _blots(view, scene, shape):
    """Return uint8, 255 where things close above the ground keep all light off it, blurred."""
    out = np.zeros(shape, np.uint8)
    if scene.blots:
        _fill(out, view, scene, np.stack(scene.blots))
        wide = view.height // 60
        out = cv2.blur(out, (2 * wide + 1, wide + 1))
    return out


def _fill(mask, view, scene, level):
    """Fill polygons (n, k, 2) on the ground with 255."""
    seen = view.see(np.concatenate([level, scene.height(level[..., :1])], 2))
    for pixels in polygons(seen, (view.width, view.height))[1]:
        cv2.fillPoly(mask, [pixels], 255, shift=FINE)
