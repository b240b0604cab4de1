"""The launch files, as `ros2 launch` runs them from a workspace built by colcon."""
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.util import find_spec

import pytest
import yaml
from conftest import CAMERA, DRIVE, ROOT
from rcl_interfaces.srv import GetParameters
from rclpy.parameter import parameter_value_to_python
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image

from unet_perception import bags
from unet_perception.node import DEFAULT_MODEL
from unet_perception.replay import Replay, private_domain

pytestmark = pytest.mark.skipif(
    find_spec('ros2launch') is None,
    reason='needs `ros2 launch`, which comes with ROS 2 and is not on PyPI')

CONFIG = ROOT / 'config' / 'segmentation.yaml'
# Run in the workspace, with the built package in sight.
ROS2_LAUNCH = ['sh', '-c', '. install/setup.sh; exec "$@"', 'sh', sys.executable, '-c',
               'import sys; from ros2cli.cli import main; sys.exit(main())',
               'launch', 'unet_perception']
LAUNCH_FILES = ['segmentation', 'carla', 'bag']


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
                                   cwd=workspace, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
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
    assert f"(default: '{CAMERA}')" in shown and f"(default: '{DEFAULT_MODEL}')" in shown


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
        client = replay.create_client(GetParameters, f'{CAMERA}/segmentation/get_parameters')
        assert client.wait_for_service(60), log.read_text()
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
        client = replay.create_client(GetParameters, '/car/segmentation/get_parameters')
        assert client.wait_for_service(60), log.read_text()
        answer = client.call(GetParameters.Request(names=['cameras']))
        assert list(answer.values[0].string_array_value) == ['left', 'right']
        give_up = time.perf_counter() + 20
        while not replay.count_publishers('/car/left/segmentation/diagnostics'):
            assert time.perf_counter() < give_up, log.read_text()
            time.sleep(0.1)
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


def test_arguments_and_parameters_reach_the_node(workspace, tmp_path):
    parameters = yaml.safe_load(CONFIG.read_text())
    values = parameters['/**/segmentation']['ros__parameters']
    values.update(overlay_opacity=0.25, threads=1)
    params = tmp_path / 'my.yaml'
    params.write_text(yaml.safe_dump(parameters))
    expected = {**values, 'model': DEFAULT_MODEL, 'use_sim_time': True}
    log = tmp_path / 'log'
    with private_domain(), launched(workspace, log, 'camera:=/hero/rgb', f'params_file:={params}',
                                    'image:=/elsewhere/image') as process:
        replay = Replay('/hero/rgb')
        client = replay.create_client(GetParameters, '/hero/rgb/segmentation/get_parameters')
        assert client.wait_for_service(60), log.read_text()
        answer = client.call(GetParameters.Request(names=list(expected)))
        values = [parameter_value_to_python(value) for value in answer.values]
        assert dict(zip(expected, values)) == expected
        assert replay.count_subscribers('/elsewhere/image') == 1
        interrupt(process, log)
