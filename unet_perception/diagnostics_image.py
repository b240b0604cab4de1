"""
Draw a camera's /diagnostics as a picture, for rviz2, which has no display of its own for them.

    ros2 run unet_perception diagnostics_image --ros-args -r __ns:=/carla/ego_vehicle/rgb_front

Topics:
    /diagnostics               in    diagnostic_msgs/DiagnosticArray; what is about the camera of
                                     this namespace, or from nodes in it
    segmentation/diagnostics   out   sensor_msgs/Image, rgb8, once a second while somebody looks
"""
import sys
import time

import cv2
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
import numpy as np
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from unet_perception.images import to_message
from unet_perception.running import run

WIDTH, ROW = 720, 22  # pixels
LONG = 38  # characters that fit into a column, which is half of WIDTH
STALE_SECONDS = 5.0
COLORS = {DiagnosticStatus.OK: (80, 220, 80), DiagnosticStatus.WARN: (255, 200, 0),
          DiagnosticStatus.ERROR: (255, 70, 70), DiagnosticStatus.STALE: (120, 130, 180)}
GREY = (210, 210, 210)


def draw(statuses, title):
    """
    Return a uint8 RGB picture, WIDTH wide, of DiagnosticStatus messages under a title.

    A status has a bar, its name and its message in the colour of its level; its values stand in
    two columns.
    """
    rows = [([title], GREY)]
    for status in statuses:
        color = COLORS.get(status.level, GREY)
        rows += [([], None), ([status.name], color), ([status.message], color)]
        rows += [(row, GREY) for row in _columns(f'{v.key}: {v.value}' for v in status.values)]
    picture = np.zeros((ROW * (len(rows) + 1), WIDTH, 3), np.uint8)
    for number, (row, color) in enumerate(rows, 1):
        if color not in (None, GREY):
            picture[number * ROW - ROW // 2:number * ROW + ROW // 2, :4] = color
        for column, text in enumerate(row):
            # OpenCV's fonts have only ASCII.
            text = text.encode('ascii', 'replace').decode()
            cv2.putText(picture, text, (10 + column * WIDTH // 2, number * ROW),
                        cv2.FONT_HERSHEY_SIMPLEX, 0.5, color, 1, cv2.LINE_AA)
    return picture


def _columns(texts):
    """Return rows of two texts; a long one has a row of its own."""
    rows = []
    for text in texts:
        if rows and len(rows[-1]) == 1 and max(len(rows[-1][0]), len(text)) <= LONG:
            rows[-1].append(text)
        else:
            rows.append([text])
    return rows


class DiagnosticsImage(Node):
    """Publishes the last word on each status; one that is not renewed turns stale."""

    def __init__(self, **kwargs):
        """Subscribe and advertise."""
        super().__init__('diagnostics_image', **kwargs)
        self._statuses = {}  # by name: status, and when it came
        self._publisher = self.create_publisher(Image, 'segmentation/diagnostics', 1)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._receive, 10)
        # Wall time: the picture must go on while a simulation's clock stands still.
        self.create_timer(1.0, self._publish, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _receive(self, message):
        for status in message.status:
            camera = self.get_namespace()
            # A node that serves this camera alone, or scores it, is in its namespace.
            if status.hardware_id == camera or status.name.startswith(f'{camera}/'):
                self._statuses[status.name] = status, time.monotonic()

    def _publish(self):
        if not self._publisher.get_subscription_count():
            return
        for status, received in self._statuses.values():
            if time.monotonic() - received > STALE_SECONDS:
                status.level = DiagnosticStatus.STALE
        header = Header(stamp=self.get_clock().now().to_msg())
        self._publisher.publish(to_message(
            draw([status for status, _ in self._statuses.values()], self.get_namespace()),
            'rgb8', header))


def main(args=None):
    """Run the node until SIGINT or SIGTERM; return the exit code."""
    return run('diagnostics_image', __doc__, DiagnosticsImage, args=args)


if __name__ == '__main__':
    sys.exit(main())
