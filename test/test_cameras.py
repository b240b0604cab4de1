"""Cameras of every kind: quiet, mismatched, misnamed, compressed; what the node says of them."""
import time

import cv2
from graph import header, pixels, running_client
import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

from unet_perception.images import to_message
from unet_perception.model import open_bundle
from unet_perception.segmenter import Segmenter

SOON = ('-p', 'silence_warn:=0.5', '-p', 'silence_error:=1.0')


@pytest.fixture(scope='module')
def picture(recorded):
    return recorded[40][1]


def said(client, log, sentence):
    client.wait(lambda: sentence in log.read_text(), what=f'{sentence!r} in {log}')


def test_a_topic_that_nobody_publishes_is_named_with_its_likes(tmp_path, picture):
    log = tmp_path / 'log'
    with running_client(log, *SOON, camera='left', active=False) as (_, client):
        said(client, log, 'no image on /camera/image for ')
        said(client, log, 'nobody publishes it; expected is sensor_msgs/msg/Image; there are '
                          '/camera/left/image')
        client.wait(lambda: client.levels.get('/camera', '  ')[0] == b'\x02')
        assert 'no image on /camera/image' in client.levels['/camera'][1]
        camera = client.create_publisher(Image, 'image', 10)
        client.wait(camera.get_subscription_count)
        for i in range(20):  # images come, then cease
            camera.publish(to_message(picture, 'rgb8', header(i)))
            time.sleep(0.1)
        said(client, log, 'images come on /camera/image')
        said(client, log, '/camera/client publishes it, but sends nothing')


def test_a_topic_of_another_type_is_named(tmp_path):
    log = tmp_path / 'log'
    with running_client(log, *SOON, camera='left', active=False) as (_, client):
        client.create_publisher(CompressedImage, 'image', 10)
        said(client, log, '/camera/client publishes it as sensor_msgs/msg/CompressedImage, but '
                          'sensor_msgs/msg/Image is expected')


@pytest.mark.parametrize('name, asked, has', [
    ('reliability', 'reliable', 'best_effort'), ('durability', 'transient_local', 'volatile')])
def test_a_publisher_of_too_little_quality_is_named(tmp_path, name, asked, has):
    log = tmp_path / 'log'
    with running_client(log, '-p', f'image_{name}:={asked}', active=False) as (_, client):
        said(client, log, f': /camera/client publishes with {name} {has}, but '
                          f'{asked} is asked for: set image_{name}:={has}')


@pytest.mark.parametrize('qos', [
    QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT),
    QoSProfile(depth=10),  # CARLA's ROS bridge
    QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)],  # CARLA's own ROS 2
    ids=['best effort', 'reliable', 'latched'])
def test_every_kind_of_camera_matches_by_default(tmp_path, picture, qos):
    with running_client(tmp_path / 'log', qos=qos) as (_, client):
        assert client.segment(to_message(picture, 'rgb8', header(6)))


@pytest.mark.parametrize('extension', ['.jpg', '.png'])
def test_compressed_images(tmp_path, picture, extension):
    data = cv2.imencode(extension, picture[..., ::-1])[1]
    seen = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
    expected = Segmenter(open_bundle('carla-fast'), precision='f32')(seen).labels
    log = tmp_path / 'log'
    with running_client(log, '-p', 'image_transport:=compressed', '-p', 'precision:=f32',
                        kind=CompressedImage) as (_, client):
        for bad in ({'data': b'no image'}, {'data': b''}, {'format': '16UC1; compressedDepth'}):
            client.camera.publish(CompressedImage(**{
                'header': header(1), 'format': 'jpeg', 'data': data.tobytes(), **bad}))
            time.sleep(0.1)
        message = CompressedImage(header=header(2), format='bgr8; jpeg compressed bgr8',
                                  data=data.tobytes())
        mask = client.segment(message)
        np.testing.assert_array_equal(pixels(mask), expected)
        assert mask.header == message.header
        assert client.counts() == {'received': 4, 'processed': 1, 'dropped': 0, 'failed': 3,
                                   'unread': 0}


def test_two_cameras_at_different_rates(tmp_path, picture):
    """40 frames of one, 8 of the other, each its own; a busy machine may drop a few."""
    with running_client(tmp_path / 'log', '-p', 'cameras:=[left, right]', outputs=(),
                        camera='left', qos=QoSProfile(depth=10)) as (_, client):
        right = client.create_publisher(Image, 'right/image', 10)
        masks = {name: [] for name in ('left', 'right')}
        for name, received in masks.items():
            client.create_subscription(Image, f'{name}/segmentation/mask', received.append, 10)
        client.wait(right.get_subscription_count)
        time.sleep(0.5)
        for i in range(40):
            client.camera.publish(to_message(picture, 'rgb8', header(i)))
            if i % 5 == 0:
                right.publish(to_message(picture, 'rgb8', header(1000 + i)))
            time.sleep(0.1)
        for name, first, numbers in (('left', 0, range(40)), ('right', 1000, range(0, 40, 5))):
            sent = [header(first + i) for i in numbers]
            client.wait(lambda: masks[name] and masks[name][-1].header == sent[-1])
            stamps = [m.header for m in masks[name]]
            assert stamps == [h for h in sent if h in stamps]
            assert len(stamps) >= 0.8 * len(sent)


@pytest.mark.parametrize('limit, sentence', [
    ('latency', '95 % of the frames take up to'), ('age', '95 % of the outputs are up to'),
    ('drops', 'frames dropped')])
def test_diagnostics_warn_from_the_thresholds_on(tmp_path, picture, limit, sentence):
    """With a threshold of zero for WARN, then for ERROR, an ordinary frame is over it."""
    quiet = [part for name in ('latency', 'age', 'drops') for kind in ('warn', 'error')
             for part in ('-p', f'{name}_{kind}:=1.0')]
    with running_client(tmp_path / 'log', *quiet, qos=QoSProfile(depth=10)) as (_, client):
        def frames():
            """Publish two frames at once, so that one may be dropped, stamped now."""
            for _ in range(2):
                message = to_message(cv2.resize(picture, (800, 600)), 'rgb8', header(1))
                message.header.stamp = client.get_clock().now().to_msg()
                client.camera.publish(message)

        def level(wanted):
            frames()
            time.sleep(0.2)
            return client.levels.get('/camera', (None,))[0] == wanted
        client.wait(lambda: level(b'\x00'))
        assert client.set(f'{limit}_warn', 0.0).successful
        client.wait(lambda: level(b'\x01'))
        assert client.set(f'{limit}_error', 0.0).successful
        client.wait(lambda: level(b'\x02'))
        assert sentence in client.levels['/camera'][1]
        assert f'({limit}_error is 0.0)' in client.levels['/camera'][1]
