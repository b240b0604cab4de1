"""Image messages of every encoding, with and without padded rows, into RGB and back."""
import array

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from unet_perception import images

RGB = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
ALPHA = np.full((5, 7, 1), 255, np.uint8)
GREY = RGB[..., 0]
PIXELS = {
    'rgb8': RGB,
    'bgr8': RGB[..., ::-1],
    'rgba8': np.dstack([RGB, ALPHA]),
    'bgra8': np.dstack([RGB[..., ::-1], ALPHA]),
    'mono8': GREY,
}


def message(pixels, encoding, padding=0):
    """Build an Image by hand, each row followed by `padding` bytes of rubbish."""
    rows = np.ascontiguousarray(pixels).reshape(pixels.shape[0], -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=77)
    return Image(height=pixels.shape[0], width=pixels.shape[1], encoding=encoding,
                 step=rows.shape[1], data=array.array('B', rows.tobytes()))


@pytest.mark.parametrize('padding', [0, 1, 6])
@pytest.mark.parametrize('encoding', PIXELS)
def test_to_rgb(encoding, padding):
    expected = np.repeat(GREY[..., None], 3, 2) if encoding == 'mono8' else RGB
    got = images.to_picture(message(PIXELS[encoding], encoding, padding)).to_rgb()
    assert got.dtype == np.uint8
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize('encoding', PIXELS)
def test_to_message_and_back(encoding):
    header = Header(frame_id='here')
    header.stamp.sec = 12
    out = images.to_message(PIXELS[encoding], encoding, header)
    assert out.header == header
    assert (out.height, out.width, out.encoding) == (5, 7, encoding)
    assert out.step * out.height == len(out.data)
    sent = PIXELS[encoding]
    np.testing.assert_array_equal(np.frombuffer(out.data, np.uint8).reshape(sent.shape), sent)


@pytest.mark.parametrize('change, message_part', [
    ({'encoding': '32FC1'}, "encoding '32FC1' is not supported.*bgra8"),
    ({'width': 0}, 'empty: 0x5'),
    ({'height': 0}, 'empty: 7x0'),
    ({'step': 20}, 'step 20 .*at least 21'),
    ({'height': 6}, '105 bytes of data.*126 bytes'),
    ({'height': 4}, '105 bytes of data.*84 bytes'),
    ({'data': array.array('B')}, '0 bytes of data')])
def test_what_does_not_fit_is_named(change, message_part):
    bad = message(RGB, 'rgb8')
    for name, value in change.items():
        setattr(bad, name, value)
    with pytest.raises(images.ImageError, match=message_part):
        images.to_picture(bad)


@pytest.mark.parametrize('encoding', PIXELS)
def test_cv_bridge_gives_the_same(encoding):
    """But for rows padded by less than a pixel, which cv_bridge shears."""
    cv_bridge = pytest.importorskip('cv_bridge', reason='cv_bridge comes with ROS 2, not PyPI')
    sent = message(PIXELS[encoding], encoding, padding=2 * images.CHANNELS[encoding])
    np.testing.assert_array_equal(images.to_picture(sent).to_rgb(),
                                  cv_bridge.CvBridge().imgmsg_to_cv2(sent, 'rgb8'))


def rosbags_image():
    """Return the module of that name; skip the test where it is not installed."""
    return pytest.importorskip('rosbags.image', reason='rosbags-image comes with make train-env')


@pytest.mark.parametrize('encoding', PIXELS)
def test_rosbags_image_gives_the_same(encoding):
    """But for padded rows, of which it takes no notice."""
    sent = message(PIXELS[encoding], encoding)
    np.testing.assert_array_equal(images.to_picture(sent).to_rgb(),
                                  rosbags_image().message_to_cvimage(sent, 'rgb8'))


@pytest.mark.parametrize('extension', ['.jpg', '.png'])
def test_rosbags_image_decompresses_the_same(extension):
    data = cv2.imencode(extension, np.tile(RGB, (8, 8, 1)))[1].tobytes()
    sent = CompressedImage(format='bgr8; jpeg compressed bgr8', data=data)
    np.testing.assert_array_equal(images.to_picture(sent).to_rgb(),
                                  rosbags_image().message_to_cvimage(sent, 'rgb8'))


@pytest.mark.parametrize('grey', [RGB[..., 0], RGB.astype(np.uint16) * 257])
def test_compressed_images_of_other_depths_become_8_bit_colours(grey):
    data = cv2.imencode('.png', grey)[1].tobytes()
    picture = images.to_picture(CompressedImage(format='png', data=data))
    expected = RGB[..., ::-1] if grey.ndim == 3 else np.repeat(GREY[..., None], 3, 2)
    np.testing.assert_array_equal(picture.to_rgb(), expected)


@pytest.mark.parametrize('change, message_part', [
    ({'data': b''}, '0 bytes of format .jpeg. are no image'),
    ({'data': b'GIF89a'}, '6 bytes of format'),
    ({'format': '32FC1; compressedDepth png'}, 'is a depth image')])
def test_what_cannot_be_decompressed_is_named(change, message_part):
    with pytest.raises(images.ImageError, match=message_part):
        images.to_picture(CompressedImage(**{'format': 'jpeg', 'data': b'x', **change}))
