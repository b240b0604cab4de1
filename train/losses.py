"""
The losses that train.fit can use, of sums over the labelled pixels of a batch.

Such sums add up: the loss of a batch that several GPUs or machines share is that of the whole
batch, not a mean of the losses of its parts.
"""
from typing import NamedTuple

import tensorflow as tf

from unet_perception.labels import IGNORE


class Sums(NamedTuple):
    """
    Sums over the pixels that have a label, float32; see pixel_sums().

    pixels, entropy: scalars, their number and cross-entropy. truth, overlap, total: of each
    class, (n_classes,): pixels of it, their probability of it, pixels plus squared probability.
    """

    pixels: tf.Tensor
    entropy: tf.Tensor
    truth: tf.Tensor
    overlap: tf.Tensor
    total: tf.Tensor


def pixel_sums(labels, logits):
    """
    Return the Sums of a batch, or of a part of one.

    labels: uint8 (batch, height, width), 255 is left out; logits: float32 (batch, height, width,
    n_classes).
    """
    axes = (0, 1, 2)
    scored = tf.cast(tf.not_equal(labels, IGNORE), tf.float32)
    truth = tf.one_hot(tf.cast(labels, tf.int32), logits.shape[-1])  # 255 becomes all zeros
    log_guess = tf.nn.log_softmax(logits)
    guess = tf.exp(log_guess) * scored[..., None]
    counts = tf.reduce_sum(truth, axes)
    return Sums(tf.reduce_sum(scored), -tf.reduce_sum(truth * log_guess), counts,
                tf.reduce_sum(truth * guess, axes), counts + tf.reduce_sum(guess * guess, axes))


def cross_entropy(sums):
    """Return the mean cross-entropy of a pixel, the seed recipe's loss."""
    return sums.entropy / tf.maximum(sums.pixels, 1)


def soft_dice(sums):
    """
    Return 1 minus the soft Dice score, averaged over the classes present.

    Every class present weighs the same, however few its pixels, as in the mean IoU
    (Milletari, Navab and Ahmadi 2016, with squares as there).
    """
    present = tf.cast(sums.truth > 0, tf.float32)
    dice = 2 * sums.overlap / tf.maximum(sums.total, 1e-6)
    return 1 - tf.reduce_sum(dice * present) / tf.maximum(tf.reduce_sum(present), 1)


def cross_entropy_and_dice(sums):
    """Return cross-entropy plus soft Dice: steady gradients, and a voice for rare classes."""
    return cross_entropy(sums) + soft_dice(sums)


LOSSES = {'cross-entropy+dice': cross_entropy_and_dice, 'cross-entropy': cross_entropy}
