"""One camera of the node: its image topic in, its outputs beside it, its figures."""
import cv2
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from unet_perception import images, labels
from unet_perception.frame_statistics import FrameStatistics

try:
    from rclpy.event_handler import SubscriptionEventCallbacks
except ImportError:  # ROS 2 Humble
    from rclpy.qos_event import SubscriptionEventCallbacks

OUTPUTS = ('mask', 'confidence', 'color', 'overlay')


class Camera:
    """Topics `image` and `segmentation/...` below a prefix, '' for the node's own namespace."""

    def __init__(self, node, prefix, receive):
        """Advertise the outputs and subscribe. receive: called with (camera, Image)."""
        self.statistics = FrameStatistics()
        self._node = node
        base = f'{prefix}/' if prefix else ''
        self._topic = f'{base}image'
        self._receive = receive
        # Reliable, so that subscribers of either kind match (rviz2 asks for reliable).
        self._publishers = {
            name: node.create_publisher(Image, f'{base}segmentation/{name}', 10)
            for name in OUTPUTS}
        self.namespace = self._publishers['mask'].topic_name.removesuffix('/segmentation/mask')
        # Reliable first: best effort loses images that the middleware sends in many pieces.
        self._subscribe(ReliabilityPolicy.RELIABLE)
        self.topic = self._subscription.topic_name

    def _subscribe(self, reliability):
        events = SubscriptionEventCallbacks(incompatible_qos=self._publisher_does_not_match)
        # Depth 1: what is late is of no use to a car.
        self._subscription = self._node.create_subscription(
            Image, self._topic, lambda message: self._receive(self, message),
            QoSProfile(depth=1, reliability=reliability), event_callbacks=events)
        self._reliability = reliability

    def _publisher_does_not_match(self, _):
        if self._reliability == ReliabilityPolicy.BEST_EFFORT:
            self._node.get_logger().error(
                f'a publisher of {self._topic} has a QoS that no sensor-data subscription '
                f'matches; see `ros2 topic info -v`', once=True)
            return
        self._node.get_logger().info(
            f'a publisher of {self._topic} offers best effort; subscribing so')
        self._node.destroy_subscription(self._subscription)
        self._subscribe(ReliabilityPolicy.BEST_EFFORT)

    def wanted(self):
        """Return the names of the outputs that somebody subscribes to."""
        return [n for n, p in self._publishers.items() if p.get_subscription_count()]

    def publish(self, wanted, segmentation, picture, header, colors, opacity):
        """Publish the wanted outputs of one picture, with its header as it came."""
        if 'color' in wanted or 'overlay' in wanted:
            color = labels.colorize(segmentation.labels, colors)
        make = {
            'mask': lambda: segmentation.labels,
            'confidence': lambda: segmentation.confidence,
            'color': lambda: color,
            'overlay': lambda: cv2.addWeighted(color, opacity, picture.to_rgb(), 1 - opacity, 0)}
        for name in wanted:
            pixels = make[name]()
            self._publishers[name].publish(images.to_message(
                pixels, 'mono8' if pixels.ndim == 2 else 'rgb8', header))
