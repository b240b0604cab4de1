"""What one model scores on frames: labels, their borders, their confidence."""
import math

import numpy as np

from train import reliability
from unet_perception import boundaries, metrics


class Scores:
    """
    Counts over frames, and the figures that come of them.

    matrix: see metrics.confusion_matrix; borders: see boundaries.boundary_counts; confidence:
    see reliability.confidence_counts.
    """

    def __init__(self, names):
        """Start at nothing. names: class names by id."""
        self.names = names
        self.matrix = np.zeros((len(names), len(names) + 1), np.int64)
        self.borders = np.zeros((3, len(names)), np.int64)
        self.confidence = np.zeros((2, reliability.LEVELS), np.int64)

    def add(self, truth, result):
        """
        Count a frame.

        truth: uint8 labels (height, width), 255 where there is none; result: its Segmentation.
        """
        count = len(self.names)
        self.matrix += metrics.confusion_matrix(truth, result.labels, count)
        self.borders += boundaries.boundary_counts(truth, result.labels, count,
                                                   boundaries.tolerance(*truth.shape))
        self.confidence += reliability.confidence_counts(truth, result.labels, result.confidence)

    def figures(self):
        """Return metrics.summary() with the boundary IoU and ECE; None for what has no value."""
        figures = metrics.summary(self.matrix, self.names)
        for name, value in zip(self.names, boundaries.boundary_iou(self.borders)):
            if name in figures['classes']:
                figures['classes'][name]['boundary_iou'] = _or_none(value)
        rows = figures.pop('classes')
        return figures | {
            'mean_boundary_iou': _or_none(boundaries.mean_boundary_iou(self.borders)),
            'calibration_error': _or_none(reliability.calibration_error(self.confidence)),
            'classes': rows}


def _or_none(value):
    """Return a float, or None, as JSON has it, instead of NaN."""
    return None if math.isnan(value) else float(value)
