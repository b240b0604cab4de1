"""Boundary IoU on cases small enough to count by hand."""
import numpy as np
import pytest

from unet_perception.boundaries import (boundary_counts, boundary_iou, mean_boundary_iou,
                                        tolerance)

TRUTH = np.uint8([[0, 0, 0, 1, 1, 1]] * 3)
GUESS = np.uint8([[0, 0, 1, 1, 1, 1]] * 3)


def test_by_hand():
    """Three rows alike; by columns: the truth's border is behind 2, the predicted behind 1."""
    # Within 1: class 0 has column 2 in the truth, 1 in the prediction; class 1 has 3 and 2.
    np.testing.assert_array_equal(boundary_counts(TRUTH, GUESS, 3, 1),
                                  [[0, 0, 0], [3, 3, 0], [3, 3, 0]])
    # Within 2: class 0 has 1, 2 and 0, 1, in common 1; class 1 has 3, 4 and 2, 3, in common 3.
    counts = boundary_counts(TRUTH, GUESS, 3, 2)
    np.testing.assert_array_equal(counts, [[3, 3, 0], [6, 6, 0], [6, 6, 0]])
    np.testing.assert_array_equal(boundary_iou(counts), [1 / 3, 1 / 3, np.nan])
    assert mean_boundary_iou(counts) == pytest.approx(1 / 3)


def test_pixels_without_a_label_make_no_border():
    truth, guess = TRUTH.copy(), GUESS.copy()
    truth[:, 2] = 255  # the truth has no border within 1 any more, whatever was predicted there
    np.testing.assert_array_equal(boundary_counts(truth, guess, 2, 1), np.zeros((3, 2)))
    assert np.isnan(mean_boundary_iou(boundary_counts(truth, guess, 2, 1)))
    # Within 2 the labels on both sides of the gap see each other: columns 1 and 3.
    np.testing.assert_array_equal(boundary_counts(truth, guess, 2, 2), np.full((3, 2), 3))
    guess[:, 3] = 255  # below the threshold: a miss where the truth has a border
    np.testing.assert_array_equal(boundary_counts(TRUTH, guess, 2, 1),
                                  [[0, 0], [3, 3], [3, 3]])


def test_perfect_and_without_borders():
    assert mean_boundary_iou(boundary_counts(TRUTH, TRUTH, 2, 1)) == 1
    one = np.zeros((4, 5), np.uint8)
    assert boundary_counts(one, one, 2, 1).sum() == 0  # the edge of the picture is no border
    with pytest.raises(ValueError, match=r'\(4, 5\).*\(3, 6\)'):
        boundary_counts(one, TRUTH, 2, 1)


def test_agrees_with_the_definition():
    """Class by class, from all pairs of pixels."""
    rng = np.random.default_rng(0)
    truth, guess = (rng.choice(np.uint8([0, 1, 2, 255]), (9, 12)) for _ in range(2))
    for distance in (1, 2):
        near = []
        for labels in (truth, np.where(truth == 255, 255, guess)):
            near.append(np.zeros((3, 9, 12), bool))
            for (y, x), label in np.ndenumerate(labels):
                around = labels[max(0, y - distance):y + distance + 1,
                                max(0, x - distance):x + distance + 1]
                if label != 255:
                    near[-1][label, y, x] = ((around != label) & (around != 255)).any()
        expected = [m.sum((1, 2)) for m in (near[0] & near[1], *near)]
        np.testing.assert_array_equal(boundary_counts(truth, guess, 3, distance), expected)


def test_the_tolerance_grows_with_the_picture():
    assert [tolerance(*size) for size in ((8, 8), (80, 160), (600, 800))] == [1, 1, 5]
