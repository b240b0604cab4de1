"""Play a recorded bag through a segmentation node of its own process; record what comes back."""
from contextlib import contextmanager, suppress
import os
import pickle
import secrets
import subprocess
import sys
import tempfile
import threading
import time

from diagnostic_msgs.msg import DiagnosticArray
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.serialization import deserialize_message
from rclpy.signals import SignalHandlerOptions
import sensor_msgs.msg

from unet_perception.bags import IMAGE, Message, stamp_ns
from unet_perception.children import ending_with_parent
from unet_perception.frame_statistics import OUTCOMES
from unet_perception.outputs import IMAGES
from unet_perception.share import shipped

START_SECONDS = 60  # a cold disk and a slow CPU included
STOP_SECONDS = 10


class ReplayError(RuntimeError):
    """
    The node did not start, or died, or what it sent cannot be kept.

    Of a node the message holds the end of what it printed.
    """


@contextmanager
def private_domain():
    """
    Join a ROS domain of our own on the loopback device, this process and its children.

    With room for camera images: see config/fastdds.xml. The environment is put back at the end.
    """
    before = dict(os.environ)
    # 51 to 101: people take low ones, and from 102 on are Linux' ephemeral ports. Not of the
    # random module's generator: a training in this process may have seeded it, as in others.
    os.environ['ROS_DOMAIN_ID'] = str(51 + secrets.randbelow(51))
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    for name in ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE'):
        os.environ.setdefault(name, str(shipped('config', 'fastdds.xml')[0]))
    try:
        # Ctrl-C is Python's: ROS would end the context first, under the hands of whoever uses it.
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        yield
    finally:
        rclpy.try_shutdown()
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def running_node(arguments, log, module='unet_perception.node'):
    """
    Run `python -m MODULE` with these ROS arguments, its output in a log file.

    At the end it is asked to stop, and killed if it has not after STOP_SECONDS. It is asked to
    stop, too, when this process ends without coming to that, as by kill -9.
    """
    with open(log, 'w') as file:
        process = subprocess.Popen(
            [sys.executable, '-m', module, '--ros-args', *arguments],
            stdout=file, stderr=subprocess.STDOUT, preexec_fn=ending_with_parent())
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def spin_beside(node):
    """Serve a node's callbacks in a thread of its own, until private_domain() ends."""
    def spin():
        with suppress(ExternalShutdownException):
            rclpy.spin(node)

    # No daemon: if Python ended while the thread is inside rclpy, the process would abort.
    threading.Thread(target=spin).start()


class Replay(Node):
    """
    Plays Messages at their own pace and keeps every output of a node in `namespace`.

    latencies: seconds from the publishing of a frame to the receipt of its mask, by stamp in ns.
    diagnostics: the node's last figures, by name.
    """

    def __init__(self, namespace):
        """Offer the camera's topics and subscribe to the outputs of the node in that namespace."""
        super().__init__('replay')
        self.latencies = {}
        self.diagnostics = {}
        self._sent = {}
        self._fault = None  # the OSError of keeping an output
        self._places = []  # (time, offset in the file) of each recorded message
        self._namespace = namespace
        self._topics = [f'{namespace}/segmentation/{name}' for name in IMAGES]
        self._camera = self.create_publisher(sensor_msgs.msg.Image, f'{namespace}/image', 10)
        self._info = self.create_publisher(
            sensor_msgs.msg.CameraInfo, f'{namespace}/camera_info', 10)
        for topic in self._topics:
            self.create_subscription(
                sensor_msgs.msg.Image, topic,
                lambda data, topic=topic: self._record(topic, data), 10, raw=True)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._diagnose, 10)
        spin_beside(self)

    def play(self, messages, process, log):
        """
        Publish the sensor messages in real time, once the node is there; wait for its answers.

        messages: an iterable of Messages of the camera's image and camera_info, in the order of
        time. process, log: of running_node(). Raise ReplayError if the node is not there, or if
        its answers cannot be kept: beside the log, where the disk may be full.
        """
        # Pictures of a long drive do not fit into memory, and /tmp may be memory.
        self._file = tempfile.TemporaryFile(dir=log.parent)
        self._wait(lambda: self._camera.get_subscription_count() and all(
            self.count_publishers(topic) for topic in self._topics), process, log)
        time.sleep(0.5)  # the node may see us a little later than we see it
        begin = None
        for message in messages:
            if self._fault:
                break
            if begin is None:
                begin, first = time.perf_counter(), message.time
            time.sleep(max(0, begin + (message.time - first) / 1e9 - time.perf_counter()))
            if message.topic != self._camera.topic_name:
                self._info.publish(message.data)
                continue
            stamp = stamp_ns(deserialize_message(message.data, sensor_msgs.msg.Image).header)
            self._sent[stamp] = (time.perf_counter(), message.time)
            self._camera.publish(message.data)
        # Once the node has accounted for every frame that reached it, nothing more comes.
        give_up = time.perf_counter() + 3
        self._wait(lambda: self._fault or self._finished() or time.perf_counter() > give_up,
                   process, log)
        if self._fault:
            with suppress(OSError):
                self._file.close()  # which fails as well, for it writes what it still has
            raise ReplayError(f'what the node sends cannot be kept in {log.parent}: '
                              f'{self._fault}') from self._fault

    @property
    def recorded(self):
        """
        Stream the outputs in the order of time, each at the time of its frame plus its latency.

        Read it after play(), when nothing is being recorded.
        """
        for _, place in sorted(self._places):
            self._file.seek(place)
            yield pickle.load(self._file)

    def _finished(self):
        counts = {outcome: int(self.diagnostics.get(outcome, 0)) for outcome in OUTCOMES}
        return (sum(counts.values()) == len(self._sent)
                and len(self.latencies) == counts['processed'])

    def _wait(self, condition, process, log):
        give_up = time.perf_counter() + START_SECONDS
        while not condition():
            if process.poll() is not None or time.perf_counter() > give_up:
                raise ReplayError('the segmentation node did not run; it printed\n'
                                  + log.read_text()[-2000:])
            time.sleep(0.02)

    def _record(self, topic, data):
        if self._fault:
            return
        now = time.perf_counter()
        stamp = stamp_ns(deserialize_message(data, sensor_msgs.msg.Image).header)
        sent, recorded_at = self._sent[stamp]
        if topic.endswith('/mask'):
            self.latencies[stamp] = now - sent
        message = Message(topic, IMAGE, recorded_at + round((now - sent) * 1e9), data)
        try:
            self._places.append((message.time, self._file.tell()))
            pickle.dump(message, self._file)
        except OSError as error:  # play() raises it: nobody would hear of it in this thread
            self._fault = error

    def _diagnose(self, message):
        for status in message.status:
            if status.hardware_id == self._namespace:
                self.diagnostics = {v.key: v.value for v in status.values}
