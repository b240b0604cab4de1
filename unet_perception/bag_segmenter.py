"""Messages of a bag in, the same with the outputs of its cameras among them out."""
from collections import Counter

import cv2
import numpy as np

from unet_perception.bags import IMAGE, IMAGES, BagError, Message, read_picture, typestore
from unet_perception.labels import IGNORE, colorize

INFO = 'sensor_msgs/msg/CameraInfo'
OUTPUTS = ('mask', 'confidence', 'color', 'overlay', 'camera_info')
OPACITY = 0.5  # of the colours on the overlay, as the node's default


def find_cameras(recording, names):
    """Return {image topic: namespace} of the cameras of a Recording.

    names: of each camera its namespace, below which image or image/compressed is, or its image
    topic, such as /camera/image_raw. Raise BagError if the bag holds no such images.
    """
    topics = [c.topic for c in recording.connections if c.msgtype in IMAGES and c.msgcount]
    cameras = {}
    for name in names:
        name = name.rstrip('/')
        topic = next((t for t in (f'{name}/image', f'{name}/image/compressed', name)
                      if t in topics), None)
        if topic is None:
            raise BagError(f'the bag holds no images of the camera {name} (--camera); it holds '
                           f'images of {", ".join(topics) or "no camera"}')
        namespace = topic.removesuffix('/compressed').rpartition('/')[0]
        if namespace in cameras.values() and topic not in cameras:
            raise BagError(f'the outputs of {topic} and another camera would both go to '
                           f'{namespace}/segmentation; segment them one by one')
        cameras[topic] = namespace
    return cameras


class BagSegmenter:
    """Adds to Messages what the node would publish for them.

    cameras: {image topic: namespace}. topics: of the outputs, {topic: type}. prefixes: of them.
    frames: how many images got outputs so far. unreadable: how many did not, by image topic;
    first_reason: why the first of those did not.
    """

    def __init__(self, segmenter, cameras, outputs, groups, threshold):
        """Take a Segmenter, find_cameras()' result and what to make.

        outputs: some of OUTPUTS. groups: class names by the group's name. threshold: 0..1; less
        confident pixels get 255. Raise ValueError on a class that the model does not have.
        """
        names = segmenter.bundle.names
        unknown = {name for group in groups.values() for name in group} - set(names)
        if unknown:
            raise ValueError(f'the model has no class {", ".join(sorted(unknown))}; it has '
                             f'{", ".join(names)}')
        self.cameras, self._segmenter, self._threshold = cameras, segmenter, threshold
        self._images = [name for name in outputs if name != 'camera_info']
        self._groups = {}
        for name, group in groups.items():
            self._groups[name] = np.zeros(256, np.uint8)
            self._groups[name][[names.index(member) for member in group]] = 255
        self._infos = {f'{camera}/camera_info': f'{camera}/segmentation/camera_info'
                       for camera in cameras.values() if 'camera_info' in outputs}
        self.topics = {f'{camera}/segmentation/{name}': IMAGE
                       for camera in cameras.values() for name in (*self._images, *groups)}
        self.topics |= {topic: INFO for topic in self._infos.values()}
        self.prefixes = tuple(f'{camera}/segmentation/' for camera in cameras.values())
        self._store = typestore()
        self.frames, self.unreadable, self.first_reason = 0, Counter(), {}

    def __call__(self, messages):
        """Return a list of the Messages, each followed by its outputs."""
        pictures = {}
        for place, message in enumerate(messages):
            if message.topic in self.cameras:
                try:
                    pictures[place] = read_picture(message, self._store)
                except ValueError as error:
                    self.unreadable[message.topic] += 1
                    self.first_reason.setdefault(message.topic, error)
        results = iter(self._segmenter.batch([picture for _, picture in pictures.values()])
                       if pictures else ())
        self.frames += len(pictures)
        together = []
        for place, message in enumerate(messages):
            together.append(message)
            if place in pictures:
                header, picture = pictures[place]
                together += [
                    Message(f'{self.cameras[message.topic]}/segmentation/{name}', IMAGE,
                            message.time, self._serialized(pixels, header))
                    for name, pixels in self._make(picture, next(results)).items()]
            elif message.topic in self._infos:
                together.append(message._replace(topic=self._infos[message.topic]))
        return together

    def _make(self, picture, segmentation):
        """Return the pixels of each output by its name."""
        mask = segmentation.labels
        if self._threshold:
            mask = np.where(segmentation.confidence < 255 * self._threshold,
                            np.uint8(IGNORE), mask)
        color = None
        if {'color', 'overlay'} & set(self._images):
            color = colorize(mask, self._segmenter.bundle.colors)
        make = {'mask': lambda: mask, 'confidence': lambda: segmentation.confidence,
                'color': lambda: color, 'overlay': lambda: cv2.addWeighted(
                    color, OPACITY, picture.to_rgb(), 1 - OPACITY, 0)}
        return ({name: make[name]() for name in self._images}
                | {name: table[mask] for name, table in self._groups.items()})

    def _serialized(self, pixels, header):
        """Return the bytes of a sensor_msgs/Image, mono8 or rgb8, with that header."""
        height, width, *channels = pixels.shape
        encoding, step = ('rgb8', 3 * width) if channels else ('mono8', width)
        return bytes(self._store.serialize_cdr(self._store.types[IMAGE](
            header=header, height=height, width=width, encoding=encoding, is_bigendian=0,
            step=step, data=pixels.reshape(-1)), IMAGE))
