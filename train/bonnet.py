"""The car's own bonnet in a training frame."""
import tensorflow as tf

from train.smooth import blur, patches


def bonnet(x, labels, vehicles, seed):
    """
    Let the car's own bonnet show at the lower edge of 0.4 of the frames, up to half as high.

    x: float32 RGB (height, width, 3) in 0..1; labels: uint8 (height, width); vehicles: their
    label, as CARLA has it. Return tensors of both.
    """
    labels = tf.convert_to_tensor(labels)
    draw = tf.random.stateless_uniform((24,), seed)
    height, width = tf.unstack(tf.shape(labels))
    rows = tf.linspace(0.0, 1.0, height)[:, None]
    across = (tf.linspace(-1.0, 1.0, width)[None] - 0.3 * (draw[1] - 0.5)) / (0.6 + draw[11])
    bend = tf.abs(across) ** (1.5 + 4 * draw[2]) * (0.02 + 0.2 * draw[3])
    edge = 0.97 - 0.45 * draw[4] ** 2
    depth = rows - (edge + bend)  # below the bonnet's edge, in heights of the picture

    def shown():
        color = _paint(x, rows, across, edge, depth, draw, seed)
        # A pixel at the edge is of both.
        share = tf.clip_by_value(0.5 + depth * tf.cast(height, tf.float32), 0, 1)[..., None]
        return (x + share * (color - x),
                tf.where(depth > 0, tf.cast(vehicles, tf.uint8), labels))

    return tf.cond(draw[0] < 0.4, shown, lambda: (x, labels))


def _paint(x, rows, across, edge, depth, draw, seed):
    """Return the bonnet's colours, as if it filled the picture; draw: (24,), in 0..1."""
    height = tf.shape(x)[0]
    # More often dark than not, here and there a little lighter, brightest at its far edge, where
    # it mirrors what is above.
    paint = draw[6] ** 2 * (0.4 + 0.6 * draw[7:10]) * (1 - 0.6 * draw[12] * rows[..., None])
    paint *= 1 + draw[15] * (patches(x, (6, 5), seed + 1) - 0.5)
    shine = tf.exp(-tf.maximum(depth, 0) / (0.03 + 0.6 * draw[13] ** 2))[..., None]
    up = (edge - (rows[:, 0] - edge) * (1 + 3 * draw[10])) * tf.cast(height, tf.float32)
    mirrored = tf.gather(blur(x), tf.clip_by_value(tf.cast(up, tf.int32), 0, height - 1))
    sky = tf.reduce_mean(x[:height // 3], (0, 1))
    mirrored = sky + (mirrored - sky) * draw[14]
    color = paint + shine * (0.2 * paint + draw[5] * mirrored)
    # Creases run ahead on both sides of the middle, the rim is lighter or darker than the rest.
    crease = tf.abs(tf.abs(across) - (0.2 + 0.6 * draw[16] + (draw[17] - 0.3) * depth))
    crease = tf.exp(-(crease / (0.008 + 0.03 * draw[18])) ** 2)[..., None]
    rim = tf.exp(-(depth / (0.005 + 0.02 * draw[19])) ** 2)[..., None]
    color *= 1 + crease * tf.where(draw[20] < 0.5, 1.2 * draw[21] - 0.6, 0.0)
    color *= 1 + rim * (1.4 * draw[22] - 0.8)
    # What it mirrors is no smoother than the road, or smoothness alone would tell it.
    grain = tf.random.stateless_normal(tf.shape(x), seed + 2)
    return color * (1 + 0.2 * draw[23] ** 2 * blur(grain)) + 0.02 * draw[23] * grain
