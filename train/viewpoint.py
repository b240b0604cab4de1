"""
Show a training frame as another camera would: turned, zoomed, of another shape, with another lens.

Image and labels go through one map, so that they stay aligned pixel by pixel.
"""
import tensorflow as tf

from unet_perception.labels import IGNORE

SUPER = 2  # samples along each side of an image pixel; the camera's antialiasing


def look(image, labels, height, width, seed):
    """
    Return the frame as another camera sees it, (height, width): float32 image and uint8 labels.

    image: uint8 (h, w, 3) in 0..255; labels: uint8 (h, w); seed: int64 (2,), the same gives the
    same. The frame is taken for one of 90 degrees across. Drawn are: how much of it is seen (0.55
    to 1.15 of its height and width), the ratio of the sides (up to 1.4 times wider or narrower),
    yaw and pitch (as far as the frame reaches, and a little further), roll (4 degrees), radial
    distortion, and whether it is mirrored. What the frame does not show is labelled 255; the image
    goes on as its edge there.
    """
    draw = tf.unstack(tf.random.stateless_uniform((8,), seed, -1.0, 1.0))
    sides = tf.unstack(tf.cast(tf.shape(labels), tf.float32))
    reach = (1.0, sides[0] / sides[1])  # tangents of half the angles the frame shows, x and y
    seen, ratio = tf.exp(0.37 * draw[0] - 0.23), tf.exp(0.34 * draw[1])
    field = (reach[0] * seen * ratio, reach[1] * seen / ratio)
    yaw = draw[2] * (tf.maximum(reach[0] - field[0], 0) + 0.05)
    pitch = draw[3] * (tf.maximum(reach[1] - field[1], 0) + 0.06)
    roll, bend = 0.07 * draw[4] * tf.abs(draw[4]), 0.08 * draw[5]
    mirror = tf.where(draw[6] < 0, -1.0, 1.0)

    def places(rows, columns):
        """Return row and column in the frame of each pixel, and whether it shows them."""
        y, x = tf.meshgrid(_middles(rows), mirror * _middles(columns), indexing='ij')
        swell = 1 + bend * (x * x + y * y)
        x, y = field[0] * x * swell, field[1] * y * swell
        x, y = x * tf.cos(roll) - y * tf.sin(roll), x * tf.sin(roll) + y * tf.cos(roll)
        y, z = y * tf.cos(pitch) + tf.sin(pitch), tf.cos(pitch) - y * tf.sin(pitch)
        x, z = x * tf.cos(yaw) + z * tf.sin(yaw), z * tf.cos(yaw) - x * tf.sin(yaw)
        at = [(along / z / most + 1) / 2 * side
              for along, most, side in zip((y, x), reach[::-1], sides)]
        inside = tf.reduce_all([(p >= 0) & (p < side) for p, side in zip(at, sides)], 0)
        return [tf.cast(tf.clip_by_value(p, 0, side - 1), tf.int32)
                for p, side in zip(at, sides)], inside

    (row, column), _ = places(SUPER * height, SUPER * width)
    fine = tf.gather(tf.reshape(image, (-1, 3)), row * tf.shape(labels)[1] + column)
    fine = tf.reshape(tf.cast(fine, tf.float32), (height, SUPER, width, SUPER, 3))
    (row, column), inside = places(height, width)
    labels = tf.gather(tf.reshape(labels, (-1,)), row * tf.shape(labels)[1] + column)
    return tf.reduce_mean(fine, (1, 3)), tf.where(inside, labels, tf.constant(IGNORE, tf.uint8))


def _middles(count):
    """Return the middles of so many pixels across -1 to 1."""
    return (tf.range(tf.cast(count, tf.float32)) + 0.5) * (2 / tf.cast(count, tf.float32)) - 1
