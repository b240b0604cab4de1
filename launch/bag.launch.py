"""
Replay a recorded bag into the node, from the moment when the node is active.

    ros2 launch unet_perception bag.launch.py bag:=/path/to/bag rviz:=true
    ros2 launch unet_perception bag.launch.py bag:=/path/to/bag rate:=0.5 loop:=true
    ros2 launch unet_perception bag.launch.py --show-args

Needs `ros2 bag` (the package ros2bag). When the bag has ended the node stays, for another. The
arguments of segmentation.launch.py hold here, too.
"""
from launch import LaunchDescription
from launch.actions import (DeclareLaunchArgument, EmitEvent, ExecuteProcess,
                            IncludeLaunchDescription, RegisterEventHandler, SetEnvironmentVariable)
from launch.conditions import IfCondition, UnlessCondition
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import EnvironmentVariable, LaunchConfiguration, PathJoinSubstitution
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState
from launch_ros.substitutions import FindPackageShare
from lifecycle_msgs.msg import Transition

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
# The delay lets the node find the player's topics before the first image is sent.
PLAY = ['ros2', 'bag', 'play', LaunchConfiguration('bag'), '--clock', '100', '--delay', '1.0',
        '--rate', LaunchConfiguration('rate'), '--disable-keyboard-controls']


def change_state(transition):
    """Ask the node, the only one with a lifecycle, for a transition."""
    return EmitEvent(event=ChangeState(lifecycle_node_matcher=lambda _: True,
                                       transition_id=transition))


def on_state(state, *entities):
    """Do something when the node reaches a state for the first time."""
    return RegisterEventHandler(OnStateTransition(goal_state=state, handle_once=True,
                                                  entities=list(entities)))


def generate_launch_description():
    """Return the arguments, the node, and what leads it step by step to the bag's first image."""
    loop = LaunchConfiguration('loop')
    return LaunchDescription([
        *ARGUMENTS,
        # For the player most of all: it publishes the large images.
        SetEnvironmentVariable('FASTRTPS_DEFAULT_PROFILES_FILE', EnvironmentVariable(
            'FASTRTPS_DEFAULT_PROFILES_FILE',
            default_value=PathJoinSubstitution([SHARE, 'config', 'fastdds.xml']))),
        on_state('inactive', change_state(Transition.TRANSITION_ACTIVATE)),
        on_state('active',
                 ExecuteProcess(cmd=PLAY, condition=UnlessCondition(loop), output='screen'),
                 ExecuteProcess(cmd=[*PLAY, '--loop'], condition=IfCondition(loop),
                                output='screen')),
        # Not by autostart: that could be over before launch sees what the node says.
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(
                PathJoinSubstitution([SHARE, 'launch', 'segmentation.launch.py'])),
            launch_arguments=[('use_sim_time', 'true'), ('autostart', 'false')]),
        change_state(Transition.TRANSITION_CONFIGURE)])
