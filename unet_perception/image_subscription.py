"""A subscription to a camera that tells why no image comes."""
import difflib

from rclpy.qos import DurabilityPolicy, QoSPolicyKind, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

try:
    from rclpy.event_handler import SubscriptionEventCallbacks
except ImportError:  # ROS 2 Humble
    from rclpy.qos_event import SubscriptionEventCallbacks

TYPES = {'raw': Image, 'compressed': CompressedImage}


class ImageSubscription:
    """
    Subscribes to images as a transport and QoS parameters say, and watches who publishes.

    topic: its full name.
    """

    def __init__(self, node, topic, receive, *, transport='raw', reliability='auto',
                 durability='volatile', depth=5):
        """
        Subscribe. receive: called with each message.

        transport: 'raw' or 'compressed'. reliability: 'reliable', 'best_effort' or 'auto'.
        """
        self._node, self._receive = node, receive
        self._type, self._auto = TYPES[transport], reliability == 'auto'
        # Reliable first: best effort loses images that the middleware sends in many pieces.
        self._qos = QoSProfile(
            depth=depth, durability=DurabilityPolicy[durability.upper()],
            reliability=ReliabilityPolicy['RELIABLE' if self._auto else reliability.upper()])
        self._subscribe(topic)
        self.topic = self._subscription.topic_name

    def _subscribe(self, topic):
        self._subscription = self._node.create_subscription(
            self._type, topic, self._receive, self._qos,
            event_callbacks=SubscriptionEventCallbacks(incompatible_qos=self._does_not_match))

    def close(self):
        """End the subscription."""
        self._node.destroy_subscription(self._subscription)

    def poll(self):
        """Receive the messages that have come, while the executor is busy with a callback."""
        handle = self._subscription.handle
        with handle:  # keeps it alive
            while taken := handle.take_message(self._type, False):
                self._receive(taken[0])

    def _does_not_match(self, event):
        """Ask for less where that is allowed; misfits() tells of the rest."""
        if (event.last_policy_kind == QoSPolicyKind.RELIABILITY and self._auto
                and self._qos.reliability == ReliabilityPolicy.RELIABLE):
            self._node.get_logger().info(
                f'a publisher of {self.topic} offers best effort; subscribing so')
            self.close()
            self._qos.reliability = ReliabilityPolicy.BEST_EFFORT
            self._subscribe(self.topic)

    def misfits(self):
        """Return a sentence about the publishers that offer less than is asked for, or ''."""
        misfits = []
        for publisher in self._publishers():
            offered = publisher.qos_profile
            for name, least in (('reliability', ReliabilityPolicy.BEST_EFFORT),
                                ('durability', DurabilityPolicy.VOLATILE)):
                has, wants = getattr(offered, name), getattr(self._qos, name)
                if has == least != wants and not (name == 'reliability' and self._auto):
                    misfits.append(
                        f'{_name(publisher)} publishes with {name} {has.name.lower()}, but '
                        f'{wants.name.lower()} is asked for: set image_{name}:={has.name.lower()}')
        return '; '.join(misfits)

    def _publishers(self):
        """Return what is known of the publishers of the topic, once their names are."""
        return [p for p in self._node.get_publishers_info_by_topic(self.topic)
                if 'UNKNOWN' not in p.node_name]

    def why_silent(self):
        """Return a sentence that tells why no image may be coming, from a look at the graph."""
        wanted = 'sensor_msgs/msg/' + self._type.__name__
        others = [p for p in self._publishers() if p.topic_type != wanted]
        if misfits := self.misfits():
            return misfits
        if others:
            return (f'{_name(others[0])} publishes it as {others[0].topic_type}, but {wanted} is '
                    f'expected; publish that, too (image_transport republishes)')
        if publishers := self._publishers():
            return (f'{", ".join(map(_name, publishers))} publishes it, but sends nothing; does '
                    f'the simulation run?')
        like = self._like()
        return (f'nobody publishes it; expected is {wanted}; ' + (
            f'there are {", ".join(like)} (remap to it, or set the namespace)'
            if like else 'no other topic here has images'))

    def _like(self):
        """Return names of up to five topics of images that others publish, the likest first."""
        kinds = {'sensor_msgs/msg/' + kind.__name__ for kind in TYPES.values()}
        there = [name for name, types in self._node.get_topic_names_and_types()
                 if kinds & set(types) and name != self.topic and '/segmentation/' not in name
                 and self._node.count_publishers(name)
                 and name not in {p.topic_name for p in self._node.publishers}]
        there.sort(key=lambda name: -difflib.SequenceMatcher(None, name, self.topic).ratio())
        return there[:5]


def _name(publisher):
    return f'{publisher.node_namespace.rstrip("/")}/{publisher.node_name}'
