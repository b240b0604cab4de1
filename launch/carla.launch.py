"""
Drive in CARLA: start its ROS bridge, spawn an ego vehicle with our cameras, segment.

    ros2 launch unet_perception carla.launch.py host:=192.168.1.20 town:=Town03 rviz:=true
    ros2 launch unet_perception carla.launch.py monitor:=true scheme:=B
    ros2 launch unet_perception carla.launch.py --show-args

CARLA runs already; the packages carla_ros_bridge and carla_spawn_objects come from
github.com/carla-simulator/ros-bridge. The arguments of segmentation.launch.py hold here, too.
"""
from ament_index_python.packages import get_package_share_directory, PackageNotFoundError
from launch import LaunchDescription
from launch.actions import (DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction,
                            SetEnvironmentVariable)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import EnvironmentVariable, LaunchConfiguration, PathJoinSubstitution
from launch_ros.substitutions import FindPackageShare

SHARE = FindPackageShare('unet_perception')
BRIDGE = [
    DeclareLaunchArgument(
        'host', default_value='localhost', description='Name or address of the CARLA server'),
    DeclareLaunchArgument(
        'port', default_value='2000', description='TCP port of the CARLA server'),
    DeclareLaunchArgument(
        'timeout', default_value='20',
        description='Seconds to wait for the CARLA server; loading a town takes many'),
    DeclareLaunchArgument(
        'synchronous_mode', default_value='True', choices=['True', 'False'],
        description='The bridge ticks the simulation and waits for all sensors of each tick'),
    DeclareLaunchArgument(
        'fixed_delta_seconds', default_value='0.05',
        description='Simulation time between two ticks, s'),
    DeclareLaunchArgument(
        'town', default_value='Town01', description='CARLA town, or an OpenDRIVE file (.xodr)'),
    DeclareLaunchArgument(
        'passive', default_value='False', choices=['True', 'False'],
        description='Another client ticks the simulation, not the bridge'),
    DeclareLaunchArgument(
        'register_all_sensors', default_value='False', choices=['True', 'False'],
        description='Publish the sensors of every actor in the simulation, not only ours'),
]
VEHICLE = [
    DeclareLaunchArgument(
        'objects_definition_file',
        default_value=PathJoinSubstitution([SHARE, 'config', 'ego_vehicle.json']),
        description='JSON file of what to spawn: by default the vehicle ego_vehicle with '
                    'rgb_front and semantic_segmentation_front of equal size, pose and field of '
                    'view'),
    DeclareLaunchArgument(
        'spawn_point_ego_vehicle', default_value='None',
        description='Where the vehicle starts: x,y,z,roll,pitch,yaw in m and degrees; None: at a '
                    'random spawn point of the town'),
    DeclareLaunchArgument(
        'spawn_sensors_only', default_value='False', choices=['True', 'False'],
        description='Attach the sensors to a vehicle ego_vehicle that drives already'),
]
MONITOR = [
    DeclareLaunchArgument(
        'label_encoding', default_value='palette', choices=['palette', 'tag'],
        description="What the semantic camera's pixels are: the bridge publishes palette"),
]


def require_bridge(context):
    """Raise RuntimeError if a package of CARLA's ROS bridge is not installed."""
    for package in ('carla_ros_bridge', 'carla_spawn_objects'):
        try:
            get_package_share_directory(package)
        except PackageNotFoundError:
            raise RuntimeError(
                f'the package {package} is not installed: build '
                f'github.com/carla-simulator/ros-bridge in a workspace and source it; to segment '
                f'without it, use segmentation.launch.py') from None


def include(package, *path, arguments=()):
    """Include a launch file of a package, with the values of these of our arguments."""
    return IncludeLaunchDescription(
        PythonLaunchDescriptionSource(PathJoinSubstitution([FindPackageShare(package), *path])),
        launch_arguments=[(a.name, LaunchConfiguration(a.name)) for a in arguments])


def generate_launch_description():
    """Return the arguments, the bridge, the vehicle and the node."""
    return LaunchDescription([
        *BRIDGE, *VEHICLE, *MONITOR,
        OpaqueFunction(function=require_bridge),
        # For the bridge most of all: it publishes the large images.
        SetEnvironmentVariable('FASTRTPS_DEFAULT_PROFILES_FILE', EnvironmentVariable(
            'FASTRTPS_DEFAULT_PROFILES_FILE',
            default_value=PathJoinSubstitution([SHARE, 'config', 'fastdds.xml']))),
        include('carla_ros_bridge', 'carla_ros_bridge.launch.py', arguments=BRIDGE),
        include('carla_spawn_objects', 'carla_spawn_objects.launch.py', arguments=VEHICLE),
        include('unet_perception', 'launch', 'segmentation.launch.py', arguments=MONITOR)])
