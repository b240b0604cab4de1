"""A real ROS graph for the tests: the node in its own process, a client of it in this one."""
from contextlib import contextmanager
import threading
import time

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
import numpy as np
from rcl_interfaces.srv import SetParameters
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from unet_perception.frame_statistics import OUTCOMES
from unet_perception.replay import running_node


def header(number):
    """Return the header of the frame of that number, at 20 Hz."""
    out = Header(frame_id='ego_vehicle/rgb_front')
    out.stamp.sec, out.stamp.nanosec = divmod(number * 50_000_000, 10**9)
    return out


def pixels(message):
    """Return the pixels of a mono8 or rgb8 Image."""
    shape = (message.height, message.width, *([3] if message.encoding == 'rgb8' else []))
    return np.frombuffer(message.data, np.uint8).reshape(shape)


def noise(height, width, seed=0):
    """Return a random RGB picture."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


class Client(Node):
    """
    Publishes images to the node and keeps what comes back, in order of arrival.

    received: messages by output. diagnostics: the camera's last figures by name. network: the
    same of the node. levels: (level, text) by hardware id.
    """

    def __init__(self, namespace, context, outputs, qos, camera, kind):
        super().__init__('client', namespace=namespace, context=context)
        self.received, self.diagnostics, self.network, self.levels = {}, {}, {}, {}
        self._seen = False
        topic = 'image' if kind is Image else 'image/compressed'
        self.camera = self.create_publisher(kind, f'{camera}/{topic}' if camera else topic, qos)
        for name in outputs:
            self.listen(name)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._diagnose, 10)

    def listen(self, name, kind=Image, qos=10):
        """Subscribe to an output; return the list that its messages are appended to."""
        self.received[name] = []
        self.create_subscription(kind, f'segmentation/{name}', self.received[name].append, qos)
        return self.received[name]

    def _diagnose(self, message):
        for status in message.status:
            figures = {v.key: v.value for v in status.values}
            if status.hardware_id == self.get_namespace():
                self.diagnostics = figures
            elif status.hardware_id == f'{self.get_namespace()}/segmentation':
                self.network = figures
            self.levels[status.hardware_id] = (status.level, status.message)

    def wait(self, condition, seconds=20, what='the graph'):
        """Wait until the condition holds; fail the test if it does not."""
        give_up = time.perf_counter() + seconds
        while not condition():
            assert time.perf_counter() < give_up, f'waited {seconds} s for {what}'
            time.sleep(0.002)

    def segment(self, message, name='mask'):
        """Publish one image and return the output that comes of it."""
        before = len(self.received[name])
        self.camera.publish(message)
        self.wait(lambda: len(self.received[name]) > before, what=f'an answer on {name}')
        return self.received[name][-1]

    def counts(self):
        """Return the node's counts once it has accounted for all that it received."""
        def settled():
            old, self.diagnostics = self.diagnostics, {}
            self.wait(lambda: self.diagnostics, what='/diagnostics')
            return bool(old) and old == self.diagnostics and int(old['received']) == sum(
                int(old[name]) for name in OUTCOMES)
        self.wait(settled, what='the counts to settle')
        return {name: int(self.diagnostics[name]) for name in ('received', *OUTCOMES)}

    def call(self, kind, name, request, seconds=20):
        """Call a service of the node; return its answer."""
        service = self.create_client(kind, f'segmentation/{name}')
        assert service.wait_for_service(10)
        if not self._seen:  # the node may see us a little later, and drops what it is asked before
            time.sleep(0.5)
            self._seen = True
        future = service.call_async(request)
        self.wait(future.done, seconds, what=name)
        self.destroy_client(service)
        return future.result()

    def set(self, name, value, type_=None):  # noqa: A003
        """Set a parameter of the node; return the result."""
        parameter = rclpy.Parameter(name, type_, value)
        return self.call(SetParameters, 'set_parameters', SetParameters.Request(
            parameters=[parameter.to_parameter_msg()])).results[0]

    def change_state(self, transition):
        """Ask for a lifecycle transition, such as 'configure'; return whether it succeeded."""
        return self.call(ChangeState, 'change_state', ChangeState.Request(
            transition=Transition(label=transition))).success

    def state(self):
        """Return the name of the node's lifecycle state."""
        return self.call(GetState, 'get_state', GetState.Request()).current_state.label

    def connected(self, outputs, prefix=''):
        """Wait until the node and this client see each other's topics."""
        self.wait(lambda: self.camera.get_subscription_count() and all(
            self.count_publishers(f'{self.get_namespace()}/{prefix}segmentation/{name}')
            for name in outputs), what='the node')
        time.sleep(0.5)  # the node may see our subscriptions a little later
        self._seen = True


@contextmanager
def running_client(log, *arguments, outputs=('mask',), qos=qos_profile_sensor_data,
                   namespace='/camera', camera='', kind=Image, active=True):
    """
    Run the node with these ROS arguments; give its process and a Client.

    active: wait until they are connected.
    """
    context = rclpy.Context()
    rclpy.init(context=context)
    with running_node(['-r', f'__ns:={namespace}', *arguments], log) as process:
        client = Client(namespace, context, outputs, qos, camera, kind)
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(client)
        spinning = threading.Thread(target=executor.spin)
        spinning.start()
        try:
            if active:
                client.connected(outputs)
            yield process, client
        finally:
            executor.shutdown()
            spinning.join()
            client.destroy_node()
            rclpy.shutdown(context=context)
