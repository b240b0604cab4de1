"""The launch files, as `ros2 launch` runs them from a workspace built by colcon."""
from contextlib import contextmanager
from importlib.util import find_spec
import os
import signal
import subprocess
import sys
import time

from conftest import CAMERA, DRIVE, ROOT
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
import pytest
from rcl_interfaces.srv import GetParameters
import rclpy
from rclpy.parameter import parameter_value_to_python
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image
from unet_perception import bags
from unet_perception.parameters import Parameters
from unet_perception.replay import private_domain, Replay, spin_beside
import yaml

pytestmark = pytest.mark.skipif(
    find_spec('ros2launch') is None,
    reason='needs `ros2 launch`, which comes with ROS 2 and is not on PyPI')

CONFIG = ROOT / 'config' / 'segmentation.yaml'
# Run in the workspace, with the built package in sight.
ROS2_LAUNCH = ['sh', '-c', '. install/setup.sh; exec "$@"', 'sh', sys.executable, '-c',
               'import sys; from ros2cli.cli import main; sys.exit(main())',
               'launch', 'unet_perception']
MODEL = Parameters().model
LAUNCH_FILES = ['segmentation', 'carla', 'carla_cameras', 'bag']


@pytest.fixture(scope='module')
def workspace(tmp_path_factory):
    """Build the package with colcon; return the folder that holds install/."""
    folder = tmp_path_factory.mktemp('workspace')
    subprocess.run([sys.executable, '-m', 'colcon', '--log-base', 'log', 'build', '--base-paths',
                    ROOT], cwd=folder, check=True)
    return folder


@contextmanager
def launched(workspace, log, *arguments, file='segmentation', **env):
    """Run a launch file and give the process of `ros2 launch`."""
    with open(log, 'w') as output:
        # Without a terminal, launch passes SIGINT on to the node; with one, it leaves that to it.
        process = subprocess.Popen([*ROS2_LAUNCH, f'{file}.launch.py', *arguments],
                                   cwd=workspace, stdout=output, stderr=subprocess.STDOUT,
                                   stdin=subprocess.DEVNULL,
                                   env={**os.environ, 'ROS_LOG_DIR': str(log.parent), **env},
                                   start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:  # the test has failed; the node must not stay behind
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def interrupt(process, log):
    """End `ros2 launch` as Ctrl-C does and check that the node ends well."""
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=10) == 0
    printed = log.read_text()
    assert 'process has finished cleanly' in printed, printed
    assert 'Traceback' not in printed, printed


@pytest.mark.parametrize('file', LAUNCH_FILES)
def test_show_args(workspace, file):
    """Each argument is described, also those of the files that it includes, and has a default."""
    shown = subprocess.run([*ROS2_LAUNCH, f'{file}.launch.py', '--show-args'], cwd=workspace,
                           check=True, capture_output=True, text=True).stdout
    arguments = shown.split("\n    '")[1:]
    names = [argument.partition("'")[0] for argument in arguments]
    assert len(names) == len(set(names))
    assert set(names) >= {'camera', 'cameras', 'image', 'model', 'params_file', 'autostart',
                          'use_sim_time', 'monitor', 'rviz', 'log_level'}
    for argument in arguments:
        assert 'no description' not in argument and '(default: ' in argument, argument
    assert f"(default: '{CAMERA}')" in shown and f"(default: '{MODEL}')" in shown


def package(prefix, name, *path, content):
    """Write a package of one file into an ament prefix, to stand in for one not at hand."""
    index = prefix / 'share' / 'ament_index' / 'resource_index' / 'packages' / name
    index.parent.mkdir(parents=True, exist_ok=True)
    index.touch()
    file = prefix.joinpath(*path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    file.chmod(0o755)


def with_prefix(prefix):
    """Return the environment variable with which packages of an ament prefix are found, too."""
    return os.pathsep.join([str(prefix), os.environ.get('AMENT_PREFIX_PATH', '')]).rstrip(':')


@pytest.mark.skipif(find_spec('carla_ros_bridge') is not None, reason='the bridge is installed')
def test_without_the_bridge_one_line_says_so(workspace, tmp_path):
    log = tmp_path / 'log'
    with private_domain(), launched(workspace, log, file='carla') as process:
        assert process.wait(timeout=20) == 1
    assert 'the package carla_ros_bridge is not installed: build github.com' in log.read_text()
    assert 'Traceback' not in log.read_text()


BRIDGE = """
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, LogInfo
from launch.substitutions import LaunchConfiguration

def generate_launch_description():
    return LaunchDescription([
        DeclareLaunchArgument('town', default_value='Town01'),
        DeclareLaunchArgument('timeout', default_value='2'),
        DeclareLaunchArgument('objects_definition_file', default_value=''),
        LogInfo(msg=['here: ', LaunchConfiguration('town'), ' ', LaunchConfiguration('timeout'),
                     ' ', LaunchConfiguration('objects_definition_file')])])
"""


def test_the_bridge_gets_its_arguments_and_our_vehicle(workspace, tmp_path):
    for name in ('carla_ros_bridge', 'carla_spawn_objects'):
        package(tmp_path, name, 'share', name, f'{name}.launch.py', content=BRIDGE)
    log = tmp_path / 'log'
    with private_domain(), launched(workspace, log, 'town:=Town03', file='carla',
                                    AMENT_PREFIX_PATH=with_prefix(tmp_path)) as process:
        replay = Replay(CAMERA)
        call(replay, GetParameters, 'get_parameters', log)
        interrupt(process, log)
    share = workspace / 'install' / 'unet_perception' / 'share' / 'unet_perception'
    assert f'here: Town03 20 {share / "config" / "ego_vehicle.json"}' in log.read_text()


def test_rviz_starts_in_the_namespace_of_the_watched_camera(workspace, tmp_path):
    package(tmp_path, 'rviz2', 'lib', 'rviz2', 'rviz2', content='#!/bin/sh\necho "here: $@"\n')
    log = tmp_path / 'log'
    with private_domain(), launched(
            workspace, log, 'camera:=/car', 'cameras:=[left, right]', 'watched:=/car/left',
            'rviz:=true', AMENT_PREFIX_PATH=with_prefix(tmp_path)) as process:
        replay = Replay('/car/left')
        for name in ('left', 'right'):
            wait(lambda: replay.count_subscribers(f'/car/{name}/image'), log)
        wait(lambda: replay.count_publishers('/car/left/segmentation/diagnostics'), log)
        interrupt(process, log)
    shown, = [line for line in log.read_text().splitlines() if 'here: ' in line]
    assert '/rviz/segmentation.rviz' in shown and '__ns:=/car/left' in shown


def test_masks_come_back(workspace, tmp_path):
    frames = list(bags.read_messages(DRIVE, [f'{CAMERA}/image']))[:10]
    log = tmp_path / 'log'
    with private_domain(), launched(workspace, log, 'use_sim_time:=false') as process:
        replay = Replay(CAMERA)
        replay.play(frames, process, log)
        interrupt(process, log)
    masks = [deserialize_message(m.data, Image) for m in replay.recorded
             if m.topic == f'{CAMERA}/segmentation/mask']
    assert masks  # not one per frame: on a busy machine the node skips to the newest
    assert {(m.width, m.height, m.encoding) for m in masks} == {(160, 80, 'mono8')}


def wait(condition, log, seconds=30):
    """Wait until a condition holds; fail the test if it does not."""
    give_up = time.perf_counter() + seconds
    while not condition():
        assert time.perf_counter() < give_up, log.read_text()
        time.sleep(0.05)


def call(replay, kind, service, log, namespace=CAMERA, **request):
    """Call a service of the node and return the answer."""
    client = replay.create_client(kind, f'{namespace}/segmentation/{service}')
    assert client.wait_for_service(60), log.read_text()
    return client.call(kind.Request(**request))


def test_arguments_and_parameters_reach_the_node(workspace, tmp_path):
    parameters = yaml.safe_load(CONFIG.read_text())
    values = parameters['/**/segmentation']['ros__parameters']
    values.update(overlay_opacity=0.25, threads=1)
    params = tmp_path / 'my.yaml'
    params.write_text(yaml.safe_dump(parameters))
    groups = {f'groups.{name}': classes for name, classes in values.pop('groups').items()}
    expected = {**values, **groups, 'model': MODEL, 'cameras': [''], 'autostart': True,
                'use_sim_time': True}
    log = tmp_path / 'log'
    with private_domain(), launched(workspace, log, 'camera:=/hero/rgb', f'params_file:={params}',
                                    'image:=/elsewhere/image') as process:
        replay = Replay('/hero/rgb')
        answer = call(replay, GetParameters, 'get_parameters', log, '/hero/rgb',
                      names=list(expected))
        values = [parameter_value_to_python(value) for value in answer.values]
        assert dict(zip(expected, values)) == expected
        wait(lambda: replay.count_subscribers('/elsewhere/image') == 1, log)
        interrupt(process, log)


def test_a_manager_can_drive_the_lifecycle(workspace, tmp_path):
    log = tmp_path / 'log'
    with private_domain(), launched(workspace, log, 'autostart:=false') as process:
        replay = Replay(CAMERA)
        assert call(replay, GetState, 'get_state', log).current_state.label == 'unconfigured'
        for transition, state in ((Transition.TRANSITION_CONFIGURE, 'inactive'),
                                  (Transition.TRANSITION_ACTIVATE, 'active')):
            assert call(replay, ChangeState, 'change_state', log,
                        transition=Transition(id=transition)).success
            assert call(replay, GetState, 'get_state', log).current_state.label == state
        interrupt(process, log)


def test_the_monitor_is_told_what_the_semantic_camera_is(workspace, tmp_path):
    log = tmp_path / 'log'
    with private_domain(), launched(workspace, log, 'monitor:=true', 'semantic:=/truth/image',
                                    'label_encoding:=palette', 'scheme:=A') as process:
        replay = Replay(CAMERA)
        client = replay.create_client(GetParameters, f'{CAMERA}/accuracy_monitor/get_parameters')
        assert client.wait_for_service(60), log.read_text()
        answer = client.call(GetParameters.Request(names=['label_encoding', 'scheme']))
        assert [value.string_value for value in answer.values] == ['palette', 'A']
        wait(lambda: replay.count_subscribers('/truth/image') == 1, log)
        wait(lambda: replay.count_publishers(f'{CAMERA}/segmentation/mask'), log)
        interrupt(process, log)


def test_the_monitor_does_not_guess(workspace, tmp_path):
    log = tmp_path / 'log'
    with private_domain(), launched(workspace, log, 'monitor:=true') as process:
        replay = Replay(CAMERA)
        wait(lambda: 'process has died' in log.read_text(), log)
        wait(lambda: replay.count_publishers(f'{CAMERA}/segmentation/mask'), log)
        interrupt(process, log)
    assert 'label_encoding' in log.read_text()


PLAYER = f'''#!{sys.executable}
"""Stands in for `ros2 bag play`, which is not at hand: says what it was asked, and publishes."""
import sys, time, rclpy
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
print('asked:', *sys.argv[1:], flush=True)
rclpy.init()
node = rclpy.create_node('player')
publisher = node.create_publisher(Image, '{CAMERA}/image', 10)
while not publisher.get_subscription_count():
    time.sleep(0.01)
for _ in range(5):
    publisher.publish(Image(height=80, width=160, encoding='mono8', step=160, data=bytes(12800)))
    time.sleep(0.2)
'''


@pytest.mark.parametrize('loop', [False, True])
def test_the_bag_plays_once_the_node_is_active(workspace, tmp_path, loop):
    ros2 = tmp_path / 'bin' / 'ros2'
    ros2.parent.mkdir()
    ros2.write_text(PLAYER)
    ros2.chmod(0o755)
    log = tmp_path / 'log'
    with private_domain(), launched(
            workspace, log, f'bag:={DRIVE}', 'rate:=0.5', *['loop:=true'] * loop, file='bag',
            PATH=f'{ros2.parent}:{os.environ["PATH"]}') as process:
        masks = []
        node = rclpy.create_node('client')
        node.create_subscription(Image, f'{CAMERA}/segmentation/mask', masks.append, 10)
        spin_beside(node)
        wait(lambda: len(masks) == 5 and 'process has finished cleanly' in log.read_text(), log)
        interrupt(process, log)
    asked, = [line for line in log.read_text().splitlines() if 'asked: ' in line]
    assert asked.endswith(f'asked: bag play {DRIVE} --clock 100 --delay 1.0 --rate 0.5 '
                          f'--disable-keyboard-controls{" --loop" * loop}')


@pytest.mark.skipif(find_spec('carla') is None, reason='there is no carla wheel here')
def test_our_own_cameras_of_carla_give_masks(workspace, tmp_path):
    from standin.server import StandIn
    log = tmp_path / 'log'
    with private_domain(), StandIn() as server, launched(
            workspace, log, 'host:=127.0.0.1', f'port:={server.port}', 'semantic_camera:=true',
            file='carla_cameras') as process:
        node, masks = rclpy.create_node('client'), []
        node.create_subscription(Image, f'{CAMERA}/segmentation/mask', masks.append, 10)
        give_up = time.monotonic() + 60
        while len(masks) < 3:
            rclpy.spin_once(node, timeout_sec=1)
            assert time.monotonic() < give_up, log.read_text()
        assert (masks[0].width, masks[0].height) == (800, 600)
        interrupt(process, log)
        assert not server.world.actors
