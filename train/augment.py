"""
Random changes to a training frame, by families (recipe.FAMILIES) of what a camera may meet.

Each takes and returns a float32 RGB image (height, width, 3) in 0..1, not clipped, and is
stateless: the same seed (int64, (2,)) gives the same change. Most leave a part of the frames as
they are.
"""
import tensorflow as tf

from train.bonnet import bonnet
from train.conditions import night, weather
from train.smooth import blur, patches
from unet_perception.labels import IGNORE

RARE = ('Pedestrian', 'Pole', 'Vehicles', 'TrafficSign', 'TrafficLight', 'GuardRail', 'Static',
        'Dynamic')
MOST_PASTED = 0.03  # of a picture


def change(image, labels, names, families, seed):
    """
    Apply the families named, but for view and mix; see viewpoint.look() and mix().

    image: float32 (height, width, 3) in 0..255; labels: uint8 (height, width); names: of the
    classes, by label. Return both, the image in the same range.
    """
    x = image / 255
    if 'hood' in families and 'Vehicles' in names:
        x, labels = bonnet(x, labels, names.index('Vehicles'), seed + 5)
    if 'materials' in families:
        x = materials(x, labels, names, seed + 1)
    if 'light' in families:
        x = light(x, seed + 2)
    if 'weather' in families:
        x = weather(x, seed + 3)
        x = night(x, labels, names, seed + 100)
    if 'sensor' in families:
        x = sensor(tf.clip_by_value(x, 0, 1), seed + 4)
    return 255 * tf.clip_by_value(x, 0, 1), labels


def materials(x, labels, names, seed):
    """Give half of the frames a brightness and tint by class, and two fifths another sky."""
    draw = tf.random.stateless_uniform((2,), seed)
    kinds = len(names) + 1  # the last one is no label
    shade = tf.random.stateless_normal((kinds, 1), seed + 10, 0.0, 0.22)
    tint = tf.random.stateless_normal((kinds, 3), seed + 20, 0.0, 0.07)
    offset = tf.random.stateless_normal((kinds, 1), seed + 30, 0.0, 0.04)
    table = tf.concat([tf.exp(shade + tint), offset], 1)
    # As large an area as a pixel mixes: without it the edges would tell the labels.
    kind = tf.minimum(tf.cast(labels, tf.int32), kinds - 1)
    field = blur(tf.gather(table, kind))
    x = tf.where(draw[0] < 0.5, x * field[..., :3] + field[..., 3:], x)
    sky = tf.constant([name == 'Sky' for name in names] + [False])
    sky = blur(tf.cast(tf.gather(sky, kind), tf.float32)[..., None])
    return tf.cond(draw[1] < 0.4, lambda: x + sky * (_sky(x, seed + 40) - x), lambda: x)


def _sky(x, seed):
    """Return a sky as large as x: a gradient from the zenith to the horizon, with clouds."""
    draw = tf.random.stateless_uniform((8,), seed)
    rows = tf.linspace(0.0, 1.0, tf.shape(x)[0])[:, None, None]
    # From grey over blue to deep blue; below, white to orange.
    zenith = (0.15 + 0.7 * draw[0]) * (1 - draw[1] * tf.constant([0.75, 0.45, 0.0]))
    horizon = (0.3 + 0.7 * draw[2]) * (1 - draw[3] ** 2 * tf.constant([0.0, 0.4, 0.7]))
    share = tf.clip_by_value(rows * (1 + 2 * draw[4]), 0, 1)
    clouds = (patches(x, (5, 6), seed + 1) + 0.5 * patches(x, (11, 14), seed + 2)
              + 0.25 * patches(x, (23, 30), seed + 3))
    clouds = tf.sigmoid(6 * (clouds - 2.0 + 2.2 * draw[5])) * draw[6]
    color = zenith + share * (horizon - zenith)
    return color + clouds * (0.25 + 0.75 * draw[7] - color)


def light(x, seed):
    """Vary gamma, contrast, brightness, saturation and colour of the light; cast shadows."""
    draw = tf.random.stateless_uniform((9,), seed, -1.0, 1.0)
    x = tf.pow(tf.maximum(x, 1e-4), tf.exp(0.5 * draw[0]))
    mean = tf.reduce_mean(x)
    x = (x - mean) * tf.exp(0.35 * draw[1]) + mean + 0.15 * draw[2]
    x = x * tf.exp(0.12 * draw[3:6])
    grey = tf.reduce_mean(x, 2, keepdims=True)
    x = grey + (x - grey) * tf.exp(0.5 * draw[6])

    def shaded():
        where = tf.sigmoid(12 * (patches(x, (7, 8), seed + 1) - 1.0 + 0.6 * draw[8]))
        return x * (1 - where * (0.45 + 0.25 * draw[8]))

    return tf.cond(draw[7] < -0.3, shaded, lambda: x)


def sensor(x, seed):
    """Take the picture with another sensor: softer, noisier, compressed, darker corners."""
    draw = tf.random.stateless_uniform((8,), seed)
    size = tf.shape(x)[:2]

    def soften():
        small = tf.cast(tf.cast(size, tf.float32) * (0.35 + 0.6 * draw[1]), tf.int32)
        return tf.image.resize(tf.image.resize(x, small, antialias=True), size)

    x = tf.cond(draw[0] < 0.3, soften, lambda: x)
    x = tf.cond(draw[2] < 0.2, lambda: x + (x - blur(x)) * 1.5 * draw[3], lambda: x)
    noise = tf.random.stateless_normal(tf.shape(x), seed + 1)
    x = x + tf.where(draw[4] < 0.4, 0.06 * draw[5] ** 2, 0.004) * noise
    rows, columns = (tf.linspace(-1.0, 1.0, n) for n in tf.unstack(size))
    corner = (rows[:, None] ** 2 + columns ** 2)[..., None] / 2
    x = x * (1 - tf.where(draw[6] < 0.3, 0.5 * draw[5], 0.0) * corner)
    return tf.cond(draw[7] < 0.3, lambda: tf.image.stateless_random_jpeg_quality(
        tf.clip_by_value(x, 0, 1), 15, 90, seed + 2), lambda: x)


def mix(images, labels, names, seed):
    """
    Paste the rare things of each frame's neighbour in the batch into half of the frames.

    Not of a class that covers more than MOST_PASTED of the neighbour: a bonnet or a car right
    ahead, pasted over the road again and again, would teach that bare road may be one.

    images: float32 (batch, height, width, 3); labels: uint8 (batch, height, width);
    names: of the classes, by label.
    """
    rare = tf.constant([name in RARE for name in names] + [False] * (IGNORE + 1 - len(names)))
    other = tf.roll(labels, 1, 0)
    kinds, count = tf.cast(other, tf.int32), tf.shape(labels)
    chosen = tf.random.stateless_uniform((count[0], 1, 1), seed) < 0.5
    pixels = tf.math.bincount(tf.reshape(kinds, (count[0], -1)), minlength=IGNORE + 1,
                              maxlength=IGNORE + 1, axis=-1)
    share = pixels / (count[1] * count[2])
    pasted = tf.gather(rare & (share <= MOST_PASTED), kinds, batch_dims=1) & chosen
    return (tf.where(pasted[..., None], tf.roll(images, 1, 0), images),
            tf.where(pasted, other, labels))
