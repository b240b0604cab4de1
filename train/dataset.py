"""Recorded frames: find them, check them, split them by stretches of the drive, stream them.

A drive is a folder with CameraRGB/ and CameraMask/, PNG files of equal names. A mask's tag is
the maximum over its channels (CARLA writes it into the red one).
"""
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from rich.progress import track

from train import augment
from unet_perception.labels import IGNORE, get_scheme, tags_to_labels


class Frame(NamedTuple):
    """The files of one recorded frame."""

    image: Path
    mask: Path


def find_frames(folder):
    """List the frames of a drive in the order of their names.

    Raise ValueError, naming the files, if a folder is missing or empty or a partner is missing.
    """
    images, masks = Path(folder, 'CameraRGB'), Path(folder, 'CameraMask')
    for needed in (images, masks):
        if not needed.is_dir():
            raise ValueError(f'{needed} is not there; a drive has CameraRGB/ and CameraMask/')
    names = {p.name for p in images.glob('*.png')}
    mask_names = {p.name for p in masks.glob('*.png')}
    if not names:
        raise ValueError(f'{images} holds no PNG files')
    alone = ([f'{masks / n} is missing' for n in sorted(names - mask_names)]
             + [f'{images / n} is missing' for n in sorted(mask_names - names)])
    if alone:
        raise ValueError(_listed(alone))
    return [Frame(images / n, masks / n) for n in sorted(names)]


def check_frames(frames, scheme):
    """Read every file once, before any work is spent on them.

    Raise ValueError that names each bad file: unreadable or truncated, image and mask of
    different size, a tag outside the scheme.
    """
    problems = []
    for frame in track(frames, 'checking frames'):
        try:
            image = read_image(str(frame.image))
        except tf.errors.InvalidArgumentError:
            problems.append(f'{frame.image} is not a whole PNG file')
            continue
        try:
            tags = read_tags(str(frame.mask)).numpy()
        except tf.errors.InvalidArgumentError:
            problems.append(f'{frame.mask} is not a whole PNG file')
            continue
        if image.shape[:2] != tags.shape[:2]:
            problems.append(f'{frame.image} is {image.shape[1]}x{image.shape[0]} pixels, '
                            f'but its mask is {tags.shape[1]}x{tags.shape[0]}')
            continue
        try:
            tags_to_labels(tags, scheme)
        except ValueError as error:
            problems.append(f'{frame.mask}: {error}')
    if problems:
        raise ValueError(_listed(problems))


def split_by_stretches(frames, fraction, stretches, gap):
    """Split a drive into training and validation frames by whole stretches.

    Neighbouring frames are near-copies, so a shuffled split would validate on what it trained
    on. The drive is cut into equal parts; the middle of each goes to validation, and `gap`
    frames on both sides of it are left out. Return (training, validation).
    """
    part = len(frames) / stretches
    length = round(part * fraction)
    if length < 1 or length + 2 * gap >= part:
        raise ValueError(
            f'{len(frames)} frames in {stretches} parts of {part:.0f} leave no room for '
            f'{length} validation frames with {gap} left out on both sides; '
            f'take fewer stretches or a smaller gap')
    training, validation = [], []
    for k in range(stretches):
        first = round(part * (k + 0.5) - length / 2)
        validation += frames[first:first + length]
        training += frames[round(part * k):first - gap]
        training += frames[first + length + gap:round(part * (k + 1))]
    return training, validation


def read_image(path):
    """Read a camera image file as a uint8 RGB tensor (height, width, 3)."""
    return tf.io.decode_png(tf.io.read_file(path), channels=3)


def read_tags(path):
    """Read a mask file as a uint8 tensor (height, width) of tags. Runs eagerly and in tf.data."""
    mask = tf.io.decode_png(tf.io.read_file(path))
    mask.set_shape([None, None, None])
    return tf.reduce_max(mask, axis=2)


def read_frame(image_path, mask_path, scheme):
    """Read a frame as uint8 tensors: RGB image (height, width, 3) and labels (height, width)."""
    table = np.full(256, IGNORE, np.uint8)
    table[:len(get_scheme(scheme).labels)] = get_scheme(scheme).labels
    return read_image(image_path), tf.gather(table, tf.cast(read_tags(mask_path), tf.int32))


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
    images = tf.constant([str(f.image) for f in frames])
    masks = tf.constant([str(f.mask) for f in frames])

    def order(epoch):
        indices = tf.random.experimental.stateless_shuffle(
            tf.range(len(frames), dtype=tf.int64), seed=[recipe.seed, epoch])
        return tf.data.Dataset.from_tensor_slices(indices).map(lambda i: (i, epoch)).batch(
            recipe.batch, drop_remainder=True)

    def load(index, epoch):
        image, labels = read_frame(images[index], masks[index], recipe.scheme)
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
    def load(image, mask):
        return resize(*read_frame(image, mask, recipe.scheme),
                      recipe.height, recipe.width, recipe.resize)

    paths = ([str(f.image) for f in frames], [str(f.mask) for f in frames])
    return (tf.data.Dataset.from_tensor_slices(paths)
            .map(load, num_parallel_calls=tf.data.AUTOTUNE)
            .batch(recipe.batch).prefetch(tf.data.AUTOTUNE))


def _listed(problems, most=20):
    lines = [f'{len(problems)} bad file(s):', *problems[:most]]
    if len(problems) > most:
        lines.append(f'... and {len(problems) - most} more')
    return '\n  '.join(lines)


def spread(frames, count):
    """Return `count` of the frames, spread evenly over the drive; all of them if count is 0."""
    if count > len(frames):
        raise ValueError(f'--frames asks for {count}, but there are {len(frames)}')
    return [frames[i] for i in np.linspace(0, len(frames) - 1, count).astype(int)] \
        if count else frames


def select(frames, names):
    """Return the frames of these names (file names without .png), in the drive's order."""
    missing = set(names) - {f.image.stem for f in frames}
    if missing:
        raise ValueError(f'{len(missing)} of {len(names)} frames asked for are not in '
                         f'{frames[0].image.parent}, such as {min(missing)}.png')
    wanted = set(names)
    return [f for f in frames if f.image.stem in wanted]
