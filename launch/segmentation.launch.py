r"""
Segment one camera or several: start the node beside their image topics.

    ros2 launch unet_perception segmentation.launch.py
    ros2 launch unet_perception segmentation.launch.py camera:=/carla/hero/rgb model:=/my/bundle
    ros2 launch unet_perception segmentation.launch.py camera:=/carla/ego_vehicle \
        cameras:='[rgb_front, rgb_left]' watched:=/carla/ego_vehicle/rgb_front rviz:=true
    ros2 launch unet_perception segmentation.launch.py --show-args
"""
from typing import List

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.conditions import IfCondition
from launch.substitutions import EnvironmentVariable, LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import LifecycleNode, Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

PACKAGE = 'unet_perception'
SHARE = FindPackageShare(PACKAGE)
ARGUMENTS = [
    DeclareLaunchArgument(
        'camera', default_value='/carla/ego_vehicle/rgb_front',
        description='Namespace of the camera; the masks appear in it as segmentation/...'),
    DeclareLaunchArgument(
        'cameras', default_value="['']",
        description='Namespaces of several cameras that one node serves together, relative to '
                    "camera, such as [rgb_front, rgb_left]; [''] is camera itself"),
    DeclareLaunchArgument(
        'image', default_value='image',
        description='Image topic, relative to the camera unless it starts with a slash; its '
                    'compressed form is that topic/compressed'),
    DeclareLaunchArgument(
        'camera_info', default_value='camera_info',
        description='CameraInfo topic, relative to the camera unless it starts with a slash'),
    DeclareLaunchArgument(
        'model', default_value='carla-fast',
        description='Model bundle: its folder, or the name of one that ships with the package'),
    DeclareLaunchArgument(
        'params_file',
        default_value=PathJoinSubstitution([SHARE, 'config', 'segmentation.yaml']),
        description='YAML file with the other parameters; the arguments cameras, model, autostart '
                    'and use_sim_time win over it'),
    DeclareLaunchArgument(
        'autostart', default_value='true', choices=['true', 'false'],
        description='Configure and activate the node at once; false leaves it to a lifecycle '
                    'manager or to `ros2 lifecycle set`'),
    DeclareLaunchArgument(
        'use_sim_time', default_value='true', choices=['true', 'false'],
        description='Take the time from /clock, which CARLA publishes'),
    DeclareLaunchArgument(
        'watched', default_value=LaunchConfiguration('camera'),
        description='Namespace of the one camera that monitor and rviz look at'),
    DeclareLaunchArgument(
        'monitor', default_value='false', choices=['true', 'false'],
        description="Score the masks against CARLA's semantic camera while it drives; needs "
                    'label_encoding and scheme'),
    DeclareLaunchArgument(
        'semantic', default_value='/carla/ego_vehicle/semantic_segmentation_front/image',
        description='Image topic of the semantic camera: of the size, pose and field of view of '
                    'the watched one'),
    DeclareLaunchArgument(
        'label_encoding', default_value='', choices=['', 'palette', 'tag'],
        description="What the semantic camera's pixels are: palette (colours, as CARLA's ROS "
                    "bridge publishes) or tag (ids in the red channel, as CARLA's own ROS 2 "
                    'interface does)'),
    DeclareLaunchArgument(
        'scheme', default_value='', choices=['', 'A', 'A-client', 'B', 'C', 'D'],
        description='Class scheme of the semantic camera, by the version of CARLA: A to 0.9.9, '
                    'B 0.9.10 to 0.9.13, C 0.9.14 to 0.9.16, D 0.10'),
    DeclareLaunchArgument(
        'rviz', default_value='false', choices=['true', 'false'],
        description='Show camera, colours, overlay and diagnostics of the watched camera in '
                    'rviz2'),
    DeclareLaunchArgument(
        'rviz_file', default_value=PathJoinSubstitution([SHARE, 'rviz', 'segmentation.rviz']),
        description='Display file for rviz2; relative topics in it are of the watched camera'),
    DeclareLaunchArgument(
        'log_level', default_value='info', choices=['debug', 'info', 'warn', 'error', 'fatal'],
        description='Least severe messages that the nodes print'),
]
USE_SIM_TIME = ParameterValue(LaunchConfiguration('use_sim_time'), value_type=bool)
CAMERA_TOPICS = [
    ('image', LaunchConfiguration('image')),
    ('image/compressed', [LaunchConfiguration('image'), '/compressed']),
    ('camera_info', LaunchConfiguration('camera_info'))]
LOG_LEVEL = ['--ros-args', '--log-level', LaunchConfiguration('log_level')]


def text(argument):
    """Return an argument as a parameter that stays a string, whatever it looks like in YAML."""
    return ParameterValue(LaunchConfiguration(argument), value_type=str)


def generate_launch_description():
    """Return the arguments and the nodes."""
    watched = LaunchConfiguration('watched')
    return LaunchDescription([
        *ARGUMENTS,
        LifecycleNode(
            package=PACKAGE, executable='segmentation_node', name='segmentation',
            namespace=LaunchConfiguration('camera'), remappings=CAMERA_TOPICS,
            # The arguments come after the file, so that they win.
            parameters=[LaunchConfiguration('params_file'), {
                'cameras': ParameterValue(LaunchConfiguration('cameras'), value_type=List[str]),
                'model': text('model'),
                'autostart': ParameterValue(LaunchConfiguration('autostart'), value_type=bool),
                'use_sim_time': USE_SIM_TIME}],
            arguments=LOG_LEVEL, output='screen',
            additional_env={'FASTRTPS_DEFAULT_PROFILES_FILE': EnvironmentVariable(
                'FASTRTPS_DEFAULT_PROFILES_FILE',
                default_value=PathJoinSubstitution([SHARE, 'config', 'fastdds.xml']))}),
        Node(
            package=PACKAGE, executable='accuracy_monitor', namespace=watched,
            condition=IfCondition(LaunchConfiguration('monitor')),
            remappings=[('semantic', LaunchConfiguration('semantic'))],
            parameters=[{'label_encoding': text('label_encoding'), 'scheme': text('scheme'),
                         'use_sim_time': USE_SIM_TIME}],
            arguments=LOG_LEVEL, output='screen'),
        Node(
            package=PACKAGE, executable='diagnostics_image', namespace=watched,
            condition=IfCondition(LaunchConfiguration('rviz')),
            arguments=LOG_LEVEL, output='screen'),
        Node(
            package='rviz2', executable='rviz2', namespace=watched,
            condition=IfCondition(LaunchConfiguration('rviz')), remappings=CAMERA_TOPICS,
            parameters=[{'use_sim_time': USE_SIM_TIME}],
            arguments=['-d', LaunchConfiguration('rviz_file'), *LOG_LEVEL], output='screen')])
