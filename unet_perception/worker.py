"""The way of a frame through the node, in a thread of its own, so that callbacks stay prompt."""
import threading
import time

from unet_perception.images import ImageError, to_picture
from unet_perception.newest import Newest

CHANGE = 'change'  # the mailbox's source of what to work with; the others are cameras
PATIENCE = 60  # images of each camera that may wait while a model loads: 2 s at 30 Hz


class Worker:
    """
    Takes the newest image of each camera, segments them together, publishes what comes of it.

    segmenter, outputs: what it works with now.
    """

    def __init__(self, node, cameras, segmenter, outputs, parameters):
        """Prepare to work for a node; parameters: its Parameters."""
        self._node, self._cameras = node, cameras
        self._thread, self._newest, self._open = None, Newest(), set()
        self._switch(segmenter, outputs, parameters)

    def start(self):
        """Begin to work."""
        self._newest = Newest()
        self._say_labels()
        self._thread = threading.Thread(target=self._work, name='segmentation')
        self._thread.start()

    def stop(self):
        """Finish the frames in work and end the thread; those that wait are dropped."""
        if not self._thread:
            return
        left = self._newest.close()
        self._thread.join()
        self._thread = None
        for source, item in left:
            if source == CHANGE:
                self._switch(*item)
            else:
                source.statistics.count('dropped')

    def use(self, segmenter, outputs, parameters):
        """Work with these from the next frame on."""
        if self._thread:
            self._newest.put(CHANGE, (segmenter, outputs, parameters))
        else:
            self._switch(segmenter, outputs, parameters)

    def be_patient(self, patient):
        """Let images wait, up to some, rather than drop them while a model loads beside."""
        self._newest.make_room(PATIENCE if patient else 1)

    def receive(self, camera, message):
        """Take an image; it replaces one of the same camera that still waits."""
        camera.statistics.count('received')
        if self._newest.put(camera, (message, time.perf_counter())):
            camera.statistics.count('dropped')

    def _switch(self, segmenter, outputs, parameters):
        self.segmenter, self.outputs, self._parameters = segmenter, outputs, parameters
        # Only in the thread that publishes, or without it: no output may end while it is in use.
        for camera in self._cameras:
            camera.offer((*outputs.names, *(name for name in ('label_info', 'camera_info')
                                            if name in parameters.outputs)))

    def _say_labels(self):
        for camera in self._cameras:
            camera.publish_label_info(self.segmenter.bundle, self._parameters.confidence_threshold)

    def _work(self):
        while (waiting := self._newest.take()) is not None:
            begin, change = time.perf_counter(), waiting.pop(CHANGE, None)
            self._open = set(waiting)  # the cameras whose frames are not counted yet
            try:
                if change:
                    self._switch(*change)
                    self._say_labels()
                frames = [frame for camera, (message, received) in waiting.items()
                          if (frame := self._frame(camera, message, received, begin))]
                if frames:
                    self._segment(frames, begin)
            except Exception as error:  # whatever happens to these frames, the next are served
                if not self._node.context.ok():
                    return  # a signal came while they were in work
                self._node.get_logger().error(f'{len(self._open)} frames failed: {error!r}',
                                              throttle_duration_sec=5.0)
                for camera in tuple(self._open):
                    self._end(camera, 'failed')

    def _end(self, camera, outcome):
        camera.statistics.count(outcome)
        self._open.remove(camera)

    def _frame(self, camera, message, received, begin):
        """Return what _segment() needs of one image, or None if it is counted off here."""
        wanted = camera.wanted()
        if not wanted:
            self._end(camera, 'unread')
            return None
        camera.statistics.note('wait', begin - received)
        try:
            return camera, wanted, to_picture(message), message.header, received
        except ImageError as error:
            self._end(camera, 'failed')
            stamp = message.header.stamp
            self._node.get_logger().error(
                f'image on {camera.topic}, stamp {stamp.sec}.{stamp.nanosec:09d}: {error}',
                throttle_duration_sec=5.0)

    def _segment(self, frames, begin):
        """Label and publish frames of _frame(). begin: when they were taken from the mailbox."""
        pictures = [picture for _, _, picture, _, _ in frames]
        inputs = self.segmenter.prepare(pictures)
        prepared = time.perf_counter()
        results = self.segmenter.run(inputs, pictures)
        labelled = time.perf_counter()
        for result, (camera, wanted, picture, header, received) in zip(results, frames):
            self._publish(camera, wanted, picture, header, result)
            done = time.perf_counter()
            for stage, seconds in (('prepare', prepared - begin), ('network', labelled - prepared),
                                   ('publish', done - labelled), ('latency', done - received)):
                camera.statistics.note(stage, seconds)
            now = self._node.get_clock().now().nanoseconds
            if now:  # else this is simulation time, and it has not begun
                camera.statistics.note(
                    'age', now / 1e9 - header.stamp.sec - header.stamp.nanosec / 1e9)
            self._end(camera, 'processed')

    def _publish(self, camera, wanted, picture, header, result):
        if 'camera_info' in wanted:
            camera.publish_info(header, *picture.pixels.shape[:2])
        camera.publish(self.outputs.images([name for name in wanted if name != 'camera_info'],
                                           picture, result), header)
