"""A lifecycle manager drives the node through every state."""
import signal
import subprocess
import sys
import time

from conftest import ROOT
from graph import header, pixels, running_client
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
import numpy as np
import psutil
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo

from unet_perception import loading
from unet_perception.images import to_message
from unet_perception.labels import NAMES
from unet_perception.model import open_bundle
from unet_perception.segmenter import Segmenter

MANAGED = ('-p', 'autostart:=false', '-p', 'precision:=f32')


@pytest.fixture(scope='module')
def frame(recorded):
    return to_message(recorded[40][1], 'rgb8', header(1))


def memory(process):
    return psutil.Process(process.pid).memory_info().rss / 1e6


def test_every_state_does_what_it_should(tmp_path, recorded, frame):
    log = tmp_path / 'log'
    expected = Segmenter(open_bundle('carla-fast'), precision='f32')(recorded[40][1]).labels
    with running_client(log, *MANAGED, active=False) as (process, client):
        assert client.state() == 'unconfigured'
        empty = memory(process)
        assert not client.change_state('activate')  # not from here

        assert client.change_state('configure')
        assert client.state() == 'inactive'
        client.wait(lambda: client.count_publishers('/camera/segmentation/mask'))
        assert client.camera.get_subscription_count() == 0
        loaded = memory(process)

        assert client.change_state('activate')
        client.connected(['mask'])
        np.testing.assert_array_equal(pixels(client.segment(frame)), expected)

        assert client.change_state('deactivate')
        client.wait(lambda: not client.camera.get_subscription_count())
        client.camera.publish(frame)
        time.sleep(0.3)
        assert len(client.received['mask']) == 1
        client.counts()
        assert client.levels['/camera/segmentation'] == (b'\x01', 'the node is inactive')

        begin = time.perf_counter()
        assert client.change_state('activate')  # without loading anything again
        assert time.perf_counter() - begin < 0.3
        client.connected(['mask'])
        np.testing.assert_array_equal(pixels(client.segment(frame)), expected)

        assert client.change_state('deactivate') and client.change_state('cleanup')
        client.wait(lambda: not client.count_publishers('/camera/segmentation/mask'))
        assert client.set('image_depth', 7).successful  # nothing is fixed while unconfigured
        assert log.read_text().count('model carla-fast (') == 1
        # The model has gone: what is left is OpenVINO's library and allocator.
        assert memory(process) - empty < 0.75 * (loaded - empty)

        assert client.change_state('configure') and client.change_state('activate')
        client.connected(['mask'])
        np.testing.assert_array_equal(pixels(client.segment(frame)), expected)
        assert client.change_state('shutdown')
        assert client.state() == 'finalized'
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=5) == 0
    assert 'Traceback' not in log.read_text()


def test_a_transition_by_number_that_is_none_from_here_is_refused(tmp_path, frame):
    with running_client(tmp_path / 'log') as (_, client):
        wrong = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_CONFIGURE))
        assert not client.call(ChangeState, 'change_state', wrong).success
        assert client.segment(frame)
        right = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_DEACTIVATE))
        assert client.call(ChangeState, 'change_state', right).success
        assert client.state() == 'inactive'


def test_an_error_goes_through_the_error_state_and_can_be_mended(tmp_path, frame):
    log = tmp_path / 'log'
    with running_client(log, *MANAGED, '-p', 'model:=/no/such', active=False) as (_, client):
        assert not client.change_state('configure')
        assert client.state() == 'unconfigured'
        client.wait(lambda: client.levels.get('/camera/segmentation', '  ')[0] == b'\x02')
        assert 'no model bundle at /no/such' in client.levels['/camera/segmentation'][1]
        assert client.set('model', 'carla-fast').successful
        assert client.change_state('configure') and client.change_state('activate')
        client.connected(['mask'])
        assert client.segment(frame)
        client.wait(
            lambda: client.levels['/camera/segmentation'] == (b'\x00', 'the node is active'))
    assert 'no model bundle at /no/such' in log.read_text()
    assert 'Traceback' not in log.read_text()


@pytest.mark.parametrize('camera', ['no spaces', '9', '/camera/'])
def test_a_camera_that_cannot_name_a_topic_is_an_error_too(tmp_path, camera):
    with running_client(tmp_path / 'log', *MANAGED, active=False) as (_, client):
        assert client.set('cameras', [camera]).successful
        assert not client.change_state('configure')
        assert client.state() == 'unconfigured'
        assert client.set('cameras', ['']).successful
        assert client.change_state('configure')


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize('steps', [(), ('configure',)])
def test_signals_end_it_cleanly_in_states_without_work(tmp_path, number, steps):
    log = tmp_path / 'log'
    with running_client(log, *MANAGED, active=False) as (process, client):
        assert client.state() == 'unconfigured'
        assert all(client.change_state(step) for step in steps)
        process.send_signal(number)
        assert process.wait(timeout=5) == 0
    assert 'Traceback' not in log.read_text()


def test_a_load_that_takes_long_says_so(monkeypatch):
    said = []

    class Logger:
        info = said.append

    def slow(_):
        time.sleep(1.2)
        raise ValueError('enough')
    monkeypatch.setattr(loading, 'open_bundle', slow)
    from unet_perception.parameters import Parameters
    with pytest.raises(ValueError):
        loading.load(Parameters(), Logger)
    assert said == ['loading model carla-fast: 1 s so far']


def test_camera_info_goes_with_the_mask(tmp_path, frame):
    with running_client(tmp_path / 'log') as (_, client):
        info = client.create_publisher(CameraInfo, 'camera_info', 10)
        masks = client.received['mask']
        infos = client.listen('camera_info', CameraInfo)
        client.connected(['mask'])
        sent = CameraInfo(height=frame.height, width=frame.width, k=[float(i) for i in range(9)])
        client.wait(info.get_subscription_count)
        info.publish(sent)
        time.sleep(0.1)
        client.segment(frame)
        client.wait(lambda: infos)
        sent.header = frame.header
        assert infos == [sent] and masks[0].header == infos[0].header


def test_without_vision_msgs_it_says_so_once_and_goes_on(tmp_path, frame):
    hidden = subprocess.run(
        [sys.executable, '-c', 'import unet_perception.label_info as l; print(l.LabelInfo)'],
        cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    if hidden != 'None':
        pytest.skip('vision_msgs is installed')
    log = tmp_path / 'log'
    with running_client(log) as (_, client):
        assert client.segment(frame)
        assert client.set('confidence_threshold', 0.5).successful
    assert log.read_text().count('vision_msgs is not installed') == 1


def test_label_info_is_latched_and_follows_the_threshold(tmp_path):
    vision_msgs = pytest.importorskip('vision_msgs.msg', reason='vision_msgs comes with ROS 2')
    with running_client(tmp_path / 'log', outputs=()) as (_, client):
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        infos = client.listen('label_info', vision_msgs.LabelInfo, latched)
        client.wait(lambda: infos)
        assert [(c.class_id, c.class_name) for c in infos[0].class_map] == list(enumerate(NAMES))
        assert infos[0].threshold == 0.0
        assert client.set('confidence_threshold', 0.75).successful
        client.wait(lambda: len(infos) == 2)
        assert infos[1].threshold == 0.75
        client.listen('label_info', vision_msgs.LabelInfo, latched)  # who comes late
        client.wait(lambda: client.received['label_info'])
        assert client.received['label_info'][0].threshold == 0.75
