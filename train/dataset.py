"""
Recorded frames: read them and stream them in batches.

A mask's tag is the maximum over its red, green and blue (CARLA writes it into the red one).
"""
if __name__ == '__main__':  # python -m train.dataset: the report, which needs no TensorFlow
    from train.report import main
    raise SystemExit(main())

import numpy as np
import tensorflow as tf

from train import augment, viewpoint
from unet_perception.classes import ALL, lookup, parse_classes
from unet_perception.labels import IGNORE, SCHEMES
from unet_perception.segmenter import AVERAGED_FROM


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


def read_frame(image_path, mask_path, scheme, classes=ALL):
    """
    Read a frame as uint8 tensors: RGB image (height, width, 3) and labels (height, width).

    scheme: of the mask's tags, by its place in SCHEMES; classes: the ClassTable of the labels.
    """
    table = tf.gather(_tables(classes), scheme)
    return read_image(image_path), tf.gather(table, tf.cast(read_tags(mask_path), tf.int32))


@tf.autograph.experimental.do_not_convert  # it takes seconds to rewrite lookup() for a graph
def _tables(classes):
    return np.stack([lookup(classes, scheme) for scheme in SCHEMES])


def load(frame, classes=ALL):
    """Read a Frame as uint8 arrays: RGB image (height, width, 3) and labels (height, width)."""
    return tuple(t.numpy() for t in read_frame(*(t[0] for t in files([frame])), classes))


def resize(image, labels, height, width, rule):
    """
    Resize a frame, the image to float32; labels by nearest.

    rule: of the image; 'area' (antialiased), 'nearest' or 'auto', see segmenter.resize_image().
    """
    def area():
        return tf.image.resize(image, (height, width), 'bilinear', antialias=True)

    def nearest():
        return tf.cast(tf.image.resize(image, (height, width), 'nearest'), tf.float32)

    if rule == 'auto':
        large = tf.reduce_all(tf.shape(labels) >= AVERAGED_FROM * tf.stack([height, width]))
        image = tf.cond(large, area, nearest)
    else:
        image = area() if rule == 'area' else nearest()
    return image, tf.image.resize(labels[..., None], (height, width), 'nearest')[..., 0]


def training_batches(frames, recipe, first_epoch=0, share=tf.distribute.InputContext()):
    """
    Stream shuffled, augmented batches from first_epoch on, float32 images in 0..255.

    Order and augmentation of a frame depend on (seed, epoch, frame) alone, so that a run
    resumed at an epoch sees just what the uninterrupted run would have seen. An epoch's last,
    partial batch is left out.
    share: which part of every batch this worker streams; the workers' parts make up the batch. It
    comes in the parts that its replicas take in turn, each recipe.accumulate times.
    """
    paths, classes = files(frames), parse_classes(recipe.classes)
    families = recipe.families
    part = share.get_per_replica_batch_size(recipe.batch) // recipe.accumulate

    def order(epoch):
        indices = tf.random.experimental.stateless_shuffle(
            tf.range(len(frames), dtype=tf.int64), seed=[recipe.seed, epoch])
        return tf.data.Dataset.from_tensor_slices(indices).map(lambda i: (i, epoch)).batch(
            recipe.batch, drop_remainder=True)

    def load(index, epoch):
        image, labels = read_frame(*(kind[index] for kind in paths), classes)
        seed = tf.stack([recipe.seed * 100_003 + epoch, index])
        height, width = tf.unstack(tf.where(epoch < recipe.coarse_epochs, recipe.coarse_size,
                                            (recipe.height, recipe.width)))
        if 'view' in families:
            image, labels = viewpoint.look(image, labels, height, width, seed)
        else:
            image, labels = resize(image, labels, height, width, recipe.resize)
        if families:
            image, labels = augment.change(image, labels, classes.names, families, seed)
        return image, labels, seed

    def mix(images, labels, seeds):
        if 'mix' in families:
            images, labels = augment.mix(images, labels, classes.names, seeds[0])
        return images, labels

    # flat_map, not interleave: epochs stay in order. Paths are shuffled, not images, so the
    # shuffle is over the whole set and costs no memory. Batched indices keep epochs apart.
    return (_of_worker(tf.data.Dataset.range(first_epoch, recipe.epochs).flat_map(order), share)
            .map(load, num_parallel_calls=tf.data.AUTOTUNE)
            .batch(part).map(mix).prefetch(tf.data.AUTOTUNE))


def validation_batches(frames, recipe, share=tf.distribute.InputContext()):
    """
    Stream the frames once, in order, as the network sees them; float32 images in 0..255.

    share: as for training_batches(). Replicas that share a batch need parts of one size, so
    frames without labels fill up the last batch then.
    """
    part = share.get_per_replica_batch_size(recipe.batch)
    fill = -len(frames) % recipe.batch if share.num_replicas_in_sync > 1 else 0
    indices = np.r_[:len(frames), np.full(fill, -1)]
    paths, classes = files(frames), parse_classes(recipe.classes)

    def load(index):
        frame = read_frame(*(kind[tf.maximum(index, 0)] for kind in paths), classes)
        image, labels = resize(*frame, recipe.height, recipe.width, recipe.resize)
        return image, tf.where(index < 0, tf.constant(IGNORE, tf.uint8), labels)

    batches = tf.data.Dataset.from_tensor_slices(indices).batch(recipe.batch)
    return (_of_worker(batches, share).map(load, num_parallel_calls=tf.data.AUTOTUNE)
            .batch(part).prefetch(tf.data.AUTOTUNE))


def _of_worker(batches, share):
    """Take the indices that are a worker's out of each batch of all; return them one by one."""
    def slice_of(*batch):
        size = tf.shape(batch[0])[0] // share.num_input_pipelines
        first = share.input_pipeline_id * size
        return tuple(part[first:first + size] for part in batch)

    return batches.map(slice_of).unbatch()
