"""The random changes to training frames: image and labels stay one, and every family works."""
import numpy as np
import pytest
import tensorflow as tf

from train import augment, viewpoint
from train.recipe import FAMILIES, Recipe
from unet_perception.labels import NAMES

ALONE = [name for name in FAMILIES if name not in ('view', 'mix', 'hood')]
SKY, POLE = NAMES.index('Sky'), NAMES.index('Pole')


def seed(number):
    return tf.constant([1, number], tf.int64)


def test_image_and_labels_are_seen_from_the_same_place():
    """Of an image that is its own label, a pixel is the mean of samples around its label."""
    labels = np.kron(np.random.default_rng(0).integers(0, 13, (8, 12)), np.ones((10, 10), int))
    labels = labels.astype(np.uint8)
    image = np.repeat(labels[..., None], 3, 2)
    shares, outside = [], []
    for i in range(40):
        seen, truth = (t.numpy() for t in viewpoint.look(image, labels, 48, 64, seed(i)))
        assert seen.shape == (48, 64, 3) and truth.shape == (48, 64)
        outside.append(np.mean(truth == 255))
        # Inside a block of one label all samples agree; blocks are several pixels large.
        shares.append(np.mean((seen[..., 0] == truth)[truth < 255]))
    assert min(shares) > 0.6 and np.mean(shares) > 0.75
    assert 0 < np.mean(outside) < 0.3 and max(outside) < 0.6


def test_image_and_labels_show_the_same_rows():
    """In a picture that is its own row numbers, whatever the view."""
    rows = np.repeat(np.arange(80, dtype=np.uint8)[:, None], 160, 1)
    image = np.repeat(rows[..., None], 3, 2)
    for i in range(200):
        seen, truth = (t.numpy() for t in viewpoint.look(image, rows, 96, 128, seed(i)))
        inside = truth < 255
        # Which row a pixel shows is told by the image and by the label, to half a row.
        assert np.abs(seen[..., 0] - truth)[inside].max() <= 2


def test_half_of_the_frames_are_mirrored():
    image = np.zeros((40, 80, 3), np.uint8)
    image[:, 40:] = 200
    right = [viewpoint.look(image, image[..., 0], 32, 48, seed(i))[0].numpy() for i in range(60)]
    turned = np.mean([picture[:, 30:].mean() < picture[:, :18].mean() for picture in right])
    assert 0.3 < turned < 0.7


@pytest.mark.parametrize('family', ALONE)
def test_a_family_changes_many_frames_within_range_and_repeats(family):
    image = tf.random.stateless_uniform((48, 64, 3), (0, 0), 30, 225)
    labels = tf.constant(np.arange(48 * 64).reshape(48, 64) // 64 % 23, tf.uint8)
    apply = tf.function(
        lambda number: augment.change(image, labels, NAMES, (family,), number)[0])
    changed = 0
    for i in range(40):
        out = apply(seed(i)).numpy()
        assert out.shape == image.shape and np.isfinite(out).all()
        assert 0 <= out.min() and out.max() <= 255
        np.testing.assert_array_equal(out, apply(seed(i)))
        changed += np.abs(out - image).mean() > 1.5
    assert changed >= 10


def test_no_family_changes_nothing():
    image = tf.random.stateless_uniform((8, 8, 3), (0, 0), 0, 255)
    out, _ = augment.change(image, tf.zeros((8, 8), tf.uint8), NAMES, (), seed(1))
    np.testing.assert_allclose(out, image, atol=1e-3)
    assert Recipe(augment='none').families == ()


def test_another_sky_leaves_the_ground_alone():
    image = tf.fill((40, 40, 3), 128.0)
    labels = np.zeros((40, 40), np.uint8)
    labels[:20] = SKY
    spread = [augment.materials(image / 255, labels, NAMES, seed(i)).numpy() for i in range(30)]
    assert np.mean([x[2:18].std() > 0.01 for x in spread]) > 0.3  # gradients and clouds
    assert all(x[22:].std() < 0.1 and np.ptp(x[22:, :, 0]) < 1e-4 for x in spread)


def test_the_sky_of_a_night_is_black_and_the_road_before_the_car_is_not():
    labels = np.full((40, 40), NAMES.index('Road'), np.uint8)
    labels[:15], labels[15:20] = SKY, NAMES.index('Vegetation')
    nights = []
    for i in range(100):
        x = augment.night(tf.fill((40, 40, 3), 0.6), labels, NAMES, seed(i)).numpy()
        if np.abs(x - 0.6).max() > 0.01:
            nights.append([x[:13].mean(), x[16:19].mean(), x[25:].mean()])
    sky, trees, road = np.median(nights, 0)
    assert 10 <= len(nights) <= 32
    assert sky < 0.02 and trees > 2 * sky and road > 2 * trees and road > 0.05


def test_a_bonnet_is_a_vehicle_at_the_lower_edge():
    image, labels = tf.fill((60, 80, 3), 200.0), np.full((60, 80), 7, np.uint8)
    with_hood = 0
    for i in range(60):
        x, truth = (t.numpy() for t in augment.change(image, labels, NAMES, ('hood',), seed(i)))
        covered = truth == NAMES.index('Vehicles')
        with_hood += covered.any()
        assert not covered[:40].any() and (covered[:-1] <= covered[1:]).all()  # down to the edge
        np.testing.assert_allclose(x[:-1][~covered[1:]], 200, atol=1e-3)  # an edge's are of both
    assert 16 <= with_hood <= 33


def test_rare_things_come_from_the_neighbour_in_the_batch():
    labels = np.zeros((8, 8, 8), np.uint8)
    labels[:, 1, 1], labels[:, 2, 2] = POLE, SKY
    images = np.arange(8, dtype=np.float32)[:, None, None, None] * np.ones((8, 8, 8, 3), 'f4')
    mixed, truth = (t.numpy() for t in augment.mix(tf.constant(images), tf.constant(
        np.roll(labels, 0)), NAMES, seed(3)))
    pasted = mixed[:, 1, 1, 0] != images[:, 1, 1, 0]
    assert 0 < pasted.sum() < 8
    np.testing.assert_array_equal(mixed[pasted, 1, 1, 0], np.roll(np.arange(8), 1)[pasted])
    np.testing.assert_array_equal(mixed[:, 2, 2], images[:, 2, 2])
    np.testing.assert_array_equal(truth, labels)


def test_a_bonnet_or_a_car_right_ahead_is_not_pasted():
    labels = np.full((8, 8, 8), NAMES.index('Road'), np.uint8)
    labels[::2, 4:] = NAMES.index('Vehicles')
    labels[:, 0, 0] = np.where(np.arange(8) % 2, NAMES.index('Vehicles'), POLE)
    images = np.zeros((8, 8, 8, 3), np.float32)
    _, truth = augment.mix(tf.constant(images), tf.constant(labels), NAMES, seed(3))
    changed = truth.numpy() != labels
    assert changed[:, 0, 0].any()  # the small ones are: a pole, and a distant car
    changed[:, 0, 0] = False
    assert not changed.any()


def test_families_that_are_not_known_are_named():
    import argparse
    parser = argparse.ArgumentParser()
    Recipe.add_arguments(parser)
    assert parser.parse_args(['--augment', 'view,light']).augment == 'view,light'
    with pytest.raises(SystemExit):
        parser.parse_args(['--augment', 'view,lights'])
