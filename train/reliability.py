"""Whether a confidence means what it says: of the pixels with 0.8, 80 % should be right."""
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
import numpy as np

from unet_perception.labels import IGNORE

LEVELS = 256  # of a confidence as the node publishes it: probability x 255
BINS = 15  # as in Guo et al. 2017, On Calibration of Modern Neural Networks


def confidence_counts(truth, predicted, confidence):
    """
    Count pixels by (label right, confidence): int64 (2, 256), may be summed over pictures.

    truth, predicted: uint8 labels of one shape; confidence: uint8, probability x 255 of the
    predicted label. Pixels whose truth is 255 are left out.
    """
    scored = truth != IGNORE
    right = (truth == predicted)[scored].astype(np.int64)
    return np.bincount(right * LEVELS + confidence[scored],
                       minlength=2 * LEVELS).reshape(2, LEVELS)


def reliability(counts):
    """Return float64 arrays by bin of confidence: its pixels, their mean confidence, accuracy."""
    bins = np.arange(LEVELS) * BINS // LEVELS
    levels = np.arange(LEVELS) / (LEVELS - 1)
    pixels, summed, right = (np.bincount(bins, weights, BINS) for weights in (
        counts.sum(0), counts.sum(0) * levels, counts[1]))
    return pixels, *(np.divide(part, pixels, out=np.full(BINS, np.nan), where=pixels > 0)
                     for part in (summed, right))


def calibration_error(counts):
    """
    Return the expected calibration error (ECE), 0 to 1; NaN if there is no pixel.

    It is the mean over all pixels of |accuracy - confidence| of the bin that the pixel is in.
    """
    pixels, confidence, accuracy = reliability(counts)
    if not pixels.sum():
        return float('nan')
    return float(np.nansum(pixels * np.abs(accuracy - confidence)) / pixels.sum())


def reliability_png(counts, png):
    """Draw accuracy by confidence, and beneath how many pixels have which confidence."""
    pixels, confidence, accuracy = reliability(counts)
    figure = Figure(figsize=(4.6, 5.6), layout='constrained')
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    edges = np.arange(BINS + 1) / BINS
    above.plot((0, 1), (0, 1), color='grey', linestyle='--', label='as it should be')
    above.stairs(np.nan_to_num(accuracy), edges, fill=True, alpha=0.3)
    above.plot(confidence, accuracy, marker='o', markersize=4, label='as it is')
    above.set(title=f'expected calibration error {calibration_error(counts):.3f}',
              ylabel='share of right labels', xlim=(0, 1), ylim=(0, 1))
    above.grid(alpha=0.3)
    above.legend(loc='upper left')
    below.stairs(pixels / max(1, pixels.sum()), edges, fill=True)
    below.set(xlabel='confidence of the label', ylabel='share of pixels')
    below.yaxis.set_major_formatter(PercentFormatter(1))
    figure.savefig(png, dpi=110)
