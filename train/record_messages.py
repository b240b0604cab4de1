"""What train.record tells the process that records, and what that one tells it; see guarded.py."""
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from unet_perception.carla_cameras import Lens
from unet_perception.carla_guard import Server


@dataclass(frozen=True)
class Job:
    """
    One drive to record.

    folder: of the drive. settings: what its manifest says of it, see recording.py. frames: how
    many. warmup: ticks that are dropped at first. stuck: s that the ego vehicle may stand.
    """

    server: Server
    folder: str
    settings: dict
    lens: Lens
    frames: int
    warmup: int
    stuck: float
    ego: str | None


class Kept(NamedTuple):
    """
    A frame is in the drive. frames: so far. speed: of the ego vehicle, km/h.

    pixels, seen: int (23,), pixels and frames of each class.
    """

    frames: int
    speed: float
    pixels: np.ndarray
    seen: np.ndarray


class About(NamedTuple):
    """
    What a server is.

    town: the present one. towns: those it can load, if it says so. weathers: the carla package's
    presets, {name: {parameter: value}}.
    """

    client_version: str
    server_version: str
    town: str
    towns: tuple
    weathers: dict
