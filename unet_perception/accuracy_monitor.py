r"""
Score the masks of a segmentation node while it drives, by CARLA's semantic camera.

    python -m unet_perception.accuracy_monitor --ros-args -r __ns:=/carla/ego_vehicle/rgb_front \
        -r semantic:=/carla/ego_vehicle/semantic_segmentation_front/image \
        -p label_encoding:=palette -p scheme:=B -p use_sim_time:=true
    ros2 run unet_perception accuracy_monitor --ros-args -r __ns:=/carla/hero/rgb \
        -r semantic:=/carla/hero/semantic/image \
        -p label_encoding:=tag -p scheme:=C -p use_sim_time:=true

It runs in the namespace of the camera. Topics, relative to it:
    segmentation/mask                   in   sensor_msgs/Image, mono8, of the segmentation node
    semantic                            in   sensor_msgs/Image of the semantic camera; remap it
    segmentation/accuracy/miou          out  std_msgs/Float32: masks by the truth of their stamp
    segmentation/accuracy/timely_miou   out  masks by the truth at the time when each came out
    segmentation/accuracy/iou/CLASS     out  IoU of each class that was true or predicted
    /diagnostics                        out  the same; masks scored, and unscored by reason

    rqt_plot NAMESPACE/segmentation/accuracy/miou NAMESPACE/segmentation/accuracy/iou/Road

The semantic camera needs the size, field of view and pose of the camera, and must tick with it.
All figures are over the last `window` frames, and are those of demo and train.evaluate: mIoU is
the mean over the classes in the truth, a pixel below the confidence threshold is a miss, truth 255
is not scored. Timely mIoU goes by the camera's own clock: set use_sim_time. What does not fit
(tags of another scheme, other sizes, a mask without its truth) is reported, not scored.

Two parameters must be set, for images do not tell:
    label_encoding   {encodings}
    scheme           {schemes}
The others (see `ros2 param describe`) may change any time: window, miou_warn, miou_error.
"""
import sys
import time

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.clock import Clock, ClockType, JumpThreshold
from rclpy.duration import Duration
from rclpy.node import Node
from std_msgs.msg import Float32

from unet_perception.accuracy import LiveAccuracy
from unet_perception.accuracy_report import AccuracyReport, OK, WARN
from unet_perception.accuracy_window import read_tags
from unet_perception.bags import stamp_ns
from unet_perception.image_subscription import ImageSubscription
from unet_perception.images import ImageError, to_picture
from unet_perception.labels import NAMES, scheme_help, SCHEMES
from unet_perception.running import run

ENCODINGS = {'palette': "colours, as CARLA's ROS bridge sends them",
             'tag': "tags in the red channel, as CARLA's native ROS 2 interface sends them"}
ENCODING_HELP = '; '.join(f'{name}: {about}' for name, about in ENCODINGS.items())
SILENCE = 5.0  # s without an image, after which /diagnostics say so
LOG_SECONDS = 5.0  # between two lines on the same trouble


class AccuracyMonitor(Node):
    """Hands masks and truths to a LiveAccuracy, and publishes what it finds."""

    def __init__(self, **kwargs):
        """Subscribe and advertise. Raise ValueError if a parameter is missing or no good."""
        super().__init__('accuracy_monitor', **kwargs)
        self._encoding = self._required('label_encoding', ENCODINGS, ENCODING_HELP)
        self._scheme = self._required('scheme', SCHEMES, scheme_help())
        self._declare('window', 100, 'How many of the last frames the figures are over',
                      integer_range=[IntegerRange(from_value=1, to_value=10000, step=1)])
        for level in ('warn', 'error'):
            self._declare(f'miou_{level}', 0.0, f'/diagnostics goes to {level.upper()} while the '
                          'mIoU is below this; 0.0: never',
                          floating_point_range=[FloatingPointRange(to_value=1.0)])
        # A colour means the same in every palette that has it; only numbers were given anew.
        self._accuracy = LiveAccuracy(self._scheme, check_scheme=self._encoding == 'tag')
        self._figures = AccuracyReport(self._accuracy)
        self._heard, self._logged = {}, {}  # when, by topic; when, by kind of trouble
        self._outputs = {name: self.create_publisher(Float32, f'segmentation/accuracy/{name}', 10)
                         for name in ('miou', 'timely_miou', *(f'iou/{name}' for name in NAMES))}
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        # Steady time: diagnostics must go on while a simulation's clock stands still.
        self.create_timer(1.0, self._report, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._jumps = self.get_clock().create_jump_callback(
            JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1)),
            post_callback=lambda _: self._accuracy.clear('the clock went back, or is another'))
        self._masks = ImageSubscription(self, 'segmentation/mask', self._take_mask, depth=20)
        self._truths = ImageSubscription(self, 'semantic', self._take_truth, depth=20)

    def _declare(self, name, default, description, **constraints):
        return self.declare_parameter(name, default, ParameterDescriptor(
            description=description, **constraints)).value

    def _required(self, name, choices, about):
        value = self._declare(name, '', f'What the semantic images hold, of {about}',
                              read_only=True)
        if value not in choices:
            given = f'is {value!r}, but must be' if value else 'is not set, but must be'
            raise ValueError(f'parameter {name} {given} one of {about}; the images do not tell')
        return value

    def _take_mask(self, message):
        now = self.get_clock().now().nanoseconds
        self._heard[self._masks.topic] = time.monotonic()
        self._accuracy.frames = self.get_parameter('window').value
        try:
            picture = to_picture(message)
            if picture.encoding != 'mono8':
                raise ImageError(f'a mask must be mono8, but this is {picture.encoding}')
        except ImageError as error:
            self._accuracy.miss_mask(f'{self._masks.topic}: {error}')
            return
        self._publish(self._accuracy.add_mask(stamp_ns(message.header), picture.pixels, now))

    def _take_truth(self, message):
        self._heard[self._truths.topic] = time.monotonic()
        tags, problem = None, ''
        try:
            tags = read_tags(to_picture(message), self._encoding, self._scheme)
        except ValueError as error:
            problem = (f'{self._truths.topic}, read as label_encoding {self._encoding} of '
                       f'scheme {self._scheme}: {error}')
        self._publish(self._accuracy.add_truth(stamp_ns(message.header), tags, problem))

    def _publish(self, scores):
        for score in scores:
            figures = score.figures()
            if not figures['pixels']:
                continue  # all truth was 255
            if score is self._accuracy.timely:
                values = {'timely_miou': figures['mean_iou']}
            else:
                values = {'miou': figures['mean_iou'], **{
                    f'iou/{name}': row['iou'] for name, row in figures['classes'].items()}}
            for name, value in values.items():
                self._outputs[name].publish(Float32(data=value))

    def _report(self):
        """Publish the diagnostics, and log what is amiss."""
        values = self._figures.values()
        findings = {**self._silence(), **self._figures.take_findings(
            *(self.get_parameter(f'miou_{level}').value for level in ('warn', 'error')))}
        level, text = OK, f'mIoU {values["miou"]} over {values["frames in window"]} frames'
        if findings:
            level = max(level for level, _ in findings.values())
            text = '; '.join(sentence for _, sentence in findings.values())
        values.update(label_encoding=self._encoding, scheme=self._scheme)
        message = DiagnosticArray(status=[DiagnosticStatus(
            name=f'{self.get_fully_qualified_name()}: accuracy', level=bytes([level]),
            message=text, hardware_id=self._truths.topic,
            values=[KeyValue(key=k, value=str(v)) for k, v in values.items()])])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)
        for kind, (_, sentence) in findings.items():
            # On steady time, for a simulation's clock may stand still, and for each kind alone.
            if time.monotonic() - self._logged.get(kind, -LOG_SECONDS) >= LOG_SECONDS:
                self._logged[kind] = time.monotonic()
                self.get_logger().warning(sentence)

    def _silence(self):
        """Return findings on topics that nothing comes from, with what the graph tells."""
        return {s.topic: (WARN, f'no image on {s.topic}: {s.why_silent()}')
                for s in (self._masks, self._truths)
                if time.monotonic() - self._heard.setdefault(s.topic, time.monotonic()) > SILENCE}


def main(args=None):
    """Run the node until SIGINT or SIGTERM; return the exit code."""
    about = {name: text.replace('; ', '\n' + 21 * ' ')
             for name, text in (('encodings', ENCODING_HELP), ('schemes', scheme_help()))}
    return run('accuracy_monitor', __doc__.format(**about), AccuracyMonitor, args=args)


if __name__ == '__main__':
    sys.exit(main())
