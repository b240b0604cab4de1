"""Segmentation figures from a confusion matrix."""
import numpy as np

from unet_perception.labels import IGNORE


def confusion_matrix(truth, predicted, n_classes):
    """Count pixels by (true label, predicted label).

    truth, predicted: uint8 label arrays of one shape. Pixels whose truth is 255 are left out.
    A predicted 255 (below the confidence threshold) is a miss of the true class: it is counted
    in one more column, so that the matrix is int64 (n_classes, n_classes + 1).
    Raise ValueError if the shapes differ or another id is outside 0..n_classes-1.
    """
    truth, predicted = np.asarray(truth), np.asarray(predicted)
    if truth.shape != predicted.shape:
        raise ValueError(f'truth is {truth.shape}, but the prediction is {predicted.shape}')
    scored = truth != IGNORE
    t = truth[scored].astype(np.int64)
    p = np.where(predicted[scored] == IGNORE, n_classes, predicted[scored]).astype(np.int64)
    if t.size and (t.max() >= n_classes or p.max() > n_classes):
        raise ValueError(f'truth goes up to {t.max()} and the prediction to {p.max()}, '
                         f'but there are {n_classes} classes')
    counts = np.bincount(t * (n_classes + 1) + p, minlength=n_classes * (n_classes + 1))
    return counts.reshape(n_classes, n_classes + 1)


def iou_per_class(matrix):
    """Return float64 (n_classes,): hits / (truth or predicted), NaN for a class that never is."""
    hits = np.diagonal(matrix).astype(np.float64)
    union = matrix.sum(1) + matrix[:, :-1].sum(0) - hits
    return np.divide(hits, union, out=np.full(len(hits), np.nan), where=union > 0)


def mean_iou(matrix):
    """Return the mean IoU over the classes present in the truth; NaN if there is none.

    A class that is predicted but never true has no IoU of its own here; its pixels already
    lower the IoU of the classes they were taken from.
    """
    present = matrix.sum(1) > 0
    return float(iou_per_class(matrix)[present].mean()) if present.any() else float('nan')


def pixel_accuracy(matrix):
    """Return the share of scored pixels whose label is right; NaN if there is none."""
    total = matrix.sum()
    return float(np.diagonal(matrix).sum() / total) if total else float('nan')


def summary(matrix, names):
    """Return the figures as JSON values: mIoU, pixel accuracy, and per class IoU and support.

    Classes that are neither in the truth nor predicted are left out; IoU is 0 for a class that
    is only predicted. Support is in pixels of truth.
    """
    iou, support = iou_per_class(matrix), matrix.sum(1)
    return {
        'mean_iou': mean_iou(matrix),
        'pixel_accuracy': pixel_accuracy(matrix),
        'pixels': int(matrix.sum()),
        'classes': {names[i]: {'iou': float(iou[i]), 'support': int(support[i])}
                    for i in np.flatnonzero(~np.isnan(iou))},
    }


def print_table(figures):
    """Print what summary() returned as a table."""
    from rich.console import Console
    from rich.table import Table
    table = Table(title=f'mIoU {figures["mean_iou"]:.3f} over the classes present, '
                        f'pixel accuracy {figures["pixel_accuracy"]:.3f}')
    for column, side in (('class', 'left'), ('IoU', 'right'), ('share of pixels', 'right')):
        table.add_column(column, justify=side)
    for name, row in figures['classes'].items():
        iou = f'{row["iou"]:.3f}' if row['support'] else '- (never true)'
        table.add_row(name, iou, f'{row["support"] / figures["pixels"]:.2%}')
    Console().print(table)
