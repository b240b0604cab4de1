"""Camera pictures in, labels and confidence at camera resolution out."""
from functools import cached_property

import cv2
import numpy as np

from unet_perception.images import Picture
from unet_perception.runtimes import open_runtime

UPSCALES = ('nearest', 'smooth')
MOST_AT_ONCE = 8  # pictures in one run: each size of a batch is a compiled network of its own
AVERAGED_FROM = 2  # times the input's height and width; from there on 'auto' averages


class Segmentation:
    """The result for one picture, brought to its resolution when it is asked for."""

    def __init__(self, size, labels, confidence, scores=None):
        """Keep what the runtime gave for one picture of this (height, width)."""
        self._size, self._labels, self._confidence, self._scores = size, labels, confidence, scores

    @cached_property
    def labels(self):
        """Class ids, uint8 (height, width)."""
        if self._scores is not None:
            return best_classes(self._scores, *self._size)
        return resize_labels(self._labels, *self._size)

    @cached_property
    def confidence(self):
        """Probability of that class x 255, uint8 (height, width)."""
        if self._scores is not None:
            return cv2.resize(self._confidence, self._size[::-1])
        return resize_labels(self._confidence, *self._size)


class Segmenter:
    """
    Labels pictures of any size with a bundle's network. Not for several threads at once.

    runtime: the chosen runtime; see runtimes.open_runtime for the arguments.
    upscale: how labels get back to camera resolution. 'nearest' repeats the network's labels;
    'smooth' interpolates the class scores and then takes the best class, for finer edges, and
    the confidence with them.
    """

    def __init__(self, bundle, upscale='nearest', **options):
        """
        Load the network and run it once, so that the first frame is not the slow one.

        Raise ValueError on a runtime, device, precision or upscale that is not to be had.
        """
        if upscale not in UPSCALES:
            raise ValueError(f'upscale is {upscale!r}, but must be one of {", ".join(UPSCALES)}')
        self.bundle = bundle
        self.upscale = upscale
        self.runtime = open_runtime(bundle, scores=upscale == 'smooth', **options)
        self.warm_up(1)

    def warm_up(self, most):
        """Run every batch size for `most` pictures once: the first run of a size compiles it."""
        for size in range(1, min(most, MOST_AT_ONCE) + 1):
            self.runtime(np.zeros((size, self.bundle.height, self.bundle.width, 3), np.uint8))

    def __call__(self, image):
        """Segment one uint8 RGB image (height, width, 3); return its Segmentation."""
        return self.batch([Picture(image, 'rgb8')])[0]

    def batch(self, pictures):
        """Segment several Pictures, of any sizes, in one run; return their Segmentations."""
        return self.run(self.prepare(pictures), pictures)

    def prepare(self, pictures):
        """Return the network's input for Pictures: uint8 RGB (n, bundle height, width, 3)."""
        # Shrunk first, so that the colours are put in order for few pixels.
        return np.stack([Picture(
            resize_image(picture.pixels, self.bundle.height, self.bundle.width,
                         self.bundle.resize), picture.encoding).to_rgb() for picture in pictures])

    def run(self, inputs, pictures):
        """Run the network on what prepare() gave for Pictures; return their Segmentations."""
        results = [result for start in range(0, len(inputs), MOST_AT_ONCE)
                   for result in zip(*self.runtime(inputs[start:start + MOST_AT_ONCE]))]
        return [Segmentation(picture.pixels.shape[:2], *result)
                for picture, result in zip(pictures, results)]


def resize_image(image, height, width, rule):
    """
    Resize a uint8 image of any channels to the network's input by the bundle's rule.

    'auto' is 'area' for an image at least twice as high and wide, else 'nearest': an image of
    about that size an average only blurs (docs/experiments.md). 'area' averages where it shrinks;
    training's antialiased resize is a little different (mIoU 0.618 by this one, 0.615 by
    TensorFlow's, shipped model and its validation frames). 'nearest' takes pixel centres, as
    TensorFlow does.
    """
    if image.shape[:2] == (height, width):
        return image
    return cv2.resize(image, (width, height), interpolation={
        'area': cv2.INTER_AREA, 'nearest': cv2.INTER_NEAREST_EXACT}[
            resize_rule(rule, image.shape[:2], height, width)])


def resize_rule(rule, size, height, width):
    """Return 'area' or 'nearest', what a rule means for images of this (height, width)."""
    if rule != 'auto':
        return rule
    return 'area' if (size[0] >= AVERAGED_FROM * height
                      and size[1] >= AVERAGED_FROM * width) else 'nearest'


def resize_labels(labels, height, width):
    """Resize class ids, or anything that must not be blended, by nearest pixel centres."""
    if labels.shape == (height, width):
        return labels
    # INTER_NEAREST would take pixel corners and shift the mask by half a network pixel.
    return cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)


def best_classes(scores, height, width):
    """
    Interpolate class scores to (height, width) and return the best class of each pixel.

    scores: float32 (classes, rows, columns). Return uint8 (height, width). Class by class:
    23 score images of 800x600 at once would be 44 MB to write and read.
    """
    # A class that wins nowhere before is left out; between two winners no third one can matter
    # but for the rare pixel where two better ones cross.
    winners = np.unique(scores.argmax(0))
    best = cv2.resize(scores[winners[0]], (width, height))
    labels = np.full((height, width), winners[0], np.uint8)
    for winner in winners[1:]:
        score = cv2.resize(scores[winner], (width, height))
        labels[score > best] = winner
        cv2.max(best, score, best)
    return labels
