"""Camera image in, labels and confidence at camera resolution out."""
from typing import NamedTuple

import cv2
import numpy as np

from unet_perception.model import BundleError

PRECISIONS = ('f32', 'bf16')


class Segmentation(NamedTuple):
    """Labels and confidence of one image, both uint8 (height, width) of that image.

    labels: class ids. confidence: probability of that class x 255.
    """

    labels: np.ndarray
    confidence: np.ndarray


def resize_image(image, height, width, rule):
    """Resize an RGB uint8 image to the network's input by the bundle's rule.

    'area' averages when it shrinks, as the antialiased resize in training does. 'nearest' takes
    pixel centres, as TensorFlow does.
    """
    if image.shape[:2] == (height, width):
        return image
    return cv2.resize(image, (width, height), interpolation={
        'area': cv2.INTER_AREA, 'nearest': cv2.INTER_NEAREST_EXACT}[rule])


def resize_labels(labels, height, width):
    """Resize class ids, or anything that must not be blended, by nearest pixel centres."""
    if labels.shape == (height, width):
        return labels
    # INTER_NEAREST would take pixel corners and shift the mask by half a network pixel.
    return cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)


class Segmenter:
    """Runs a bundle's network with OpenVINO on the CPU. Not for several threads at once."""

    def __init__(self, bundle, precision='f32', threads=0):
        """Compile the network and run it once, so that the first frame is not the slow one.

        precision: OpenVINO's INFERENCE_PRECISION_HINT, 'f32' or 'bf16'. It is set on purpose:
        OpenVINO's own default is bf16 wherever the CPU has it.
        threads: how many CPU threads to use; 0 for OpenVINO's choice.
        Raise ValueError on another precision, BundleError if the network does not fit the
        manifest.
        """
        if precision not in PRECISIONS:
            raise ValueError(f'precision is {precision!r}, but must be one of '
                             f'{", ".join(PRECISIONS)}')
        import openvino
        core = openvino.Core()
        network = core.read_model(bundle.files['openvino'])
        expected = [1, bundle.height, bundle.width, 3], [1, bundle.height, bundle.width,
                                                         len(bundle.names)]
        network.reshape(expected[0])
        found = list(network.output(0).shape)
        if found != expected[1]:
            raise BundleError(f'{bundle.files["openvino"]} gives logits of shape {found}, but the '
                              f'manifest wants {expected[1]} (its classes and input size)')
        self.bundle = bundle
        self.precision = precision
        settings = {'PERFORMANCE_HINT': 'LATENCY', 'INFERENCE_PRECISION_HINT': precision}
        if threads:
            settings['INFERENCE_NUM_THREADS'] = threads
        self._request = core.compile_model(
            _with_labels(network), 'CPU', settings).create_infer_request()
        self(np.zeros((bundle.height, bundle.width, 3), np.uint8))

    def __call__(self, image):
        """Segment one image.

        image: uint8 RGB (height, width, 3) of any size. Return a Segmentation.
        """
        height, width = image.shape[:2]
        pixels = resize_image(image, self.bundle.height, self.bundle.width, self.bundle.resize)
        results = self._request.infer({0: np.ascontiguousarray(pixels)[None]})
        return Segmentation(*(resize_labels(results[i][0], height, width) for i in (0, 1)))


def _with_labels(network):
    """Extend a network, float32 pixels to logits, to one from uint8 pixels to uint8 results.

    Outputs: labels (argmax) and confidence (softmax of that class x 255), (1, height, width).
    """
    from openvino import Model, Type, opset13 as ops
    from openvino.preprocess import PrePostProcessor
    logits = network.get_results()[0].input_value(0)
    best = ops.topk(logits, ops.constant(1), axis=3, mode='max', sort='none')
    labels = ops.convert(ops.squeeze(best.output(1), ops.constant([3])), 'u8')
    # The softmax of the highest logit m is 1 / sum(exp(logit - m)).
    total = ops.reduce_sum(ops.exp(ops.subtract(logits, best.output(0))),
                           ops.constant([3]))
    probability = ops.divide(ops.constant(np.float32(255)), total)
    confidence = ops.convert(ops.round(probability, 'half_to_even'), 'u8')
    steps = PrePostProcessor(Model([labels, confidence], network.get_parameters(), network.name))
    steps.input().tensor().set_element_type(Type.u8)
    return steps.build()
