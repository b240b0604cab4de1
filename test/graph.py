"""A real ROS graph for the tests: the node in its own process, a client of it in this one."""
import threading
import time
from contextlib import contextmanager

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image

from unet_perception.replay import running_node


class Client(Node):
    """Publishes images to the node and keeps what comes back, in order of arrival."""

    def __init__(self, namespace, context, outputs, qos, camera):
        super().__init__('client', namespace=namespace, context=context)
        self.received = {name: [] for name in outputs}
        self.diagnostics = {}
        self.camera = self.create_publisher(Image, f'{camera}/image' if camera else 'image', qos)
        for name in outputs:
            self.create_subscription(Image, f'segmentation/{name}', self.received[name].append, 10)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._diagnose, 10)

    def _diagnose(self, message):
        for status in message.status:
            if status.hardware_id == self.get_namespace():
                self.diagnostics = {v.key: v.value for v in status.values}

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
        outcomes = ('processed', 'dropped', 'failed', 'unread')

        def settled():
            old, self.diagnostics = self.diagnostics, {}
            self.wait(lambda: self.diagnostics, what='/diagnostics')
            return old == self.diagnostics and int(old['received']) == sum(
                int(old[name]) for name in outcomes)
        self.wait(settled, what='the counts to settle')
        return {name: int(self.diagnostics[name]) for name in ('received', *outcomes)}


@contextmanager
def running_client(log, *arguments, outputs=('mask',), qos=qos_profile_sensor_data,
                   namespace='/camera', camera=''):
    """Run the node with these ROS arguments; give its process and a connected Client."""
    context = rclpy.Context()
    rclpy.init(context=context)
    with running_node(['-r', f'__ns:={namespace}', *arguments], log) as process:
        client = Client(namespace, context, outputs, qos, camera)
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(client)
        spinning = threading.Thread(target=executor.spin)
        spinning.start()
        try:
            client.wait(lambda: client.camera.get_subscription_count() and all(
                client.count_publishers(f'{namespace}/segmentation/{name}') for name in outputs),
                what=f'the node; it printed {log}')
            time.sleep(0.5)  # the node may see our subscriptions a little later
            yield process, client
        finally:
            executor.shutdown()
            spinning.join()
            client.destroy_node()
            rclpy.shutdown(context=context)
