"""Finding, checking, splitting and streaming recorded frames."""
import dataclasses
import shutil

from conftest import frames_of, write_drive
import numpy as np
from PIL import Image
import pytest
import tensorflow as tf

from train import dataset, png, split
from train.check import check_frames
from train.recipe import Recipe
from unet_perception.labels import tags_to_labels
from unet_perception.segmenter import resize_image

SMALL = Recipe(scheme='A', height=32, width=48, batch=4, epochs=3)


def blank(height=8, width=12, tag=0):
    return np.zeros((height, width, 3), np.uint8), np.full((height, width), tag, np.uint8)


def test_frames_come_in_order_with_their_labels(drive_folder, recorded):
    frames = frames_of(drive_folder)
    assert [f.image.stem for f in frames] == [f'{i:05d}' for i in range(len(frames))]
    image, labels = dataset.load(frames[2])
    np.testing.assert_array_equal(image, recorded[4][1])
    np.testing.assert_array_equal(labels, tags_to_labels(recorded[4][2], 'A'))


@pytest.mark.parametrize('channel', [0, 1, 2])
def test_the_tag_is_the_maximum_over_the_masks_channels(tmp_path, channel):
    mask = np.zeros((4, 5, 3), np.uint8)
    mask[..., channel] = np.arange(5)
    Image.fromarray(mask).save(tmp_path / 'mask.png')
    tags = dataset.read_tags(str(tmp_path / 'mask.png'))
    np.testing.assert_array_equal(tags, np.tile(np.arange(5), (4, 1)))


@pytest.mark.parametrize('mode', ['L', 'LA', 'RGB', 'RGBA'])
def test_the_alpha_of_a_mask_is_no_tag(tmp_path, mode):
    write_drive(tmp_path, [blank()])
    frame, = frames_of(tmp_path)
    tags = np.tile(np.arange(12, dtype=np.uint8), (8, 1))
    Image.fromarray(tags).convert(mode).save(frame.mask)  # alpha is 255 everywhere
    check_frames([frame])
    np.testing.assert_array_equal(dataset.read_tags(str(frame.mask)), tags)
    np.testing.assert_array_equal(png.decode_tags(frame.mask.read_bytes()), tags)


def test_tags_of_other_schemes_become_labels(tmp_path):
    write_drive(tmp_path / 'd', [blank(tag=14)])
    for scheme, label in (('B', 14), ('C', 10)):  # Ground in B, Car in C
        frame, = frames_of(tmp_path / 'd', scheme)
        assert np.all(dataset.load(frame)[1] == label)


def test_missing_folders_and_files_are_named(tmp_path):
    with pytest.raises(ValueError, match='CameraRGB is not there'):
        frames_of(tmp_path)
    write_drive(tmp_path / 'd', [])
    with pytest.raises(ValueError, match='CameraRGB holds no PNG'):
        frames_of(tmp_path / 'd')
    shutil.rmtree(tmp_path / 'd')
    write_drive(tmp_path / 'd', [blank()] * 4)
    (tmp_path / 'd/CameraMask/00001.png').unlink()
    (tmp_path / 'd/CameraRGB/00003.png').unlink()
    with pytest.raises(ValueError, match=r'(?s)2 bad file.*CameraMask/00001.png is missing.*'
                                         r'CameraRGB/00003.png is missing'):
        frames_of(tmp_path / 'd')


def test_bad_files_are_all_named(tmp_path):
    write_drive(tmp_path, [blank()] * 6)
    rgb, masks = tmp_path / 'CameraRGB', tmp_path / 'CameraMask'
    noise = np.random.default_rng(0).integers(0, 256, (8, 12, 3)).astype(np.uint8)
    Image.fromarray(noise).save(rgb / '00001.png')
    whole = (rgb / '00001.png').read_bytes()
    (rgb / '00001.png').write_bytes(whole[:len(whole) // 2])  # truncated
    (masks / '00002.png').write_bytes(b'')
    Image.fromarray(np.zeros((8, 13), np.uint8)).save(masks / '00003.png')
    Image.fromarray(np.full((8, 12), 13, np.uint8)).save(masks / '00004.png')
    with pytest.raises(ValueError) as error:
        check_frames(frames_of(tmp_path))
    lines = str(error.value).split('\n')
    assert len(lines) == 5 and lines[0].startswith('4 bad file')
    assert 'CameraRGB/00001.png is not a whole PNG' in lines[1]
    assert 'CameraMask/00002.png is not a whole PNG' in lines[2]
    assert '00003.png is 12x8 pixels, but its mask is 13x8' in lines[3]
    assert '00004.png: tag 13 is outside scheme A' in lines[4]


def test_pictures_that_turn_tags_into_others_are_refused(tmp_path):
    """All of these TensorFlow would read without a word."""
    write_drive(tmp_path, [blank()] * 5)
    tags = np.zeros((8, 12), np.uint8)
    masks = {0: (Image.fromarray(tags.astype(np.uint16)), 'PNG'),
             1: (Image.fromarray(tags).convert('P'), 'PNG'),
             2: (Image.fromarray(tags).convert('1'), 'PNG'),
             3: (Image.fromarray(tags), 'JPEG')}
    for number, (picture, kind) in masks.items():
        picture.save(tmp_path / f'CameraMask/{number:05d}.png', kind)
    (tmp_path / 'CameraRGB/00004.png').unlink()
    (tmp_path / 'CameraRGB/00004.png').mkdir()
    with pytest.raises(ValueError) as error:
        check_frames(frames_of(tmp_path))
    lines = str(error.value).split('\n')
    mend = 'save it as a one-channel 8-bit PNG of tag ids'
    assert f'CameraMask/00000.png is a PNG of 16-bit grey; {mend}' in lines[1]
    assert f'CameraMask/00001.png is a PNG of 8-bit palette; {mend}' in lines[2]
    assert f'CameraMask/00002.png is a PNG of 1-bit grey; {mend}' in lines[3]
    assert 'CameraMask/00003.png is not a PNG file: it begins with' in lines[4]
    assert 'CameraRGB/00004.png is not a file' in lines[5]


def test_a_drive_without_a_label_is_refused(tmp_path):
    write_drive(tmp_path, [blank(tag=255)] * 2 + [blank()])
    frames = frames_of(tmp_path)
    check_frames(frames)
    with pytest.raises(ValueError, match='none of the 2 masks from .*00000.png to .*00001.png'):
        check_frames(frames[:2])


def test_validation_is_whole_stretches_with_a_gap():
    frames = list(range(1000))
    training, validation = split.split_by_stretches(frames, 0.1, stretches=5, gap=20)
    assert len(validation) == 100
    starts = [f for f in validation if f - 1 not in validation]
    assert starts == [90, 290, 490, 690, 890]
    nearest = min(abs(t - v) for t in training for v in validation)
    assert nearest == 21  # 20 frames left out on both sides
    assert len(training) == 1000 - 100 - 5 * 2 * 20
    assert not set(training) & set(validation)


@pytest.mark.parametrize('stretches, gap', [(1, 50), (10, 45), (200, 0)])
def test_a_split_without_room_is_refused(stretches, gap):
    with pytest.raises(ValueError, match='100 frames'):
        split.split_by_stretches(list(range(100)), 0.1, stretches, gap)


def stream(folder, first_epoch=0, recipe=SMALL):
    return list(dataset.training_batches(frames_of(folder), recipe,
                                         first_epoch).as_numpy_iterator())


def test_a_stream_from_a_later_epoch_goes_on_just_there(drive_folder):
    whole = stream(drive_folder)
    per_epoch = len(whole) // 3
    assert per_epoch == len(frames_of(drive_folder)) // 4
    for (image, labels), (image2, labels2) in zip(
            whole[per_epoch:], stream(drive_folder, first_epoch=1), strict=True):
        np.testing.assert_array_equal(image, image2)
        np.testing.assert_array_equal(labels, labels2)
    assert not np.array_equal(whole[0][0], whole[per_epoch][0])  # epochs differ


def test_batches_have_the_range_and_types_of_the_network(drive_folder):
    batches = stream(drive_folder)
    for number, (images, labels) in enumerate(batches):
        size = (16, 32) if number < len(batches) // 3 else (32, 48)  # 1 of 3 epochs is coarse
        assert images.shape == (4, *size, 3) and images.dtype == np.float32
        assert images.min() >= 0 and 100 < images.max() <= 255
        assert labels.shape == (4, *size) and labels.dtype == np.uint8
        assert set(np.unique(labels)) <= {*range(1, 13), 255}


def test_the_parts_of_workers_make_up_the_batches_of_one(drive_folder):
    # But for mix, which takes from the neighbour in a worker's part.
    frames, recipe = frames_of(drive_folder), dataclasses.replace(
        SMALL, epochs=1, coarse=0, augment='view,hood,materials,light,weather,sensor')
    for batches, count in ((dataset.training_batches, 15), (dataset.validation_batches, 16)):
        whole = list(batches(frames, recipe).as_numpy_iterator())
        parts = [list(batches(frames, recipe, share=tf.distribute.InputContext(2, worker, 2))
                      .as_numpy_iterator()) for worker in (0, 1)]
        assert len(whole) == len(parts[0]) == count
        for (images, labels), one, other in zip(whole, *parts, strict=True):
            n = len(images)  # the last batch of a validation is filled up with unlabelled frames
            np.testing.assert_array_equal(np.concatenate([one[0], other[0]])[:n], images)
            np.testing.assert_array_equal(np.concatenate([one[1], other[1]])[:n], labels)
            assert len(one[0]) == len(other[0]) == 2
    assert np.all(other[1] == 255)  # 61 frames are 15 batches and one frame


def test_half_the_size_fits_the_networks():
    assert Recipe().coarse_size == (48, 64) and Recipe().coarse_epochs == 5
    assert Recipe(height=16, width=80).coarse_size == (16, 32)
    assert Recipe(network='unet2015', height=100, width=100).coarse_epochs == 0


def test_resize_takes_pixel_centres():
    """Doubling and halving a label image must not shift it."""
    labels = np.random.default_rng(0).integers(0, 13, (6, 8)).astype(np.uint8)
    image = np.zeros((6, 8, 3), np.uint8)
    _, doubled = dataset.resize(image, labels, 12, 16, 'nearest')
    np.testing.assert_array_equal(doubled, np.kron(labels, np.ones((2, 2), np.uint8)))


@pytest.mark.parametrize('height, width, rule', [
    (80, 160, 'nearest'), (192, 255, 'nearest'), (191, 256, 'nearest'), (192, 256, 'area'),
    (600, 800, 'area')])
def test_auto_averages_large_images_alone_in_training_and_in_the_car(height, width, rule):
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)
    np.testing.assert_array_equal(resize_image(image, 96, 128, 'auto'),
                                  resize_image(image, 96, 128, rule))
    trained, _ = dataset.resize(image, image[..., 0], 96, 128, 'auto')
    expected, _ = dataset.resize(image, image[..., 0], 96, 128, rule)
    np.testing.assert_array_equal(trained, expected)
    if rule == 'nearest':
        np.testing.assert_array_equal(trained, resize_image(image, 96, 128, 'auto'))


def test_spread_and_select(drive_folder):
    frames = frames_of(drive_folder)
    assert [f.image.stem for f in split.spread(frames, 3)] == ['00000', '00030', '00060']
    assert split.spread(frames, 0) == frames
    with pytest.raises(ValueError, match='asks for 99, but there are 61'):
        split.spread(frames, 99)
    assert split.select(frames, ['00002', '00001']) == frames[1:3]
    with pytest.raises(ValueError, match='77777.png'):
        split.select(frames, ['00002', '77777'])
    with pytest.raises(ValueError, match='--only names no frames'):
        split.select(frames, [])
