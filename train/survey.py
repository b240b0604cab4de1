"""What the frames of a drive hold: classes, sizes, and how much neighbours differ."""
from collections import Counter
from dataclasses import dataclass, field

import cv2
import numpy as np

from train import png
from train.drive import Drive
from train.threads import in_threads
from unet_perception.labels import CLASSES, get_scheme

NEAR_COPY = 1.0  # grey levels; in a drive of 8,045 frames only those that stand still are below
THUMBNAIL = (32, 24)
UPPER = 3  # the upper third of an image, where traffic lights hang and nobody walks


@dataclass
class Survey:
    """
    The sums over the frames of a drive.

    pixels, upper, tag_frames: int64 (256,) by raw tag: pixels, those in the upper third of the
    image, frames that have the tag. class_frames: int64 (23,), frames that have the class.
    sizes: frames by (width, height). changes: mean difference in grey levels from each frame to
    the next, of thumbnails. pictures: a hash of each image file. bad: what is wrong with files.
    """

    drive: Drive
    frames: int = 0
    pixels: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))
    upper: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))
    tag_frames: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))
    class_frames: np.ndarray = field(default_factory=lambda: np.zeros(len(CLASSES), np.int64))
    sizes: Counter = field(default_factory=Counter)
    changes: list = field(default_factory=list)
    pictures: set = field(default_factory=set)
    bad: list = field(default_factory=list)

    @property
    def class_pixels(self):
        """Return the pixels of each class, int64 (23,)."""
        return _by_class(self.pixels, self.drive.scheme)

    @property
    def near_copies(self):
        """Return the share of frames that hardly differ from the one before."""
        return float(np.mean(np.less(self.changes, NEAR_COPY))) if self.changes else 0.0


def _by_class(by_tag, scheme):
    tags, labels = get_scheme(scheme).known()
    counts = np.zeros(len(CLASSES), np.int64)
    np.add.at(counts, labels, by_tag[tags])
    return counts


def survey(drive, frames, advance=lambda: None):
    """Return the Survey of a drive. frames: a list of Frame. advance: called after each."""
    found, before = Survey(drive), None
    with in_threads(_look, frames, 8) as results:
        for result in results:
            advance()
            if isinstance(result, ValueError):
                found.bad.append(str(result))
                before = None
                continue
            size, pixels, upper, thumbnail, picture = result
            found.frames += 1
            found.sizes[size] += 1
            found.pixels += pixels
            found.upper += upper
            found.tag_frames += pixels > 0
            found.class_frames += _by_class(pixels, drive.scheme) > 0
            found.pictures.add(picture)
            if before is not None:
                found.changes.append(float(np.abs(thumbnail - before).mean()))
            before = thumbnail
    return found


def _look(frame):
    try:
        grey, tags, image = png.decode_both(frame, cv2.IMREAD_GRAYSCALE)
    except ValueError as error:
        return error
    thumbnail = cv2.resize(grey, THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.int16)
    return (tags.shape[::-1], png.histogram(tags), png.histogram(tags[:len(tags) // UPPER]),
            thumbnail, hash(image))
