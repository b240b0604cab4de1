"""Messages of a bag in, the same with the outputs of its cameras among them out."""
from collections import Counter

from rosbags.interfaces import (Qos, QosDurability, QosHistory, QosLiveliness, QosReliability,
                                QosTime)
from rosbags.typesys import get_types_from_msg

from unet_perception.bags import BagError, IMAGE, IMAGES, Message, read_picture, typestore
from unet_perception.outputs import Outputs
from unet_perception.parameters import TRANSPORTS

INFO = 'sensor_msgs/msg/CameraInfo'
LABEL_INFO = 'vision_msgs/msg/LabelInfo'  # which no package index has, so its fields are here
VISION_CLASS = 'vision_msgs/msg/VisionClass'
FIELDS = {LABEL_INFO: 'std_msgs/Header header\n'
                      'vision_msgs/VisionClass[] class_map\n'
                      'float32 threshold',
          VISION_CLASS: 'uint16 class_id\nstring class_name'}
NEVER = QosTime(0, 0)
LATCHED = Qos(QosHistory.KEEP_LAST, 1, QosReliability.RELIABLE, QosDurability.TRANSIENT_LOCAL,
              NEVER, NEVER, QosLiveliness.AUTOMATIC, NEVER, False)


def find_cameras(recording, names):
    """
    Return {image topic: namespace} of the cameras of a Recording.

    names: of each camera its namespace, below which image or image/compressed is, or its image
    topic, such as /camera/image_raw. Raise BagError if the bag holds no such images.
    """
    topics = [c.topic for c in recording.connections if c.msgtype in IMAGES and c.msgcount]
    cameras = {}
    for name in names:
        name = name.rstrip('/')
        topic = next((topic for topic in (*(f'{name}/{t}' for t in TRANSPORTS.values()), name)
                      if topic in topics), None)
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
    """
    Adds to Messages what the node would publish for them.

    cameras: {image topic: namespace}. frames: how many images got outputs so far.
    unreadable: how many did not, by image topic; first_reason: why the first of those did not.
    """

    def __init__(self, segmenter, cameras, parameters):
        """
        Take a Segmenter, find_cameras()' result and the node's Parameters.

        Raise ValueError if a class group has a class that the model lacks.
        """
        self.cameras, self.frames, self.unreadable, self.first_reason = cameras, 0, Counter(), {}
        self._segmenter, self._parameters = segmenter, parameters
        self._outputs = Outputs(segmenter.bundle, parameters)
        self._infos = {f'{camera}/camera_info' for camera in cameras.values()
                       if 'camera_info' in parameters.outputs}
        self._named = set()  # cameras whose label_info is out
        self._store = typestore()
        for kind, text in FIELDS.items():
            self._store.register(get_types_from_msg(text, kind))

    def add_topics(self, writer):
        """
        Add the topics of the outputs to a rosbags Writer.

        Return {(topic, type): Connection}.
        """
        kinds = dict.fromkeys(self._outputs.names, IMAGE)
        for name, kind in (('camera_info', INFO), ('label_info', LABEL_INFO)):
            if name in self._parameters.outputs:
                kinds[name] = kind
        connections = {}
        for camera in self.cameras.values():
            for name, kind in kinds.items():
                topic = f'{camera}/segmentation/{name}'
                connections[topic, kind] = writer.add_connection(
                    topic, kind, typestore=self._store,
                    offered_qos_profiles=[LATCHED] if name == 'label_info' else [])
        return connections

    def __call__(self, messages):
        """Return a list of the Messages, each followed by its outputs."""
        images = {}
        for place, message in enumerate(messages):
            if message.topic in self.cameras:
                try:
                    images[place] = read_picture(message, self._store)
                except ValueError as error:
                    self.unreadable[message.topic] += 1
                    self.first_reason.setdefault(message.topic, error)
        results = iter(self._segmenter.batch([picture for _, picture in images.values()])
                       if images else ())
        self.frames += len(images)
        together = []
        for place, message in enumerate(messages):
            together.append(message)
            if place in images:
                header, picture = images[place]
                together += self._answer(message, header, picture, next(results))
            elif message.topic in self._infos:
                together.append(message._replace(
                    topic=message.topic.removesuffix('camera_info') + 'segmentation/camera_info'))
        return together

    def _answer(self, message, header, picture, result):
        """Yield the outputs of one image."""
        base = f'{self.cameras[message.topic]}/segmentation'
        if 'label_info' in self._parameters.outputs and base not in self._named:
            self._named.add(base)
            yield self._message(f'{base}/label_info', LABEL_INFO, message.time, header, class_map=[
                self._store.types[VISION_CLASS](class_id=i, class_name=name)
                for i, name in enumerate(self._segmenter.bundle.names)],
                threshold=self._parameters.confidence_threshold)
        for name, pixels in self._outputs.images(self._outputs.names, picture, result):
            height, width, *channels = pixels.shape
            encoding, step = ('rgb8', 3 * width) if channels else ('mono8', width)
            yield self._message(
                f'{base}/{name}', IMAGE, message.time, header, height=height, width=width,
                encoding=encoding, is_bigendian=0, step=step, data=pixels.reshape(-1))

    def _message(self, topic, kind, time, header, **fields):
        message = self._store.types[kind](header=header, **fields)
        return Message(topic, kind, time, bytes(self._store.serialize_cdr(message, kind)))
