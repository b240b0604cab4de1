"""Smooth fields for the random changes to training frames."""
import tensorflow as tf


def patches(x, cells, seed):
    """Return smooth noise as large as x, (height, width, 1), mostly in 0..1, of so many cells."""
    return tf.image.resize(tf.random.stateless_uniform((*cells, 1), seed), tf.shape(x)[:2],
                           'bicubic')


def blur(x):
    """Average (height, width, channels) over 3x3 pixels."""
    return tf.nn.avg_pool2d(x[None], 3, 1, 'SAME')[0]
