"""The losses that train.fit can use; both leave out pixels labelled 255."""
import keras
import tensorflow as tf

from unet_perception.labels import IGNORE


def cross_entropy():
    """Return sparse categorical cross-entropy from logits, the seed recipe's loss."""
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=IGNORE)


def soft_dice(labels, logits):
    """Return 1 minus the soft Dice score, averaged over the classes present in the batch.

    labels: uint8 (batch, height, width); logits: float32 (batch, height, width, n_classes).
    Every class present weighs the same, however few its pixels, as in the mean IoU
    (Milletari, Navab and Ahmadi 2016, with squares as there).
    """
    scored = tf.cast(tf.not_equal(labels, IGNORE), tf.float32)[..., None]
    truth = tf.one_hot(tf.cast(labels, tf.int32), logits.shape[-1])  # 255 becomes all zeros
    guess = tf.nn.softmax(logits) * scored
    axes = (0, 1, 2)
    overlap = tf.reduce_sum(truth * guess, axes)
    total = tf.reduce_sum(truth, axes) + tf.reduce_sum(guess * guess, axes)
    present = tf.cast(tf.reduce_sum(truth, axes) > 0, tf.float32)
    dice = 2 * overlap / tf.maximum(total, 1e-6)
    return 1 - tf.reduce_sum(dice * present) / tf.maximum(tf.reduce_sum(present), 1)


def cross_entropy_and_dice():
    """Return cross-entropy plus soft Dice: steady gradients, and a voice for rare classes."""
    entropy = cross_entropy()

    def loss(labels, logits):
        return entropy(labels, logits) + soft_dice(labels, logits)

    return loss
