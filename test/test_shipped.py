"""The commands that train the shipped models again, run small from a recording to the figures."""
import json
import os
import shutil
import subprocess

from conftest import ROOT
import numpy as np
import pytest

from train import efficientnet, finetune, networks
from train.recipe import Recipe
from train.torch_file import read_state_dict
from unet_perception.model import open_bundle

pytestmark = pytest.mark.skipif(not (ROOT / '.venv-full' / 'ready').exists(),
                                reason='make train-env makes the environment that they take')


def make(*arguments):
    """Run make in the checkout; return its exit code and all that it printed."""
    # Not by what the make that these tests may run under was given.
    env = {name: value for name, value in os.environ.items() if not name.startswith('MAKE')}
    done = subprocess.run(['make', *arguments], cwd=ROOT, env=env, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


def test_carla_fast_comes_from_a_recording_and_imagenet_by_one_command(drive_folder, tmp_path):
    command = ['carla-fast', f'TOWN07={drive_folder}', f'RETRAINED={tmp_path}',
               *(f'RENDER_{seed}=--drives 1 --frames 4 --size 64x32' for seed in (1, 77)),
               'FLAGS=--height 32 --width 64 --filters 2 --batch 8 --frames 16 --epochs 1 '
               '--val-gap 1 --calibration-frames 0']
    code, printed = make(*command)
    assert code == 0 and 'starts from ImageNet weights' in printed, printed
    run = tmp_path / 'runs' / 'carla-fast'
    start = networks.build(Recipe.load(run / 'recipe.json'))
    start.load_weights(run / finetune.INITIAL)
    stem = read_state_dict(efficientnet.weights_file())['_conv_stem.weight']
    np.testing.assert_array_equal(
        start.get_layer('efficientnet_unet').get_layer('stem').get_weights()[0],
        stem.transpose(2, 3, 1, 0))
    bundle = open_bundle(tmp_path / 'models' / 'carla-fast')
    assert (bundle.height, bundle.width) == (32, 64)
    figures = json.loads((tmp_path / 'scores/carla-fast-streets/evaluation.json').read_text())
    assert figures['frames'] == 4

    shutil.rmtree(bundle.path)  # as if it had been stopped before
    shutil.rmtree(tmp_path / 'scores' / 'carla-fast-streets')
    code, printed = make('-n', *command)
    assert code == 0 and f'--resume {run}' in printed
    assert printed.count('train.evaluate') == 1
    assert 'train.relabel' not in printed and 'train.render' not in printed


def test_carla_accurate_goes_on_from_carla_fast(tmp_path):
    """All but the training itself: train.fit takes the recipe, and misses the frames."""
    (tmp_path / 'town07').mkdir()
    for seed in (3, 4):
        (tmp_path / f'rendered-{seed}.done').touch()
    code, printed = make('carla-accurate', f'RETRAINED={tmp_path}')
    assert code == 2 and '--from carla-fast' in printed
    assert f'error: {tmp_path}/town07/CameraRGB is not there' in printed


def test_a_recording_that_is_not_there_is_named(tmp_path):
    code, printed = make('carla-fast', 'TOWN07=/nowhere', f'RETRAINED={tmp_path / "new"}')
    assert code == 2 and "TOWN07='/nowhere' holds no CameraRGB/" in printed
    assert not (tmp_path / 'new').exists()
