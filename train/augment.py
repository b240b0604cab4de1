"""
Random changes to a training frame, by families (recipe.FAMILIES) of what a camera may meet.

Each takes and returns a float32 RGB image (height, width, 3) in 0..1, not clipped, and is
stateless: the same seed (int64, (2,)) gives the same change. Most leave a part of the frames as
they are.
"""
import tensorflow as tf

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
        x, labels = hood(x, labels, names.index('Vehicles'), seed + 5)
    if 'materials' in families:
        x = materials(x, labels, names, seed + 1)
    if 'light' in families:
        x = light(x, seed + 2)
    if 'weather' in families:
        x = weather(x, seed + 3)
    if 'sensor' in families:
        x = sensor(tf.clip_by_value(x, 0, 1), seed + 4)
    return 255 * tf.clip_by_value(x, 0, 1), labels


def hood(x, labels, vehicles, seed):
    """
    Let the car's own bonnet show at the lower edge of a quarter of the frames, up to half as high.

    vehicles: its label, as CARLA has it. Return image and labels.
    """
    draw = tf.random.stateless_uniform((15,), seed)
    height, width = tf.unstack(tf.shape(labels))
    rows = tf.linspace(0.0, 1.0, height)[:, None]
    across = (tf.linspace(-1.0, 1.0, width)[None] - 0.3 * (draw[1] - 0.5)) / (0.6 + draw[11])
    bend = tf.abs(across) ** (1.5 + 4 * draw[2]) * (0.02 + 0.2 * draw[3])
    edge = 0.97 - 0.45 * draw[4] ** 2
    depth = rows - (edge + bend)  # below the bonnet's edge, in heights of the picture
    there = (depth > 0) & (draw[0] < 0.25)
    # Paint, more often dark than not, brightest at its far edge, where it mirrors what is above.
    paint = draw[6] ** 2 * (0.4 + 0.6 * draw[7:10]) * (1 - 0.6 * draw[12] * rows[..., None])
    shine = tf.exp(-tf.maximum(depth, 0) / (0.03 + 0.3 * draw[13] ** 2))[..., None]
    up = (edge - (rows[:, 0] - edge) * (1 + 3 * draw[10])) * tf.cast(height, tf.float32)
    mirrored = tf.gather(_blur(x), tf.clip_by_value(tf.cast(up, tf.int32), 0, height - 1))
    sky = tf.reduce_mean(x[:height // 3], (0, 1))
    mirrored = sky + (mirrored - sky) * draw[14]
    return (tf.where(there[..., None], paint + shine * (0.2 * paint + draw[5] * mirrored), x),
            tf.where(there, tf.cast(vehicles, tf.uint8), labels))


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
    field = _blur(tf.gather(table, kind))
    x = tf.where(draw[0] < 0.5, x * field[..., :3] + field[..., 3:], x)
    sky = tf.constant([name == 'Sky' for name in names] + [False])
    sky = _blur(tf.cast(tf.gather(sky, kind), tf.float32)[..., None])
    return tf.cond(draw[1] < 0.4, lambda: x + sky * (_sky(x, seed + 40) - x), lambda: x)


def _sky(x, seed):
    """Return a sky as large as x: a gradient from the zenith to the horizon, with clouds."""
    draw = tf.random.stateless_uniform((8,), seed)
    rows = tf.linspace(0.0, 1.0, tf.shape(x)[0])[:, None, None]
    # From grey over blue to deep blue; below, white to orange.
    zenith = (0.15 + 0.7 * draw[0]) * (1 - draw[1] * tf.constant([0.75, 0.45, 0.0]))
    horizon = (0.3 + 0.7 * draw[2]) * (1 - draw[3] ** 2 * tf.constant([0.0, 0.4, 0.7]))
    share = tf.clip_by_value(rows * (1 + 2 * draw[4]), 0, 1)
    clouds = (_patches(x, (5, 6), seed + 1) + 0.5 * _patches(x, (11, 14), seed + 2)
              + 0.25 * _patches(x, (23, 30), seed + 3))
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
        where = tf.sigmoid(12 * (_patches(x, (7, 8), seed + 1) - 1.0 + 0.6 * draw[8]))
        return x * (1 - where * (0.45 + 0.25 * draw[8]))

    return tf.cond(draw[7] < -0.3, shaded, lambda: x)


def weather(x, seed):
    """Let almost half of the frames have fog, rain, wet ground, dusk or night."""
    draw = tf.random.stateless_uniform((10,), seed)
    happens = tf.random.stateless_uniform((5,), seed + 3)
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

    def night(x):
        tint = tf.constant([1.0, 0.85, 0.6]) + draw[6] * tf.constant([-0.4, 0.0, 0.5])
        lamps = tf.maximum(_patches(x, (5, 6), seed + 2) - 0.8, 0) * draw[7]
        return x * (0.2 + 0.3 * draw[8] + 1.2 * lamps) * tint

    for i, (chance, effect) in enumerate(((0.1, dusk), (0.15, night), (0.1, wet), (0.08, rain),
                                          (0.12, fog))):
        x = tf.cond(happens[i] < chance, lambda x=x, effect=effect: effect(x), lambda x=x: x)
    # However dark it is, the camera's automatic exposure leaves something to see.
    least = 0.03 + 0.09 * draw[9]
    return x * tf.maximum(1.0, least / tf.maximum(tf.reduce_mean(x), 0.01))


def sensor(x, seed):
    """Take the picture with another sensor: softer, noisier, compressed, darker corners."""
    draw = tf.random.stateless_uniform((8,), seed)
    size = tf.shape(x)[:2]

    def soften():
        small = tf.cast(tf.cast(size, tf.float32) * (0.35 + 0.6 * draw[1]), tf.int32)
        return tf.image.resize(tf.image.resize(x, small, antialias=True), size)

    x = tf.cond(draw[0] < 0.3, soften, lambda: x)
    x = tf.cond(draw[2] < 0.2, lambda: x + (x - _blur(x)) * 1.5 * draw[3], lambda: x)
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


def _patches(x, cells, seed):
    """Return smooth noise as large as x, (height, width, 1), mostly in 0..1, of so many cells."""
    return tf.image.resize(tf.random.stateless_uniform((*cells, 1), seed), tf.shape(x)[:2],
                           'bicubic')


def _blur(x):
    """Average over 3x3 pixels."""
    return tf.nn.avg_pool2d(x[None], 3, 1, 'SAME')[0]
