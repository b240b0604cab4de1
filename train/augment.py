"""Random changes to a training frame. Stateless: the same seed gives the same change."""
import tensorflow as tf


def crop_and_flip(image, labels, seed):
    """
    Cut out 60 to 100 % of each side, anywhere, and mirror half of the frames.

    image: uint8 (height, width, 3); labels: uint8 (height, width); seed: int64 (2,).
    Sides are drawn apart, so that the aspect ratio varies as it does between cameras.
    """
    draw = tf.random.stateless_uniform((5,), seed)
    size = tf.cast(tf.shape(labels), tf.float32)
    cut = tf.round(size * (0.6 + 0.4 * tf.sqrt(draw[:2])))  # sqrt: large cuts are likelier
    start = tf.cast((size - cut) * draw[2:4], tf.int32)
    cut = tf.cast(cut, tf.int32)
    image = image[start[0]:start[0] + cut[0], start[1]:start[1] + cut[1]]
    labels = labels[start[0]:start[0] + cut[0], start[1]:start[1] + cut[1]]
    flip = draw[4] < 0.5
    return (tf.cond(flip, lambda: image[:, ::-1], lambda: image),
            tf.cond(flip, lambda: labels[:, ::-1], lambda: labels))


def light(image, seed):
    """
    Vary gamma, contrast, brightness and the colour of the light.

    image: float32 (height, width, 3) in 0..255; return the same shape and range.
    """
    draw = tf.random.stateless_uniform((6,), seed + 1, -1.0, 1.0)
    x = tf.pow(image / 255, tf.exp(0.4 * draw[0]))
    mean = tf.reduce_mean(x)
    x = (x - mean) * tf.exp(0.3 * draw[1]) + mean + 0.12 * draw[2]
    x = x * tf.exp(0.1 * draw[3:6])
    return 255 * tf.clip_by_value(x, 0, 1)
