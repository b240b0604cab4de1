"""
Publish cameras of a running CARLA as its ROS bridge does, without the bridge.

    python -m unet_perception.carla_cameras_node --ros-args -p host:=192.168.1.20
    ros2 run unet_perception carla_cameras --ros-args -p mode:=passive -p semantic:=true

Topics, relative to the node's namespace (by default /carla/ego_vehicle):
    rgb_front/image                              sensor_msgs/Image, bgra8
    rgb_front/camera_info                        sensor_msgs/CameraInfo
    semantic_segmentation_front/image            bgra8, with semantic:=true: CARLA's palette, or
                                                 tags in the red channel (label_encoding)
    semantic_segmentation_front/camera_info
    /clock                                       rosgraph_msgs/Clock, simulated time
    /diagnostics                                 ticks, pictures, pictures lost

Stamps are of simulated time, frame ids are role_name/rgb_front. The cameras have one pose, size
and field of view. They are put on the vehicle with that role_name, or on a new one. With mode
tick the node takes the server into synchronous mode and ticks it; with passive another client
does, or the server runs by itself. At the end, however it comes, the server gets its settings
back and loses what was spawned. The carla package must be there, best of the server's version.

The parameters are

{parameters}
"""
import argparse
from math import inf
import sys

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
import numpy as np
from rcl_interfaces.msg import ParameterDescriptor
import rclpy
from rclpy.clock import Clock as NodeClock
from rclpy.clock import ClockType
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from unet_perception.carla_cameras import Lens
from unet_perception.carla_feed import Connected, ENCODINGS, Feed, feed, Frame, MODES, NAMES
from unet_perception.carla_guard import Note, Server, SignalGuard
from unet_perception.images import to_message
from unet_perception.replay import spin_beside

PARAMETERS = {
    'host': ('localhost', 'name or address of the CARLA server'),
    'port': (2000, 'TCP port of the CARLA server'),
    'timeout': (20.0, 's that the server may take to answer'),
    'town': ('', 'CARLA town to load, such as Town03; empty: the one that is there'),
    'mode': ('tick', f'who ticks: {", ".join(MODES)}'),
    'fixed_delta_seconds': (0.05, 'simulated s of a tick, in mode tick'),
    'pace': (1.0, 'simulated s in a real one at most, in mode tick; 0.0: as fast as it goes'),
    'role_name': ('ego_vehicle', 'of the vehicle with the cameras; spawned if there is none'),
    'autopilot': (True, 'a vehicle that is spawned drives by itself'),
    'semantic': (False, 'add a semantic camera'),
    'label_encoding': ('palette', "its pixels: palette, as CARLA's ROS bridge, or tag"),
    'width': (800, 'of the pictures, pixels'),
    'height': (600, 'of the pictures, pixels'),
    'fov': (90.0, 'horizontal field of view, degrees'),
    'pose': ([2.0, 0.0, 2.0, 0.0, 0.0, 0.0],
             'on the vehicle: x, y, z (m; forward, right, up), pitch, yaw, roll (degrees)'),
    'seed': (0, 'of where a spawned vehicle starts')}
LIMITS = {'width': 2**15, 'height': 2**15, 'fov': 180, 'timeout': 86400,
          'fixed_delta_seconds': 3600, 'port': 2**16}


class CarlaCameras(Node):
    """Publishes the Frames of a Feed."""

    def __init__(self, **kwargs):
        """Declare the parameters and advertise. Raise ValueError on one that is no good."""
        super().__init__('carla_cameras', namespace='/carla/ego_vehicle', **kwargs)
        values = {name: self.declare_parameter(
            name, default, ParameterDescriptor(description=about, read_only=True)).value
            for name, (default, about) in PARAMETERS.items()}
        self.feed = _feed(values)
        self._counts = dict.fromkeys(('ticks', 'pictures', 'lost'), 0)
        self._clock_publisher = self.create_publisher(Clock, '/clock', 10)
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        # Reliable, as the bridge's.
        self._publishers_of = {
            kind: (self.create_publisher(Image, f'{NAMES[kind]}/image', 10),
                   self.create_publisher(CameraInfo, f'{NAMES[kind]}/camera_info', 10))
            for kind in self.feed.kinds}
        self.create_timer(1.0, self._report, clock=NodeClock(clock_type=ClockType.STEADY_TIME))

    def show(self, message):
        """Publish a Frame, or log what else the feed says."""
        if isinstance(message, Frame):
            self._publish(message)
        elif isinstance(message, Note):
            self.get_logger().info(message.text)
        elif isinstance(message, Connected):
            self.get_logger().info(
                f'CARLA {message.version}: cameras on {"the" if message.found else "a new"} '
                f'{message.vehicle} with role_name {self.feed.role}; labels by tag scheme '
                f'{message.scheme or "unknown"}')

    def _publish(self, frame):
        self._counts['ticks'] += 1
        stamp = Header().stamp
        stamp.sec, stamp.nanosec = divmod(frame.time, 10**9)
        self._clock_publisher.publish(Clock(clock=stamp))
        for kind, pixels in frame.images.items():
            header = Header(stamp=stamp, frame_id=f'{self.feed.role}/{NAMES[kind]}')
            image, info = self._publishers_of[kind]
            info.publish(camera_info(self.feed.lens, header))
            image.publish(to_message(pixels, 'bgra8', header))
            self._counts['pictures'] += 1
        for sentence in frame.lost:
            self._counts['lost'] += 1
            self.get_logger().warning(sentence, throttle_duration_sec=5.0)

    def _report(self):
        level = DiagnosticStatus.WARN if self._counts['lost'] else DiagnosticStatus.OK
        message = DiagnosticArray(status=[DiagnosticStatus(
            name=f'{self.get_fully_qualified_name()}: CARLA', level=level,
            hardware_id=f'{self.feed.server.host}:{self.feed.server.port}',
            message=f'{self._counts["lost"]} pictures lost' if self._counts['lost'] else 'ticking',
            values=[KeyValue(key=k, value=str(v)) for k, v in self._counts.items()])])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)


def _feed(values):
    """Return the Feed of parameters by name. Raise ValueError on a value that does not fit."""
    for name, choices in (('mode', MODES), ('label_encoding', ENCODINGS)):
        if values[name] not in choices:
            raise ValueError(f'{name} is {values[name]!r}, but must be one of '
                             f'{", ".join(choices)}')
    for name, limit in LIMITS.items():
        if not 0 < values[name] < limit:  # NaN is nowhere
            raise ValueError(f'{name} is {values[name]}, but must be above 0 and below {limit}')
    if not 0 <= values['pace'] < inf:
        raise ValueError(f'pace is {values["pace"]}, but must be a number from 0 on')
    if len(values['pose']) != 6 or not np.isfinite(values['pose']).all():
        raise ValueError(f'pose is {list(values["pose"])}, but must be six numbers: x, y, z, '
                         f'pitch, yaw, roll')
    timeout = values['timeout']
    return Feed(
        Server(values['host'], values['port'], timeout, max(timeout, 120.0), min(timeout, 2.0)),
        values['mode'], values['town'], values['fixed_delta_seconds'], values['pace'],
        values['role_name'], values['autopilot'],
        ('rgb', 'semantic') if values['semantic'] else ('rgb',),
        values['label_encoding'],
        Lens(values['width'], values['height'], values['fov'], tuple(values['pose'])),
        values['seed'])


def camera_info(lens, header):
    """Return the sensor_msgs/CameraInfo of a Lens: an ideal pinhole, as CARLA's cameras are."""
    focal = lens.width / (2 * np.tan(np.radians(lens.fov) / 2))
    x, y = lens.width / 2, lens.height / 2
    return CameraInfo(
        header=header, width=lens.width, height=lens.height, distortion_model='plumb_bob',
        d=[0.0] * 5, k=[focal, 0.0, x, 0.0, focal, y, 0.0, 0.0, 1.0],
        r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p=[focal, 0.0, x, 0.0, 0.0, focal, y, 0.0, 0.0, 0.0, 1.0, 0.0])


def main(args=None):
    """Run the node until SIGINT or SIGTERM; return the exit code."""
    about = '\n'.join(f'    {name} ({default}): {text}'
                      for name, (default, text) in PARAMETERS.items())
    parser = argparse.ArgumentParser(
        prog='carla_cameras', description=__doc__.format(parameters=about),
        formatter_class=argparse.RawDescriptionHelpFormatter)
    try:
        parser.parse_args(rclpy.utilities.remove_ros_args(args or sys.argv)[1:])
        # The signals are the guard's: the server is to be tidied up before all else ends.
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
        node = CarlaCameras()
    except (RuntimeError, ValueError, ParameterException) as error:
        print(f'error: {error}', file=sys.stderr)
        rclpy.try_shutdown()
        return 1
    log = node.get_logger()
    with SignalGuard() as guard:
        spin_beside(node)
        ended = guard.run(feed, node.feed.server, node.feed, show=node.show)
    if ended.how not in ('done', 'stopped'):
        log.fatal(ended.why)
    rclpy.try_shutdown()
    return 0 if ended.how in ('done', 'stopped') else 1


if __name__ == '__main__':
    sys.exit(main())
