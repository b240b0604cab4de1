"""
The recorded drive through the node as its launch file starts it, by ROS's launch_testing.

It needs the package built and sourced, as `colcon test` has it. test_golden.py checks the same
without launch.
"""
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
import unittest

from ament_index_python.packages import get_packages_with_prefixes
from golden import CAMERA, camera_messages, check
import pytest
import rclpy

from unet_perception.replay import Replay

pytest.importorskip('launch_testing', reason='launch_testing comes with ROS 2 and is not on PyPI')
from launch import LaunchDescription  # noqa: E402, I100
from launch.actions import IncludeLaunchDescription  # noqa: E402
from launch.launch_description_sources import PythonLaunchDescriptionSource  # noqa: E402
from launch.substitutions import PathJoinSubstitution  # noqa: E402
from launch_ros.substitutions import FindPackageShare  # noqa: E402
import launch_testing  # noqa: E402


@pytest.mark.skipif('unet_perception' not in get_packages_with_prefixes(),
                    reason='needs the package built and its workspace sourced')
@pytest.mark.launch_test
def generate_test_description():
    """Start the node by its launch file."""
    return LaunchDescription([
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(PathJoinSubstitution(
                [FindPackageShare('unet_perception'), 'launch', 'segmentation.launch.py'])),
            launch_arguments={'camera': CAMERA, 'use_sim_time': 'false'}.items()),
        launch_testing.actions.ReadyToTest()])


class TestDrive(unittest.TestCase):
    """While the node runs."""

    def test_the_drive_comes_back_as_golden_masks(self, proc_output):
        rclpy.init()
        with TemporaryDirectory() as folder:
            log = Path(folder, 'log')
            log.write_text('see the output of launch')
            running = SimpleNamespace(poll=lambda: None)  # launch looks after the process
            try:
                replay = Replay(CAMERA)
                replay.play(camera_messages(), running, log)
                check(replay)
            finally:
                rclpy.shutdown()


@launch_testing.post_shutdown_test()
class TestEnd(unittest.TestCase):
    """After launch has ended it."""

    def test_it_ends_cleanly(self, proc_info, proc_output):
        launch_testing.asserts.assertExitCodes(proc_info)
        for output in proc_output:
            self.assertNotIn(b'Traceback', output.text)
