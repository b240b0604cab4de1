"""Segment one camera: start the node in the camera's namespace, beside its image topic.

    ros2 launch unet_perception segmentation.launch.py
    ros2 launch unet_perception segmentation.launch.py camera:=/carla/hero/rgb model:=/my/bundle
    ros2 launch unet_perception segmentation.launch.py --show-args
"""
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import (EnvironmentVariable, LaunchConfiguration,
                                  PathJoinSubstitution)
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

PACKAGE = 'unet_perception'
ARGUMENTS = [
    DeclareLaunchArgument(
        'camera', default_value='/carla/ego_vehicle/rgb_front',
        description='Namespace of the camera; the masks appear in it as segmentation/...'),
    DeclareLaunchArgument(
        'image', default_value='image',
        description='Image topic, relative to the camera unless it starts with a slash'),
    DeclareLaunchArgument(
        'model', default_value='town07-unet',
        description='Model bundle: its folder, or the name of one that ships with the package'),
    DeclareLaunchArgument(
        'params_file',
        default_value=PathJoinSubstitution([FindPackageShare(PACKAGE), 'config',
                                            'segmentation.yaml']),
        description='YAML file with the other parameters; model and use_sim_time win over it'),
    DeclareLaunchArgument(
        'use_sim_time', default_value='true', choices=['true', 'false'],
        description='Take the time from /clock, which CARLA publishes'),
    DeclareLaunchArgument(
        'log_level', default_value='info', choices=['debug', 'info', 'warn', 'error', 'fatal'],
        description='Least severe messages that the node prints'),
]


def generate_launch_description():
    """Return the arguments and the node."""
    return LaunchDescription([*ARGUMENTS, Node(
        package=PACKAGE, executable='segmentation_node', namespace=LaunchConfiguration('camera'),
        remappings=[('image', LaunchConfiguration('image'))],
        # The arguments come after the file, so that they win.
        parameters=[LaunchConfiguration('params_file'), {
            'model': ParameterValue(LaunchConfiguration('model'), value_type=str),
            'use_sim_time': ParameterValue(LaunchConfiguration('use_sim_time'), value_type=bool)}],
        arguments=['--ros-args', '--log-level', LaunchConfiguration('log_level')],
        additional_env={'FASTRTPS_DEFAULT_PROFILES_FILE': EnvironmentVariable(
            'FASTRTPS_DEFAULT_PROFILES_FILE', default_value=PathJoinSubstitution(
                [FindPackageShare(PACKAGE), 'config', 'fastdds.xml']))},
        output='screen')])
