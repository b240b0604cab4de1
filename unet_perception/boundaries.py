"""
How well the borders between classes are met: Boundary IoU (Cheng et al. 2021), for labels.

IoU hardly notices a pole drawn twice as wide or a kerb that is off by some pixels. This one
scores only the pixels near a border: of each class, those that have another class within the
tolerance, in the truth and in the prediction. Unlike the paper's, the edge of the picture is no
border: what is beyond it is not known.
"""
import cv2
import numpy as np

from unet_perception.labels import IGNORE

TOLERANCE = 0.005  # of the picture's diagonal; the paper's for Cityscapes


def tolerance(height, width):
    """Return within how many pixels of a border a pixel is scored: 1 or more."""
    return max(1, round(TOLERANCE * float(np.hypot(height, width))))


def boundary_counts(truth, predicted, n_classes, distance):
    """
    Count, by class, the pixels near its borders: int64 (3, n_classes).

    truth, predicted: uint8 label arrays of one shape (height, width), ids below n_classes or 255.
    distance: the tolerance in pixels, along rows, columns and diagonals alike. The counts are of
    pixels near a border in both, in the truth, and in the prediction; they may be summed over
    pictures. A pixel whose truth is 255 is left out, and no other is near a border because of it.
    Nor is one because of a predicted 255, which itself is near no border that was predicted.
    Raise ValueError if the shapes differ.
    """
    if truth.shape != predicted.shape:
        raise ValueError(f'truth is {truth.shape}, but the prediction is {predicted.shape}')
    predicted = np.where(truth == IGNORE, np.uint8(IGNORE), predicted)
    true, guessed = (_near_border(labels, distance) for labels in (truth, predicted))
    both = np.where(true == guessed, true, np.uint8(IGNORE))
    return np.stack([np.bincount(labels.ravel(), minlength=IGNORE + 1)[:n_classes]
                     for labels in (both, true, guessed)])


def _near_border(labels, distance):
    """Return the labels that have another within the distance; 255 for the others."""
    window = np.ones((2 * distance + 1,) * 2, np.uint8)
    # The highest and the lowest id around, of those known, tell whether there is another.
    highest = cv2.dilate(np.where(labels == IGNORE, np.uint8(0), labels), window)
    lowest = cv2.erode(labels, window)
    return np.where((highest > labels) | (lowest < labels), labels, np.uint8(IGNORE))


def boundary_iou(counts):
    """Return float64 (n_classes,): both / (truth or predicted), NaN for a class without border."""
    both, true, guessed = counts.astype(np.float64)
    union = true + guessed - both
    return np.divide(both, union, out=np.full(len(both), np.nan), where=union > 0)


def mean_boundary_iou(counts):
    """Return the mean over the classes that have a border in the truth; NaN if there is none."""
    present = counts[1] > 0
    return float(boundary_iou(counts)[present].mean()) if present.any() else float('nan')
