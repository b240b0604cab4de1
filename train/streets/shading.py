"""The colours of a painted scene under a weather: surface, light, shadow, air, lamps, wetness."""
import cv2
import numpy as np
from train.streets.atlas import LEVELS
from train.streets.camera import FINE
from train.streets.noise import SIDE
from train.streets.painting import polygons, SKY

ROWS = 24  # shaded at a time, so that they stay in the processor's cache


def shade(view, scene, faces, table, shown, nearness, weather, atlas, sky, rng):
    """
    Return float32 RGB (height, width, 3), 255 for white; shown, nearness: as paint() has them.

    table: the Parts. sky: float32, as large as the picture.
    """
    light, dark = _light(view, faces, table, weather)
    shadow = _shadow(view, scene, faces, weather, shown.shape)
    blots = _blots(view, scene, shown.shape)
    places = np.ascontiguousarray(table.places.reshape(-1, 6).T * SIDE, np.float32)
    levels = _level(view, table).astype(np.float32)
    tints = (light * table.color).astype(np.float32)
    glows = (table.glow / 255).astype(np.float32)
    out = np.empty((*shown.shape, 3), np.float32)
    columns = np.arange(view.width, dtype=np.float32)
    up = view.rays(np.array([0, 0, 1.0])).astype(np.float32)
    air = (weather.horizon * 255).astype(np.float32)
    for top in range(0, view.height, ROWS):
        at = slice(top, top + ROWS)
        part, near = shown[at], np.maximum(nearness[at], np.float32(1e-4))
        rows = np.arange(top, top + len(part), dtype=np.float32)[:, None]
        depth = 1 / near
        u, v = (((np.take(a, part) * columns + np.take(b, part) * rows + np.take(c, part)) * depth)
                .astype(np.int32) & SIDE - 1 for a, b, c in (places[:3], places[3:]))
        level = np.take(levels, part) - 1.5 * np.log2(near)
        level = level.clip(0, LEVELS - 1).astype(np.int32)
        side = 8 - level
        place = (((table.tile[part] << side) + (v >> level)) << side) + (u >> level)
        texel = np.take(atlas.texels, atlas.start[level] + place).view(np.uint8)
        texel = texel.reshape(*part.shape, 4)
        color = np.take(tints, part, 0)
        color *= texel[..., :3]
        glow = np.take(glows, part)
        if glow.any():
            glow = np.minimum(glow * texel[..., 3], 1)[..., None]
            color += (texel[..., :3] - color) * glow
        if shadow[at].any():
            under = (part < table.ground) * shadow[at]
            color *= 1 - under[..., None] * (dark / 255)
        if blots[at].any():
            under = (part < table.ground) * blots[at]
            color *= 1 - under[..., None] * np.float32(0.6 / 255)
        # Less light comes to what is low down between other things.
        high = (up[0] * columns + (up[1] * rows + up[2])) * depth + np.float32(view.position[2])
        low = np.clip(1 - abs(high) * np.float32(0.6), 0, 1) * (part >= table.ground)
        color *= 1 - low[..., None] * np.float32(0.25)
        haze = 1 - np.exp(depth * np.float32(-weather.haze))
        color += (air - color) * haze[..., None]
        above = part == SKY
        if above.any():
            np.copyto(color, sky[at], where=above[..., None])
        out[at] = color
    return out


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
