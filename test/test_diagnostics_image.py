"""The picture of the diagnostics, over DDS."""
import subprocess
import sys
import time

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
import numpy as np
import pytest
import rclpy
from sensor_msgs.msg import Image

from unet_perception import diagnostics_image
from unet_perception.diagnostics_image import COLORS, DiagnosticsImage, draw, WIDTH


def status(level, name='/node: x', camera='/camera', **values):
    return DiagnosticStatus(
        level=level, name=name, hardware_id=camera, message='frames',
        values=[KeyValue(key=key, value=str(value)) for key, value in values.items()])


def shows(picture, level):
    """Whether the colour of a level is in a picture."""
    return (picture == np.array(COLORS[level], np.uint8)).all(-1).any()


@pytest.mark.parametrize('level', COLORS)
def test_the_level_gives_the_colour(level):
    picture = draw([status(level, received=3)], '/camera')
    assert picture.shape[1] == WIDTH
    assert [shows(picture, other) for other in COLORS] == [other == level for other in COLORS]


def test_nothing_is_cut_off():
    short, long = draw([status(DiagnosticStatus.OK, a=1, b=2)], ''), draw(
        [status(DiagnosticStatus.OK, a='x' * 50, b=2)], '')
    assert len(long) > len(short)  # a row of its own
    assert len(draw([], '')) < len(short)


def test_only_its_own_camera_is_shown_and_old_news_turn_stale(monkeypatch):
    monkeypatch.setattr(diagnostics_image, 'STALE_SECONDS', 1.0)
    context = rclpy.Context()
    rclpy.init(context=context)
    executor = rclpy.executors.SingleThreadedExecutor(context=context)
    node = DiagnosticsImage(context=context, namespace='/camera')
    client = rclpy.create_node('client', context=context)
    executor.add_node(node)
    executor.add_node(client)
    pictures = []

    def keep(image):
        pictures.append(np.frombuffer(image.data, np.uint8).reshape(image.height, WIDTH, 3))

    def wait(condition):
        give_up = time.monotonic() + 20
        while not condition():
            executor.spin_once(timeout_sec=0.1)
            assert time.monotonic() < give_up

    client.create_subscription(Image, '/camera/segmentation/diagnostics', keep, 10)
    publisher = client.create_publisher(DiagnosticArray, '/diagnostics', 10)
    try:
        wait(publisher.get_subscription_count)
        publisher.publish(DiagnosticArray(status=[
            status(DiagnosticStatus.OK),
            status(DiagnosticStatus.WARN, '/camera/monitor: accuracy', '/truth'),
            status(DiagnosticStatus.ERROR, '/camera_left/node: x', '/camera_left')]))
        wait(lambda: pictures and shows(pictures[-1], DiagnosticStatus.WARN))
        assert shows(pictures[-1], DiagnosticStatus.OK)
        wait(lambda: shows(pictures[-1], DiagnosticStatus.STALE))
        assert not any(shows(picture, DiagnosticStatus.ERROR) for picture in pictures)
    finally:
        executor.shutdown()
        node.destroy_node()
        client.destroy_node()
        rclpy.shutdown(context=context)


def test_help():
    text = subprocess.run([sys.executable, '-m', 'unet_perception.diagnostics_image', '--help'],
                          capture_output=True, text=True, check=True).stdout
    assert 'segmentation/diagnostics' in text
