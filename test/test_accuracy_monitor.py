"""The accuracy monitor in its own process, over real DDS: masks, truths and a clock in."""
from contextlib import contextmanager
import re
import signal
import subprocess
import sys
import threading
import time

from conftest import CAMERA, ROOT, SEMANTIC
import cv2
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
import numpy as np
import pytest
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, qos_profile_sensor_data, QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Float32, Header

from unet_perception import labels, metrics
from unet_perception.images import to_message
from unet_perception.replay import running_node

MONITOR = 'unet_perception.accuracy_monitor'
FIGURES = ('miou', 'timely_miou', 'iou/Road', 'iou/Vegetation')
SIM = ('-p', 'use_sim_time:=true')
PALETTE_A = ('-p', 'label_encoding:=palette', '-p', 'scheme:=A', *SIM)
TAG_C = ('-p', 'label_encoding:=tag', '-p', 'scheme:=C', *SIM)
STEP = 50_000_000  # ns between frames
ROAD, CAR = np.full((4, 6), 7, np.uint8), np.full((4, 6), 10, np.uint8)


class Client(Node):
    """CARLA and the planner in one: cameras and a clock out; masks and figures back."""

    def __init__(self, context, qos, truth_type):
        super().__init__('client', namespace=CAMERA, context=context)
        self.masks, self.figures = [], {name: [] for name in FIGURES}
        self.status, self.values = None, {}
        self.image = self.create_publisher(Image, 'image', 10)
        self.mask = self.create_publisher(Image, 'segmentation/mask', 10)
        self.semantic = self.create_publisher(truth_type, f'{SEMANTIC}/image', qos)
        self.clock = self.create_publisher(Clock, '/clock', 10)
        self.create_subscription(Image, 'segmentation/mask', self.masks.append, 10)
        for name, values in self.figures.items():
            self.create_subscription(Float32, f'segmentation/accuracy/{name}',
                                     lambda m, values=values: values.append(m.data), 10)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._diagnose, 10)

    def _diagnose(self, message):
        for status in message.status:
            if status.hardware_id == f'{SEMANTIC}/image':
                self.values = {v.key: v.value for v in status.values}
                self.status = status

    def wait(self, condition, what):
        give_up = time.perf_counter() + 20
        while not condition():
            assert time.perf_counter() < give_up, f'waited 20 s for {what}; last: {self.status}'
            time.sleep(0.002)

    def wait_for(self, **values):
        """Wait until /diagnostics has these values; an underscore stands for what is no letter."""
        wanted = {k.replace('__', ': ').replace('_', ' '): str(v) for k, v in values.items()}
        self.wait(lambda: wanted.items() <= self.values.items(), wanted)

    def next_status(self):
        self.status = None
        self.wait(lambda: self.status, '/diagnostics')
        return self.status

    def tick(self, ns):
        """Set the clock and give the monitor time to take it, for topics overtake each other."""
        self.clock.publish(Clock(clock=header(ns).stamp))
        time.sleep(0.05)

    def send(self, stamp, mask, truth, now=None):
        """Publish a truth and a mask of labels, at a time of the clock: by default, the stamp."""
        self.tick(stamp if now is None else now)
        self.semantic.publish(to_message(raw(truth), 'bgra8', header(stamp)))
        self.mask.publish(to_message(mask, 'mono8', header(stamp)))

    def set(self, name, value):  # noqa: A003
        service = self.create_client(SetParameters, 'accuracy_monitor/set_parameters')
        assert service.wait_for_service(10)
        value = ParameterValue(type=2, integer_value=value) if isinstance(value, int) else \
            ParameterValue(type=4, string_value=value)
        future = service.call_async(SetParameters.Request(
            parameters=[Parameter(name=name, value=value)]))
        self.wait(future.done, name)
        return future.result().results[0]


def header(ns):
    out = Header(frame_id='ego_vehicle/rgb_front')
    out.stamp.sec, out.stamp.nanosec = divmod(ns, 10**9)
    return out


def tags(truth, scheme):
    """Return labels as the scheme's tags, the first where several mean one label; 255 stays."""
    tag = np.full(256, 255, np.uint8)
    for number, label in reversed(list(enumerate(labels.SCHEMES[scheme].labels))):
        tag[label] = number
    return tag[truth]


def raw(truth, scheme='C'):
    """Return labels as CARLA's native interface sends them: tags in the R of BGRA."""
    return np.dstack([np.zeros((*truth.shape, 2), np.uint8), tags(truth, scheme),
                      np.full_like(truth, 255)])


def palette(truth, scheme='A'):
    """Return labels as CARLA's bridge paints them."""
    rgb = labels.colorize(tags(truth, scheme), labels.SCHEMES[scheme].colors)
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2BGRA)


@contextmanager
def monitored(log, *arguments, qos=10, truth_type=Image):
    """Run the monitor with these ROS arguments; give its process and a connected Client."""
    context = rclpy.Context()
    rclpy.init(context=context)
    arguments = ['-r', f'__ns:={CAMERA}', '-r', f'semantic:={SEMANTIC}/image', *arguments]
    with running_node(arguments, log, MONITOR) as process:
        client = Client(context, qos, truth_type)
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(client)
        spinning = threading.Thread(target=executor.spin)
        spinning.start()
        try:
            client.wait(lambda: client.mask.get_subscription_count() and (
                truth_type is not Image or client.semantic.get_subscription_count()),
                f'the monitor; it printed {log}')
            time.sleep(0.5)  # the monitor may see our topics a little later
            yield process, client
        finally:
            executor.shutdown()
            spinning.join()
            client.destroy_node()
            rclpy.shutdown(context=context)


def offline(frames):
    """Return the mIoU of (mask, truth) pairs as the commands count it."""
    return metrics.mean_iou(sum(metrics.confusion_matrix(t, m, 23) for m, t in frames))


@pytest.mark.parametrize('arguments, paint, qos', [
    (PALETTE_A, palette, qos_profile_sensor_data),
    (TAG_C, raw, QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL))],
    ids=['bridge', 'native interface'])
def test_the_recorded_drive_is_scored_as_offline(tmp_path, recorded, arguments, paint, qos):
    """Camera, segmentation node and monitor; every figure published is that of its window."""
    log = tmp_path / 'log'
    with running_node(['-r', f'__ns:={CAMERA}'], tmp_path / 'node'), \
            monitored(log, *arguments, '-p', 'window:=40', qos=qos) as (_, client):
        client.wait(client.image.get_subscription_count, 'the segmentation node')
        # On a busy machine the nodes see the client long after it sees them; what is sent before
        # is lost. The monitor says whom it sees, soon after the start.
        client.wait(lambda: client.status and client.status.message.count('/client') == 2
                    and re.search('/segmentation[, ]', client.status.message), 'its publishers')
        truths = [labels.tags_to_labels(tags_a, 'A') for _, _, tags_a in recorded]
        for i, ((stamp, image, _), truth) in enumerate(zip(recorded, truths)):
            client.clock.publish(Clock(clock=header(stamp).stamp))
            client.semantic.publish(to_message(paint(truth), 'bgra8', header(stamp)))
            client.image.publish(to_message(image, 'rgb8', header(stamp)))
            client.wait(lambda: len(client.figures['miou']) > i, f'figures of frame {i}')
        # The monitor may have had the last mask before this client.
        client.wait(lambda: len(client.masks) == len(recorded), 'the masks')
        masks = [np.frombuffer(m.data, np.uint8).reshape(80, 160) for m in client.masks]
        frames = list(zip(masks, truths, strict=True))
        assert client.figures['miou'] == pytest.approx(
            [offline(frames[max(0, i - 39):i + 1]) for i in range(len(frames))], abs=1e-6)
        # While the clock stands still until its mask is out, a mask is in time.
        assert client.figures['timely_miou'] == client.figures['miou']
        assert client.figures['miou'][-1] > 0.3  # not of nonsense
        client.wait_for(scored=121, timely_scored=121, frames_in_window=40)
        assert client.status.level == DiagnosticStatus.OK
        assert 'over 40 frames' in client.status.message
        assert float(client.values['miou']) == pytest.approx(client.figures['miou'][-1], abs=1e-4)
        assert float(client.values['iou Road']) == pytest.approx(
            client.figures['iou/Road'][-1], abs=1e-4)
    assert 'Traceback' not in log.read_text()


def test_a_late_mask_is_scored_timely_by_the_world_it_comes_into(tmp_path):
    """Road at 1.00 s, a car at 1.05: the mask of 1.00 is out at 1.06, before that of 1.10."""
    with monitored(tmp_path / 'log', *TAG_C) as (_, client):
        client.semantic.publish(to_message(raw(ROAD), 'bgra8', header(10**9)))
        client.tick(10**9 + STEP)
        client.semantic.publish(to_message(raw(CAR), 'bgra8', header(10**9 + STEP)))
        client.tick(10**9 + STEP + 10**7)
        client.mask.publish(to_message(ROAD, 'mono8', header(10**9)))
        client.wait(lambda: client.figures['miou'], 'mIoU')
        time.sleep(0.3)
        assert client.figures['miou'] == [1] and not client.figures['timely_miou']
        client.semantic.publish(to_message(raw(ROAD), 'bgra8', header(10**9 + 2 * STEP)))
        client.wait(lambda: client.figures['timely_miou'], 'timely mIoU')
        assert client.figures['timely_miou'] == [0] and client.figures['miou'] == [1]


def test_the_window_changes_while_it_runs_and_nothing_else_does(tmp_path):
    with monitored(tmp_path / 'log', *TAG_C) as (_, client):
        assert client.set('window', 1).successful
        for i, mask in enumerate((ROAD, CAR)):
            client.send(10**9 + i * STEP, mask, ROAD)
        client.wait(lambda: all(len(client.figures[name]) == 2 for name in ('miou', 'iou/Road')),
                    'two figures')
        assert client.figures['miou'] == [1, 0] and client.figures['iou/Road'] == [1, 0]
        for name, value, why in (('window', 0, 'range'), ('window', 10001, 'range'),
                                 ('scheme', 'B', 'read-only')):
            refused = client.set(name, value)
            assert not refused.successful and why in refused.reason


STREET = np.uint8([[22, 7, 7, 7, 7, 9, 9, 1]] * 4)  # Terrain, Road, Vegetation, Building


@pytest.mark.parametrize('encoding, scheme, pixels, reason, told', [
    ('palette', 'B', palette(STREET, 'C'), 'truth unreadable', 'outside the palette of scheme B'),
    ('palette', 'C', raw(STREET, 'C'), 'truth unreadable', '(9, 0, 0)'),
    ('palette', 'C', palette(STREET, 'C')[:, :4], 'sizes differ', 'is 4x4, but the mask 8x4'),
    ('tag', 'A', raw(STREET, 'B'), 'truth unreadable', 'tag 22 is outside scheme A'),
    ('tag', 'C', palette(STREET, 'C'), 'truth unreadable', 'is outside scheme C'),
    ('tag', 'C', raw(STREET, 'B'), 'another scheme fits', 'scheme B (CARLA 0.9.10 to 0.9.13)'),
    ('tag', 'B', raw(STREET, 'C'), 'another scheme fits', 'scheme C (CARLA 0.9.14 to 0.9.16)'),
])
def test_what_does_not_fit_is_reported_and_not_scored(tmp_path, encoding, scheme, pixels, reason,
                                                      told):
    log = tmp_path / 'log'
    with monitored(log, '-p', f'label_encoding:={encoding}', '-p', f'scheme:={scheme}',
                   *SIM) as (_, client):
        client.tick(10**9)
        client.semantic.publish(to_message(pixels, 'bgra8', header(10**9)))
        client.mask.publish(to_message(STREET, 'mono8', header(10**9)))
        client.wait(lambda: client.values.get(f'unscored: {reason}') == '1', reason)
        assert client.status.level == DiagnosticStatus.ERROR and told in client.status.message
        assert (client.values['scored'], client.values['miou']) == ('0', 'nan')
        assert client.values[f'timely unscored: {reason}'] == '1'
        assert not any(client.figures.values())
        client.wait(lambda: told in log.read_text(), 'the log')
    assert 'Traceback' not in log.read_text()


def test_unreadable_images_are_counted_and_the_next_is_scored(tmp_path):
    with monitored(tmp_path / 'log', *TAG_C) as (_, client):
        bad = to_message(raw(ROAD), 'bgra8', header(10**9))
        bad.encoding = '32FC1'
        client.tick(10**9)
        client.semantic.publish(bad)
        client.mask.publish(to_message(ROAD, 'mono8', header(10**9)))
        client.mask.publish(to_message(raw(ROAD), 'bgra8', header(10**9)))
        client.send(10**9 + STEP, ROAD, ROAD)
        client.wait_for(unscored__truth_unreadable=1, unscored__mask_unreadable=1, scored=1)
        assert client.status.level == DiagnosticStatus.WARN
        assert "'32FC1'" in client.status.message and 'must be mono8' in client.status.message


def test_masks_without_truth_and_a_flood_of_masks_are_counted(tmp_path):
    with monitored(tmp_path / 'log', *TAG_C) as (_, client):
        client.tick(10**9)
        for _ in range(70):  # of one tick, and no truth
            client.mask.publish(to_message(ROAD, 'mono8', header(10**9)))
            time.sleep(0.02)
        client.wait_for(unscored__no_truth_for_it=10, waiting=60)
        client.wait(lambda: 'no image on' in client.next_status().message, 'the warning')
        client.send(10**9 + STEP, ROAD, ROAD)
        client.wait_for(unscored__no_truth_for_it=70, waiting=0, scored=1)


def test_a_camera_that_only_sends_jpeg_is_named(tmp_path):
    log = tmp_path / 'log'
    with monitored(log, *PALETTE_A, truth_type=CompressedImage) as (_, client):
        client.wait(lambda: 'publishes it as sensor_msgs/msg/CompressedImage' in
                    client.next_status().message, 'the warning')
        assert client.status.level == DiagnosticStatus.WARN
        client.wait(lambda: 'CompressedImage, but sensor_msgs/msg/Image is expected'
                    in log.read_text(), 'the log')


@pytest.mark.parametrize('clock', [True, False], ids=['clock', 'only the stamps'])
def test_when_time_goes_back_the_window_begins_anew(tmp_path, clock):
    """As when a bag loops, or CARLA loads another world."""
    log = tmp_path / 'log'
    with monitored(log, *TAG_C) as (_, client):
        for i in range(3):
            client.send(300 * 10**9 + i * STEP, CAR, ROAD, None if clock else 0)
        client.wait_for(scored=3, miou=0.0)
        if clock:
            client.tick(STEP)
            client.wait_for(restarts=1, frames_in_window=0, miou='nan')
        client.send(STEP, ROAD, ROAD, None if clock else 0)
        client.wait_for(scored=4, frames_in_window=1, miou=1.0)
        client.wait(lambda: 'the windows are empty again' in log.read_text(), 'the log')
        if not clock:
            assert int(client.values['timely unscored: clock far from its stamp']) == 4


def test_levels_go_by_the_miou(tmp_path):
    with monitored(tmp_path / 'log', *TAG_C, '-p', 'miou_warn:=0.9', '-p', 'miou_error:=0.4',
                   '-p', 'window:=1') as (_, client):
        half = ROAD.copy()
        half[:2] = 255  # below the confidence threshold
        for i, (mask, level) in enumerate(((ROAD, DiagnosticStatus.OK),
                                           (half, DiagnosticStatus.WARN),
                                           (CAR, DiagnosticStatus.ERROR))):
            client.send(10**9 + i * STEP, mask, ROAD)
            client.wait_for(scored=i + 1)
            assert client.status.level == level
        assert client.figures['miou'] == [1, 0.5, 0]


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_cleanly(tmp_path, number):
    log = tmp_path / 'log'
    with monitored(log, *TAG_C) as (process, client):
        client.send(10**9, ROAD, ROAD)
        process.send_signal(number)
        assert process.wait(timeout=5) == 0
    assert 'Traceback' not in log.read_text()


@pytest.mark.parametrize('arguments, told', [
    ([], 'parameter label_encoding is not set, but must be one of palette: colours'),
    (['label_encoding:=tag'], 'parameter scheme is not set, but must be one of A: CARLA 0.8'),
    (['label_encoding:=jpeg'], "label_encoding is 'jpeg', but must be one of palette"),
    (['label_encoding:=tag', 'scheme:=c'], "scheme is 'c', but must be one of A"),
    (['label_encoding:=tag', 'scheme:=C', 'window:=0'], 'window out of range'),
    (['label_encoding:=tag', 'scheme:=C', 'miou_error:=.nan'], 'miou_error out of range')])
def test_missing_and_bad_parameters_end_it_with_a_sentence(tmp_path, arguments, told):
    log = tmp_path / 'log'
    with running_node([a for p in arguments for a in ('-p', p)], log, MONITOR) as process:
        assert process.wait(timeout=20) == 1
    assert told in log.read_text() and 'Traceback' not in log.read_text()
    assert len(log.read_text().splitlines()) == 1


def test_help_names_topics_parameters_and_schemes():
    text = subprocess.run([sys.executable, '-m', MONITOR, '--help'], cwd=ROOT,
                          capture_output=True, text=True, check=True).stdout
    for word in ('segmentation/accuracy/timely_miou', 'label_encoding', 'tag: tags in the red',
                 'C: CARLA 0.9.14 to 0.9.16', 'window', '/diagnostics'):
        assert word in text
