"""The scores of a model: counted by hand, and where there is no truth to count."""
from types import SimpleNamespace

import numpy as np
from PIL import Image
import pytest

from train import reliability
from train.scores import Scores

TRUTH = np.uint8([[0, 0, 1, 255]])
GUESS = np.uint8([[0, 1, 1, 1]])
CONFIDENCE = np.uint8([[255, 204, 204, 9]])


def test_calibration_error_by_hand(tmp_path):
    """One pixel sure and right; of two that are sure to 0.8 one is right; one has no truth."""
    counts = reliability.confidence_counts(TRUTH, GUESS, CONFIDENCE)
    assert counts.sum() == 3 and counts[1, 255] == counts[0, 204] == counts[1, 204] == 1
    assert reliability.calibration_error(counts) == pytest.approx(2 / 3 * (0.8 - 0.5))
    assert np.isnan(reliability.calibration_error(counts * 0))
    for known in (counts, counts * 0):
        reliability.reliability_png(known, tmp_path / 'r.png')
        assert Image.open(tmp_path / 'r.png').height > 500


def test_a_frame_without_labels_changes_nothing():
    scores = Scores('abc')
    result = SimpleNamespace(labels=GUESS, confidence=CONFIDENCE)
    scores.add(np.full_like(TRUTH, 255), result)
    assert scores.figures()['mean_boundary_iou'] is scores.figures()['calibration_error'] is None
    scores.add(TRUTH, result)
    first = scores.figures()
    # Within 1 pixel: a's border is at column 1, b's at 2; predicted are 0 for a and 1 for b.
    assert first['mean_boundary_iou'] == 0
    assert first['classes'] == {'a': {'iou': 1 / 2, 'support': 2, 'boundary_iou': 0},
                                'b': {'iou': 1 / 2, 'support': 1, 'boundary_iou': 0}}
    scores.add(np.full_like(TRUTH, 255), result)
    assert scores.figures() == first
