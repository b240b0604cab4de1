"""Noise that repeats without a seam, the stuff that surfaces are made of."""
from functools import lru_cache

import numpy as np

SIDE = 256  # pixels of a tile's side


def noise(rng, slope=1.0, low=1.0, stretch=(1.0, 1.0)):
    """
    Return float32 (SIDE, SIDE) noise of mean 0 and deviation 1, seamless on all sides.

    slope: of the spectrum; 0 is white, 1 rough, 2 cloudy. low: the lowest frequency kept, waves
    a tile. stretch: above 1 draws features out along rows, columns.
    """
    spectrum = np.fft.rfft2(rng.standard_normal((SIDE, SIDE), np.float32))
    spectrum *= _gain(slope, low, tuple(stretch))
    field = np.fft.irfft2(spectrum, (SIDE, SIDE))
    return field / (field.std() + np.float32(1e-9))


@lru_cache(maxsize=128)
def _gain(slope, low, stretch):
    fy = np.fft.fftfreq(SIDE, 1 / SIDE)[:, None] * stretch[0]
    fx = np.fft.rfftfreq(SIDE, 1 / SIDE) * stretch[1]
    frequency = np.hypot(fx, fy)
    gain = np.where(frequency >= low, np.maximum(frequency, 1) ** -slope, 0)
    gain[0, 0] = 0
    return gain.astype(np.float32)


def paint(base, *layers):
    """
    Return float32 RGB (SIDE, SIDE, 3), a colour with noises added to it.

    base: R, G, B. layers: (noise, strength), strength a number or R, G, B.
    """
    out = np.empty((SIDE, SIDE, 3), np.float32)
    out[:] = base
    for field, strength in layers:
        out += field[..., None] * np.asarray(strength, np.float32)
    return out


def mixed(below, above, share):
    """Blend two RGB pictures; share: (SIDE, SIDE) of the upper one, clipped to 0..1."""
    share = np.clip(share, 0, 1)[..., None]
    return below + (above - below) * share
