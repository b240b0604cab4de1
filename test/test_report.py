"""The report on a data set: its counts, its warnings, its picture."""
import json
import subprocess
import sys

from conftest import frames_of, ROOT, write_drive
import cv2
import numpy as np
from PIL import Image
import pytest

from train import report
from train.drive import open_drive
from train.survey import survey
from train.suspicions import suspicions
from unet_perception.labels import NAMES


def look(folder, scheme='A', town=None):
    """Return the Survey of a drive."""
    if town:
        (folder / 'drive.json').write_text(json.dumps(
            {'format_version': 1, 'scheme': scheme, 'town': town}))
    return survey(open_drive(folder, scheme), frames_of(folder, scheme))


@pytest.fixture(scope='module')
def real(recorded):
    """Return 20 real frames: RGB and tags of scheme A."""
    return [frame[1:] for frame in recorded[:100:5]]


def test_the_counts_are_those_of_the_masks(real, tmp_path):
    write_drive(tmp_path, real)
    found = look(tmp_path)
    masks = np.stack([tags for _, tags in real])
    np.testing.assert_array_equal(found.pixels, np.bincount(masks.ravel(), minlength=256))
    np.testing.assert_array_equal(found.upper, np.bincount(masks[:, :26].ravel(), minlength=256))
    np.testing.assert_array_equal(
        found.class_frames, [0, *((masks == label).any((1, 2)).sum() for label in range(1, 23))])
    assert (found.frames, found.sizes) == (20, {(160, 80): 20})
    grey = [cv2.resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (32, 24),
                       interpolation=cv2.INTER_AREA).astype(float) for rgb, _ in real]
    np.testing.assert_allclose(found.changes, [abs(a - b).mean() for a, b in zip(grey, grey[1:])],
                               atol=0.1)
    assert suspicions([found]) == []


def test_tags_of_several_kinds_are_one_class(tmp_path):
    """Cars and trucks of scheme C are Vehicles, and a frame with both is one frame."""
    write_drive(tmp_path, [(np.zeros((6, 6, 3), np.uint8), np.repeat(np.uint8([14, 15, 1]), 12)
                            .reshape(6, 6))] * 2)
    found = look(tmp_path, 'C')
    assert {NAMES[i]: (found.class_pixels[i], found.class_frames[i])
            for i in np.flatnonzero(found.class_frames)} == {'Vehicles': (48, 2), 'Road': (24, 2)}


def test_the_text_and_the_picture(real, tmp_path, capsys):
    for number, town in enumerate(('Town01', 'Town02')):
        write_drive(tmp_path / town, real[10 * number:10 * number + 10])
        (tmp_path / town / 'drive.json').write_text(json.dumps(
            {'format_version': 1, 'scheme': 'A', 'town': town, 'weather': {'name': 'Noon'}}))
    plot = tmp_path / 'plots/data.png'
    assert report.main(['--data', str(tmp_path), '--plot', str(plot)]) == 0
    text = capsys.readouterr().out
    for expected in ('Town01, Noon', '160x80', 'Road', 'Town02', 'never: Unlabeled'):
        assert expected in text
    assert Image.open(plot).width > 1000
    assert report.main(['--data', str(tmp_path), '--plot', str(plot)]) == 1
    assert 'exists already' in capsys.readouterr().err
    assert report.main(['--data', str(tmp_path / 'nothing')]) == 1
    assert 'CameraRGB is not there' in capsys.readouterr().err


def test_what_looks_wrong_is_said(real, tmp_path, capsys):
    images, masks = zip(*real)
    bad = np.array(masks)
    bad[3, :2] = 29
    drives = {'outside': (images, bad), 'copies': ([images[0]] * 20, masks)}
    for name, (pictures, tags) in drives.items():
        write_drive(tmp_path / name, zip(pictures, tags))
    (tmp_path / 'copies/CameraMask/00007.png').write_bytes(b'')
    assert report.main(['--data', str(tmp_path), '--scheme', 'A']) == 3
    error = capsys.readouterr().err
    assert 'outside: tag 29, outside scheme A, is in 1 frames, 0.12% of the pixels' in error
    assert 'copies: 1 frames cannot be used, such as: ' in error and '00007.png is not' in error
    assert 'copies: 100% of the frames hardly differ from the one before' in error
    assert 'copies and outside: 1 images are the same in each' in error


def test_another_scheme_is_suspected(real, tmp_path):
    """Road (7 in A) is a traffic light in C; and what A leaves without a label is sky in B."""
    write_drive(tmp_path / 'd', real)
    assert 'of the pixels are TrafficLight; is C the right scheme?' in ' '.join(
        suspicions([look(tmp_path / 'd', 'C')]))
    assert 'are Unlabeled, though the sky has a tag of its own' in ' '.join(
        suspicions([look(tmp_path / 'd', 'B')]))
    write_drive(tmp_path / 'off', [(image, np.where(tags == 7, 9, tags)) for image, tags in real])
    assert suspicions([look(tmp_path / 'off')]) == [
        'off: only 0.0% of the pixels are Road; is A the right scheme?']


@pytest.mark.parametrize('tag, name', [(12, 'Pedestrian'), (18, 'Motorcycle')])
def test_traffic_lights_tagged_as_something_else(tmp_path, tag, name):
    """As in issue 9356 of CARLA: where the lights hang is what walks or rides."""
    tags = np.full((90, 120), 1, np.uint8)
    tags[:45] = 11
    noise = np.random.default_rng(0).integers(0, 255, (3, 90, 120, 3), np.uint8)
    tags[10:20, 50:55] = tag
    write_drive(tmp_path / 'wrong', [(image, tags) for image in noise])
    sentences = suspicions([look(tmp_path / 'wrong', 'C', 'Town03')])
    assert len(sentences) == 2
    assert 'TrafficLight never occurs, though Town03 has traffic lights' in sentences[0]
    assert f'100.00% of the pixels tagged {name} are in the upper 1/3' in sentences[1]
    right = tags.copy()
    right[10:20, 50:55] = 7
    right[50:60, 50:55] = tag
    write_drive(tmp_path / 'right', [(image, right) for image in noise])
    assert suspicions([look(tmp_path / 'right', 'C', 'Town03')]) == []


def test_the_command_needs_no_tensorflow():
    script = ('import runpy, sys\n'
              'sys.argv[1:] = ["--help"]\n'
              'try: runpy.run_module("train.dataset", run_name="__main__")\n'
              'except SystemExit as end: print(end.code, "tensorflow" in sys.modules)')
    done = subprocess.run([sys.executable, '-c', script], cwd=ROOT, capture_output=True,
                          text=True, check=True)
    assert done.stdout.splitlines()[-1] == '0 False'
    assert 'python -m train.dataset' in done.stdout
