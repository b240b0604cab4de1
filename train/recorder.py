"""Record one drive: the part of train.record that runs in a process of its own, see guarded.py."""
import json
import random

import numpy as np

from train.record_messages import About, Kept, Note, Step
from train.recording import Recording
from unet_perception.carla_cameras import Camera, LostFrame
from unet_perception.carla_session import CarlaError, NotTidy, Session, tidy_up
from unet_perception.carla_traces import values
from unet_perception.carla_traffic import spawn_ego, spawn_vehicles, spawn_walkers

LOST_IN_A_ROW = 3  # pictures that a camera may fail to send
PLACES = 5  # where an ego vehicle may get stuck, one after the other
EXPECTED = (CarlaError, ValueError, OSError)


def connect(send, server):
    """Return a Session that sends its Steps and Traces."""
    return Session(server.host, server.port, server.timeout,
                   lambda text, seconds: send(Step(text, seconds)), send)


def ask(send, server):
    """Send an About of the server."""
    with connect(send, server) as session:
        import carla
        weathers = {name: values(preset) for name, preset in vars(carla.WeatherParameters).items()
                    if isinstance(preset, carla.WeatherParameters)}
        try:
            with session.step('asking for the maps'):
                towns = session.client.get_available_maps()
        except CarlaError:  # then it is found out when it is loaded
            towns = ()
        send(About(session.client_version, session.server_version, session.town(),
                   tuple(sorted(town.rsplit('/', 1)[-1] for town in towns)), weathers))


def restore(send, server, traces):
    """Undo what a recorder left that has died; send the Traces after each step."""
    tidy_up(traces, server.host, server.port, server.timeout, send)


def record(send, job):
    """Record a drive, or the rest of it, sending what happens."""
    try:
        _record(send, job)
    except NotTidy:  # the traces say so, and the guard undoes them
        pass


def _record(send, job):
    drive = Recording(job.folder, job.settings)
    with connect(send, job.server) as session:
        session.load(job.settings['town'], job.server.load_timeout)
        refused = session.set_weather(job.settings['weather']['parameters'])
        if refused:
            send(Note(f'the server did not take the weather: {", ".join(refused)} differ'))
        if session.take_clock(job.settings['fixed_delta_seconds']):
            send(Note('the server was in synchronous mode, left by a client that is gone; it will '
                      'be asynchronous afterwards'))
        # Not the seed alone: the rest of a drive would begin as the drive did.
        rng = random.Random(json.dumps([job.settings['seed'], job.settings['town'],
                                        job.settings['weather']['name'], len(drive.frames)]))
        port = session.start_traffic_manager(rng.randrange(2**32))
        _spawn_traffic(send, session, rng, port, job.settings)
        drive.prepare()
        idle = 0
        while len(drive.frames) < job.frames:
            before = len(drive.frames)
            _drive(send, session, rng, port, job, drive)
            idle = idle + 1 if len(drive.frames) == before else 0
            if idle == PLACES:
                raise CarlaError(
                    f'the ego vehicle has got nowhere: started at {PLACES} places, it did not go '
                    f'{job.settings["distance"]:g} m within {job.stuck:g} s; take fewer '
                    f'vehicles, or a longer --stuck')
        drive.finish()


def _spawn_traffic(send, session, rng, port, settings):
    vehicles = len(spawn_vehicles(session, rng, port, settings['vehicles']))
    walkers = len(spawn_walkers(session, rng, settings['walkers']))
    for kind, there, wanted in (('vehicles', vehicles, settings['vehicles']),
                                ('walkers', walkers, settings['walkers'])):
        if there < wanted:
            send(Note(f'{there} of {wanted} {kind}: there is no room or no way for more in '
                      f'{settings["town"]}'))


def _drive(send, session, rng, port, job, drive):
    """Record with a new ego vehicle until the drive is done or the vehicle stands or is gone."""
    ego = spawn_ego(session, rng, port, job.ego)
    cameras = [Camera(session, ego, kind, job.lens, role_name=name) for kind, name in (
        ('rgb', 'rgb_front'), ('semantic', 'semantic_segmentation_front'))]
    for _ in range(job.warmup):
        snapshot = session.tick()
        for camera in cameras:
            camera.forget()
    since, place = snapshot.timestamp.elapsed_seconds, None  # of the frame before
    lost = 0
    while len(drive.frames) < job.frames:
        snapshot = session.tick()
        now, there = snapshot.timestamp.elapsed_seconds, snapshot.find(ego.id)
        if there is None:
            send(Note('the ego vehicle is gone from the server; going on with a new one'))
            break
        if now - since > job.stuck:
            send(Note(f'the ego vehicle has stood for {job.stuck:g} s; going on elsewhere'))
            break
        here = there.get_transform().location
        place = place or here
        try:
            images = [camera.take(snapshot.frame, job.server.sensor_timeout)
                      for camera in cameras]
        except LostFrame as error:
            lost += 1
            if lost == LOST_IN_A_ROW:
                raise CarlaError(f'{lost} frames in a row are not whole: {error}') from error
            send(Note(f'frame left out: {error}'))
            continue
        lost = 0
        if place.distance(here) < job.settings['distance']:
            continue
        image, tags = (camera.pixels(image) for camera, image in zip(cameras, images))
        drive.add(image[..., :3], np.ascontiguousarray(tags[..., 2]), frame=snapshot.frame,
                  timestamp=now, location=[round(v, 3) for v in (here.x, here.y, here.z)])
        since, place = now, here
        send(Kept(len(drive.frames), 3.6 * there.get_velocity().length(), drive.pixels,
                  drive.seen))
    session.remove([ego, *(camera.sensor for camera in cameras)])
