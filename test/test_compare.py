"""Models side by side, on frames some of whose pixels have no label."""
import json
from pathlib import Path
import resource
import shutil

from conftest import frames_of, ROOT, write_drive
import numpy as np
from PIL import Image
import pytest

from train import compare, evaluate
from unet_perception.model import open_bundle

SHIPPED = ROOT / 'models/carla-fast'


@pytest.fixture(scope='module')
def data(recorded, tmp_path_factory):
    """Return the arguments for four frames: two whole, one with a hole, one without a label."""
    folder = tmp_path_factory.mktemp('partly')
    frames = [(image, truth.copy()) for _, image, truth in recorded[::30][:4]]
    frames[1][1][20:, :70] = 255
    frames[2][1][:] = 255
    write_drive(folder, frames)
    return ['--data', str(folder), '--scheme', 'B']  # the tags as they are, None among them


def other(folder, name, change=lambda manifest: None):
    """Return the path of a copy of the shipped bundle by another name, without int8."""
    shutil.copytree(SHIPPED, folder / name)
    manifest = json.loads((folder / name / 'manifest.json').read_text())
    manifest['name'] = name
    for file in ('openvino_int8', 'openvino_int8_weights'):
        del manifest['files'][file]
    change(manifest)
    (folder / name / 'manifest.json').write_text(json.dumps(manifest))
    return str(folder / name)


def test_a_model_and_its_copy_score_alike(data, tmp_path, capsys):
    def forget(manifest):  # as the bundle of another tool
        del manifest['training']
        manifest['calibration'] = {'temperature': 1.5, 'ece_before': 0.2, 'ece_after': 0.1}

    models = ['carla-fast', other(tmp_path, 'copy', forget)]
    assert compare.main(['--models', *models, *data, '--repeat', '3', '--panel', '9', '--out',
                         str(tmp_path / 'out')]) == 0
    printed = capsys.readouterr().out
    found = json.loads((tmp_path / 'out/comparison.json').read_text())
    assert (found['frames'], found['picture']) == (4, '160x80')
    ours, copy = found['models'].values()
    assert {key for key in ours if ours[key] != copy[key]} == {
        'manifest', 'network', 'training_frames', 'steps', 'temperature', 'latency_ms'}
    assert (ours['network'], ours['steps'], ours['parameters']) == (
        'efficientnet_unet', 2583, 5_240_279)
    assert ours['multiply_adds'] == pytest.approx(1.10e9, rel=0.01)
    assert copy['network'] is copy['steps'] is None and 0.5 < ours['temperature'] < 2
    assert copy['temperature'] == 1.5 and ours['held_out'] == 0  # its own are of other names
    assert {'f32', 'int8'} <= set(ours['latency_ms']) and 'int8' not in copy['latency_ms']
    assert 0 < ours['latency_ms']['f32']['p50'] <= ours['latency_ms']['f32']['p99']
    assert ours['pixels'] == 80 * 160 * 3 - 60 * 70  # those without a label are not scored
    assert sum(row['support'] for row in ours['classes'].values()) == ours['pixels']
    table = (tmp_path / 'out/comparison.md').read_text()
    assert f'| **mean IoU** | {ours["mean_iou"]:.3f} | {copy["mean_iou"]:.3f} |' in table
    assert '| training steps | 2,583 | - |' in table and 'mean IoU' in printed
    assert len({line.count('|') for line in table.splitlines()[2:]}) == 1
    assert Image.open(tmp_path / 'out/comparison.png').width > 500


def test_the_figures_are_those_of_evaluate(data, tmp_path):
    assert compare.main(['--models', 'carla-fast', *data, '--repeat', '1', '--out',
                         str(tmp_path / 'c')]) == 0
    assert evaluate.main(['--model', 'carla-fast', *data, '--out', str(tmp_path / 'e')]) == 0
    model = json.loads((tmp_path / 'c/comparison.json').read_text())['models']['carla-fast']
    for key, value in json.loads((tmp_path / 'e/evaluation.json').read_text()).items():
        if key in model and key != 'manifest':
            np.testing.assert_equal(model[key], value)


@pytest.mark.parametrize('command, flags', [
    (evaluate, ['--model', 'carla-fast']),
    (compare, ['--models', 'carla-fast', '--repeat', '1'])])
def test_a_full_disk_leaves_nothing_behind(command, flags, data, tmp_path, capsys):
    """The system allows no file of more than 8 kB, too little for a picture."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8000, limits[1]))
    try:
        assert command.main([*flags, *data, '--out', str(tmp_path / 'out')]) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert f'error: {tmp_path / "out"} is not written: [Errno' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_frames_that_a_model_has_not_seen_are_counted(data, tmp_path):
    folder = Path(other(tmp_path, 'copy'))
    (folder / 'validation.txt').write_text(f'00001\n{Path(data[1]).name}/00002\nelse/00003\n')
    bundle, frames = open_bundle(folder), frames_of(Path(data[1]))
    assert compare.about(bundle, frames)['held_out'] == 2
    (folder / 'validation.txt').unlink()
    assert compare.about(bundle, frames)['held_out'] is None


def test_what_cannot_be_compared_is_refused(data, tmp_path, capsys):
    def rename(manifest):
        manifest['classes'][3]['name'] = 'Mine'

    out = ['--out', str(tmp_path / 'out')]
    for models, message in (
            (['carla-fast', str(SHIPPED)], 'both named carla-fast'),
            (['carla-fast', other(tmp_path, 'copy', rename)], 'models of the same classes'),
            ([other(tmp_path, 'odd', lambda m: m.update(training='x'))], 'does not tell of'),
            (['no-such'], 'no model bundle at')):
        assert compare.main(['--models', *models, *data, *out]) == 1
        assert message in capsys.readouterr().err
    (tmp_path / 'out').mkdir()
    assert compare.main(['--models', 'carla-fast', *data, *out]) == 1
    assert 'exists already' in capsys.readouterr().err
