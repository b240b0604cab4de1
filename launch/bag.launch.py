"""Replay a recorded bag into the node; the bag starts once the node is active.

    ros2 launch unet_perception bag.launch.py bag:=/path/to/bag rviz:=true
    ros2 launch unet_perception bag.launch.py bag:=/path/to/bag rate:=0.5 loop:=true
    ros2 launch unet_perception bag.launch.py --show-args

Needs `ros2 bag` (the package ros2bag). When the bag has ended the node stays, for another. The
arguments of segmentation.launch.py hold here, too.
"""
from launch import LaunchDescription
from launch.actions import (DeclareLaunchArgument, ExecuteProcess, IncludeLaunchDescription,
                            RegisterEventHandler, SetEnvironmentVariable)
from launch.conditions import IfCondition, UnlessCondition
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import (EnvironmentVariable, LaunchConfiguration,
                                  PathJoinSubstitution)
from launch_ros.event_handlers import OnStateTransition
from launch_ros.substitutions import FindPackageShare

SHARE = FindPackageShare('unet_perception')
ARGUMENTS = [
    DeclareLaunchArgument(
        'bag', default_value=PathJoinSubstitution([SHARE, 'demo', 'town07_drive']),
        description='Bag to replay: its folder; by default the recorded drive that ships'),
    DeclareLaunchArgument(
        'rate', default_value='1.0', description='Speed of the replay; 0.5 is half the real one'),
    DeclareLaunchArgument(
        'loop', default_value='false', choices=['true', 'false'],
        description='Start again at the end; the clock then jumps back'),
]
PLAY = ['ros2', 'bag', 'play', LaunchConfiguration('bag'), '--clock', '100',
        '--rate', LaunchConfiguration('rate'), '--disable-keyboard-controls']


def generate_launch_description():
    """Return the arguments, the node, and the player that waits for it."""
    loop = LaunchConfiguration('loop')
    return LaunchDescription([
        *ARGUMENTS,
        # For the player most of all: it publishes the large images.
        SetEnvironmentVariable('FASTRTPS_DEFAULT_PROFILES_FILE', EnvironmentVariable(
            'FASTRTPS_DEFAULT_PROFILES_FILE',
            default_value=PathJoinSubstitution([SHARE, 'config', 'fastdds.xml']))),
        RegisterEventHandler(OnStateTransition(goal_state='active', handle_once=True, entities=[
            ExecuteProcess(cmd=PLAY, condition=UnlessCondition(loop), output='screen'),
            ExecuteProcess(cmd=[*PLAY, '--loop'], condition=IfCondition(loop), output='screen')])),
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(
                PathJoinSubstitution([SHARE, 'launch', 'segmentation.launch.py'])),
            launch_arguments=[('use_sim_time', 'true')])])
