"""CARLA's stand-in -> our camera node -> segmentation node -> mask, over real DDS."""
from contextlib import contextmanager
import os
import signal
import subprocess
import sys

from conftest import CAMERA, ROOT, SEMANTIC
from graph import pixels, running_client
import numpy as np
import psutil
import pytest
from rclpy.time import Time
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image
from standin.server import StandIn
from standin.world import SETTINGS

from unet_perception.bags import stamp_ns
from unet_perception.images import to_picture
from unet_perception.labels import colors_to_tags
from unet_perception.model import open_bundle
from unet_perception.replay import running_node
from unet_perception.segmenter import Segmenter

MODULE = 'unet_perception.carla_cameras_node'
SMALL = ('-p', 'width:=160', '-p', 'height:=120', '-p', 'timeout:=5.0')


@contextmanager
def cameras(server, log, *arguments):
    with running_node(['-p', 'host:=127.0.0.1', '-p', f'port:={server.port}', *SMALL, *arguments],
                      log, MODULE) as process:
        yield process


def tidy(server):
    """Return whether the server is as the node found it."""
    with server.world.lock:
        return server.world.settings == SETTINGS and not server.world.actors


def hear(client, topics):
    """Return {topic: list that its messages come to}."""
    heard = {topic: [] for topic in topics}
    for topic, kind in topics.items():
        client.create_subscription(kind, topic, heard[topic].append, 100)
    return heard


def clock_ns(message):
    """Return the time of a Clock, in ns."""
    return Time.from_msg(message.clock).nanoseconds


def test_every_tick_comes_as_a_mask_or_a_counted_drop(tmp_path):
    segmenter = Segmenter(open_bundle('carla-fast'), precision='f32')
    topics = {'/clock': Clock, f'{CAMERA}/image': Image, f'{CAMERA}/camera_info': CameraInfo,
              f'{SEMANTIC}/image': Image}
    with StandIn() as server, running_client(
            tmp_path / 'node', '-p', 'use_sim_time:=true', '-p', 'precision:=f32',
            namespace=CAMERA, active=False) as (_, client):
        heard, masks, ages = hear(client, topics), client.received['mask'], []
        clock, images, infos, truths = heard.values()
        client.create_subscription(
            Image, f'{CAMERA}/segmentation/mask',
            lambda m: ages.append(clock_ns(clock[-1]) - stamp_ns(m.header)) if clock else None, 10)
        client.connected(['mask'])
        with cameras(server, tmp_path / 'log', '-p', 'semantic:=true') as process:
            client.wait(lambda: len(clock) > 60, what=f'60 ticks; see {tmp_path / "log"}')
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=15) == 0
        assert tidy(server)
        ticks = [clock_ns(c) for c in clock]
        assert {round((b - a) / 1e6) for a, b in zip(ticks, ticks[1:])} == {50}
        # The client may hear one topic a little later than another.
        stamps = [stamp_ns(m.header) for m in images]
        first = max(stamps[0], ticks[0])
        both = [t for t in ticks if t >= first]
        assert [t for t in stamps if t >= first] == both and len(both) > 5
        assert {t for m in truths if (t := stamp_ns(m.header)) >= ticks[0]} <= set(ticks)
        for image, info in zip(images[-20:], infos[-20:]):
            assert info.header == image.header
            assert image.header.frame_id == 'ego_vehicle/rgb_front'
            assert (image.encoding, image.width, image.height) == ('bgra8', 160, 120)
        assert infos[0].k[0] == pytest.approx(80) and infos[0].k[2] == 80  # fov 90: fx = cx
        counts = client.counts()
        seen = [t for t in stamps if t >= stamp_ns(masks[0].header)]
        # The node may hear the cameras before the client does.
        past = max(0, stamps[0] - stamp_ns(masks[0].header)) // 50_000_000
        assert len(seen) <= counts['received'] <= past + len(images)
        assert counts['received'] == counts['processed'] + counts['dropped'] + counts['unread']
        assert counts['processed'] > 5 and len(masks) == counts['processed']
        sent = dict(zip(stamps, images))
        answers = [mask for mask in masks if stamp_ns(mask.header) in sent]
        assert len(answers) > 5
        for mask in answers[::10]:
            rgb = to_picture(sent[stamp_ns(mask.header)]).to_rgb()
            np.testing.assert_array_equal(pixels(mask), segmenter(rgb).labels)
        # By the simulation clock, as the client sees it too, to three ticks: busy machines delay.
        age = float(client.diagnostics['age p50 [ms]'])
        assert 0 <= age <= np.median(ages) / 1e6 + 150
        tags = colors_to_tags(to_picture(truths[-1]).to_rgb(), 'C')
        assert {1, 11} <= set(np.unique(tags))  # road and sky, in CARLA 0.9.16's tags


def test_passive_cameras_follow_whoever_ticks_and_raw_tags_come_as_they_are(tmp_path):
    """The stand-in runs by itself; the vehicle was spawned by another client, and stays."""
    with StandIn() as server, running_client(tmp_path / 'node', namespace=CAMERA,
                                             active=False) as (_, client):
        spawn = ("import carla, sys; w = carla.Client('127.0.0.1', int(sys.argv[1])).get_world();"
                 "b = w.get_blueprint_library().find('vehicle.tesla.model3');"
                 "b.set_attribute('role_name', 'ego_vehicle');"
                 'w.spawn_actor(b, w.get_map().get_spawn_points()[0])')
        subprocess.run([sys.executable, '-c', spawn, str(server.port)], check=True, timeout=30)
        heard = hear(client, {'/clock': Clock, f'{SEMANTIC}/image': Image})
        clock, truths = heard.values()
        with cameras(server, tmp_path / 'log', '-p', 'mode:=passive', '-p', 'semantic:=true',
                     '-p', 'label_encoding:=tag') as process:
            client.wait(lambda: len(clock) > 20 and len(truths) > 5)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=15) == 0
        assert 'cameras on the vehicle.tesla.model3' in (tmp_path / 'log').read_text()
        with server.world.lock:
            assert server.world.settings == SETTINGS
            assert len(server.world.actors) == 1  # the other client's vehicle
        tags = to_picture(truths[-1]).pixels[..., 2]
        assert {1, 11} <= set(np.unique(tags)) and tags.max() <= 28


def test_a_picture_that_does_not_come_is_counted_and_the_next_tick_goes_on(tmp_path):
    with StandIn(['drop:rgb:5']) as server, running_client(
            tmp_path / 'node', namespace=CAMERA, active=False) as (_, client):
        clock, = hear(client, {'/clock': Clock}).values()
        with cameras(server, tmp_path / 'log'):
            client.wait(lambda: len(clock) > 10)
            name = f'127.0.0.1:{server.port}'
            client.wait(lambda: client.levels.get(name) == (b'\x01', '1 pictures lost'))
        assert tidy(server)
    assert 'the rgb camera sent no picture of frame' in (tmp_path / 'log').read_text()


def test_a_client_that_dies_leaves_a_tidy_server(tmp_path):
    with StandIn() as server, running_client(tmp_path / 'node', namespace=CAMERA,
                                             active=False) as (_, client):
        clock, = hear(client, {'/clock': Clock}).values()
        with cameras(server, tmp_path / 'log') as process:
            client.wait(lambda: len(clock) > 3)
            feeds = [p for p in psutil.Process(process.pid).children()
                     if 'spawn_main' in ' '.join(p.cmdline())]
            feeds[0].kill()
            assert process.wait(timeout=20) == 1
        assert tidy(server)
    assert "CARLA's client died" in (tmp_path / 'log').read_text()


@pytest.mark.parametrize('arguments, message', [
    (('-p', 'mode:=fast'), "mode is 'fast', but must be one of tick, passive"),
    (('-p', 'pose:=[1.0, 2.0]'), 'pose is [1.0, 2.0], but must be six numbers'),
    (('-p', 'width:=0'), 'width is 0, but must be above 0 and below 32768'),
    (('-p', 'fixed_delta_seconds:=.nan'), 'fixed_delta_seconds is nan, but must be above 0'),
    (('-p', 'pace:=.inf'), 'pace is inf, but must be a number from 0 on'),
    (('-p', 'pose:=[.nan, 0.0, 0.0, 0.0, 0.0, 0.0]'), 'pose is [nan, 0.0'),
    (('-p', 'timeout:=1.0'), 'time-out of 1000ms')])
def test_what_is_wrong_is_said_in_a_sentence(tmp_path, arguments, message):
    log = tmp_path / 'log'
    with running_node(['-p', 'host:=127.0.0.1', '-p', 'port:=1', *arguments], log,
                      MODULE) as process:
        assert process.wait(timeout=30) == 1
    assert message in log.read_text() and 'Traceback' not in log.read_text()


def test_help_names_topics_and_parameters():
    text = subprocess.run([sys.executable, '-m', MODULE, '--help'], cwd=ROOT, check=True,
                          capture_output=True, text=True, env=os.environ).stdout
    for word in ('rgb_front/image', '/clock', 'fixed_delta_seconds', 'label_encoding'):
        assert word in text
