"""The commands that train the shipped models again, run small from a recording to the figures."""
import json
import os
import shutil
import subprocess

from conftest import ROOT
import pytest

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


def test_carla_accurate_comes_from_a_recording_by_one_command(drive_folder, tmp_path):
    command = ['carla-accurate', f'TOWN07={drive_folder}', f'RETRAINED={tmp_path}',
               *(f'RENDER_{seed}=--drives 1 --frames 4 --size 64x32' for seed in (3, 4, 77)),
               'FLAGS=--height 64 --width 96 --batch 8 --epochs 1 --frames 16 --val-gap 1']
    code, printed = make(*command)
    assert code == 0, printed
    bundle = open_bundle(tmp_path / 'models' / 'carla-accurate')
    assert bundle.height == 64
    recipe = json.loads((bundle.path / 'manifest.json').read_text())['training']['recipe']
    assert recipe['base'].startswith('carla-fast ') and recipe['learning_rate'] == 1.5e-3
    scores = {name: json.loads((tmp_path / 'scores' / f'carla-accurate-{name}' /
                                'evaluation.json').read_text()) for name in ('town07', 'streets')}
    assert scores['streets']['frames'] == 4

    shutil.rmtree(bundle.path)  # as if it had been stopped before
    shutil.rmtree(tmp_path / 'scores' / 'carla-accurate-streets')
    code, printed = make('-n', *command)
    assert code == 0 and f'--resume {tmp_path / "runs" / "carla-accurate"}' in printed
    assert printed.count('train.evaluate') == 1
    assert 'train.relabel' not in printed and 'train.render' not in printed


def test_a_recording_that_is_not_there_is_named(tmp_path):
    code, printed = make('carla-fast', 'TOWN07=/nowhere', f'RETRAINED={tmp_path / "new"}')
    assert code == 2 and "TOWN07='/nowhere' holds no CameraRGB/" in printed
    assert not (tmp_path / 'new').exists()
