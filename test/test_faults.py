"""What goes wrong around a running node: it says so, counts it, and serves the next frame."""
import array
import math
import time

import cv2
from graph import header, noise, pixels, running_client
import numpy as np
import pytest
from rcl_interfaces.srv import GetParameters
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from test_hostile_files import png

from unet_perception.images import MOST_PIXELS, to_message

RELIABLE = QoSProfile(depth=50)


@pytest.fixture(scope='module')
def node(tmp_path_factory):
    """Return a Client of a running node that the tests share."""
    log = tmp_path_factory.mktemp('faults') / 'log'
    with running_client(log, outputs=('mask', 'color'), qos=RELIABLE,
                        namespace='/faults') as (_, client):
        client.log = log
        yield client


def good(number=1):
    return to_message(noise(80, 160), 'rgb8', header(number))


def bear(client, bad_ones, next_one):
    """Check that each message is counted as failed, and the one after it gets its mask."""
    before = client.counts()
    for bad in bad_ones:
        client.camera.publish(bad)
        time.sleep(0.1)  # or the next one would replace it
        assert client.segment(next_one).header == next_one.header
    after, each = client.counts(), len(bad_ones)
    assert {name: after[name] - before[name] for name in after} == {
        'received': 2 * each, 'failed': each, 'processed': each, 'dropped': 0, 'unread': 0}


def test_an_image_that_lies_is_counted_and_the_next_one_is_served(node):
    bad_ones = []
    for change in (
            {'step': 479}, {'step': 2**32 - 1}, {'step': 0}, {'height': 2**32 - 1},
            {'width': 2**32 - 1}, {'height': 0}, {'width': 0}, {'encoding': 'bayer_rggb8'},
            {'height': 2**32 - 1, 'width': 2**32 - 1, 'step': 2**32 - 1}, {'encoding': 'rgb16'},
            {'encoding': 'x' * 10_000}, {'data': array.array('B', bytes(80 * 480 - 1))},
            {'data': array.array('B', bytes(80 * 480 + 1))}, {'data': array.array('B')}):
        bad_ones.append(good(2))
        for name, value in change.items():
            setattr(bad_ones[-1], name, value)
    bear(node, bad_ones, good(3))


def test_endianness_means_nothing_to_bytes(node):
    """The flag is of the byte order of wider values; 8-bit pixels have none."""
    flagged = good(4)
    flagged.is_bigendian = 1
    np.testing.assert_array_equal(pixels(node.segment(flagged)), pixels(node.segment(good(5))))


def test_a_compressed_image_that_lies_is_counted_and_the_next_one_is_served(tmp_path):
    def jpeg(data, number):
        return CompressedImage(format='jpeg', data=data, header=header(number))
    with running_client(tmp_path / 'log', '-p', 'image_transport:=compressed', qos=RELIABLE,
                        kind=CompressedImage) as (_, client):
        bear(client, [jpeg(data, 1) for data in (
            b'', b'no image', b'\xff\xd8\xff\xe0', png(60_000, 60_000), png(0, 5),
            png(5, 5)[:40], png(1, MOST_PIXELS + 1))],
            jpeg(cv2.imencode('.jpg', noise(80, 160))[1].tobytes(), 2))


def test_size_and_encoding_may_change_from_frame_to_frame(node):
    for number, (height, width, encoding) in enumerate(
            [(80, 160, 'rgb8'), (600, 800, 'bgra8'), (1, 1, 'mono8'), (2000, 3, 'rgba8'),
             (3, 4000, 'bgr8'), (80, 160, 'rgb8')]):
        channels = {'mono8': 1, 'rgba8': 4, 'bgra8': 4}.get(encoding, 3)
        shape = (height, width) if channels == 1 else (height, width, channels)
        image = to_message(np.full(shape, 90, np.uint8), encoding, header(number))
        mask = node.segment(image)
        assert (mask.height, mask.width, mask.step) == (height, width, width)
        assert len(mask.data) == height * width and mask.header == header(number)


def test_stamps_that_go_back_repeat_or_are_zero(node):
    before = node.counts()
    numbers = [10, 9, 9, 9, 0, 0, 2**31 // 20, 1]
    for number in numbers:
        assert node.segment(good(number)).header == header(number)
    after = node.counts()
    assert after['processed'] - before['processed'] == len(numbers)


def test_a_publisher_that_vanishes_and_returns(node):
    old = node.camera
    node.destroy_publisher(old)
    try:
        node.wait(lambda: not node.count_publishers('/faults/image'), what='it to vanish')
    finally:
        node.camera = node.create_publisher(Image, 'image', RELIABLE)
    node.wait(node.camera.get_subscription_count, what='it to return')
    time.sleep(0.5)
    assert node.segment(good(20)).header == header(20)


def test_two_publishers_on_one_topic(node):
    """Both are served; which frames belong together only their headers tell."""
    other = node.create_publisher(Image, 'image', RELIABLE)
    node.wait(other.get_subscription_count, what='the second publisher')
    time.sleep(0.5)
    before, masks = node.counts(), node.received['mask']
    masks.clear()
    for number in range(10):
        for publisher, offset in ((node.camera, 100), (other, 200)):
            publisher.publish(good(offset + number))
            node.wait(lambda: masks and masks[-1].header == header(offset + number))
    after = node.counts()
    assert after['processed'] - before['processed'] == 20 == len(masks)
    node.destroy_publisher(other)


def test_camera_info_that_is_no_number_is_withheld(tmp_path):
    with running_client(tmp_path / 'log', qos=RELIABLE) as (_, client):
        infos = client.listen('camera_info', CameraInfo)
        sender = client.create_publisher(CameraInfo, 'camera_info', 10)
        client.wait(sender.get_subscription_count, what='the node to listen')
        client.wait(lambda: client.count_publishers('/camera/segmentation/camera_info'))
        time.sleep(0.5)
        for number, (field, value) in enumerate((
                ('d', [0.0] * 5), ('k', [math.nan] * 9), ('d', [math.inf] * 5),
                ('p', [0.0] * 11 + [-math.inf]))):
            info = CameraInfo(height=80, width=160)
            setattr(info, field, value)
            sender.publish(info)
            time.sleep(0.2)
            client.segment(good(number))
        client.counts()
        assert client.diagnostics['camera_info withheld'] == '3'
        assert [message.header for message in infos] == [header(0)]
    assert 'camera_info holds what is no number' in (tmp_path / 'log').read_text()


def test_the_log_does_not_flood(node):
    before = node.log.read_text().count('ERROR')
    for number in range(50):
        bad = good(number)
        bad.encoding = 'yuv422'
        node.camera.publish(bad)
    assert node.counts()['failed'] > 0
    assert node.log.read_text().count('ERROR') - before <= 3


def test_at_ten_times_its_rate_latency_is_bounded_and_services_answer(tmp_path):
    """Large images as fast as they can be sent: nothing queues up but the newest."""
    with running_client(tmp_path / 'log', '-p', 'precision:=f32',
                        qos=QoSProfile(depth=1)) as (_, client):
        frame, waits, sent = noise(600, 800), [], 0
        end = time.perf_counter() + 5
        asked = time.perf_counter()
        while time.perf_counter() < end:
            client.camera.publish(to_message(frame, 'rgb8', header(sent)))
            sent += 1
            if time.perf_counter() - asked > 0.5:
                asked = time.perf_counter()
                client.call(GetParameters, 'get_parameters', GetParameters.Request(
                    names=['model']))
                waits.append(time.perf_counter() - asked)
        counts = client.counts()
        assert counts['dropped'] > counts['processed'] > 0, counts
        # A frame waits for the one in work, then is worked on: two frames' work at most.
        work = sum(float(client.diagnostics[f'{stage} p95 [ms]'])
                   for stage in ('prepare', 'network', 'publish'))
        assert float(client.diagnostics['latency p50 [ms]']) <= 2.5 * work
        # On two idle cores 7 ms at the median, 91 ms at most of 15; CI's machine is shared.
        assert sorted(waits)[len(waits) // 2] < 0.5, waits
