"""CARLA's cameras on one pose, RGB and semantic; their pictures are paired by frame number."""
from dataclasses import dataclass
import queue
import time

import numpy as np

from unet_perception.carla_session import CarlaError

KINDS = {'rgb': 'sensor.camera.rgb', 'semantic': 'sensor.camera.semantic_segmentation'}
# What would part the picture from its labels, or blur it; where the server knows of it.
PLAIN = {'sensor_tick': 0.0, 'lens_circle_multiplier': 0.0, 'lens_k': 0.0, 'lens_kcube': 0.0,
         'lens_x_size': 0.0, 'lens_y_size': 0.0, 'chromatic_aberration_intensity': 0.0,
         'motion_blur_intensity': 0.0, 'motion_blur_max_distortion': 0.0}


class LostFrame(CarlaError):
    """A camera did not send the picture of a frame in time, or one that does not fit."""


@dataclass(frozen=True)
class Lens:
    """
    What all cameras of a pose share.

    width, height: pixels. fov: horizontal, degrees. pose: x, y, z (m; forward, right, up of the
    vehicle) and pitch, yaw, roll (degrees).
    """

    width: int = 800
    height: int = 600
    fov: float = 90.0
    pose: tuple = (2.0, 0.0, 2.0, 0.0, 0.0, 0.0)


class Camera:
    """
    One camera on a vehicle; it sends from its start on.

    session: carla_session.Session. vehicle: carla.Actor. kind: of KINDS. attributes: further ones
    of its blueprint, {name: value}.
    """

    def __init__(self, session, vehicle, kind, lens, **attributes):
        import carla
        self.kind, self.lens = kind, lens
        self._pictures, self._early = queue.SimpleQueue(), {}
        with session.step(f'looking up {KINDS[kind]}'):
            blueprint = session.world.get_blueprint_library().find(KINDS[kind])
        wanted = {'image_size_x': lens.width, 'image_size_y': lens.height, 'fov': lens.fov,
                  **PLAIN, **attributes}
        for name, value in wanted.items():
            if blueprint.has_attribute(name):
                blueprint.set_attribute(name, str(value))
        x, y, z, pitch, yaw, roll = lens.pose
        pose = carla.Transform(carla.Location(x, y, z), carla.Rotation(pitch, yaw, roll))
        self.sensor = session.spawn(blueprint, pose, vehicle)
        session.start(self.sensor, self.sensor.listen, self._pictures.put)

    def forget(self):
        """Drop the pictures that have come."""
        while not self._pictures.empty():
            self._pictures.get()

    def take(self, frame, timeout):
        """
        Return the carla.Image of a frame, once; forget those before it.

        timeout: s. Raise LostFrame if it does not come.
        """
        self._early = {number: image for number, image in self._early.items() if number >= frame}
        last, end = None, time.monotonic() + timeout
        while frame not in self._early:
            try:
                image = self._pictures.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                seen = f'; its last picture was of frame {last}' if last else ''
                raise LostFrame(f'the {self.kind} camera sent no picture of frame {frame} within '
                                f'{timeout:g} s{seen}') from None
            last = image.frame
            if image.frame >= frame:
                self._early[image.frame] = image
        return self._early.pop(frame)

    def pixels(self, image):
        """
        Return a copy of an image's pixels, uint8 (height, width, 4): blue, green, red, alpha.

        Raise CarlaError if it is not of the size that was asked for.
        """
        width, height = self.lens.width, self.lens.height
        data = np.frombuffer(image.raw_data, np.uint8)
        if (image.width, image.height) != (width, height) or data.size != 4 * width * height:
            raise CarlaError(f'the {self.kind} camera sent a picture of {image.width}x'
                             f'{image.height} in {data.size} bytes, but was asked for '
                             f'{width}x{height}')
        return data.reshape(height, width, 4).copy()
