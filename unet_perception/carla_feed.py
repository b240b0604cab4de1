"""Cameras on a vehicle in CARLA, frame by frame: runs in a process of its own, see guarded.py."""
from dataclasses import dataclass
import random
import time
from typing import NamedTuple

import numpy as np

from unet_perception.carla_cameras import Camera, Lens, LostFrame
from unet_perception.carla_guard import connect, Note, Server
from unet_perception.carla_session import CarlaError, NotTidy
from unet_perception.carla_traffic import spawn_ego, start_traffic_manager
from unet_perception.carla_versions import scheme_of
from unet_perception.labels import colorize, get_scheme

ENCODINGS = ('palette', 'tag')  # of the semantic camera's pixels
RED = 2  # of the pixels' channels: there CARLA writes the tag
MODES = ('tick', 'passive')  # who ticks: we, or another client or the server itself
NAMES = {'rgb': 'rgb_front', 'semantic': 'semantic_segmentation_front'}


@dataclass(frozen=True)
class Feed:
    """
    What to send.

    mode: of MODES. town: to load; '' stays. delta: simulated s of a tick. pace: simulated s in a
    real one at most; 0 as fast as it goes. role: role_name of the vehicle that the cameras are
    put on; it is spawned if there is none. drive: whether it drives by itself then. kinds: of
    cameras, see carla_cameras.KINDS. encoding: of ENCODINGS. seed: of where the vehicle starts.
    """

    server: Server
    mode: str
    town: str
    delta: float
    pace: float
    role: str
    drive: bool
    kinds: tuple
    encoding: str
    lens: Lens
    seed: int


class Connected(NamedTuple):
    """
    The cameras are on their vehicle. version: the server's. scheme: of its tags, or None.

    vehicle: its type. found: whether the vehicle was there.
    """

    version: str
    scheme: str | None
    vehicle: str
    found: bool


class Frame(NamedTuple):
    """
    One tick: simulated time in ns, and pixels (BGRA) by kind of camera that sent its picture.

    lost: a sentence on each camera that did not.
    """

    time: int
    images: dict
    lost: tuple


def feed(send, job):
    """Send a Frame for each tick of the server, until it is stopped."""
    try:
        with connect(send, job.server) as session:
            scheme = scheme_of(session.server_version)
            if scheme is None and job.encoding == 'palette' and 'semantic' in job.kinds:
                raise CarlaError(f'nothing is known of the palette of CARLA '
                                 f'{session.server_version}; take label_encoding:=tag')
            if job.town:
                session.load(job.town, job.server.load_timeout)
            if job.mode == 'passive':
                session.follow()
            elif session.take_clock(job.delta):
                send(Note('the server was in synchronous mode, left by a client that is gone'))
            vehicle, found = _vehicle(session, job)
            cameras = {kind: Camera(session, vehicle, kind, job.lens, role_name=NAMES[kind])
                       for kind in job.kinds}
            send(Connected(session.server_version, scheme, vehicle.type_id, found))
            begin, first = time.monotonic(), None
            while True:
                snapshot = session.tick()
                now = snapshot.timestamp.elapsed_seconds
                first = now if first is None else first
                send(_frame(snapshot.frame, now, cameras, job, scheme))
                if job.mode == 'tick' and job.pace:
                    time.sleep(max(0.0, begin + (now - first) / job.pace - time.monotonic()))
    except NotTidy:  # the traces say so, and the guard undoes them
        pass


def _vehicle(session, job):
    """Return the vehicle of the role, and whether it was there; else it is a new one."""
    with session.step(f'looking for the vehicle {job.role}'):
        for actor in session.world.get_actors().filter('vehicle.*'):
            if actor.attributes.get('role_name') == job.role:
                return actor, True
    port = (start_traffic_manager(session, job.seed, job.mode == 'tick')
            if job.drive else None)
    return spawn_ego(session, random.Random(job.seed), port, role=job.role), False


def _frame(number, now, cameras, job, scheme):
    images, lost = {}, []
    for kind, camera in cameras.items():
        try:
            pixels = camera.pixels(camera.take(number, job.server.sensor_timeout))
        except LostFrame as error:
            lost.append(str(error))
            continue
        images[kind] = (painted(pixels, scheme)
                        if kind == 'semantic' and job.encoding == 'palette' else pixels)
    return Frame(round(now * 1e9), images, tuple(lost))


def painted(pixels, scheme):
    """Return raw semantic pixels (BGRA, the tag in red) in the palette of a scheme, as BGRA."""
    rgb = colorize(np.ascontiguousarray(pixels[..., RED]), get_scheme(scheme).colors)
    return np.dstack([rgb[..., ::-1], np.full(rgb.shape[:2], 255, np.uint8)])
