"""A recorded drive: find its frames and check their files.

A drive is a folder with CameraRGB/ and CameraMask/, PNG files of equal names.
"""
from pathlib import Path
from typing import NamedTuple

COLOR_TYPES = {0: 'grey', 2: 'RGB', 3: 'palette', 4: 'grey and alpha', 6: 'RGBA'}  # PNG's IHDR


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


def check_frames(frames, scheme, every_pixel=False):
    """Read every file once, before any work is spent on them.

    every_pixel: refuse a mask with the tag 255 (no label) too.
    Raise ValueError that names each bad file: not a whole 8-bit PNG, image and mask of different
    size, a tag outside the scheme. Raise it too if no pixel of any mask is labelled.
    """
    from rich.progress import track
    problems, labelled = [], 0.0
    for frame in track(frames, 'checking frames'):
        try:
            share = _labelled(frame, scheme)
        except ValueError as error:
            problems.append(str(error))
            continue
        if every_pixel and share < 1:
            problems.append(f'{frame.mask} has the tag 255 (no label) in {1 - share:.2%} of its '
                            f'pixels; give them a tag of scheme {scheme}')
        labelled += share
    if problems:
        raise ValueError(_listed(problems))
    if frames and not labelled:
        raise ValueError(f'none of the {len(frames)} masks from {frames[0].mask} to '
                         f'{frames[-1].mask} has a labelled pixel: every tag is 255')


def _labelled(frame, scheme):
    """Return the share of a frame's pixels that have a label; ValueError names a bad file."""
    from train.dataset import read_image, read_tags
    from unet_perception.labels import IGNORE, tags_to_labels
    image = _decoded(frame.image, read_image, 'save it as an 8-bit RGB PNG')
    tags = _decoded(frame.mask, read_tags, 'save it as a one-channel 8-bit PNG of tag ids')
    if image.shape[:2] != tags.shape:
        raise ValueError(f'{frame.image} is {image.shape[1]}x{image.shape[0]} pixels, '
                         f'but its mask is {tags.shape[1]}x{tags.shape[0]}')
    try:
        return float((tags_to_labels(tags, scheme) != IGNORE).mean())
    except ValueError as error:
        raise ValueError(f'{frame.mask}: {error}') from error


def _decoded(path, read, mend):
    """Return what `read` makes of a PNG file, as an array.

    The header is looked at first: TensorFlow decodes other formats too, brings 16 bits down to 8
    and paints palettes, all of which turn tags into other tags.
    """
    import tensorflow as tf
    try:
        with open(path, 'rb') as file:
            header = file.read(26)  # signature, IHDR's length and name, width, height, depth, type
        if header and header[:8] != b'\x89PNG\r\n\x1a\n'[:len(header)]:
            raise ValueError(f'{path} is not a PNG file: it begins with {header[:4]}; {mend}')
        if len(header) == 26:
            depth, color = header[24], COLOR_TYPES.get(header[25])
            if depth != 8 or color == 'palette':
                raise ValueError(f'{path} is a PNG of {depth}-bit {color}; {mend}')
        return read(str(path)).numpy()
    except OSError as error:
        raise ValueError(f'{path} cannot be read: {error.strerror}') from error
    except tf.errors.OpError as error:
        raise ValueError(f'{path} is not a whole PNG file') from error


def _listed(problems, most=20):
    lines = [f'{len(problems)} bad file(s):', *problems[:most]]
    if len(problems) > most:
        lines.append(f'... and {len(problems) - most} more')
    return '\n  '.join(lines)
