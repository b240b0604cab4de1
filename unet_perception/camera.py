"""One camera of the node: its images in, its outputs beside them, its figures."""
import numpy as np
from rclpy.exceptions import InvalidTopicNameException
from rclpy.qos import DurabilityPolicy, qos_profile_sensor_data, QoSProfile, ReliabilityPolicy
from rclpy.validate_full_topic_name import validate_full_topic_name
from sensor_msgs.msg import CameraInfo, Image

from unet_perception import images
from unet_perception.frame_statistics import FrameStatistics, WITHHELD
from unet_perception.image_subscription import ImageSubscription
from unet_perception.label_info import label_info, LabelInfo
from unet_perception.parameters import TRANSPORTS


class Camera:
    """
    Topics `image`, `camera_info` and `segmentation/...` below a prefix, '' for none.

    namespace: where they are. statistics: what became of the images.
    """

    def __init__(self, node, prefix, parameters):
        """Prepare; offer() advertises, open() subscribes. parameters: the node's Parameters."""
        self.statistics = FrameStatistics()
        self._node, self._parameters = node, parameters
        self._base = f'{prefix}/' if prefix else ''
        try:
            mask = node.resolve_topic_name(f'{self._base}segmentation/mask', only_expand=True)
        except RuntimeError as error:
            raise ValueError(f'cameras has {prefix!r}, which cannot be the namespace of topics: '
                             f'{error}') from error
        self.namespace = mask.removesuffix('/segmentation/mask')
        self._publishers = {}
        self._subscription = self._info_subscription = self._info = None
        self._told = ''

    def check(self, names):
        """Raise ValueError if ROS takes no topic of one of these names below segmentation/."""
        for name in names:
            topic = f'{self.namespace}/segmentation/{name}'
            try:
                validate_full_topic_name(topic)
            except InvalidTopicNameException as error:
                raise ValueError(f'{topic} cannot be a topic: {error}') from error

    def offer(self, names):
        """Advertise the outputs of these names below segmentation/, and end all others."""
        for name in set(self._publishers) - set(names):
            self._node.destroy_publisher(self._publishers.pop(name))
        for name in names:
            if name not in self._publishers and (name != 'label_info' or LabelInfo):
                self._publishers[name] = self._advertise(name)

    def _advertise(self, name):
        topic = f'{self._base}segmentation/{name}'
        if name == 'label_info':  # latched: whoever comes later gets it too
            return self._node.create_publisher(LabelInfo, topic, QoSProfile(
                depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
        qos = QoSProfile(depth=self._parameters.output_depth, reliability=ReliabilityPolicy[
            self._parameters.output_reliability.upper()])
        return self._node.create_publisher(CameraInfo if name == 'camera_info' else Image, topic,
                                           qos)

    def open(self, receive):  # noqa: A003
        """Subscribe. receive: called with (camera, message) for each image."""
        parameters = self._parameters
        self._subscription = ImageSubscription(
            self._node, self._base + TRANSPORTS[parameters.image_transport],
            lambda message: receive(self, message), transport=parameters.image_transport,
            reliability=parameters.image_reliability, durability=parameters.image_durability,
            depth=parameters.image_depth)
        self._info_subscription = self._node.create_subscription(
            CameraInfo, f'{self._base}camera_info', self._keep_info, qos_profile_sensor_data)
        self.statistics.begin()
        self._told = ''

    def close(self):
        """End the subscriptions."""
        if self._subscription:
            self._subscription.close()
            self._node.destroy_subscription(self._info_subscription)
            self._subscription = self._info_subscription = None

    def _keep_info(self, info):
        self._info = info

    @property
    def topic(self):
        """Return the name of the image topic; None while it is not subscribed to."""
        return self._subscription and self._subscription.topic

    def watch(self, limit):
        """
        Tell in the log why no image came for so many seconds, or whose QoS does not match.

        Once each, and that images come again.
        """
        if not self._subscription:
            return
        silence, log = self.statistics.silence(), self._node.get_logger()
        why = (self._subscription.why_silent() if silence > limit
               else self._subscription.misfits())
        if why and why != self._told:
            log.warning(f'no image on {self.topic} for {silence:.0f} s: {why}' if silence > limit
                        else f'{self.topic}: {why}')
        elif self._told and silence < 2:
            log.info(f'images come on {self.topic}')
        self._told = why

    def poll(self):
        """Take the images that have come, where no executor does."""
        if self._subscription:
            self._subscription.poll()

    def wanted(self):
        """Return the names of the outputs that somebody subscribes to."""
        return [name for name, publisher in self._publishers.items()
                if name != 'label_info' and publisher.get_subscription_count()]

    def publish(self, pictures, header):
        """Publish (name, uint8 pixels) pairs with a header as it came with their image."""
        for name, pixels in pictures:
            self._publishers[name].publish(images.to_message(
                pixels, 'mono8' if pixels.ndim == 2 else 'rgb8', header))

    def publish_info(self, header, height, width):
        """Publish the camera_info of an image: the camera's last, with the image's own header."""
        why, info = _misfit(self._info, height, width), self._info
        if why:
            self.statistics.count(WITHHELD)
            self._node.get_logger().warning(
                f'segmentation/camera_info of {self.namespace} is wanted, but {why}',
                throttle_duration_sec=5.0)
            return
        info.header = header
        self._publishers['camera_info'].publish(info)

    def publish_label_info(self, bundle, threshold):
        """Publish what the ids in the mask mean."""
        if 'label_info' in self._publishers:
            self._publishers['label_info'].publish(
                label_info(bundle, threshold, self._node.get_clock().now().to_msg()))

    def destroy(self):
        """End all topics."""
        self.close()
        self.offer(())


def _misfit(info, height, width):
    """Return why a CameraInfo, or None, cannot go with an image of this size, or ''."""
    if info is None:
        return 'there is no camera_info'
    if (info.height, info.width) != (height, width):
        return (f'camera_info is for {info.width}x{info.height} where the image is '
                f'{width}x{height}')
    if not all(np.isfinite(values).all() for values in (info.d, info.k, info.r, info.p)):
        return 'camera_info holds what is no number'
    return ''
