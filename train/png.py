"""PNG files of recorded frames: whether they are whole, and what is in them."""
import struct
import zlib

import cv2
import numpy as np

from unet_perception.files import read_file
from unet_perception.images import MOST_PIXELS

SIGNATURE = b'\x89PNG\r\n\x1a\n'
COLOR_TYPES = {0: 'grey', 2: 'RGB', 3: 'palette', 4: 'grey and alpha', 6: 'RGBA'}  # IHDR's
READ = 0, 2, 4, 6  # of these
MOST_BYTES = 8 * MOST_PIXELS  # of a file: twice what the pixels take as RGBA
MOST_SIDE = 1_000_000  # pixels; libpng decodes no more
IMAGE_MEND = 'save it as an 8-bit RGB PNG'
MASK_MEND = 'save it as a one-channel 8-bit PNG of tag ids'


def read_whole(path, mend):
    """
    Return a PNG file's bytes, (height, width).

    Every checksum is verified, which finds damage as decoding does, 50 times as fast. What never
    was a picture shows only in decode_both().
    Raise ValueError that names the file unless it is a whole PNG of 8 bits without palette:
    TensorFlow and OpenCV decode others too, and turn their tags into other tags.
    """
    data = read_file(path, MOST_BYTES)
    if data and data[:8] != SIGNATURE[:len(data)]:
        raise ValueError(f'{path} is not a PNG file: it begins with {data[:4]}; {mend}')
    if len(data) < 33:  # signature and IHDR
        raise ValueError(f'{path} is not a whole PNG file')
    width, height, depth, color = struct.unpack_from('>IIBB', data, 16)
    if depth != 8 or color not in READ:
        raise ValueError(f'{path} is a PNG of {depth}-bit {COLOR_TYPES.get(color, color)}; {mend}')
    # Before memory is taken for them.
    if not 0 < width * height <= MOST_PIXELS or max(width, height) > MOST_SIDE:
        raise ValueError(f'{path} says that it is {width}x{height} pixels; up to {MOST_PIXELS} in '
                         f'all are read, and up to {MOST_SIDE} on a side')
    if not _checksums_fit(data):
        raise ValueError(f'{path} is not a whole PNG file')
    return data, (height, width)


def read_both(frame):
    """
    Return the bytes of a Frame's image and mask, and their (height, width).

    Raise ValueError as read_whole() does, or if they differ in size.
    """
    image, size = read_whole(frame.image, IMAGE_MEND)
    mask, mask_size = read_whole(frame.mask, MASK_MEND)
    if size != mask_size:
        raise ValueError(f'{frame.image} is {size[1]}x{size[0]} pixels, but its mask is '
                         f'{mask_size[1]}x{mask_size[0]}')
    return image, mask, size


def decode_both(frame, how=cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION):
    """
    Return the image of a Frame as OpenCV decodes it, its tags, and the bytes of the image's file.

    how: cv2.IMREAD_..., for the image. Image and tags are uint8 arrays of one height and width.
    Raise ValueError as read_both() does, or if a file's content cannot be decoded.
    """
    data, mask, _ = read_both(frame)
    image, tags = cv2.imdecode(np.frombuffer(data, np.uint8), how), decode_tags(mask)
    for path, pixels, mend in ((frame.image, image, IMAGE_MEND), (frame.mask, tags, MASK_MEND)):
        if pixels is None:
            raise ValueError(f'{path} is a PNG file whose pixels cannot be decoded; {mend}')
    return image, tags, data


def _checksums_fit(data):
    """Tell whether every chunk up to the end's (IEND) is there and unharmed."""
    place, view = 8, memoryview(data)
    while place + 12 <= len(data):
        length, = struct.unpack_from('>I', data, place)
        end = place + 8 + length
        if end + 4 > len(data):
            return False
        if zlib.crc32(view[place + 4:end]) != struct.unpack_from('>I', data, end)[0]:
            return False
        if data[place + 4:place + 8] == b'IEND':
            return True
        place = end + 4
    return False


def decode_tags(data):
    """
    Return what dataset.read_tags() does, of a mask file's bytes: uint8 (height, width).

    None if they cannot be decoded.
    """
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return pixels if pixels is None or pixels.ndim == 2 else pixels[..., :3].max(2)


def histogram(ids):
    """Count each value of a uint8 array: int64 (256,). As np.bincount, 5 times as fast."""
    return cv2.calcHist([np.ascontiguousarray(ids)], [0], None, [256], [0, 256])[:, 0].astype(
        np.int64)
