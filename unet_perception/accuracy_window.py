"""
The last frames of a semantic camera against masks, by its tags, so that a wrong scheme shows.

Schemes renumber one another's tags, so tags read by the wrong one may still be tags it has. But
they then mean other things than the masks beside them say, in most pixels of most frames.
"""
from collections import deque

import numpy as np

from unet_perception.labels import (colors_to_tags, get_scheme, NAMES, packed_to_tags, SCHEMES,
                                    tags_to_labels)
from unet_perception.metrics import confusion_matrix, summary


def read_tags(picture, label_encoding, scheme):
    """
    Return the uint8 tags (height, width) in an images.Picture of a semantic camera.

    label_encoding: palette, the scheme's colours; or tag, the tags in the red channel.
    Raise ValueError on colours outside the palette, or on tags outside the scheme.
    """
    pixels, encoding = picture
    if label_encoding == 'palette':
        if encoding == 'bgra8':  # CARLA's own, in half the time: its bytes are a number with alpha
            return packed_to_tags(pixels.view('<u4')[..., 0] & 0xFFFFFF, scheme)
        return colors_to_tags(picture.to_rgb(), scheme)
    if encoding != 'mono8':
        pixels = np.ascontiguousarray(pixels[..., encoding.index('r')])
    tags_to_labels(pixels, scheme)
    return pixels


def tag_matrix(tags, labels, scheme):
    """
    Count pixels by (tag of the scheme, predicted label), as metrics.confusion_matrix() does.

    Raise ValueError if labels holds ids that are no labels.
    """
    return confusion_matrix(tags, labels, len(get_scheme(scheme).labels), len(NAMES))


class Window:
    """The sum of the last frames' confusion matrices: tags of one scheme x predicted labels."""

    def __init__(self, scheme):
        self._scheme = get_scheme(scheme)
        self._frames = deque()
        self._sum = np.zeros((len(self._scheme.labels), len(NAMES) + 1), np.int64)

    def __len__(self):
        return len(self._frames)

    def add(self, matrix, size):
        """Count a frame's tag_matrix() in, and out all but the last `size` frames."""
        self._frames.append(matrix.astype(np.uint32))  # half the memory of a long window
        self._sum += matrix
        while len(self._frames) > size:
            self._sum -= self._frames.popleft()

    def figures(self):
        """Return metrics.summary() of the frames, by label."""
        matrix = np.zeros((len(NAMES), len(NAMES) + 1), np.int64)
        tags, labels = self._scheme.known()
        np.add.at(matrix, labels, self._sum[tags])
        return summary(matrix, NAMES)

    def misfit(self):
        """
        Return a sentence if the masks agree clearly better with another scheme's tags, or ''.

        Clearly: if by it the pixel accuracy is at least 0.2 higher, and over 0.5.
        """
        accuracy = {name: self._accuracy(scheme) for name, scheme in SCHEMES.items()}
        own, best = accuracy[self._scheme.name], max(accuracy.values())
        if best <= 0.5 or best < own + 0.2:
            return ''
        better = ' or '.join(f'{name} ({scheme.versions})' for name, scheme in SCHEMES.items()
                             if accuracy[name] == best)
        return (f'the tags look like those of scheme {better}: by it the masks are right in '
                f'{best:.0%} of the pixels, by scheme {self._scheme.name} in {own:.0%}')

    def _accuracy(self, scheme):
        if self._sum[len(scheme.labels):].any():  # tags that it does not have
            return 0.0
        tags, labels = (part[:len(self._sum)] for part in scheme.known())
        return float(self._sum[tags, labels].sum() / max(1, self._sum[tags].sum()))
