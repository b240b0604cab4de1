"""One row of the benchmark, in a process of its own; unet_perception.benchmark starts it."""
import json
import sys
import time

import cv2
import numpy as np
import psutil
from std_msgs.msg import Header

from unet_perception import keras_file
from unet_perception.bags import read_images
from unet_perception.images import Picture, to_message
from unet_perception.model import open_bundle
from unet_perception.segmenter import Segmentation, Segmenter
from unet_perception.share import DRIVE, shipped


def main():
    """Measure what the JSON task in the command line asks for; print the figures as JSON."""
    task = json.loads(sys.argv[1])
    bundle = open_bundle(task['model'])
    pictures = _pictures(*task['size'])
    segmenter = None
    if task['runtime'] in ('openvino', 'keras'):
        segmenter = Segmenter(bundle, runtime=task['runtime'], precision=task['precision'],
                              upscale=task['upscale'])

        def run(batch):
            return [result.labels for result in segmenter.batch(batch)]
    else:
        run = _naive(bundle, whole=task['runtime'] == 'naive node')
    run(pictures[:1])
    figures = {'first label s': time.time() - task['started'],
               'device': segmenter.runtime.device if segmenter else 'CPU'}
    np.save(task['labels'], np.stack([run([picture])[0] for picture in pictures]))
    figures['batches'] = {}
    for size in task['batches']:
        batch = (pictures * size)[:size]
        p50, p95, p99 = np.percentile(_times(lambda: run(batch), task['repeat']), (50, 95, 99))
        figures['batches'][size] = {'p50': p50, 'p95': p95, 'p99': p99}
    if segmenter:
        figures['stages'] = _stages(segmenter, pictures[0], task['repeat'])
    figures['memory MB'] = psutil.Process().memory_info().rss / 1e6
    print(json.dumps(figures))


def _pictures(width, height):
    """Return bgra8 Pictures of the recorded drive, brought to the camera's size."""
    images = [image for _, image in read_images(
        shipped('demo', DRIVE)[0], '/carla/ego_vehicle/rgb_front/image')][::15]
    return [Picture(cv2.cvtColor(cv2.resize(image, (width, height)), cv2.COLOR_RGB2BGRA), 'bgra8')
            for image in images]


def _times(function, repeat):
    """Return how long each of `repeat` calls took, in ms, after one that is not counted."""
    function()
    times = []
    for _ in range(repeat):
        begin = time.perf_counter()
        function()
        times.append(1000 * (time.perf_counter() - begin))
    return times


def _stages(segmenter, picture, repeat):
    """Return the median ms of each stage of one frame."""
    batch = segmenter.prepare([picture])
    result = [array[0] for array in segmenter.runtime(batch)]
    size = picture.pixels.shape[:2]
    labels = Segmentation(size, *result).labels
    stages = {'prepare': lambda: segmenter.prepare([picture]),
              'network': lambda: segmenter.runtime(batch),
              'labels': lambda: Segmentation(size, *result).labels,
              'message': lambda: to_message(labels, 'mono8', Header())}
    return {name: float(np.median(_times(stage, repeat))) for name, stage in stages.items()}


def _naive(bundle, whole):
    """
    Return what people do without this package: model.predict() for each frame.

    whole: with colours, resizing both ways and all, as a naive node's callback; else the network
    alone on frames that are prepared already, as the course notebook does.
    """
    network = keras_file.load(bundle.files['keras'])
    prepared = {}

    def prepare(picture):
        rgb = cv2.cvtColor(picture.pixels, cv2.COLOR_BGRA2RGB)
        return cv2.resize(rgb, (bundle.width, bundle.height)).astype(np.float32)[None]

    def run(batch):
        labels = []
        for picture in batch:
            key = id(picture)
            pixels = prepare(picture) if whole or key not in prepared else prepared[key]
            prepared[key] = pixels
            mask = network.predict(pixels, verbose=0)[0].argmax(-1).astype(np.uint8)
            labels.append(cv2.resize(mask, picture.pixels.shape[1::-1],
                                     interpolation=cv2.INTER_NEAREST))
        return labels

    return run


if __name__ == '__main__':
    main()
