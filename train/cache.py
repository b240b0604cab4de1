"""
Smaller copies of large frames, so that no epoch spends its time on decoding these.

A copy is a drive like any other, its frames up to twice as high and wide as the network's input:
enough for augmentation, which seldom shows less than half of a side (viewpoint.look). It is made
once, and again where a frame has changed since.
"""
from functools import partial
import hashlib
from multiprocessing.pool import ThreadPool
import os
from pathlib import Path
import struct

import cv2
import numpy as np

from train import png
from unet_perception.segmenter import resize_image, resize_labels, resize_rule

MARGIN = 2  # times the network's sides
WORTH = 3  # times the copy's pixels: below that, decoding costs little beside a training step


def with_small_copies(frames, recipe, folder):
    """
    Return the Frames, copies below a folder in place of those with far more pixels.

    The frames must have been checked; see check.check_frames(). Raise ValueError if a copy cannot
    be made.
    """
    from rich.progress import Progress
    copied = partial(_copied, recipe=recipe, folder=folder)
    with Progress() as progress, ThreadPool(os.cpu_count()) as pool:
        return list(progress.track(pool.imap(copied, frames, 64), len(frames),
                                   description='making small copies'))


def _copied(frame, recipe, folder):
    with open(frame.image, 'rb') as file:
        width, height = struct.unpack_from('>II', file.read(24), 16)  # of PNG's IHDR
    size = min(height, MARGIN * recipe.height), min(width, MARGIN * recipe.width)
    if height * width < WORTH * size[0] * size[1]:
        return frame
    # As the network will see the frame itself: 'auto' might take a copy of it otherwise.
    rule = resize_rule(recipe.resize, (height, width), recipe.height, recipe.width)
    key = f'{frame.drive.folder.resolve()} {size} {rule}'
    name = f'{frame.drive.name}-{hashlib.sha256(key.encode()).hexdigest()[:8]}'
    copy = frame._replace(drive=frame.drive._replace(folder=Path(folder, name)))
    try:
        _make(copy.image, frame.image, lambda data: resize_image(
            cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), *size, rule))
        _make(copy.mask, frame.mask, lambda data: resize_labels(png.decode_tags(data), *size))
    except OSError as error:
        raise ValueError(f'the small copy {error.filename or copy.image} cannot be made: '
                         f'{error.strerror}; make room, or train with --no-cache') from error
    return copy


def _make(path, source, shrink):
    """Write shrink(bytes of a PNG file) as one, unless it is there and of the source's time."""
    time = os.stat(source).st_mtime_ns
    if path.exists() and os.stat(path).st_mtime_ns == time:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f'.{path.stem}.{os.getpid()}')
    unfinished.write_bytes(cv2.imencode('.png', shrink(source.read_bytes()),
                                        [cv2.IMWRITE_PNG_COMPRESSION, 1])[1])
    os.utime(unfinished, ns=(time, time))
    os.replace(unfinished, path)
