"""The launch file, as `ros2 launch` runs it from a workspace built by colcon."""
import os
import signal
import subprocess
import sys
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
               'launch', 'unet_perception', 'segmentation.launch.py']


@pytest.fixture(scope='module')
def workspace(tmp_path_factory):
    """Build the package with colcon; return the folder that holds install/."""
    folder = tmp_path_factory.mktemp('workspace')
    subprocess.run([sys.executable, '-m', 'colcon', '--log-base', 'log', 'build', '--base-paths',
                    ROOT], cwd=folder, check=True)
    return folder


@contextmanager
def launched(workspace, log, *arguments):
    """Launch the node and give the process of `ros2 launch`."""
    with open(log, 'w') as file:
        # Without a terminal, launch passes SIGINT on to the node; with one, it leaves that to it.
        process = subprocess.Popen([*ROS2_LAUNCH, *arguments], cwd=workspace, stdout=file,
                                   stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                   env={**os.environ, 'ROS_LOG_DIR': str(log.parent)},
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


def test_every_argument_is_described():
    from launch.actions import DeclareLaunchArgument
    from launch.launch_description_sources import get_launch_description_from_python_launch_file
    description = get_launch_description_from_python_launch_file(
        str(ROOT / 'launch' / 'segmentation.launch.py'))
    arguments = {a.name: a for a in description.get_launch_arguments()}
    assert list(arguments) == ['camera', 'image', 'model', 'params_file', 'use_sim_time',
                               'log_level']
    undescribed = DeclareLaunchArgument('x').description
    for argument in arguments.values():
        assert argument.default_value is not None
        assert argument.description and argument.description != undescribed
    assert [part.text for part in arguments['model'].default_value] == [DEFAULT_MODEL]


def test_show_args(workspace):
    shown = subprocess.run([*ROS2_LAUNCH, '--show-args'], cwd=workspace, check=True,
                           capture_output=True, text=True).stdout
    assert 'Namespace of the camera' in shown
    assert f"(default: '{CAMERA}')" in shown


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
