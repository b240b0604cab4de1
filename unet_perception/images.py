"""sensor_msgs/Image, CompressedImage <-> numpy. Reads messages of rclpy and of rosbags alike."""
import array
import io
from typing import NamedTuple

import cv2
import numpy as np
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

CHANNELS = {'mono8': 1, 'rgb8': 3, 'bgr8': 3, 'rgba8': 4, 'bgra8': 4}
TO_RGB = {'mono8': cv2.COLOR_GRAY2RGB, 'bgr8': cv2.COLOR_BGR2RGB, 'rgba8': cv2.COLOR_RGBA2RGB,
          'bgra8': cv2.COLOR_BGRA2RGB}
MOST_PIXELS = 2**26  # of a compressed picture: 8192x8192


class ImageError(ValueError):
    """An image message that cannot be read; the message says what is wrong with it."""


class Picture(NamedTuple):
    """
    Pixels as the camera sent them.

    pixels: uint8, (height, width) for mono8, else (height, width, channels); maybe a view of the
    message's memory. encoding: one of CHANNELS.
    """

    pixels: np.ndarray
    encoding: str

    def to_rgb(self):
        """Return uint8 RGB pixels (height, width, 3)."""
        if self.encoding == 'rgb8':
            return self.pixels
        return cv2.cvtColor(self.pixels, TO_RGB[self.encoding])


def to_picture(message):
    """
    Return the Picture of a sensor_msgs/Image, without copying its pixels, or CompressedImage.

    Rows may be padded (step > width x channels). Raise ImageError on an encoding outside
    CHANNELS, an empty image, a size that does not fit the data, or what cannot be decompressed.
    """
    if hasattr(message, 'format'):
        return _decompress(message)
    channels = CHANNELS.get(message.encoding)
    if channels is None:
        raise ImageError(f'encoding {message.encoding!r} is not supported; '
                         f'publish one of {", ".join(CHANNELS)}')
    if not message.height or not message.width:
        raise ImageError(f'the image is empty: {message.width}x{message.height}')
    row = message.width * channels
    if message.step < row or len(message.data) != message.step * message.height:
        raise ImageError(
            f'{message.width}x{message.height} {message.encoding} with step {message.step} and '
            f'{len(message.data)} bytes of data does not fit together: step must be at least '
            f'{row}, and data step x height = {message.step * message.height} bytes')
    # Not by cv_bridge, which takes step / channels for the row and so shears pictures whose step
    # is no multiple of it, nor by rosbags-image, which takes no notice of step at all.
    pixels = np.ndarray((message.height, message.width, channels), np.uint8, message.data,
                        strides=(message.step, channels, 1))
    return Picture(pixels[..., 0] if channels == 1 else pixels, message.encoding)


def _decompress(message):
    if 'compressedDepth' in message.format:
        raise ImageError(f"format {message.format!r} is a depth image; send a camera's picture")
    width, height = compressed_size(message.data)
    if width * height > MOST_PIXELS:  # before memory is taken for them
        raise ImageError(f'{len(message.data)} bytes of format {message.format!r} say that they '
                         f'are {width}x{height} pixels; up to {MOST_PIXELS} in all are read')
    pixels = None
    if width * height:
        pixels = cv2.imdecode(np.frombuffer(message.data, np.uint8),
                              cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None:
        raise ImageError(f'{len(message.data)} bytes of format {message.format!r} are no image '
                         f'that can be read; send JPEG or PNG')
    return Picture(pixels, 'bgr8')


def compressed_size(data):
    """Return width and height that a JPEG or PNG names in its head, (0, 0) if it is neither."""
    # Not by Pillow's open(), which warns of large pictures.
    kind = PngImageFile if bytes(data[:4]) == b'\x89PNG' else JpegImageFile
    try:
        with kind(io.BytesIO(data)) as picture:
            return picture.size
    except Exception:  # whatever the bytes lead Pillow to
        return 0, 0


def to_message(pixels, encoding, header):
    """
    Return a sensor_msgs/Image (rclpy) of uint8 pixels.

    pixels: (height, width) for mono8, else (height, width, channels). header: taken as it is.
    """
    from sensor_msgs.msg import Image
    height, width = pixels.shape[:2]
    # rclpy takes an array.array without looking at each of its bytes.
    data = array.array('B')
    data.frombytes(np.ascontiguousarray(pixels).data.cast('B'))
    return Image(header=header, height=height, width=width, encoding=encoding,
                 step=width * CHANNELS[encoding], data=data)
