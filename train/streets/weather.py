"""Sun, sky, air and wetness: kinds of weather such as CARLA's presets, and the sky they make."""
from typing import NamedTuple

import cv2
import numpy as np


class Weather(NamedTuple):
    """
    The light of a picture; colours are R, G, B, shares of full light.

    to_sun: (3,), unit vector. sun, above, below: light of the sun, of the sky and from the ground.
    zenith, horizon, halo: of the sky. cover: of clouds, -2 (none) to 3 (closed). cloud: its
    colour. haze: by m. wet: 0 to 1. rain: 0 to 1. night: whether lamps are lit. gain: exposure.
    level: lowest and highest brightness, of 255, that a camera makes of the middle of a picture.
    """

    name: str
    to_sun: np.ndarray
    sun: np.ndarray
    above: np.ndarray
    below: np.ndarray
    zenith: np.ndarray
    horizon: np.ndarray
    halo: np.ndarray
    cover: float
    cloud: np.ndarray
    haze: float
    wet: float
    rain: float
    night: bool
    gain: float
    level: tuple


# name: share, sun's altitude, sun, above, zenith, horizon, halo, cover, cloud, haze
_KINDS = {
    'clear': (0.25, (18, 80), (.82, .77, .68), (.38, .41, .47), (.32, .49, .76), (.68, .78, .88),
              (.5, .45, .35), (-2, -0.4), (.95, .96, .98), (2e-4, 1.5e-3)),
    'cloudy': (0.15, (15, 75), (.5, .48, .45), (.5, .53, .57), (.4, .52, .7), (.72, .78, .84),
               (.3, .3, .28), (-0.4, 1.0), (.86, .88, .92), (4e-4, 2.5e-3)),
    'overcast': (0.18, (20, 80), (.14, .14, .13), (.72, .74, .77), (.46, .51, .62), (.7, .74, .8),
                 (.1, .1, .1), (0.8, 3), (.62, .66, .73), (5e-4, 4e-3)),
    'sunset': (0.11, (1, 14), (.85, .55, .3), (.44, .42, .48), (.3, .38, .56), (.95, .68, .45),
               (.9, .5, .2), (-1.5, 0.8), (.75, .55, .5), (6e-4, 4e-3)),
    'fog': (0.07, (10, 70), (.14, .14, .13), (.66, .68, .7), (.66, .68, .7), (.76, .77, .78),
            (.2, .2, .18), (1, 3), (.74, .75, .76), (6e-3, 3.5e-2)),
    'night': (0.09, (25, 70), (.07, .08, .11), (.14, .15, .19), (.025, .035, .07), (.1, .11, .15),
              (.05, .05, .07), (-1.5, 1.5), (.07, .07, .1), (5e-4, 6e-3)),
    'dusk': (0.08, (0, 4), (.07, .04, .03), (.17, .15, .16), (.12, .11, .14), (.5, .24, .14),
             (.3, .12, .04), (-1.5, 1.2), (.22, .13, .12), (5e-4, 3e-3)),
    'dark': (0.07, (25, 70), (.01, .01, .014), (.045, .045, .05), (.004, .005, .01),
             (.012, .012, .018), (0, 0, 0), (-1.5, 1), (.008, .008, .012), (3e-4, 3e-3)),
}
_LEVELS = {'night': (45, 95), 'dusk': (25, 70), 'dark': (8, 40)}


def draw(rng):
    """Return a random Weather."""
    names = list(_KINDS)
    name = names[rng.choice(len(names), p=[_KINDS[n][0] for n in names])]
    _, altitude, sun, above, zenith, horizon, halo, cover, cloud, haze = _KINDS[name]
    up, around = np.radians(rng.uniform(*altitude)), rng.uniform(0, 2 * np.pi)
    to_sun = np.array([np.cos(up) * np.cos(around), np.cos(up) * np.sin(around), np.sin(up)])

    def near(color, spread=0.06):
        return np.array(color) * np.exp(rng.normal(0, spread, 3) * 0.4 + rng.normal(0, spread))

    wet = rng.uniform(0.3, 1) if rng.random() < (0.3 if name != 'clear' else 0.12) else 0.0
    above = near(above, 0.1)
    grey = rng.uniform(0, 0.8) * (name == 'clear')  # CARLA's older skies are pale
    horizon = near(horizon, 0.08)
    return Weather(name, to_sun, near(sun, 0.1), above, above * rng.uniform(0.45, 0.7),
                   near(np.array(zenith) * (1 - grey * 0.5) + horizon * grey * 0.5, 0.12), horizon,
                   near(halo, 0.2), rng.uniform(*cover), near(cloud, 0.08),
                   float(np.exp(rng.uniform(*np.log(haze)))), wet,
                   rng.uniform(0, 1) if wet and rng.random() < 0.5 else 0.0, name in _LEVELS,
                   float(np.exp(rng.normal(0.0, 0.14))), _LEVELS.get(name, (100, 165)))


def sky(view, weather, clouds, rng):
    """Return the sky in every direction of a view: float32 (height, width, 3) in 0..255."""
    coarse = view._replace(width=view.width // 2, height=view.height // 2)
    x, y = np.arange(coarse.width), np.arange(coarse.height)[:, None]
    ray = np.stack([a * x + (b * y + c) for a, b, c in coarse.rays(np.eye(3))], -1)
    ray = ray.astype(np.float32)
    ray /= np.sqrt((ray * ray).sum(-1, keepdims=True))
    up = np.maximum(ray[..., 2], 0.0)
    rise = (1 - np.exp(-up * 5))[..., None]
    out = weather.horizon + (weather.zenith - weather.horizon) * rise
    toward = np.clip(ray @ weather.to_sun.astype(np.float32), 0, 1)[..., None]
    out = out + weather.halo * (toward ** 12 * 0.6 + toward ** 120 * 0.8)
    size = rng.uniform(15, 70)
    shift, turn = rng.uniform(0, len(clouds), 2), rng.uniform(0.6, 1.6)
    where = ray[..., :2] / (up[..., None] + rng.uniform(0.05, 0.25)) * size * (1, turn) + shift
    # The field begins anew; the map wraps by itself.
    field = cv2.remap(clouds, *(np.ascontiguousarray(where[..., i], np.float32) for i in (0, 1)),
                      cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)[..., None]
    thick = np.clip((field + weather.cover) * rng.uniform(0.4, 1.1), 0, 1)
    lit = weather.cloud * (1.04 - 0.16 * np.clip(field + weather.cover - 0.6, 0, 2))
    lit = lit + weather.halo * toward ** 6 * 0.5
    fade = np.clip(up * 12, 0, 1)[..., None] * 0.9
    out = out + (lit - out) * thick * fade
    disc = (toward > 0.99985) * (1 - thick) * (weather.sun.max() > 0.4)
    out = out + 3.0 * disc * (weather.sun / weather.sun.max())
    return cv2.resize((out * 255).astype(np.float32), (view.width, view.height))
