"""What the air, wet ground and the hour do to a training frame."""
import tensorflow as tf

from train.smooth import blur, patches


def weather(x, seed):
    """Let a third of the frames have fog, rain, wet ground or dusk."""
    draw = tf.random.stateless_uniform((8,), seed)
    happens = tf.random.stateless_uniform((4,), seed + 3)
    height = tf.shape(x)[0]
    rows = tf.linspace(0.0, 1.0, height)[:, None, None]
    horizon = 0.35 + 0.25 * draw[0]

    def fog(x):
        far = tf.exp(-tf.maximum(rows - horizon, 0) / (0.03 + 0.3 * draw[1]))
        return x + far * (0.15 + 0.6 * draw[2]) * (0.35 + 0.6 * draw[3] - x)

    def rain(x):
        drops = tf.random.stateless_uniform((height // 6 + 1, tf.shape(x)[1], 1), seed + 1)
        streaks = tf.cast(drops > 0.9 + 0.09 * draw[4], tf.float32)
        return x * 0.9 + 0.15 * tf.image.resize(streaks, tf.shape(x)[:2])

    def wet(x):
        """Mirror what is above the horizon in the ground."""
        row = tf.cast(tf.range(height), tf.float32)
        middle = horizon * tf.cast(height, tf.float32)
        mirrored = tf.clip_by_value(2 * middle - row, 0, tf.cast(height, tf.float32) - 1)
        share = (0.1 + 0.35 * draw[5]) * tf.cast(rows > horizon, tf.float32)
        return x * (1 - 0.3 * share) + share * (tf.gather(x, tf.cast(mirrored, tf.int32)) - x)

    def dusk(x):
        glow = tf.exp(-tf.abs(rows - horizon) / 0.25) * (0.1 + 0.5 * draw[6])
        return x * (0.5 + 0.4 * draw[7]) * (1 - glow) + glow * tf.constant([1.0, 0.6, 0.35])

    for i, (chance, effect) in enumerate(((0.1, dusk), (0.1, wet), (0.08, rain), (0.12, fog))):
        x = tf.cond(happens[i] < chance, lambda x=x, effect=effect: effect(x), lambda x=x: x)
    return x


def night(x, labels, names, seed):
    """
    Let a fifth of the frames be of a night, lit by lamps and the car's own lights alone.

    As CARLA has it: a black sky, trees hardly less so, and a road that may be bright nearby.
    """
    draw = tf.random.stateless_uniform((10,), seed)
    kind = tf.minimum(tf.cast(labels, tf.int32), len(names))  # the last one is no label
    rows = tf.linspace(0.0, 1.0, tf.shape(x)[0])[:, None, None]

    def share(*of):
        """Return how much of each pixel and those around it is of these classes."""
        table = tf.constant([float(name in of) for name in names] + [0.0])
        return blur(tf.gather(table, kind)[..., None])

    def dark():
        lamps = tf.maximum(patches(x, (5, 6), seed + 2) - 0.8, 0) * draw[0]
        ahead = tf.exp(-((rows - 0.85) / (0.1 + 0.3 * draw[1])) ** 2) * 1.6 * draw[2]
        tint = tf.constant([1.0, 0.85, 0.6]) + draw[3] * tf.constant([-0.4, 0.0, 0.5])
        out = x * (0.02 + 0.3 * draw[4] ** 2 + 1.2 * lamps + ahead) * tint
        # What no lamp stands beside: trees more than houses.
        out *= 1 - draw[5] * share('Vegetation', 'Terrain', 'Other')
        out *= 1 - 0.8 * draw[6] ** 2 * share('Building', 'Wall')
        black = 0.12 * draw[7] ** 6 * tf.constant([0.8, 0.9, 1.1])
        out += share('Sky') * (black - out)
        # However dark it is, the camera's automatic exposure leaves something to see.
        least = 0.03 + 0.12 * draw[8]
        return out * tf.maximum(1.0, least / tf.maximum(tf.reduce_mean(out), 0.002))

    return tf.cond(draw[9] < 0.2, dark, lambda: x)
