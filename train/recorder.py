"""Record one drive: the part of train.record that runs in a process of its own, see guarded.py."""
import json
import random

import numpy as np

from train.record_messages import About, Kept
from train.recording import Recording
from unet_perception.carla_cameras import Camera, LostFrame
from unet_perception.carla_guard import connect, Note
from unet_perception.carla_session import CarlaError, NotTidy
from unet_perception.carla_traces import values
from unet_perception.carla_traffic import (spawn_ego, spawn_vehicles, spawn_walkers,
                                           start_traffic_manager)

LOST_IN_A_ROW = 3  # pictures that a camera may fail to send
PLACES = 5  # where an ego vehicle may get stuck, one after the other
CAMERAS = (('rgb', 'rgb_front'), ('semantic', 'semantic_segmentation_front'))  # and role names
RED = 2  # of the pixels' channels: there CARLA writes the tag


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


def record(send, job):
    """Record a drive, or the rest of it, sending what happens."""
    drive, settings = Recording(job.folder, job.settings), job.settings
    try:
        with connect(send, job.server) as session:
            session.load(settings['town'], job.server.load_timeout)
            refused = session.set_weather(settings['weather']['parameters'])
            if refused:
                send(Note(f'the server did not take the weather: {", ".join(refused)} differ'))
            if session.take_clock(settings['fixed_delta_seconds']):
                send(Note('the server was in synchronous mode, left by a client that is gone; it '
                          'will be asynchronous afterwards'))
            _Recorder(send, session, job, drive).run()
            drive.finish()
    except NotTidy:  # the traces say so, and the guard undoes them
        pass


class _Recorder:
    """Drives through the town of a session and adds frames to a recording."""

    def __init__(self, send, session, job, drive):
        self.send, self.session, self.job, self.drive = send, session, job, drive
        # Not of the seed alone: the rest of a drive would begin as the drive did.
        self.rng = random.Random(json.dumps([
            job.settings['seed'], job.settings['town'], job.settings['weather']['name'],
            len(drive.frames)]))
        self.port = start_traffic_manager(session, self.rng.randrange(2**32))
        self.lost = 0  # frames in a row

    def run(self):
        """Record until the drive has its frames; CarlaError if it gets no more."""
        self._spawn_traffic()
        fruitless = 0
        while not self._done():
            before = len(self.drive.frames)
            self._drive()
            fruitless = fruitless + 1 if len(self.drive.frames) == before else 0
            if fruitless == PLACES:
                raise CarlaError(
                    f'the ego vehicle has got nowhere: started at {PLACES} places, it did not go '
                    f'{self.job.settings["distance"]:g} m within {self.job.stuck:g} s; take fewer '
                    f'vehicles, or a longer --stuck')

    def _done(self):
        return len(self.drive.frames) >= self.job.frames

    def _spawn_traffic(self):
        for kind, there in (
                ('vehicles', spawn_vehicles(self.session, self.rng, self.port,
                                            self.job.settings['vehicles'])),
                ('walkers', spawn_walkers(self.session, self.rng, self.job.settings['walkers']))):
            wanted = self.job.settings[kind]
            if len(there) < wanted:
                self.send(Note(f'{len(there)} of {wanted} {kind}: there is no room or no way for '
                               f'more in {self.job.settings["town"]}'))

    def _drive(self):
        """Record from a new ego vehicle until the drive is done or it stands or is gone."""
        ego = spawn_ego(self.session, self.rng, self.port, self.job.ego)
        cameras = [Camera(self.session, ego, kind, self.job.lens, role_name=name)
                   for kind, name in CAMERAS]
        for _ in range(self.job.warmup):
            snapshot = self.session.tick()
            for camera in cameras:
                camera.forget()
        since, place = snapshot.timestamp.elapsed_seconds, None  # when and where the last one was
        while not self._done():
            snapshot = self.session.tick()
            now, there = snapshot.timestamp.elapsed_seconds, snapshot.find(ego.id)
            if there is None:
                self.send(Note('the ego vehicle is gone from the server; going on with another'))
                break
            if now - since > self.job.stuck:
                self.send(Note(f'the ego vehicle has stood for {self.job.stuck:g} s; going on '
                               f'elsewhere'))
                break
            here = there.get_transform().location
            place = place or here
            images = self._images(cameras, snapshot.frame)
            if images and place.distance(here) >= self.job.settings['distance']:
                self._keep(snapshot, there, *images)
                since, place = now, here
        if not self._done():  # else the end of the session removes everything
            self.session.remove([ego, *(camera.sensor for camera in cameras)])

    def _images(self, cameras, frame):
        """
        Return the cameras' pixels of a frame, or None if one did not send its picture.

        CarlaError if that goes on.
        """
        try:
            images = [camera.pixels(camera.take(frame, self.job.server.sensor_timeout))
                      for camera in cameras]
        except LostFrame as error:
            self.lost += 1
            if self.lost == LOST_IN_A_ROW:
                raise CarlaError(f'{self.lost} frames in a row are not whole: {error}') from error
            self.send(Note(f'frame left out: {error}'))
            return None
        self.lost = 0
        return images

    def _keep(self, snapshot, ego, image, tags):
        """Add a frame to the drive. ego: carla.ActorSnapshot. image, tags: pixels."""
        pose, speed = ego.get_transform(), 3.6 * ego.get_velocity().length()
        self.drive.add(
            image[..., :3], np.ascontiguousarray(tags[..., RED]), frame=snapshot.frame,
            timestamp=round(snapshot.timestamp.elapsed_seconds, 6),
            location=[round(v, 4) for v in (pose.location.x, pose.location.y, pose.location.z)],
            rotation=[round(v, 4) for v in (pose.rotation.pitch, pose.rotation.yaw,
                                            pose.rotation.roll)])
        self.send(Kept(len(self.drive.frames), speed, self.drive.pixels, self.drive.seen))
