r"""
Drive in CARLA without its ROS bridge: our own camera node, and the segmentation beside it.

    ros2 launch unet_perception carla_cameras.launch.py host:=192.168.1.20 town:=Town03 rviz:=true
    ros2 launch unet_perception carla_cameras.launch.py semantic_camera:=true \
        monitor:=true scheme:=C
    ros2 launch unet_perception carla_cameras.launch.py --show-args

CARLA runs already; pip install carla, best of the server's version. The arguments of
segmentation.launch.py hold here, too.
"""
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, SetEnvironmentVariable
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import EnvironmentVariable, LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

SHARE = FindPackageShare('unet_perception')
CAMERAS = [
    DeclareLaunchArgument(
        'host', default_value='localhost', description='Name or address of the CARLA server'),
    DeclareLaunchArgument(
        'port', default_value='2000', description='TCP port of the CARLA server'),
    DeclareLaunchArgument(
        'town', default_value='', description='CARLA town to load, such as Town03; empty: the '
                                              'one that is there'),
    DeclareLaunchArgument(
        'mode', default_value='tick', choices=['tick', 'passive'],
        description='Who ticks the simulation: we, or another client or the server itself'),
    DeclareLaunchArgument(
        'fixed_delta_seconds', default_value='0.05',
        description='Simulation time between two ticks, s'),
    DeclareLaunchArgument(
        'role_name', default_value='ego_vehicle',
        description='Role of the vehicle that gets the cameras; spawned if there is none. Also in '
                    'the names of the topics: give camera and semantic, too'),
    DeclareLaunchArgument(
        'autopilot', default_value='true', choices=['true', 'false'],
        description='A vehicle that is spawned drives by itself'),
    DeclareLaunchArgument(
        'semantic_camera', default_value='false', choices=['true', 'false'],
        description="Add a semantic camera of the same size, pose and field of view, in CARLA's "
                    'palette; monitor needs it'),
]
MONITOR = [
    DeclareLaunchArgument(
        'label_encoding', default_value='palette', choices=['palette', 'tag'],
        description="What the semantic camera's pixels are"),
]


def parameter(name, type_, argument=None):
    """Return an argument as a parameter of the camera node."""
    return {name: ParameterValue(LaunchConfiguration(argument or name), value_type=type_)}


def generate_launch_description():
    """Return the arguments, the cameras and the node."""
    return LaunchDescription([
        *CAMERAS, *MONITOR,
        # For the cameras most of all: they are the large images.
        SetEnvironmentVariable('FASTRTPS_DEFAULT_PROFILES_FILE', EnvironmentVariable(
            'FASTRTPS_DEFAULT_PROFILES_FILE',
            default_value=PathJoinSubstitution([SHARE, 'config', 'fastdds.xml']))),
        Node(
            package='unet_perception', executable='carla_cameras',
            namespace=['/carla/', LaunchConfiguration('role_name')], output='screen',
            parameters=[{
                **parameter('host', str), **parameter('port', int), **parameter('town', str),
                **parameter('mode', str), **parameter('fixed_delta_seconds', float),
                **parameter('role_name', str), **parameter('autopilot', bool),
                **parameter('semantic', bool, 'semantic_camera'),
                **parameter('label_encoding', str)}]),
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(
                PathJoinSubstitution([SHARE, 'launch', 'segmentation.launch.py'])),
            launch_arguments=[('label_encoding', LaunchConfiguration('label_encoding'))])])
