"""Recorded frames: read them and stream them in batches.

A mask's tag is the maximum over its red, green and blue (CARLA writes it into the red one).
"""
if __name__ == '__main__':  # python -m train.dataset: the report, which needs no TensorFlow
    from train.report import main
    raise SystemExit(main())

import numpy as np
import tensorflow as tf

from train import augment
from unet_perception.labels import IGNORE, SCHEMES


def read_image(path):
    """Read a camera image file as a uint8 RGB tensor (height, width, 3)."""
    return tf.io.decode_png(tf.io.read_file(path), channels=3)


def read_tags(path):
    """Read a mask file as a uint8 tensor (height, width) of tags. Runs eagerly and in tf.data."""
    # Three channels drop the alpha, whose 255 would win the maximum.
    return tf.reduce_max(tf.io.decode_png(tf.io.read_file(path), channels=3), axis=2)


def files(frames):
    """Return what read_frame() takes of the Frames, as three tensors of their length."""
    places = list(SCHEMES)
    return (tf.constant([str(f.image) for f in frames], tf.string),
            tf.constant([str(f.mask) for f in frames], tf.string),
            tf.constant([places.index(f.drive.scheme) for f in frames], tf.int32))


def read_frame(image_path, mask_path, scheme):
    """Read a frame as uint8 tensors: RGB image (height, width, 3) and labels (height, width).

    scheme: of the mask's tags, by its place in SCHEMES.
    """
    tables = np.full((len(SCHEMES), 256), IGNORE, np.uint8)
    for table, known in zip(tables, SCHEMES.values()):
        table[:len(known.labels)] = known.labels
    table = tf.gather(tables, scheme)
    return read_image(image_path), tf.gather(table, tf.cast(read_tags(mask_path), tf.int32))


def load(frame):
    """Read a Frame as uint8 arrays: RGB image (height, width, 3) and labels (height, width)."""
    return tuple(t.numpy() for t in read_frame(*(t[0] for t in files([frame]))))


def resize(image, labels, height, width, interpolation):
    """Resize a frame: float32 image by 'area' (antialiased) or 'nearest'; labels by nearest."""
    if interpolation == 'area':
        image = tf.image.resize(image, (height, width), 'bilinear', antialias=True)
    else:
        image = tf.cast(tf.image.resize(image, (height, width), 'nearest'), tf.float32)
    labels = tf.image.resize(labels[..., None], (height, width), 'nearest')[..., 0]
    image.set_shape((height, width, 3))
    labels.set_shape((height, width))
    return image, labels


def training_batches(frames, recipe, first_epoch=0):
    """Stream shuffled, augmented batches from first_epoch on, float32 images in 0..255.

    Order and augmentation of a frame depend on (seed, epoch, frame) alone, so that a run
    resumed at an epoch sees just what the uninterrupted run would have seen. An epoch's last,
    partial batch is left out.
    """
    images, masks, schemes = files(frames)

    def order(epoch):
        indices = tf.random.experimental.stateless_shuffle(
            tf.range(len(frames), dtype=tf.int64), seed=[recipe.seed, epoch])
        return tf.data.Dataset.from_tensor_slices(indices).map(lambda i: (i, epoch)).batch(
            recipe.batch, drop_remainder=True)

    def load(index, epoch):
        image, labels = read_frame(images[index], masks[index], schemes[index])
        seed = tf.stack([recipe.seed * 100_003 + epoch, index])
        if recipe.augment:
            image, labels = augment.crop_and_flip(image, labels, seed)
        image, labels = resize(image, labels, recipe.height, recipe.width, recipe.resize)
        return (augment.light(image, seed) if recipe.augment else image), labels

    # flat_map, not interleave: epochs stay in order. Paths are shuffled, not images, so the
    # shuffle is over the whole set and costs no memory. Batched indices keep epochs apart.
    return (tf.data.Dataset.range(first_epoch, recipe.epochs).flat_map(order)
            .unbatch().map(load, num_parallel_calls=tf.data.AUTOTUNE)
            .batch(recipe.batch).prefetch(tf.data.AUTOTUNE))


def validation_batches(frames, recipe):
    """Stream the frames once, in order, as the network sees them; float32 images in 0..255."""
    def resized(*files):
        return resize(*read_frame(*files), recipe.height, recipe.width, recipe.resize)

    return (tf.data.Dataset.from_tensor_slices(files(frames))
            .map(resized, num_parallel_calls=tf.data.AUTOTUNE)
            .batch(recipe.batch).prefetch(tf.data.AUTOTUNE))
