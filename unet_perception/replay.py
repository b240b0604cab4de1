"""Play a recorded bag through a segmentation node of its own process, and record what comes back."""
import os
import random
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import rclpy
import sensor_msgs.msg
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.serialization import deserialize_message

from unet_perception.bags import Message, stamp_ns
from unet_perception.share import shipped

OUTPUTS = ('mask', 'confidence', 'color', 'overlay')
START_SECONDS = 60  # a cold disk and a slow CPU included


class ReplayError(RuntimeError):
    """The node did not start, or died; the message holds the end of what it printed."""


@contextmanager
def private_domain():
    """Join a ROS domain of our own on the loopback device, this process and its children.

    With room for camera images: see config/fastdds.xml.
    """
    os.environ['ROS_DOMAIN_ID'] = str(random.randint(1, 101))  # safe from Linux' ephemeral ports
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    for name in ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE'):
        os.environ.setdefault(name, str(shipped('config', 'fastdds.xml')[0]))
    rclpy.init()
    try:
        yield
    finally:
        rclpy.try_shutdown()


@contextmanager
def running_node(arguments, log):
    """Run `python -m unet_perception.node` with these ROS arguments, its output in a log file."""
    with open(log, 'w') as file:
        process = subprocess.Popen(
            [sys.executable, '-m', 'unet_perception.node', '--ros-args', *arguments],
            stdout=file, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=10)


class Replay(Node):
    """Plays Messages at their own pace and keeps every output of a node in `namespace`.

    recorded: Messages of the outputs, stamped with the time of their frame plus the latency.
    latencies: seconds from the publishing of a frame to the receipt of its mask, by stamp in ns.
    diagnostics: the node's last figures, by name.
    """

    def __init__(self, namespace):
        """Subscribe to the outputs of the node in that namespace."""
        super().__init__('replay')
        self.recorded = []
        self.latencies = {}
        self.diagnostics = {}
        self._sent = {}
        self._namespace = namespace
        self._topics = [f'{namespace}/segmentation/{name}' for name in OUTPUTS]
        for topic in self._topics:
            self.create_subscription(
                sensor_msgs.msg.Image, topic,
                lambda data, topic=topic: self._record(topic, data), 10, raw=True)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._diagnose, 10)
        threading.Thread(target=rclpy.spin, args=(self,), daemon=True).start()

    def play(self, messages, process, log):
        """Publish the sensor messages in real time, once the node is there; wait for its answers.

        messages: Messages in the order of time. process, log: of running_node().
        """
        types = {m.topic: getattr(sensor_msgs.msg, m.type.split('/')[-1]) for m in messages}
        publishers = {t: self.create_publisher(kind, t, 10) for t, kind in types.items()}
        camera = publishers[f'{self._namespace}/image']
        self._wait(lambda: camera.get_subscription_count() and all(
            self.count_publishers(topic) for topic in self._topics), process, log)
        time.sleep(0.5)  # the node may see us a little later than we see it
        begin, first = time.perf_counter(), messages[0].time
        for message in messages:
            time.sleep(max(0, begin + (message.time - first) / 1e9 - time.perf_counter()))
            if publishers[message.topic] is camera:
                stamp = stamp_ns(deserialize_message(message.data, types[message.topic]).header)
                self._sent[stamp] = (time.perf_counter(), message.time)
            publishers[message.topic].publish(message.data)
        # Once the node has accounted for every frame that reached it, nothing more comes.
        give_up = time.perf_counter() + 3
        self._wait(lambda: self._accounted() == len(self._sent)
                   or time.perf_counter() > give_up, process, log)

    def _accounted(self):
        return sum(int(self.diagnostics.get(k, 0))
                   for k in ('processed', 'dropped', 'failed', 'unread'))

    def _wait(self, condition, process, log):
        give_up = time.perf_counter() + START_SECONDS
        while not condition():
            if process.poll() is not None or time.perf_counter() > give_up:
                raise ReplayError('the segmentation node did not run; it printed\n'
                                  + log.read_text()[-2000:])
            time.sleep(0.02)

    def _record(self, topic, data):
        now = time.perf_counter()
        stamp = stamp_ns(deserialize_message(data, sensor_msgs.msg.Image).header)
        sent, recorded_at = self._sent[stamp]
        if topic.endswith('/mask'):
            self.latencies[stamp] = now - sent
        self.recorded.append(Message(topic, 'sensor_msgs/msg/Image',
                                     recorded_at + round((now - sent) * 1e9), data))

    def _diagnose(self, message):
        for status in message.status:
            if status.hardware_id == self._namespace:
                self.diagnostics = {v.key: v.value for v in status.values}
