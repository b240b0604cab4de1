"""Segment a camera: subscribe to `image`, publish `segmentation/mask` and pictures of it.

    python -m unet_perception.node --ros-args -r __ns:=/carla/ego_vehicle/rgb_front
    ros2 run unet_perception segmentation_node --ros-args -p model:=/path/to/bundle -r image:=/my/camera

Topics, relative to the node's namespace:
    image                     in   sensor_msgs/Image: bgra8, rgb8, bgr8, rgba8 or mono8, any size
    segmentation/mask         out  mono8, class ids at camera resolution
    segmentation/confidence   out  mono8, probability of the class x 255
    segmentation/color        out  rgb8, the classes' colours
    segmentation/overlay      out  rgb8, the colours over the camera image
    /diagnostics              out  frames received, processed, dropped, failed; latency; model

Every output has its image's header, untouched. While a frame is in work the newest one waits;
the one it replaces is dropped and counted. Outputs without subscribers are not computed.
Parameters: model, precision, threads, overlay_opacity (`ros2 param describe` explains them).
"""
import argparse
import sys
import threading
import time

import cv2
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from unet_perception import images, labels
from unet_perception.frame_statistics import FrameStatistics
from unet_perception.model import open_bundle
from unet_perception.newest import Newest
from unet_perception.segmenter import PRECISIONS, Segmenter

DEFAULT_MODEL = 'town07-unet'
# Matches every publisher, reliable or not; what is late is of no use to a car.
CAMERA_QOS = QoSProfile(depth=1, history=HistoryPolicy.KEEP_LAST,
                        reliability=ReliabilityPolicy.BEST_EFFORT)
# Reliable, so that subscribers of either kind match (rviz2 asks for reliable).
OUTPUT_QOS = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)


class SegmentationNode(Node):
    """Segments the newest camera image in a thread of its own, so that callbacks stay prompt."""

    def __init__(self, **kwargs):
        """Load the model and start. Raise ValueError on a parameter or model that is no good."""
        super().__init__('segmentation', **kwargs)
        model = self._declare('model', DEFAULT_MODEL, 'Bundle: folder, or name of a shipped one')
        precision = self._declare('precision', 'f32', f'of OpenVINO: {" or ".join(PRECISIONS)}')
        threads = self._declare(
            'threads', 0, 'CPU threads for the network; 0: all cores',
            integer_range=[IntegerRange(from_value=0, to_value=256, step=1)])
        self._declare(
            'overlay_opacity', 0.5, 'Opacity of the colours over the image; may change any time',
            read_only=False, floating_point_range=[FloatingPointRange(from_value=0.0, to_value=1.0)])
        bundle = open_bundle(model)
        self._segmenter = Segmenter(bundle, precision, threads)
        self.get_logger().info(
            f'model {bundle.name} ({bundle.digest}) from {bundle.path}, {len(bundle.names)} '
            f'classes, OpenVINO on CPU in {precision}')
        self._statistics = FrameStatistics()
        self._newest = Newest()
        self._outputs = {name: self.create_publisher(Image, f'segmentation/{name}', OUTPUT_QOS)
                         for name in ('mask', 'confidence', 'color', 'overlay')}
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self.create_timer(1.0, self._publish_diagnostics)
        self._worker = threading.Thread(target=self._work, name='segmentation')
        self._worker.start()
        self.create_subscription(Image, 'image', self._receive, CAMERA_QOS)

    def _declare(self, name, default, description, read_only=True, **ranges):
        return self.declare_parameter(name, default, ParameterDescriptor(
            description=description, read_only=read_only, **ranges)).value

    def _receive(self, message):
        self._statistics.count('received')
        if self._newest.put((message, time.perf_counter())):
            self._statistics.count('dropped')

    def _work(self):
        while (item := self._newest.take()) is not None:
            message, received = item
            wanted = [n for n, p in self._outputs.items() if p.get_subscription_count()]
            if not wanted:
                self._statistics.count('unread')
                continue
            try:
                for name, result in self._segment(message, wanted).items():
                    self._outputs[name].publish(result)
            except Exception as error:  # whatever a frame does, the next one is served
                if not self.context.ok():
                    return  # a signal came while the frame was in work
                self._statistics.count('failed')
                self.get_logger().error(f'frame {message.header.stamp.sec}.'
                                        f'{message.header.stamp.nanosec:09d} failed: {error}',
                                        throttle_duration_sec=5.0)
                continue
            self._statistics.latency(time.perf_counter() - received)
            self._statistics.count('processed')

    def _segment(self, message, wanted):
        """Return the Image messages of the wanted outputs, by name."""
        rgb = images.to_rgb(message)
        result = self._segmenter(rgb)
        pictures = {'mask': result.labels, 'confidence': result.confidence}
        if 'color' in wanted or 'overlay' in wanted:
            pictures['color'] = labels.colorize(result.labels, self._segmenter.bundle.colors)
        if 'overlay' in wanted:
            opacity = self.get_parameter('overlay_opacity').value
            pictures['overlay'] = cv2.addWeighted(pictures['color'], opacity, rgb, 1 - opacity, 0)
        return {name: images.to_message(
            pictures[name], 'mono8' if pictures[name].ndim == 2 else 'rgb8', message.header)
            for name in wanted}

    def _publish_diagnostics(self):
        figures = {'model': self._segmenter.bundle.name, 'manifest': self._segmenter.bundle.digest,
                   'runtime': 'OpenVINO', 'device': 'CPU', 'precision': self._segmenter.precision,
                   **self._statistics.values()}
        status = DiagnosticStatus(
            name=f'{self.get_fully_qualified_name()}: frames', hardware_id=self.get_namespace(),
            level=DiagnosticStatus.WARN if figures['failed'] else DiagnosticStatus.OK,
            message=f'{figures["failed"]} frames failed' if figures['failed'] else 'ok',
            values=[KeyValue(key=key, value=str(value)) for key, value in figures.items()])
        message = DiagnosticArray(status=[status])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)

    def destroy_node(self):
        """Finish the frame in work, then destroy the node."""
        if hasattr(self, '_worker'):
            self._newest.close()
            self._worker.join()
        super().destroy_node()


def main(args=None):
    """Run the node until SIGINT or SIGTERM; return the exit code."""
    parser = argparse.ArgumentParser(prog='segmentation_node', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args(rclpy.utilities.remove_ros_args(args or sys.argv)[1:])
    rclpy.init(args=args)
    node = None
    try:
        node = SegmentationNode()
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except (ValueError, ParameterException) as error:
        rclpy.logging.get_logger('segmentation').fatal(str(error))
        return 1
    finally:
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
