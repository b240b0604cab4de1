"""Segment cameras: subscribe to `image`, publish `segmentation/mask` and pictures of it.

    python -m unet_perception.node --ros-args -r __ns:=/carla/ego_vehicle/rgb_front
    ros2 run unet_perception segmentation_node --ros-args -p model:=/path/to/bundle
    ros2 run unet_perception segmentation_node --ros-args -r __ns:=/carla/ego_vehicle \\
        -p "cameras:=[rgb_front, rgb_left, rgb_right]"

Topics, relative to the node's namespace, or to each of `cameras` in it:
    image                     in   sensor_msgs/Image: bgra8, rgb8, bgr8, rgba8 or mono8, any size
    segmentation/mask         out  mono8, class ids at camera resolution
    segmentation/confidence   out  mono8, probability of the class x 255
    segmentation/color        out  rgb8, the classes' colours
    segmentation/overlay      out  rgb8, the colours over the camera image
    /diagnostics              out  frames received, processed, dropped, failed; latency; model

Every output has its image's header, untouched. While frames are in work the newest one of each
camera waits; the one it replaces is dropped and counted. The frames that wait go through the
network together. Outputs without subscribers are not computed. Parameters (explained by
`ros2 param describe`): model, cameras, runtime, device, device_fallback, precision, threads,
upscale, overlay_opacity.
"""
import argparse
import signal
import sys
import threading
import time

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.clock import Clock, ClockType
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

from unet_perception.camera import Camera
from unet_perception.images import ImageError, to_picture
from unet_perception.model import open_bundle
from unet_perception.newest import Newest
from unet_perception.runtimes import DEVICES, FALLBACKS, PRECISIONS, RUNTIMES
from unet_perception.segmenter import UPSCALES, Segmenter

DEFAULT_MODEL = 'town07-unet'


class SegmentationNode(Node):
    """Segments the newest images in a thread of its own, so that callbacks stay prompt."""

    def __init__(self, **kwargs):
        """Load the model and start. Raise ValueError on a parameter or model that is no good."""
        super().__init__('segmentation', **kwargs)
        model = self._declare('model', DEFAULT_MODEL, 'Bundle: folder, or name of a shipped one')
        cameras = self._declare('cameras', [''], 'Namespaces of the cameras to serve together, '
                                "relative to the node's; an empty one is the node's own")
        options = {
            'runtime': self._choice('runtime', RUNTIMES, 'What runs the network'),
            'device': self._choice('device', DEVICES, 'Where it runs'),
            'fallback': self._choice('device_fallback', FALLBACKS,
                                     'What to do if device is gpu and there is none'),
            'precision': self._choice('precision', PRECISIONS, 'Arithmetic of the network; auto: '
                                      'the fastest that loses less than 0.5 points of mIoU'),
            'upscale': self._choice('upscale', UPSCALES, 'How labels get to camera resolution'),
            'threads': self._declare('threads', 0, 'CPU threads for the network; 0: all cores',
                                     integer_range=[IntegerRange(to_value=256, step=1)])}
        self._declare('overlay_opacity', 0.5, 'Opacity of the colours over the image; may change '
                      'any time', read_only=False,
                      floating_point_range=[FloatingPointRange(to_value=1.0)])
        bundle = open_bundle(model)
        self._segmenter = Segmenter(bundle, **options)
        self._segmenter.warm_up(len(cameras))
        runtime = self._segmenter.runtime
        self.get_logger().info(
            f'model {bundle.name} ({bundle.digest}) from {bundle.path}, {len(bundle.names)} '
            f'classes; {runtime.name} on {runtime.device} in {runtime.precision}: '
            f'{runtime.reason}')
        self._newest = Newest()
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        # Wall time: diagnostics must go on while a simulation's clock stands still.
        self.create_timer(1.0, self._publish_diagnostics,
                          clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._cameras = [Camera(self, name, self._receive) for name in cameras]
        # Last, for nothing would end the thread if this constructor failed after it.
        self._worker = threading.Thread(target=self._work, name='segmentation')
        self._worker.start()

    def _declare(self, name, default, description, read_only=True, **ranges):
        return self.declare_parameter(name, default, ParameterDescriptor(
            description=description, read_only=read_only, **ranges)).value

    def _choice(self, name, values, description):
        return self._declare(name, values[0], f'{description}: {", ".join(values)}')

    def _receive(self, camera, message):
        camera.statistics.count('received')
        if self._newest.put(camera, (message, time.perf_counter())):
            camera.statistics.count('dropped')

    def _work(self):
        while (waiting := self._newest.take()) is not None:
            frames = []
            try:
                frames += [frame for camera, (message, received) in waiting.items()
                           if (frame := self._frame(camera, message, received))]
                self._segment(frames)
            except Exception as error:  # whatever happens to these frames, the next are served
                if not self.context.ok():
                    return  # a signal came while they were in work
                for camera, *_ in frames:  # those that were not yet counted as something else
                    camera.statistics.count('failed')
                self.get_logger().error(f'{len(frames)} frames failed: {error!r}',
                                        throttle_duration_sec=5.0)

    def _frame(self, camera, message, received):
        """Return what _segment() needs of one image, or None if it is counted off here."""
        wanted = camera.wanted()
        if not wanted:
            camera.statistics.count('unread')
            return None
        try:
            return camera, wanted, to_picture(message), message.header, received
        except ImageError as error:
            camera.statistics.count('failed')
            self.get_logger().error(f'image on {camera.namespace}, stamp '
                                    f'{message.header.stamp.sec}.'
                                    f'{message.header.stamp.nanosec:09d}: {error}',
                                    throttle_duration_sec=5.0)

    def _segment(self, frames):
        """Label and publish frames of _frame(), taking each off the list once it is done."""
        if not frames:
            return
        results = self._segmenter.batch([picture for _, _, picture, _, _ in frames])
        opacity = self.get_parameter('overlay_opacity').value
        for result in results:
            camera, wanted, picture, header, received = frames[0]
            camera.publish(wanted, result, picture, header, self._segmenter.bundle.colors, opacity)
            camera.statistics.latency(time.perf_counter() - received)
            camera.statistics.count('processed')
            del frames[0]

    def _publish_diagnostics(self):
        bundle, runtime = self._segmenter.bundle, self._segmenter.runtime
        about = {'model': bundle.name, 'manifest': bundle.digest, 'runtime': runtime.name,
                 'device': runtime.device, 'precision': runtime.precision,
                 'chosen because': runtime.reason, 'upscale': self._segmenter.upscale}
        message = DiagnosticArray(status=[self._status(c, about) for c in self._cameras])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)

    def _status(self, camera, about):
        figures = camera.statistics.values()
        new = camera.statistics.since_last_report(figures)
        level, text = DiagnosticStatus.OK, f'{new["processed"]} frames labelled'
        if new['failed']:
            level, text = DiagnosticStatus.WARN, f'{new["failed"]} frames failed'
        elif not figures['received']:
            level, text = DiagnosticStatus.WARN, f'no image yet on {camera.topic}'
        return DiagnosticStatus(
            name=f'{self.get_fully_qualified_name()}: {camera.namespace}',
            hardware_id=camera.namespace, level=level, message=text,
            values=[KeyValue(key=k, value=str(v)) for k, v in {**figures, **about}.items()])

    def destroy_node(self):
        """Finish the frames in work, then destroy the node."""
        if hasattr(self, '_worker'):
            self._newest.close()
            self._worker.join()
        super().destroy_node()


def main(args=None):
    """Run the node until SIGINT or SIGTERM; return the exit code."""
    parser = argparse.ArgumentParser(prog='segmentation_node', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    try:
        parser.parse_args(rclpy.utilities.remove_ros_args(args or sys.argv)[1:])
        rclpy.init(args=args)
        # Before the model loads: rclpy cannot build one cleanly once a signal has come.
        executor = SingleThreadedExecutor()
    except RuntimeError as error:  # ROS arguments that are no good
        print(f'error: {error}', file=sys.stderr)
        return 1
    node = None
    try:
        node = SegmentationNode()
        rclpy.spin(node, executor)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except (ValueError, ParameterException) as error:
        rclpy.logging.get_logger('segmentation').fatal(str(error))
        return 1
    except RuntimeError:
        if rclpy.ok():
            raise
        # A signal came while the node was starting.
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # an impatient second Ctrl-C
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
