"""Segmentation figures on a case small enough to count by hand."""
import keras
import numpy as np
import pytest

from unet_perception import metrics

TRUTH = np.uint8([[0, 0, 0, 1],
                  [1, 1, 255, 3]])
GUESS = np.uint8([[0, 0, 1, 1],
                  [1, 2, 2, 255]])


def test_by_hand():
    """One true 0 was called 1, one true 1 was called 2, the only 3 was below the threshold."""
    matrix = metrics.confusion_matrix(TRUTH, GUESS, 5)
    np.testing.assert_array_equal(matrix, [[2, 1, 0, 0, 0, 0],
                                           [0, 2, 1, 0, 0, 0],
                                           [0, 0, 0, 0, 0, 0],
                                           [0, 0, 0, 0, 0, 1],
                                           [0, 0, 0, 0, 0, 0]])
    # 0: hit 2 of 3 true, 0 wrongly: 2/3.  1: hit 2 of 3 true, 1 wrongly: 2/4.
    # 2: only ever wrong: 0/1.  3: 0/1.  4: nowhere.
    np.testing.assert_array_equal(metrics.iou_per_class(matrix), [2 / 3, 0.5, 0, 0, np.nan])
    assert metrics.mean_iou(matrix) == pytest.approx((2 / 3 + 0.5 + 0) / 3)  # 0, 1 and 3 are true
    assert metrics.pixel_accuracy(matrix) == pytest.approx(4 / 7)  # 255 is not scored
    summary = metrics.summary(matrix, 'abcde')
    assert summary['pixels'] == 7
    assert {k: v['support'] for k, v in summary['classes'].items()} == {'a': 3, 'b': 3, 'c': 0,
                                                                        'd': 1}


def test_perfect_and_empty():
    perfect = metrics.confusion_matrix(TRUTH, TRUTH, 4)
    assert metrics.mean_iou(perfect) == metrics.pixel_accuracy(perfect) == 1
    nothing = metrics.confusion_matrix(np.full(3, 255, np.uint8), np.zeros(3, np.uint8), 4)
    assert nothing.sum() == 0
    assert np.isnan(metrics.mean_iou(nothing)) and np.isnan(metrics.pixel_accuracy(nothing))


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r'\(3,\).*\(4,\)'):
        metrics.confusion_matrix(np.zeros(3, np.uint8), np.zeros(4, np.uint8), 4)
    with pytest.raises(ValueError, match='up to 4.*4 classes'):
        metrics.confusion_matrix(np.uint8([4]), np.uint8([0]), 4)


def test_agrees_with_keras():
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 6, (40, 50)).astype(np.uint8)
    guess = np.where(rng.random(truth.shape) < 0.6, truth, rng.integers(0, 6, truth.shape))
    metric = keras.metrics.MeanIoU(6)
    metric.update_state(truth, guess)
    matrix = metrics.confusion_matrix(truth, guess.astype(np.uint8), 6)
    assert metrics.mean_iou(matrix) == pytest.approx(float(metric.result()), abs=1e-6)
