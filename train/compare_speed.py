"""How long models take from a camera picture to its labels, side by side."""
import time

import cv2
import numpy as np
from rich.progress import track

from train import dataset
from train.split import spread
from unet_perception.images import Picture
from unet_perception.openvino_runtime import precisions
from unet_perception.segmenter import Segmenter

MOST_PICTURES = 20


def latencies(bundles, frames, repeat):
    """
    Time bundles in every precision that they and this CPU have, in OpenVINO.

    bundles: list of Bundle. frames: list of Frame, for their pictures, as bgra8 as CARLA has them.
    repeat: how many pictures to time. The models take turns, picture by picture, so that whatever
    else the machine does meets all of them. Return the pictures' (height, width), the first
    frame's, and of each bundle {precision: {'p50': ms, 'p99': ms}}.
    """
    images = [dataset.read_image(str(frame.image)).numpy()
              for frame in spread(frames, min(MOST_PICTURES, len(frames)))]
    pictures = [Picture(cv2.cvtColor(image, cv2.COLOR_RGB2BGRA), 'bgra8')
                for image in images if image.shape == images[0].shape]
    runs = [(i, name, Segmenter(bundle, runtime='openvino', device='cpu', precision=name))
            for i, bundle in enumerate(bundles) for name in precisions(bundle)]
    times = np.empty((repeat, len(runs)))
    for turn in track(range(repeat), 'timing'):  # all are warm: a Segmenter runs once by itself
        picture = pictures[turn % len(pictures)]
        for k, (_, _, segmenter) in enumerate(runs):
            begin = time.perf_counter()
            segmenter.batch([picture])[0].labels
            times[turn, k] = 1000 * (time.perf_counter() - begin)
    found = [{} for _ in bundles]
    for (i, name, _), of_run in zip(runs, times.T):
        found[i][name] = dict(zip(('p50', 'p99'), map(float, np.percentile(of_run, (50, 99)))))
    return images[0].shape[:2], found
