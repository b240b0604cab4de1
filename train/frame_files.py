"""Image messages of frames, checked and written as the PNG files of a drive."""
import cv2
import numpy as np

from train.drive import IMAGES, MASKS
from train.threads import in_threads
from unet_perception.bags import read_picture, typestore
from unet_perception.labels import colors_to_tags, SCHEMES, tags_to_labels

ENCODINGS = ('palette', 'tag')
MOST_TAGS = max(len(scheme.labels) for scheme in SCHEMES.values())


class LeftOut(ValueError):
    """Why a frame is left out: the reason, the same for many frames, and this frame's detail."""

    def __init__(self, reason, detail):
        super().__init__(f'{reason}: {detail}')
        self.reason, self.detail = reason, detail


def read_tags(message, store, encoding, scheme):
    """
    Return the uint8 tags (height, width) of a semantic camera's Message.

    store: a typestore. encoding: 'palette', as CARLA's ROS bridge paints them, or 'tag', in the
    red channel. Raise LeftOut if the image cannot be read or holds what the scheme does not have.
    """
    rgb = _rgb(message, store, 'semantic')
    try:
        if encoding == 'palette':
            return colors_to_tags(rgb, scheme)
        tags_to_labels(rgb[..., 0], scheme)
    except ValueError as error:
        if encoding == 'tag':
            raise LeftOut('frames with tags outside the scheme', f'{error}{_hint(rgb)}') from error
        reason = ('blended colours, as by JPEG' if _colors(rgb) > 2 * MOST_TAGS else
                  'colours outside the palette')
        raise LeftOut(f'frames with {reason}', f'{error}{_hint(rgb)}') from error
    if rgb[..., 1:].any() and (fitting := _palettes(rgb)):
        raise LeftOut('frames with colours instead of tags', f'they are those of scheme '
                      f'{fitting}; give --label-encoding palette')
    return np.ascontiguousarray(rgb[..., 0])


def _rgb(message, store, camera):
    try:
        return read_picture(message, store)[1].to_rgb()
    except ValueError as error:
        raise LeftOut(f'frames whose {camera} image cannot be read', error) from error


def _colors(rgb):
    return len(np.unique(rgb.reshape(-1, 3) @ np.int32([1, 256, 65536])))


def _palettes(rgb):
    """Name the schemes whose palette has all colours of the image."""
    fitting = []
    for scheme in SCHEMES:
        try:
            colors_to_tags(rgb, scheme)
            fitting.append(scheme)
        except ValueError:
            pass
    return ', '.join(fitting)


def _hint(rgb):
    """Say what the image would fit."""
    if fitting := _palettes(rgb):
        return f'. The colours fit --label-encoding palette and --scheme {fitting}'
    if rgb[..., 0].max() < MOST_TAGS and not rgb[..., 1:].any():
        return '. They look like plain tags: --label-encoding tag'
    return ''


def write_frames(images, folder, encoding, scheme):
    """
    Write the images of frames as PNG into a drive's folder, and yield (frame, LeftOut or None).

    images: pairs in any order of (frame, Message, whether it is the semantic camera's). A frame
    that is left out leaves no file. At most a few images are in memory, however far one camera
    lags behind the other.
    """
    store = typestore()

    def write(item):
        frame, message, semantic = item
        try:
            pixels = (read_tags(message, store, encoding, scheme) if semantic else
                      cv2.cvtColor(_rgb(message, store, 'camera'), cv2.COLOR_RGB2BGR))
        except LeftOut as error:
            return frame, error
        # Not by imwrite, which does not tell that the disk is full.
        _path(folder, frame, semantic).write_bytes(cv2.imencode('.png', pixels)[1])
        return frame, pixels.shape[1::-1]

    waiting = {}  # of each frame whose partner is still to come: its size, or why it is left out
    with in_threads(write, images) as results:
        for frame, result in results:
            if frame not in waiting:
                waiting[frame] = result
                continue
            fault = _fault(waiting.pop(frame), result)
            if fault:
                for semantic in (False, True):
                    _path(folder, frame, semantic).unlink(missing_ok=True)
            yield frame, fault
    for frame in waiting:  # the bag has less in it than when its stamps were read
        for semantic in (False, True):
            _path(folder, frame, semantic).unlink(missing_ok=True)
        yield frame, LeftOut('frames that are gone', 'the bag has changed meanwhile')


def _path(folder, frame, semantic):
    return folder / (MASKS if semantic else IMAGES) / f'{frame:019d}.png'


def _fault(*halves):
    """Return why a frame is left out, or None; halves: the size of each, or why it is left out."""
    for half in halves:
        if isinstance(half, LeftOut):
            return half
    sizes = ['x'.join(map(str, size)) for size in halves]
    if sizes[0] != sizes[1]:
        return LeftOut('frames of two sizes', f'{sizes[0]} and {sizes[1]}; give both cameras the '
                       f'same size, field of view and pose')
    return None
