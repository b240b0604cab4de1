"""Segmentation figures from a confusion matrix."""
import numpy as np

from unet_perception.labels import IGNORE


def confusion_matrix(truth, predicted, n_classes, n_predicted=None):
    """
    Count pixels by (true label, predicted label).

    truth, predicted: uint8 label arrays of one shape. Pixels whose truth is 255 are left out.
    A predicted 255 (below the confidence threshold) is a miss of the true class: it is counted
    in one more column, so that the matrix is int64 (n_classes, n_predicted + 1).
    n_predicted: how many labels may be predicted; as many as there are true ones unless given.
    Raise ValueError if the shapes differ or another id is outside its range.
    """
    truth, predicted = np.asarray(truth), np.asarray(predicted)
    if truth.shape != predicted.shape:
        raise ValueError(f'truth is {truth.shape}, but the prediction is {predicted.shape}')
    n_predicted = n_predicted or n_classes
    # All pairs of bytes at once: several times faster than to pick the scored pixels first.
    pairs = truth.astype(np.uint16) << 8 | predicted.astype(np.uint16)
    counts = np.bincount(pairs.ravel(), minlength=1 << 16).reshape(256, 256)[:IGNORE]
    matrix = counts[:n_classes, [*range(n_predicted), IGNORE]]
    if matrix.sum() < counts.sum():
        true, guessed = (np.flatnonzero(counts.any(axis)) for axis in (1, 0))
        raise ValueError(
            f'truth goes up to {true.max()} and the prediction to '
            f'{guessed[guessed < IGNORE].max(initial=0)}, but there are {n_classes} classes'
            + (f' to be true and {n_predicted} to predict' if n_predicted != n_classes else ''))
    return matrix


def iou_per_class(matrix):
    """Return float64 (n_classes,): hits / (truth or predicted), NaN for a class that never is."""
    hits = np.diagonal(matrix).astype(np.float64)
    union = matrix.sum(1) + matrix[:, :-1].sum(0) - hits
    return np.divide(hits, union, out=np.full(len(hits), np.nan), where=union > 0)


def mean_iou(matrix):
    """
    Return the mean IoU over the classes present in the truth; NaN if there is none.

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
    """
    Return the figures as JSON values: mIoU, pixel accuracy, and per class IoU and support.

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
    """Print what summary() returned as a table, and train.scores' further figures if there."""
    from rich.console import Console
    from rich.table import Table
    title = (f'mIoU {figures["mean_iou"]:.3f} over the classes present, '
             f'pixel accuracy {figures["pixel_accuracy"]:.3f}')
    for key, name in (('mean_boundary_iou', 'mean boundary IoU'),
                      ('calibration_error', 'calibration error')):
        if figures.get(key) is not None:
            title += f', {name} {figures[key]:.3f}'
    borders = 'mean_boundary_iou' in figures
    table = Table(title=title)
    for column in ('class', 'IoU', *['boundary IoU'] * borders, 'pixels', 'share of pixels'):
        table.add_column(column, justify='left' if column == 'class' else 'right')
    for name, row in figures['classes'].items():
        cells = [f'{row["iou"]:.3f}' if row['support'] else '- (never true)']
        if borders:
            cells.append('-' if row['boundary_iou'] is None else f'{row["boundary_iou"]:.3f}')
        table.add_row(name, *cells, f'{row["support"]:,}',
                      f'{row["support"] / figures["pixels"]:.2%}')
    Console().print(table)
