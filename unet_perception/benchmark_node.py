"""The benchmark of the whole node: camera pictures over DDS in, masks over DDS out."""
from pathlib import Path
import tempfile
import time

import cv2
import numpy as np
import psutil
from rclpy.node import Node
from rich.console import Console
from rich.table import Table
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from unet_perception.bags import read_images, stamp_ns
from unet_perception.images import to_message
from unet_perception.model import open_bundle
from unet_perception.replay import private_domain, running_node, spin_beside
from unet_perception.share import DRIVE, shipped


class Cameras(Node):
    """Publishes pictures as several cameras and notes when their masks come back."""

    def __init__(self, count):
        """Advertise camera_0/image and so on, and subscribe to their masks."""
        super().__init__('cameras', namespace='/benchmark')
        self.sent, self.latencies = {}, []
        self.publishers_ = [self.create_publisher(Image, f'camera_{i}/image', 10)
                            for i in range(count)]
        for i in range(count):
            self.create_subscription(Image, f'camera_{i}/segmentation/mask',
                                     lambda mask, i=i: self._note(i, mask), 10)

    def _note(self, i, mask):
        self.latencies.append(
            1000 * (time.perf_counter() - self.sent.pop((i, stamp_ns(mask.header)))))

    def publish(self, message):
        """Publish a message as a new frame of every camera, stamped now."""
        message.header.stamp = self.get_clock().now().to_msg()
        for i, publisher in enumerate(self.publishers_):
            self.sent[i, stamp_ns(message.header)] = time.perf_counter()
            publisher.publish(message)


def measure_node(args):
    """Run the node as the arguments of unet_perception.benchmark say; return its figures."""
    bundle = open_bundle(args.model)
    drive = read_images(shipped('demo', DRIVE)[0], '/carla/ego_vehicle/rgb_front/image')
    messages = [to_message(cv2.cvtColor(cv2.resize(image, args.size), cv2.COLOR_RGB2BGRA),
                           'bgra8', Header()) for _, image in list(drive)[::15]]
    names = ', '.join(f'camera_{i}' for i in range(args.cameras))
    with tempfile.TemporaryDirectory() as folder, private_domain(), running_node(
            ['-r', '__ns:=/benchmark', '-p', f'model:={bundle.path}', '-p',
             f'cameras:=[{names}]', '-p', f'precision:={args.precision}'],
            Path(folder, 'log')) as process:
        cameras = Cameras(args.cameras)
        spin_beside(cameras)
        _wait(cameras, process, Path(folder, 'log'))
        usage = psutil.Process(process.pid)
        _play(cameras, messages, args.rate, 1)  # the first frames warm everything up
        cameras.latencies.clear()
        cpu, begin = sum(usage.cpu_times()[:2]), time.perf_counter()
        frames = _play(cameras, messages, args.rate, args.seconds)
        seconds = time.perf_counter() - begin
        cpu = sum(usage.cpu_times()[:2]) - cpu
        memory = usage.memory_info().rss / 1e6
    p50, p95, p99 = np.percentile(cameras.latencies or [float('nan')], (50, 95, 99))
    masks = len(cameras.latencies)
    return {'model': bundle.name, 'camera': f'{args.size[0]}x{args.size[1]} bgra8',
            'cameras': args.cameras, 'rate (Hz)': args.rate, 'seconds': round(seconds, 1),
            'frames published': frames * args.cameras, 'masks received': masks,
            'frames without mask': frames * args.cameras - masks,
            'masks a second': round(masks / seconds, 1), 'p50 publish to mask (ms)': round(p50, 1),
            'p95 (ms)': round(p95, 1), 'p99 (ms)': round(p99, 1),
            'CPU time a frame (ms)': round(1000 * cpu / max(masks, 1), 1),
            'cores used': round(cpu / seconds, 2), 'memory (MB)': round(memory)}


def print_node(figures):
    """Print what measure_node() returned."""
    table = Table(title='the whole node over DDS', show_header=False)
    for name, value in figures.items():
        table.add_row(name, str(value))
    Console().print(table)


def _wait(cameras, process, log):
    give_up = time.perf_counter() + 60
    while not all(p.get_subscription_count() for p in cameras.publishers_):
        if process.poll() is not None or time.perf_counter() > give_up:
            raise RuntimeError(f'the node did not start; it printed\n{log.read_text()[-2000:]}')
        time.sleep(0.05)
    time.sleep(0.5)  # the node may see our subscriptions a little later


def _play(cameras, messages, rate, seconds):
    """Publish for so many seconds, once at least; wait for the last masks; return the frames."""
    frames, begin = max(1, round(rate * seconds)), time.perf_counter()
    cameras.sent.clear()
    for frame in range(frames):
        time.sleep(max(0, begin + frame / rate - time.perf_counter()))
        cameras.publish(messages[frame % len(messages)])
    give_up = time.perf_counter() + 1
    while cameras.sent and time.perf_counter() < give_up:
        time.sleep(0.005)
    return frames
