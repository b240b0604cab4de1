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

    pixels: scalar, their number. All others are of each class, (n_classes,): truth, its pixels;
    entropy and focal, the cross-entropy and the focal loss of these; overlap, their probability
    of it; total, pixels plus squared probability.
    """

    pixels: tf.Tensor
    truth: tf.Tensor
    entropy: tf.Tensor
    focal: tf.Tensor
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
    entropy = -truth * log_guess
    return Sums(tf.reduce_sum(scored), counts, tf.reduce_sum(entropy, axes),
                tf.reduce_sum(entropy * (1 - guess) ** 2, axes),
                tf.reduce_sum(truth * guess, axes), counts + tf.reduce_sum(guess * guess, axes))


def cross_entropy(sums):
    """Return the mean cross-entropy of a pixel, the seed recipe's loss."""
    return tf.reduce_sum(sums.entropy) / tf.maximum(sums.pixels, 1)


def focal(sums):
    """Return the mean focal loss, gamma 2: sure pixels count less (Lin et al. 2017)."""
    return tf.reduce_sum(sums.focal) / tf.maximum(sums.pixels, 1)


def balanced(sums):
    """Return the mean cross-entropy with a class's pixels weighed by 1/sqrt of their number."""
    weights = tf.math.rsqrt(tf.maximum(sums.truth, 1))
    return (tf.reduce_sum(weights * sums.entropy)
            / tf.maximum(tf.reduce_sum(weights * sums.truth), 1))


def soft_dice(sums):
    """
    Return 1 minus the soft Dice score, averaged over the classes present.

    Every class present weighs the same, however few its pixels, as in the mean IoU
    (Milletari, Navab and Ahmadi 2016, with squares as there).
    """
    present = tf.cast(sums.truth > 0, tf.float32)
    dice = 2 * sums.overlap / tf.maximum(sums.total, 1e-6)
    return 1 - tf.reduce_sum(dice * present) / tf.maximum(tf.reduce_sum(present), 1)


def with_dice(loss):
    """Return a loss plus soft Dice: steady gradients, and a voice for rare classes."""
    return lambda sums: loss(sums) + soft_dice(sums)


LOSSES = {'cross-entropy': cross_entropy, 'cross-entropy+dice': with_dice(cross_entropy),
          'focal+dice': with_dice(focal), 'balanced+dice': with_dice(balanced)}
