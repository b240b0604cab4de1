"""sensor_msgs/Image <-> numpy. Reads messages of rclpy and of rosbags alike."""
import array

import numpy as np

CHANNELS = {'mono8': 1, 'rgb8': 3, 'bgr8': 3, 'rgba8': 4, 'bgra8': 4}


class ImageError(ValueError):
    """An image message that cannot be read; the message says what is wrong with it."""


def to_rgb(message):
    """Return the picture of a sensor_msgs/Image as uint8 RGB, shape (height, width, 3).

    The encoding is one of CHANNELS; rows may be padded (step > width x channels). The result may
    share the message's memory. Raise ImageError on another encoding, an empty image, or a size
    that does not fit the data.
    """
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
    try:
        from cv_bridge import CvBridge
    except ImportError:  # not in a ROS workspace
        return _to_rgb_without_cv_bridge(message, channels)
    return CvBridge().imgmsg_to_cv2(message, 'rgb8')


def _to_rgb_without_cv_bridge(message, channels):
    from rosbags.image.image import convert_color

    # rosbags' own image_to_cvimage takes no notice of step and would shear a padded image.
    pixels = np.ndarray((message.height, message.width, channels), np.uint8, message.data,
                        strides=(message.step, channels, 1))
    if message.encoding == 'rgb8':
        return pixels
    return convert_color(pixels[..., 0] if channels == 1 else pixels, message.encoding, 'rgb8')


def to_message(pixels, encoding, header):
    """Return a sensor_msgs/Image (rclpy) of uint8 pixels.

    pixels: (height, width) for mono8, else (height, width, channels). header: taken as it is.
    """
    from sensor_msgs.msg import Image
    height, width = pixels.shape[:2]
    # rclpy takes an array.array without looking at each of its bytes.
    data = array.array('B')
    data.frombytes(np.ascontiguousarray(pixels).data.cast('B'))
    return Image(header=header, height=height, width=width, encoding=encoding,
                 step=width * CHANNELS[encoding], data=data)
