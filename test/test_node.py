"""The node in its own process, real frames over real DDS."""
import array
import signal
import subprocess
import sys
import time

from conftest import CAMERA, DRIVE, ROOT
import cv2
from graph import header, noise, pixels, running_client
import numpy as np
import pytest
from rcl_interfaces.srv import GetParameters
import rclpy
from rclpy.qos import qos_profile_sensor_data, QoSProfile
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image

from unet_perception import bags, labels
from unet_perception.bags import stamp_ns
from unet_perception.frame_statistics import OUTCOMES, STAGES
from unet_perception.images import to_message
from unet_perception.model import open_bundle
from unet_perception.node import SegmentationNode
from unet_perception.replay import running_node
from unet_perception.segmenter import Segmenter

OUTPUTS = ('mask', 'confidence', 'color', 'overlay')


@pytest.fixture(scope='module')
def node(tmp_path_factory):
    """Return a Client of a running node that all tests of ordinary frames share."""
    log = tmp_path_factory.mktemp('node') / 'log'
    with running_client(log, '-p', 'precision:=f32', '-p', 'overlay_legend:=false',
                        outputs=OUTPUTS, namespace='/shared') as (_, client):
        yield client


@pytest.fixture(scope='module')
def segmenter():
    return Segmenter(open_bundle('carla-fast'), precision='f32')


def test_a_recorded_drive_comes_back_as_the_models_own_labels(node, segmenter, recorded):
    """Every frame of the bag, as recorded: order, headers, sizes and every pixel."""
    for messages in node.received.values():
        messages.clear()
    frames = [m for m in bags.read_messages(DRIVE) if m.topic == f'{CAMERA}/image']
    for frame in frames:
        node.segment(frame.data, 'overlay')  # the last that is published
    node.wait(lambda: all(len(m) == len(frames) for m in node.received.values()))
    for i, (frame, (_, image, _)) in enumerate(zip(frames, recorded)):
        camera = deserialize_message(frame.data, Image)
        out = {name: node.received[name][i] for name in OUTPUTS}
        for name, message in out.items():
            assert message.header == camera.header
            assert (message.height, message.width) == (camera.height, camera.width)
            assert message.encoding == ('mono8' if name in ('mask', 'confidence') else 'rgb8')
        expected = segmenter(image)
        np.testing.assert_array_equal(pixels(out['mask']), expected.labels)
        np.testing.assert_array_equal(pixels(out['confidence']), expected.confidence)
        color = labels.colorize(expected.labels)
        np.testing.assert_array_equal(pixels(out['color']), color)
        np.testing.assert_array_equal(pixels(out['overlay']),
                                      cv2.addWeighted(color, 0.5, image, 0.5, 0))


@pytest.mark.parametrize('encoding', ['bgra8', 'rgba8', 'bgr8', 'rgb8', 'mono8'])
@pytest.mark.parametrize('size', [(600, 800), (81, 161)])
def test_every_encoding_and_size(node, segmenter, recorded, encoding, size):
    rgb = cv2.resize(recorded[40][1], size[::-1])
    alpha = np.full((*size, 1), 255, np.uint8)
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    sent = {'rgb8': rgb, 'bgr8': rgb[..., ::-1], 'rgba8': np.dstack([rgb, alpha]),
            'bgra8': np.dstack([rgb[..., ::-1], alpha]), 'mono8': grey}[encoding]
    mask = node.segment(to_message(sent, encoding, header(1)))
    seen = np.repeat(grey[..., None], 3, 2) if encoding == 'mono8' else rgb
    np.testing.assert_array_equal(pixels(mask), segmenter(seen).labels)


def test_padded_rows(node, segmenter, recorded):
    rgb = recorded[3][1]
    padded = np.pad(rgb.reshape(80, -1), ((0, 0), (0, 32)))
    message = Image(header=header(2), height=80, width=160, encoding='rgb8', step=512,
                    data=array.array('B', padded.tobytes()))
    np.testing.assert_array_equal(pixels(node.segment(message)), segmenter(rgb).labels)


def test_bad_frames_are_counted_and_the_next_one_is_served(node, recorded):
    before = node.counts()
    good = to_message(recorded[0][1], 'rgb8', header(3))
    for change in ({'encoding': '32FC1'}, {'height': 81}, {'step': 0}, {'width': 0},
                   {'encoding': ''}):
        bad = to_message(recorded[0][1], 'rgb8', header(4))
        for name, value in change.items():
            setattr(bad, name, value)
        node.camera.publish(bad)
        time.sleep(0.1)  # or a newer frame would replace it
    assert node.segment(good).header == header(3)
    after = node.counts()
    assert after['failed'] - before['failed'] == 5
    assert after['processed'] - before['processed'] == 1


def test_diagnostics_tell_what_runs(node):
    node.counts()
    figures = node.network
    bundle = open_bundle('carla-fast')
    assert figures['model'] == bundle.name and figures['manifest'] == bundle.digest
    assert (figures['runtime'], figures['device']) == ('OpenVINO', 'CPU')
    assert figures['precision'] == 'f32'
    figures = node.diagnostics
    for stage in STAGES[:-1]:
        assert 0 < float(figures[f'{stage} p50 [ms]']) <= float(figures[f'{stage} p99 [ms]'])


def test_a_gpu_that_is_not_there_is_replaced_only_when_allowed(tmp_path):
    log = tmp_path / 'log'
    with running_client(log, '-p', 'device:=gpu', '-p', 'device_fallback:=cpu') as (_, client):
        client.counts()
        assert client.network['device'] == 'CPU'
        assert 'no GPU was found' in client.network['chosen because']
    assert 'no GPU was found' in log.read_text()


def test_a_batch_that_fails_counts_each_frame_once(recorded):
    """The network breaks under two cameras, of which one has no reader: nothing counts twice."""
    context = rclpy.Context()
    rclpy.init(context=context)
    node = SegmentationNode(context=context, namespace='/broken', parameter_overrides=[
        rclpy.Parameter('cameras', value=['read', 'unread'])])
    try:
        def broken(*_):
            raise RuntimeError('out of memory')
        node.start()
        node._worker.segmenter.run = broken
        read, unread = node._cameras
        node.create_subscription(Image, 'read/segmentation/mask', lambda _: None, 10)
        while not read.wanted():
            time.sleep(0.01)
        frame = to_message(recorded[0][1], 'rgb8', header(8))
        for _ in range(3):
            for camera in (read, unread):
                node._worker.receive(camera, frame)
            time.sleep(0.1)
        for camera, outcome in ((read, 'failed'), (unread, 'unread')):
            figures = camera.statistics.values()
            assert figures[outcome] == figures['received'] == 3, figures
            assert sum(figures[name] for name in OUTCOMES) == 3
    finally:
        node.destroy_node()
        rclpy.shutdown(context=context)


def test_under_overload_the_newest_wins_and_every_frame_is_accounted_for(tmp_path):
    reliable = QoSProfile(depth=10)
    with running_client(tmp_path / 'log', outputs=('mask',), qos=reliable) as (_, client):
        frame = noise(600, 800)
        messages = [to_message(frame, 'rgb8', header(i)) for i in range(60)]
        slowest = 0
        for i, message in enumerate(messages):
            client.camera.publish(message)
            if i % 10 == 0:  # the executor answers while frames pour in
                begin = time.perf_counter()
                client.call(GetParameters, 'get_parameters',
                            GetParameters.Request(names=['model']))
                slowest = max(slowest, time.perf_counter() - begin)
        counts = client.counts()
        masks = client.received['mask']
        assert counts['dropped'] > 0 and counts['processed'] == len(masks)
        stamps = [stamp_ns(m.header) for m in masks]
        assert stamps == sorted(set(stamps))
        assert masks[-1].header == header(59)  # the newest of all
        assert slowest < 1  # 0.1 s is met on an idle machine; CI's is shared


def test_nothing_is_computed_that_nobody_reads(tmp_path):
    with running_client(tmp_path / 'log', outputs=()) as (_, client):
        for i in range(5):
            client.camera.publish(to_message(noise(8, 8), 'rgb8', header(i)))
            time.sleep(0.05)
        counts = client.counts()
        # On a busy machine one may replace another before its turn.
        assert counts['unread'] + counts['dropped'] == counts['received']
        assert counts['unread'] > 0 == counts['processed']


@pytest.mark.parametrize('qos', [qos_profile_sensor_data, QoSProfile(depth=10)],
                         ids=['best effort', 'reliable'])
def test_every_kind_of_camera_publisher_matches(tmp_path, recorded, qos):
    with running_client(tmp_path / 'log', qos=qos) as (_, client):
        assert client.segment(to_message(recorded[0][1], 'rgb8', header(6)))


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_cleanly_with_frames_in_work(tmp_path, number):
    log = tmp_path / 'log'
    with running_client(log) as (process, client):
        for i in range(20):
            client.camera.publish(to_message(noise(600, 800), 'rgb8', header(i)))
        process.send_signal(number)
        assert process.wait(timeout=5) == 0
    assert 'Traceback' not in log.read_text()


def test_an_impatient_second_signal_changes_nothing(tmp_path):
    log = tmp_path / 'log'
    with running_client(log) as (process, client):
        for i in range(20):
            client.camera.publish(to_message(noise(600, 800), 'rgb8', header(i)))
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=5) == 0
    assert 'Traceback' not in log.read_text()


@pytest.mark.parametrize('seconds', [0.5, 0.6, 0.7, 0.8, 1.0])
def test_a_signal_while_the_model_loads_ends_it_cleanly(tmp_path, seconds):
    log = tmp_path / 'log'
    with running_node([], log) as process:
        time.sleep(seconds)  # from before rclpy's start, where SIGTERM just kills, to ready
        process.terminate()
        assert process.wait(timeout=10) in (0, -signal.SIGTERM)
    assert 'Traceback' not in log.read_text()


def test_what_takes_long_to_load_holds_up_no_end(tmp_path):
    pytest.importorskip('tensorflow', reason='the Keras runtime needs it')
    log = tmp_path / 'log'
    cameras = ', '.join(f'c{i}' for i in range(100))
    with running_node(['-p', 'runtime:=keras', '-p', f'cameras:=[{cameras}]'], log) as process:
        while 's so far' not in log.read_text():
            assert process.poll() is None
            time.sleep(0.05)
        process.terminate()
        assert process.wait(timeout=6) == 0
    assert 'Traceback' not in log.read_text()


def test_diagnostics_go_on_while_the_simulations_clock_stands_still(tmp_path, recorded):
    with running_client(tmp_path / 'log', '-p', 'use_sim_time:=true') as (_, client):
        client.segment(to_message(recorded[0][1], 'rgb8', header(7)))
        assert client.counts()['processed'] == 1


def test_several_cameras_are_served_together_each_beside_its_own(tmp_path, recorded, segmenter):
    """Two cameras of different size and encoding, under overload: none starves the other."""
    with running_client(tmp_path / 'log', '-p', 'cameras:=[left, right]', '-p',
                        'precision:=f32', outputs=(),
                        camera='left') as (_, client):
        right = client.create_publisher(Image, 'right/image', 10)
        masks = {'left': [], 'right': []}
        for name, received in masks.items():
            client.create_subscription(Image, f'{name}/segmentation/mask', received.append, 10)
        client.wait(lambda: right.get_subscription_count() and client.count_publishers(
            '/camera/right/segmentation/mask'))
        time.sleep(0.5)
        small, large = recorded[0][1], cv2.resize(recorded[9][1], (800, 600))
        for i in range(40):
            client.camera.publish(to_message(small, 'rgb8', header(i)))
            right.publish(to_message(large[..., ::-1], 'bgr8', header(1000 + i)))
            time.sleep(0.01)
        client.wait(lambda: masks['left'] and masks['left'][-1].header == header(39)
                    and masks['right'] and masks['right'][-1].header == header(1039))
        assert min(map(len, masks.values())) > 0.5 * max(map(len, masks.values()))
        for mask in masks['left']:
            np.testing.assert_array_equal(pixels(mask), segmenter(small).labels)
        for mask in masks['right']:
            np.testing.assert_array_equal(pixels(mask), segmenter(large).labels)


@pytest.mark.parametrize('argument, message', [
    ('model:=/no/such', 'no model bundle at /no/such'),
    ('precision:=int3', "precision is 'int3', but must be one of auto, f32"),
    ('device:=gpu', 'device is gpu, but openvino finds none'),
    ('upscale:=cubic', "upscale is 'cubic', but must be one of nearest, smooth"),
    ('threads:=-1', 'threads out of range'),
    ('threads:=many', "'threads' to 'many'")])
def test_bad_parameters_end_it_with_a_sentence(tmp_path, argument, message):
    log = tmp_path / 'log'
    with running_node(['-p', argument], log) as process:
        assert process.wait(timeout=20) == 1
    assert message in log.read_text() and 'Traceback' not in log.read_text()


def test_bad_ros_arguments_end_it_with_a_sentence(tmp_path):
    log = tmp_path / 'log'
    with running_node(['--params-file', '/no/such.yaml'], log) as process:
        assert process.wait(timeout=20) == 1
    assert '/no/such.yaml' in log.read_text() and 'Traceback' not in log.read_text()


def test_help_names_topics_and_parameters():
    text = subprocess.run([sys.executable, '-m', 'unet_perception.node', '--help'], cwd=ROOT,
                          capture_output=True, text=True, check=True).stdout
    for word in ('segmentation/mask', '/diagnostics', 'overlay_opacity', 'precision'):
        assert word in text
