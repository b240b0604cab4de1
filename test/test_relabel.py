"""The tag None of old recordings, split into sky and ground."""
import resource

from conftest import write_drive
import cv2
import numpy as np
from PIL import Image
import pytest

from train import relabel
from train.check import check_frames
from train.drive import find_frames, open_drive

SKY, TERRAIN, IGNORE = 13, 22, 255
HEIGHT, WIDTH = 80, 160


def scene(number=0):
    """
    Return RGB image, tags, and what the pixels of None should become.

    A pale sky over brown rough ground, a road in it, a rough hill that reaches the upper edge, a
    tree with a hole, a wire in the sky and, in scene 0, a pale puddle on the ground.
    """
    rng = np.random.default_rng(number)
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    tags, truth = np.zeros((2, HEIGHT, WIDTH), np.uint8)
    image[:40] = np.linspace((150, 165, 190), (205, 205, 215), 40)[:, None]
    truth[:40], truth[40:] = SKY, TERRAIN
    rough = rng.integers(-25, 26, (HEIGHT, WIDTH, 1))
    image[40:] = np.clip((110, 100, 70) + rough[40:], 0, 255)
    image[:40, 140:] = np.clip((110, 100, 70) + rough[:40, 140:], 0, 255)
    truth[:40, 140:] = TERRAIN
    tags[50:, 60:100], image[50:, 60:100] = 7, (128, 128, 130)
    tags[10:45, 20:40], image[10:45, 20:40] = 9, (40, 70, 30)
    tags[20:24, 28:32], image[20:24, 28:32] = 0, (165, 175, 195)
    image[15, 45:135], truth[15, 45:135] = (60, 50, 40), IGNORE
    if number == 0:
        image[60:64, 120:130], truth[60:64, 120:130] = (160, 172, 194), IGNORE
    truth[tags > 0] = tags[tags > 0]
    return image, tags, truth


def test_sky_ground_and_what_is_neither_are_told_apart():
    frames = [scene(i) for i in range(6)]
    pairs = [(image[..., ::-1].copy(), tags) for image, tags, _ in frames]
    colors = relabel.colors_of(pairs, 0.5)
    for (image, tags), (_, _, truth) in zip(pairs, frames):
        labels = relabel.split_none(image, tags, colors, 0.5)
        known = truth < IGNORE
        np.testing.assert_array_equal(labels[tags > 0], tags[tags > 0])
        assert np.mean(labels[known] == truth[known]) > 0.99
        # What is left out may be wrong nowhere: neither is the wire ground nor the puddle sky.
        assert not np.isin(labels[15, 50:130], (TERRAIN,)).any()
        assert not (labels[40:] == SKY).any()
        assert (labels[20:24, 28:32] == SKY).all()  # through the tree


def test_a_drive_without_sky_says_what_is_missing():
    image, tags, _ = scene()
    tags = np.where(np.arange(HEIGHT)[:, None] < 45, 1, tags).astype(np.uint8)
    with pytest.raises(ValueError, match='check --horizon'):
        relabel.colors_of([(image, tags)], 0.5)


def test_the_command_writes_a_drive_of_scheme_b(tmp_path, capsys):
    write_drive(tmp_path / 'old', [scene(i)[:2] for i in range(4)])
    command = ['--data', str(tmp_path / 'old'), '--out', str(tmp_path / 'new'), '--town', 'Town07',
               '--sheet', str(tmp_path / 'sheet.png')]
    assert relabel.main(command) == 0
    drive = open_drive(tmp_path / 'new')
    assert (drive.scheme, drive.town) == ('B', 'Town07')
    frames = find_frames(drive)
    check_frames(frames)
    assert len(frames) == 4 and cv2.imread(str(tmp_path / 'sheet.png')) is not None
    assert SKY in cv2.imread(str(frames[0].mask), cv2.IMREAD_UNCHANGED)
    assert frames[0].image.read_bytes() == (
        tmp_path / 'old/CameraRGB' / frames[0].image.name).read_bytes()
    assert relabel.main(command) == 1  # nothing is overwritten
    assert 'exists already' in capsys.readouterr().err
    assert relabel.main(['--data', str(tmp_path / 'new'), '--out', str(tmp_path / 'x')]) == 1
    assert 'scheme B' in capsys.readouterr().err and not (tmp_path / 'x').exists()


def test_a_drive_that_cannot_be_read_leaves_nothing(tmp_path, capsys):
    write_drive(tmp_path / 'old', [scene(i)[:2] for i in range(3)])
    mask = sorted((tmp_path / 'old/CameraMask').iterdir())[2]
    mask.write_bytes(mask.read_bytes()[:60])
    assert relabel.main(['--data', str(tmp_path / 'old'), '--out', str(tmp_path / 'new')]) == 1
    assert mask.name in capsys.readouterr().err
    Image.fromarray(scene()[1].astype(np.uint16)).save(mask)
    assert relabel.main(['--data', str(tmp_path / 'old'), '--out', str(tmp_path / 'new')]) == 1
    assert f'{mask.name} is a PNG of 16-bit grey' in capsys.readouterr().err
    Image.fromarray(scene()[1]).convert('P').save(mask)
    assert relabel.main(['--data', str(tmp_path / 'old'), '--out', str(tmp_path / 'new')]) == 1
    assert f'{mask.name} is a PNG of 8-bit palette' in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ['old']


def test_a_full_disk_leaves_nothing(tmp_path, capsys):
    """The system allows files as large as the masks, not as the sheet."""
    write_drive(tmp_path / 'old', [scene(i)[:2] for i in range(3)])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8000, limits[1]))
    try:
        assert relabel.main(['--data', str(tmp_path / 'old'), '--out', str(tmp_path / 'new'),
                             '--sheet', str(tmp_path / 'sheet.png')]) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert 'sheet.png is not written: [Errno' in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ['old']
