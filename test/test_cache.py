"""The smaller copies of large frames that training reads instead."""
import os

from conftest import frames_of, write_drive
import cv2
import numpy as np
from PIL import Image
import pytest

from train.cache import with_small_copies
from train.dataset import resize
from train.recipe import Recipe
from unet_perception.segmenter import resize_image, resize_labels

HEIGHT, WIDTH = 32, 48


def drive(folder, height, width):
    """Write a drive of one noisy frame of a size; return its Frames, image and tags."""
    rng = np.random.default_rng(height)
    image = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    tags = rng.integers(0, 13, (height, width)).astype(np.uint8)
    write_drive(folder, [(image, tags)])
    return frames_of(folder), image, tags


def copy_of(frames, folder, rule='auto'):
    """Return the one Frame to read instead of the one given."""
    return with_small_copies(frames, Recipe(height=HEIGHT, width=WIDTH, resize=rule), folder)[0]


def read(path):
    return np.asarray(Image.open(path))


@pytest.mark.parametrize('height, width, rule, by', [
    (200, 300, 'auto', 'area'), (112, 168, 'auto', 'area'), (62, 1000, 'auto', 'nearest'),
    (200, 300, 'nearest', 'nearest')])
def test_a_large_frame_is_copied_as_the_network_will_see_it(tmp_path, height, width, rule, by):
    frames, image, tags = drive(tmp_path / 'drive', height, width)
    copy = copy_of(frames, tmp_path / 'copies', rule)
    size = min(height, 2 * HEIGHT), 2 * WIDTH
    np.testing.assert_array_equal(read(copy.image), resize_image(image, *size, by))
    np.testing.assert_array_equal(read(copy.mask), resize_labels(tags, *size))
    assert (copy.id, copy.drive.scheme) == (frames[0].id, 'A')
    if by == 'area':  # what was averaged is averaged again, never sampled
        again, _ = resize(read(copy.image), tags[:size[0], :size[1]], HEIGHT, WIDTH, rule)
        whole = resize_image(image, HEIGHT, WIDTH, by)
        assert np.abs(again - whole).mean() < 12 < image.std()


def test_a_frame_about_as_small_as_its_copy_is_read_itself(tmp_path):
    frames, _, _ = drive(tmp_path / 'drive', 100, 150)  # 2.4 times the pixels of 64x96
    assert copy_of(frames, tmp_path / 'copies') is frames[0]
    assert not (tmp_path / 'copies').exists()


def test_a_copy_is_made_once_and_again_when_the_frame_has_changed(tmp_path):
    frames, image, _ = drive(tmp_path / 'drive', 200, 300)
    copy = copy_of(frames, tmp_path / 'copies')
    made = copy.image.stat()
    assert copy_of(frames, tmp_path / 'copies') == copy
    assert copy.image.stat().st_ino == made.st_ino
    cv2.imwrite(str(frames[0].image), 255 - image[..., ::-1])
    os.utime(frames[0].image, (0, 0))
    assert copy_of(frames, tmp_path / 'copies') == copy
    np.testing.assert_array_equal(
        read(copy.image), resize_image(255 - image, 2 * HEIGHT, 2 * WIDTH, 'area'))


def test_a_copy_that_cannot_be_made_is_named(tmp_path):
    frames, _, _ = drive(tmp_path / 'drive', 200, 300)
    (tmp_path / 'copies').write_text('in the way')
    with pytest.raises(ValueError, match='the small copy .*copies.* cannot be made: .*--no-cache'):
        copy_of(frames, tmp_path / 'copies')
