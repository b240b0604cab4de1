r"""
Segment cameras: subscribe to `image`, publish `segmentation/mask` and pictures of it.

    python -m unet_perception.node --ros-args -r __ns:=/carla/ego_vehicle/rgb_front
    ros2 run unet_perception segmentation_node --ros-args -p model:=/path/to/bundle
    ros2 run unet_perception segmentation_node --ros-args -r __ns:=/carla/ego_vehicle \
        -p "cameras:=[rgb_front, rgb_left, rgb_right]"

Topics, relative to the node's namespace, or to each of `cameras` in it:
    image                     in   sensor_msgs/Image: bgra8, rgb8, bgr8, rgba8 or mono8, any size
    image/compressed          in   instead, with image_transport:=compressed: JPEG or PNG
    camera_info               in   sensor_msgs/CameraInfo
    segmentation/mask         out  mono8, class ids at camera resolution; 255: not confident
    segmentation/confidence   out  mono8, probability of the class x 255
    segmentation/color        out  rgb8, the classes' colours
    segmentation/overlay      out  rgb8, the colours over the camera image, with a legend
    segmentation/GROUP        out  mono8, 255 where the class is one of parameter groups.GROUP
    segmentation/label_info   out  vision_msgs/LabelInfo, latched: names of the ids
    segmentation/camera_info  out  the camera's own, for the mask
    /diagnostics              out  frames received, processed, dropped, failed; times; model

Every output has its image's header, untouched. While frames are in work the newest one of each
camera waits; the one it replaces is dropped and counted. The frames that wait go through the
network together. Outputs without subscribers are not computed.

The node is a lifecycle node: configure loads the model, activate begins to serve, and by itself
it does both unless autostart is false. Parameters may change while it runs, the model too; but
cameras, image_* and output_* shape the topics and change while the node is unconfigured.
"""
from concurrent.futures import ThreadPoolExecutor
from functools import partial
import gc
import sys
import time

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockChange, ClockType, JumpThreshold
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn

from unet_perception import declaration, diagnostics, parameters
from unet_perception.camera import Camera
from unet_perception.label_info import LabelInfo
from unet_perception.loading import load
from unet_perception.outputs import Outputs
from unet_perception.running import run
from unet_perception.worker import Worker


class SegmentationNode(LifecycleNode):
    """Ties the parameters and the lifecycle to the Worker that segments the images."""

    def __init__(self, **kwargs):
        """Declare the parameters. Raise ValueError or ParameterException on a bad value."""
        # What is given is declared first, for the names of the class groups are anybody's.
        super().__init__('segmentation', automatically_declare_parameters_from_overrides=True,
                         allow_undeclared_parameters=True, **kwargs)
        self.parameters = declaration.declare(self)
        for name in declaration.unknown_to(self):
            self.get_logger().warning(parameters.unknown(name))
        self._worker, self._cameras, self._error, self._segmenter = None, (), '', None
        service = next(s for s in self.services if s.srv_type is ChangeState)
        service.callback = partial(self._change_state, service.callback)
        self.add_on_set_parameters_callback(self._change)
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        # Wall time: diagnostics must go on while a simulation's clock stands still.
        self.create_timer(1.0, self._watch, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._jump = self.get_clock().create_jump_callback(
            JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1)),
            post_callback=self._jumped)

    def start(self):
        """
        Configure and activate, unless parameter autostart is false.

        Raise ValueError if that fails: without a manager nobody would mend it.
        """
        if self.parameters.autostart:
            for step in (self.trigger_configure, self.trigger_activate):
                if step() != TransitionCallbackReturn.SUCCESS:
                    raise ValueError('autostart failed, see above')

    @property
    def state(self):
        """Return the name of the lifecycle state."""
        return self._state_machine.current_state[1]

    def on_configure(self, _):
        """Load the model and advertise its outputs."""
        return self._transition(self._configure)

    def on_activate(self, _):
        """Serve the cameras."""
        return self._transition(self._activate)

    def on_deactivate(self, _):
        """Stop serving; the model stays loaded and the topics advertised."""
        return self._transition(self._deactivate)

    def on_cleanup(self, _):
        """Free the model and end the topics."""
        return self._transition(self._release)

    def on_shutdown(self, _):
        """Free everything, whatever the state was."""
        return self._transition(self._release)

    def on_error(self, _):
        """Free what a failed transition has left; the node is unconfigured then."""
        self._release()
        return TransitionCallbackReturn.SUCCESS

    def _change_state(self, change, request, response):
        """Refuse what is no transition from here; rclpy lets one that is named by number raise."""
        try:
            return change(request, response)
        except RuntimeError as error:
            self.get_logger().warning(f'no such transition while {self.state}: {error}')
            response.success = False
            return response

    def _transition(self, step):
        try:
            step()
        except Exception as error:  # rclpy would swallow it without a word
            self._error = str(error) if isinstance(error, ValueError) else repr(error)
            self.get_logger().error(self._error)
            return TransitionCallbackReturn.ERROR
        self._error = ''
        return TransitionCallbackReturn.SUCCESS

    def _configure(self):
        if 'label_info' in self.parameters.outputs and LabelInfo is None:
            self.get_logger().info('vision_msgs is not installed, so there is no '
                                   'segmentation/label_info', once=True)
        self._segmenter = load(self.parameters, self.get_logger())
        outputs = Outputs(self._segmenter.bundle, self.parameters)
        self._cameras = [Camera(self, name, self.parameters) for name in self.parameters.cameras]
        if len({camera.namespace for camera in self._cameras}) < len(self._cameras):
            raise ValueError(f'cameras is {list(self.parameters.cameras)}, but two of them are '
                             f'the same in namespace {self.get_namespace()}')
        self._worker = Worker(self, self._cameras, self._segmenter, outputs, self.parameters)

    def _activate(self):
        self._worker.start()
        for camera in self._cameras:
            camera.open(self._worker.receive)

    def _deactivate(self):
        for camera in self._cameras:
            camera.close()
        if self._worker:
            self._worker.stop()

    def _release(self):
        self._deactivate()
        for camera in self._cameras:
            camera.destroy()
        self._worker, self._cameras, self._segmenter = None, (), None
        gc.collect()  # rclpy's event callbacks go round in a circle and would keep the model

    def _change(self, changes):
        """Accept new parameters as a whole, or refuse them with a reason and change nothing."""
        try:
            # Others than ours were declared by rclpy, such as use_sim_time.
            self._use({p.name: p.value for p in changes if p.name in parameters.NAMES
                       or p.name.startswith(parameters.GROUP) or not self.has_parameter(p.name)})
        except Exception as error:  # a model may fail in any way; the old one goes on
            reason = str(error) if isinstance(error, ValueError) else repr(error)
            self.get_logger().warning(f'parameters not changed: {reason}')
            return SetParametersResult(successful=False, reason=reason)
        return SetParametersResult(successful=True)

    def _use(self, values):
        old, new = self.parameters, self.parameters.changed(values)
        if new.autostart != old.autostart:
            raise ValueError('autostart holds at the start alone; use ros2 lifecycle set')
        if self._worker:
            fixed = [n for n in parameters.FIXED if getattr(new, n) != getattr(old, n)]
            if fixed:
                raise ValueError(f'{", ".join(fixed)} cannot change while the node is {self.state}'
                                 f'; clean it up first (ros2 lifecycle set NODE cleanup)')
            segmenter = self._segmenter  # the worker may not have taken the last change yet
            if any(getattr(new, n) != getattr(old, n) for n in parameters.NETWORK):
                segmenter = self._load_beside(new)
            outputs = Outputs(segmenter.bundle, new)
            for camera in self._cameras:
                camera.check(outputs.names)
            self._worker.use(segmenter, outputs, new)
            self._segmenter = segmenter
        self.parameters = new

    def _load_beside(self, new):
        """Load another model while this one serves the images."""
        # Not by an executor of several threads: rclpy's stalled for up to 0.25 s now and then.
        with ThreadPoolExecutor(max_workers=1) as pool:
            loading, watched = pool.submit(load, new, self.get_logger()), time.monotonic()
            self._worker.be_patient(True)
            while not loading.done():
                for camera in self._cameras:
                    camera.poll()
                if time.monotonic() > watched + 1:
                    self._watch()
                    watched = time.monotonic()
                time.sleep(0.002)
            self._worker.be_patient(False)
        return loading.result()

    def _jumped(self, jump):
        if jump.clock_change == ClockChange.ROS_TIME_NO_CHANGE:
            self.get_logger().info(
                f'time jumped back by {-jump.delta.nanoseconds / 1e9:.3f} s: a bag that loops, or '
                f'a world that CARLA loaded again')
        for camera in self._cameras:
            camera.statistics.forget('age')

    def _watch(self):
        for camera in self._cameras:
            camera.watch(self.parameters.silence_warn)
        self._diagnostics.publish(diagnostics.report(
            self.get_fully_qualified_name(), self.state, self._error, self._worker,
            self._cameras, self.parameters, self.get_clock().now().to_msg()))

    def destroy_node(self):
        """Finish the frames in work, then destroy the node."""
        self._deactivate()
        super().destroy_node()


def main(args=None):
    """Run the node until SIGINT or SIGTERM; return the exit code."""
    return run('segmentation_node', f'{__doc__}\nParameters:\n{declaration.describe()}',
               SegmentationNode, SegmentationNode.start, args)


if __name__ == '__main__':
    sys.exit(main())
