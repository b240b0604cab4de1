"""What a training step computes: alone, in parts, and shared by several replicas."""
import dataclasses
import subprocess
import sys

from conftest import frames_of, ROOT
import keras
import numpy as np
import pytest
import tensorflow as tf

from train import dataset, losses
from train.loop import figures_of
from train.recipe import Recipe
from train.steps import Steps
from unet_perception import metrics

SMALL = Recipe(height=32, width=48, filters=2, batch=8, epochs=2, coarse=0, precision='float32')
STEPS = 14


def trained(drive_folder, recipe=SMALL, strategy=None):
    """Return the losses of steps without dropout, those of a validation, and the weights."""
    strategy = strategy or tf.distribute.get_strategy()
    keras.utils.set_random_seed(1)
    steps, frames = Steps(recipe, STEPS, strategy), frames_of(drive_folder, 'B')
    for layer in steps.network.layers[-1].layers:
        if 'dropout' in layer.name:
            layer.rate = 0.0
    stream, held_out = (strategy.distribute_datasets_from_function(
        lambda share: batches(frames, recipe, share=share))
        for batches in (dataset.training_batches, dataset.validation_batches))
    stream = iter(stream)
    found = [steps.train([next(stream) for _ in range(recipe.accumulate)]) for _ in range(STEPS)]
    figures = figures_of([steps.validate(batch) for batch in held_out])
    return ([*(float(loss) for loss, _ in found), figures['loss']], figures['miou'],
            [float(np.abs(w).sum()) for w in steps.network.get_weights()])


def assert_close(one, other):
    for a, b, atol in zip(one, other, (0, 0.01, 0), strict=True):
        # So early a label hangs on the last digit of its score, so the mIoU agrees less.
        np.testing.assert_allclose(a, b, rtol=3e-4, atol=atol)


def test_a_batch_in_parts_is_learnt_from_as_the_whole(drive_folder):
    recipe = dataclasses.replace(SMALL, loss='cross-entropy')
    whole = trained(drive_folder, recipe)
    assert whole[0][-2] < whole[0][0]  # the last one is of the validation
    assert_close(whole, trained(drive_folder, dataclasses.replace(recipe, accumulate=4)))


def test_deeplab_trains_in_frames_of_two_sizes():
    """In mixed precision; what its batch normalisation remembers is of the training alone."""
    recipe = dataclasses.replace(SMALL, network='deeplabv3plus', precision='mixed_bfloat16',
                                 coarse=0.5)
    steps = Steps(recipe, 8, tf.distribute.get_strategy())
    rng = np.random.default_rng(0)
    losses, known = [], [steps.network.get_weights()]
    for height, width in ((16, 32), (32, 48)):
        images = 255 * rng.random((4, height, width, 3), np.float32)
        labels = np.where(images[..., 0] > 128, 7, 9).astype(np.uint8)
        losses += [float(steps.train([(images, labels)])[0]) for _ in range(4)]
    known.append(steps.network.get_weights())
    _, matrix = steps.validate((images, labels))
    assert matrix.sum() == labels.size
    assert np.isfinite(losses).all() and losses[3] < losses[0] and losses[-1] < losses[4]
    moving = [i for i, v in enumerate(steps.network.weights) if 'moving' in v.path]
    assert len(moving) > 50 and all((known[0][i] != known[1][i]).any() for i in moving)
    for before, after in zip(known[1], steps.network.get_weights()):
        np.testing.assert_array_equal(before, after)


def test_two_replicas_learn_what_one_does(drive_folder):
    """Clipping, both losses, figures: all are of the whole batch. A process of its own has two."""
    code = """
import sys, tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices('CPU')[0], [tf.config.LogicalDeviceConfiguration()] * 2)
import test_steps
print('found', test_steps.trained(
    sys.argv[1], strategy=tf.distribute.MirroredStrategy(['CPU:0', 'CPU:1'])))
"""
    two = subprocess.run([sys.executable, '-c', code, drive_folder], cwd=ROOT / 'test', text=True,
                         capture_output=True, env=None)
    assert 'found' in two.stdout, two.stderr[-3000:]
    assert_close(trained(drive_folder), eval(two.stdout.split('found')[1]))


def test_miou_while_training_is_the_bundles_miou():
    """Over several batches, with unlabelled pixels and classes that are only predicted."""
    rng = np.random.default_rng(0)
    steps = Steps(dataclasses.replace(SMALL, height=16, width=16), 1, tf.distribute.get_strategy())
    images = rng.uniform(0, 255, (3, 2, 16, 16, 3)).astype(np.float32)
    truth = rng.choice(np.uint8([0, 1, 2, 255]), (3, 2, 16, 16))
    figures = figures_of([steps.validate(tuple(map(tf.constant, b))) for b in zip(images, truth)])
    predicted = np.concatenate([steps.network.predict_on_batch(b) for b in images]).argmax(-1)
    expected = metrics.confusion_matrix(np.concatenate(truth), predicted, 23)
    assert figures['miou'] == pytest.approx(metrics.mean_iou(expected), rel=1e-12)
    assert np.isnan(figures_of([steps.validate((images[0], truth[0] * 0 + 255))])['miou'])


def test_losses_leave_out_ignored_pixels():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2, 4, 4, 5)).astype(np.float32)
    truth = rng.integers(0, 5, (2, 4, 4)).astype(np.uint8)
    truth[:, 0] = 255
    other = logits.copy()
    other[:, 0] = rng.normal(size=other[:, 0].shape)
    for loss in losses.LOSSES.values():
        one, same = (float(loss(losses.pixel_sums(truth, x))) for x in (logits, other))
        assert one == pytest.approx(same, rel=1e-6)
    keras_loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=255)
    assert float(losses.cross_entropy(losses.pixel_sums(truth, logits))) == pytest.approx(
        float(keras_loss(truth, logits)), rel=1e-6)


def test_soft_dice_by_hand():
    """Class 0 half right on 2 pixels, class 1 right on 1: probabilities 0.5/0.5 and certain."""
    truth = np.uint8([[[0, 0, 1]]])
    logits = np.log(np.float32([[[[0.5, 0.5, 1e-9], [1, 1e-9, 1e-9], [1e-9, 1, 1e-9]]]]))
    # Class 0: overlap 1.5, total 2 + (0.25 + 1) = 3.25.  Class 1: overlap 1, total 1 + 0.25 + 1.
    expected = 1 - (2 * 1.5 / 3.25 + 2 * 1 / 2.25) / 2
    assert float(losses.soft_dice(losses.pixel_sums(truth, logits))) == pytest.approx(
        expected, rel=1e-5)
