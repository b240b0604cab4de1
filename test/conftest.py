"""What the tests share: the recorded drive, its frames as a folder, a ROS domain of their own."""
from importlib.util import find_spec
import os
from pathlib import Path
import random
import signal
import subprocess
import sys

import numpy as np
from PIL import Image
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # train/ runs from the checkout and is not installed
DRIVE = ROOT / 'demo' / 'town07_drive'
CAMERA = '/carla/ego_vehicle/rgb_front'
SEMANTIC = '/carla/ego_vehicle/semantic_segmentation_front'


def domain(run, worker):
    """
    Return the ROS domain of a run's worker ('gw0', ...), 1 to 50: no two of its workers share it.

    Nor does replay.private_domain(), which takes one above.
    """
    return 1 + (random.Random(run).randrange(50) + int(worker.removeprefix('gw'))) % 50


# A shell ignores SIGINT for what it runs in the background; the tests' own processes must not.
signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
os.environ['ROS_DOMAIN_ID'] = str(domain(  # before the first rclpy.init()
    os.environ.get('PYTEST_XDIST_TESTRUNUID', os.getpid()),
    os.environ.get('PYTEST_XDIST_WORKER', 'gw0')))
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
os.environ['FASTRTPS_DEFAULT_PROFILES_FILE'] = str(ROOT / 'config' / 'fastdds.xml')

# A ROS workspace has no TensorFlow, and there is no carla wheel for every machine. Not by
# pytest.importorskip() in these files: launch_testing, which pytest loads there, imports each file
# of a folder and takes a skip as one of the folder.
NEED_TENSORFLOW = ['test_benchmark.py', 'test_compare.py', 'test_dataset.py', 'test_drives.py',
                   'test_efficientnet.py', 'test_export.py', 'test_finetune.py', 'test_fit.py',
                   'test_hostile_models.py', 'test_metrics.py', 'test_report.py', 'test_resize.py',
                   'test_scores.py', 'test_segmenter.py', 'test_shipped.py', 'test_steps.py',
                   'test_temperature.py', 'test_unet.py', 'test_workers.py']
NEED_CARLA = ['test_record.py', 'test_standin.py', 'test_carla_cameras.py']
LEFT_OUT = {name: files for name, modules, files in (
    ('TensorFlow (make train-env)', ['tensorflow'], NEED_TENSORFLOW),
    ('hypothesis', ['hypothesis'], ['test_properties.py']),
    ('matplotlib', ['matplotlib'], ['test_soak.py']),
    ("CARLA's client (pip install carla msgpack)", ['carla', 'msgpack'], NEED_CARLA))
    if not all(map(find_spec, modules))}
collect_ignore = sum(LEFT_OUT.values(), [])


@pytest.fixture(scope='session', autouse=True)
def cache_folder(tmp_path_factory):
    """Let the commands remember what they checked in a place of the tests' own."""
    # matplotlib's fonts stay where they are; to find them again takes seconds.
    os.environ.setdefault('MPLCONFIGDIR', str(Path('~/.cache/matplotlib').expanduser()))
    os.environ['XDG_CACHE_HOME'] = str(tmp_path_factory.mktemp('cache'))


def pytest_report_header():
    """Say what is left out."""
    return [f'without {name}, so without {", ".join(files)}' for name, files in LEFT_OUT.items()]


@pytest.fixture(scope='session')
def recorded():
    """Return the recorded drive as a list of (stamp in ns, RGB image, tags of scheme A)."""
    from unet_perception import bags
    from unet_perception.labels import colors_to_tags
    images = bags.read_images(DRIVE, f'{CAMERA}/image')
    truths = bags.read_images(DRIVE, f'{SEMANTIC}/image')
    return [(stamp, image, colors_to_tags(truth, 'A'))
            for (stamp, image), (other, truth) in zip(images, truths, strict=True)
            if stamp == other]


@pytest.fixture(scope='session')
def drive_folder(recorded, tmp_path_factory):
    """Return a CameraRGB/ and CameraMask/ folder of 61 real frames. Do not change it."""
    folder = tmp_path_factory.mktemp('drive')
    write_drive(folder, [(image, truth) for _, image, truth in recorded[::2]])
    return folder


def frames_of(folder, scheme='A'):
    """Return the Frames of a drive."""
    from train.drive import find_frames, open_drive
    return find_frames(open_drive(folder, scheme))


def write_drive(folder, frames):
    """Write (image, tags) pairs as a drive; the tags into the red channel, as CARLA does."""
    for sub in ('CameraRGB', 'CameraMask'):
        (folder / sub).mkdir(parents=True)
    for number, (image, tags) in enumerate(frames):
        mask = np.zeros((*tags.shape, 3), np.uint8)
        mask[..., 0] = tags
        Image.fromarray(image).save(folder / 'CameraRGB' / f'{number:05d}.png')
        Image.fromarray(mask).save(folder / 'CameraMask' / f'{number:05d}.png')


def printing_into(path, command):
    """Run a command with stdout going to a path, '' for a pipe that nobody reads; return it."""
    if path:
        out = os.open(path, os.O_WRONLY)
    else:
        reader, out = os.pipe()
        os.close(reader)
    try:
        return subprocess.run(command, cwd=ROOT, stdout=out, stderr=subprocess.PIPE, text=True,
                              env={**os.environ, 'PYTHONIOENCODING': 'ascii'})
    finally:
        os.close(out)
