"""Training end to end, on real frames with a very small network."""
import dataclasses
import json
import math
import os
import re
import resource
import signal
import subprocess
import sys
import time

from conftest import frames_of, ROOT, write_drive
import keras
import numpy as np
from PIL import Image
import pytest

from train import bundle, check, evaluate, export, fit, networks, plots, split, unet
from train.checkpoints import Checkpoints
from train.recipe import Recipe
from unet_perception.labels import COLORS, NAMES
from unet_perception.model import open_bundle
from unet_perception.segmenter import Segmenter

SMALL = ['--scheme', 'A', '--height', '32', '--width', '48', '--filters', '4', '--batch', '4',
         '--epochs', '4', '--val-stretches', '2', '--val-gap', '2', '--val-fraction', '0.2',
         '--learning-rate', '0.01', '--calibration-frames', '0']


def arguments(drive_folder, tmp_path, *more):
    return ['--data', str(drive_folder), '--runs', str(tmp_path / 'runs'),
            '--models', str(tmp_path / 'models'), *more]


@pytest.fixture(scope='module')
def trained(drive_folder, tmp_path_factory):
    """Return the folder with runs/whole and models/whole of an uninterrupted run."""
    folder = tmp_path_factory.mktemp('trained')
    assert fit.main(arguments(drive_folder, folder, '--name', 'whole', *SMALL)) == 0
    return folder


def test_training_learns_and_leaves_what_a_person_looks_at(trained):
    run = trained / 'runs/whole'
    rows = np.genfromtxt(run / 'history.csv', delimiter=',', names=True)
    assert list(rows['epoch']) == [1, 2, 3, 4]
    assert rows['loss'][-1] < 0.7 * rows['loss'][0]
    for name in ('curves.png', 'panel_01.png', 'panel_04.png'):
        assert Image.open(run / name).width > 500
    assert list((run / 'tensorboard').rglob('events.out.tfevents.*'))
    assert json.loads((run / 'recipe.json').read_text())['filters'] == 4


def test_the_bundle_says_how_it_came_about(trained):
    manifest = json.loads((trained / 'models/whole/manifest.json').read_text())
    assert manifest['input'] == {'height': 32, 'width': 48, 'color': 'rgb', 'range': [0, 255]}
    assert len(manifest['classes']) == 23
    assert manifest['training']['recipe']['epochs'] == manifest['training']['epochs'] == 4
    assert manifest['training']['data']['validation_frames'] == 12
    assert 0 < manifest['validation']['mean_iou'] < 1
    assert open_bundle(trained / 'models/whole').names[7] == 'Road'


def weights(run):
    network = networks.build(fit_recipe(run))
    network.load_weights(run / 'kept.weights.h5')
    return network.get_weights()


def fit_recipe(run):
    return Recipe.load(run / 'recipe.json')


def test_a_killed_run_ends_as_if_it_had_never_stopped(trained, drive_folder, tmp_path):
    process = subprocess.Popen(
        [sys.executable, '-m', 'train.fit',
         *arguments(drive_folder, tmp_path, '--name', 'killed', *SMALL)],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    run = tmp_path / 'runs/killed'
    give_up = time.time() + 120
    while not (run / 'panel_02.png').exists():  # drawn after the second epoch is saved
        assert process.poll() is None and time.time() < give_up
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (run / 'panel_04.png').exists(), 'the run was over before it could be killed'
    assert fit.main(arguments(drive_folder, tmp_path, '--resume', str(run))) == 0
    assert (run / 'history.csv').read_text() == (
        trained / 'runs/whole/history.csv').read_text()
    for resumed, whole in zip(weights(run), weights(trained / 'runs/whole'), strict=True):
        np.testing.assert_array_equal(resumed, whole)
    assert open_bundle(tmp_path / 'models/killed')


def test_a_full_disk_ends_it_with_a_sentence_and_it_goes_on(drive_folder, tmp_path):
    most = 500_000  # bytes of a file: less than the checkpoint, more than the weights
    done = subprocess.run(
        [sys.executable, '-m', 'train.fit',
         *arguments(drive_folder, tmp_path, '--name', 'full', *SMALL, '--epochs', '1')], cwd=ROOT,
        capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)))
    run = tmp_path / 'runs/full'
    assert done.returncode == 1 and 'Traceback' not in done.stderr
    assert f'error: epoch 1 is not saved in {run}: ' in done.stderr
    assert fit.main(arguments(drive_folder, tmp_path, '--resume', str(run))) == 0
    assert open_bundle(tmp_path / 'models/full')


def test_the_seed_recipe_and_the_baselines_train(drive_folder, tmp_path):
    once = ['--epochs', '1', '--filters', '2', '--frames', '16']
    seed = ['--loss', 'cross-entropy', '--schedule', 'constant', '--clip', '0', '--coarse', '0',
            '--augment', 'none', '--resize', 'nearest', '--precision', 'float32', '--keep', 'last']
    assert fit.main(arguments(drive_folder, tmp_path, '--name', 'seed', *SMALL, *once, *seed)) == 0
    assert open_bundle(tmp_path / 'models/seed').resize == 'nearest'
    for network, size in (('fcn', '32'), ('unet2015', '100')):
        assert fit.main(arguments(
            drive_folder, tmp_path, '--name', network, *SMALL, *once, '--network', network,
            '--height', size, '--width', size)) == 0
        assert open_bundle(tmp_path / 'models' / network).height == int(size)


def test_what_cannot_work_is_refused_before_anything_is_written(
        trained, drive_folder, tmp_path, capsys):
    def error(*more, models=tmp_path):
        assert fit.main(['--data', str(drive_folder), '--runs', str(tmp_path / 'runs'),
                         '--models', str(models / 'models'), *more]) == 1
        assert not (tmp_path / 'runs').exists()
        return capsys.readouterr().err

    assert 'height is 50' in error('--name', 'x', *SMALL, '--height', '50')
    assert '--frames asks for 999' in error('--name', 'x', *SMALL, '--frames', '999')
    assert 'less than a batch of 64' in error('--name', 'x', *SMALL, '--batch', '64')
    assert 'whole exists already' in error('--name', 'whole', *SMALL, models=trained)
    assert 'no recipe.json' in error('--resume', str(tmp_path / 'nothing'))
    assert 'is not there' in error('--name', 'x', *SMALL, '--data', str(tmp_path))
    assert 'leave no room' in error('--name', 'x', *SMALL, '--val-gap', '40')


def test_resuming_with_other_data_is_refused(trained, recorded, tmp_path, capsys):
    write_drive(tmp_path / 'other', [frame[1:] for frame in recorded[:50]])
    assert fit.main(['--data', str(tmp_path / 'other'), '--models', str(tmp_path / 'm'),
                     '--resume', str(trained / 'runs/whole')]) == 1
    assert 'of the drive drive' in capsys.readouterr().err


@pytest.mark.parametrize('name', ['x' * 101, 'a\nb'])
def test_a_name_that_no_bundle_may_have_is_refused_before_the_work(name, tmp_path, capsys):
    run = tmp_path / name
    run.mkdir()
    nowhere = ['--data', str(tmp_path / 'nothing'), '--models', str(tmp_path / 'models')]
    for command, flags in ((fit, ['--name', name]), (fit, ['--resume', str(run)]),
                           (export, [str(run)])):
        assert command.main([*nowhere, *flags]) == 1
        assert 'has a name that is no text of 1 to 100 letters' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [run]


@pytest.mark.parametrize('text, message', [
    ('[]', "has no attribute 'items'"), ('{"epochs": "2"}', "epochs cannot be '2'"),
    ('{"height": true}', 'height cannot be True'), ('{"epochs": 10.0}', 'epochs cannot be 10.0'),
    ('{"val_town": [5]}', r'val_town cannot be \(5,\)'), ('{"new": 1}', "argument 'new'"),
    ('[' * 100_000, 'recursion')])
def test_a_recipe_that_cannot_be_is_refused(text, message, tmp_path, capsys):
    (tmp_path / 'recipe.json').write_text(text)
    assert fit.main(['--data', str(tmp_path), '--resume', str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert re.search(f'recipe.json is not a recipe of this version: .*{message}', error)


def test_a_recipe_is_read_as_it_was_written(tmp_path):
    recipe = Recipe(scheme='B', coarse=1, val_town=('Town01',), cache=False)
    recipe.save(tmp_path / 'recipe.json')
    assert Recipe.load(tmp_path / 'recipe.json') == recipe


@pytest.mark.parametrize('text', ['[]', '{"drives": [1]}', 'x', '{"drives": "x"}'])
def test_a_run_that_does_not_tell_its_data_is_refused(text, tmp_path):
    (tmp_path / 'data.json').write_text(text)
    with pytest.raises(ValueError, match='data.json does not tell what the run was trained on: '):
        split.check_same(tmp_path, {'drives': {}})


@pytest.mark.parametrize('part', ['index', 'data-00000-of-00001'])
def test_a_checkpoint_that_is_cut_off_is_refused(part, tmp_path):
    network = networks.build(Recipe(height=16, width=16, filters=1))
    variables = [v.value for v in network.variables]
    Checkpoints(network, variables, 'best', tmp_path).save(
        1, {'loss': 1.0, 'val_loss': 1.0, 'val_miou': 0.5})
    assert Checkpoints(network, variables, 'best', tmp_path).restore() == 1
    os.truncate(tmp_path / 'checkpoints/checkpoint', 20)  # TensorFlow's list of them
    assert Checkpoints(network, variables, 'best', tmp_path).restore() == 1
    os.truncate(tmp_path / f'checkpoints/ckpt-1.{part}', 100)
    with pytest.raises(ValueError, match='the checkpoint .*ckpt-1 cannot be read: .*; start'):
        Checkpoints(network, variables, 'best', tmp_path).restore()


def test_resuming_with_another_recipe_is_refused_by_the_flags_name(
        trained, drive_folder, tmp_path, capsys):
    command = arguments(drive_folder, tmp_path, '--resume', str(trained / 'runs/whole'))
    assert fit.main([*command, '--batch', '4', '--val-gap', '9', '--augment', 'none']) == 1
    error = capsys.readouterr().err
    assert '--augment none (the run has view,' in error and '--val-gap 9 (the run has 2)' in error
    assert '--batch' not in error


@pytest.mark.parametrize('flags, message', [
    (['--val-gap', '-1'], '-1 is not at least 0'), (['--frames', '-5'], '-5 is not at least 0'),
    (['--learning-rate', '0'], '0.0 is not more than 0'),
    (['--learning-rate', 'nan'], 'nan is not more than 0'),
    (['--clip', '-1'], '-1.0 is not at least 0'), (['--seed', '-1'], '-1 is not from 0'),
    (['--val-fraction', '1'], '1.0 is not between 0 and 1'),
    (['--epochs', 'ten'], "invalid int value: 'ten'"),
    (['--name', '../x'], "'../x' is not the plain name"), (['--name', '..'], 'is not the plain')])
def test_flags_out_of_range_are_refused(flags, message, drive_folder, tmp_path, capsys):
    with pytest.raises(SystemExit):
        fit.main(arguments(drive_folder, tmp_path, '--name', 'x', *SMALL, *flags))
    assert message in capsys.readouterr().err


@pytest.mark.parametrize('command', [fit, evaluate])
def test_the_scheme_is_never_guessed(command, drive_folder, tmp_path, capsys):
    assert command.main(['--data', str(drive_folder), *(
        ['--name', 'x', '--runs', str(tmp_path), '--models', str(tmp_path)] if command is fit else
        ['--model', str(ROOT / 'models/carla-fast'), '--out', str(tmp_path / 'out')])]) == 1
    assert "has no drive.json that names its masks' tag scheme; name it by --scheme" in (
        capsys.readouterr().err)


def test_places_that_cannot_be_used_are_refused_before_the_work(
        trained, drive_folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(check, 'check_frames', None)  # would be the first of the work
    (tmp_path / 'file').write_text('')
    for flags in (['--models', str(tmp_path / 'file')], ['--runs', str(tmp_path / 'file/runs')]):
        assert fit.main(arguments(drive_folder, tmp_path, '--name', 'x', *SMALL, *flags)) == 1
        assert f'folder {flags[1]} cannot be made' in capsys.readouterr().err
    assert export.main([str(trained / 'runs/whole'), '--models', str(tmp_path / 'file')]) == 1
    assert 'file cannot be made' in capsys.readouterr().err
    command = ['--model', str(trained / 'models/whole'), '--data', str(drive_folder),
               '--scheme', 'A', '--out']
    assert evaluate.main([*command, str(tmp_path / 'file/out')]) == 1
    assert 'file cannot be made' in capsys.readouterr().err
    assert evaluate.main([*command, str(tmp_path / 'out'), '--only', '/nope']) == 1
    assert '/nope' in capsys.readouterr().err


def test_a_diverged_run_makes_no_bundle(trained, drive_folder, tmp_path, capsys):
    wild = ['--learning-rate', '1e30', '--clip', '0', '--schedule', 'constant', '--epochs', '2',
            '--frames', '16', '--precision', 'float32']
    assert fit.main(arguments(drive_folder, tmp_path, '--name', 'wild', *SMALL, *wild)) == 1
    error = capsys.readouterr().err
    assert 'training diverged in epoch 1' in error and 'lower --learning-rate' in error
    assert list((tmp_path / 'models').iterdir()) == []
    recipe = fit_recipe(trained / 'runs/whole')
    network = networks.build(recipe)
    network.set_weights([w * np.nan for w in network.get_weights()])
    with pytest.raises(ValueError, match='not finite'):
        bundle.write_bundle(tmp_path / 'models/nan', network, recipe, trained / 'runs/whole')
    assert list((tmp_path / 'models').iterdir()) == []


def test_validation_frames_without_a_label_give_no_figures(tmp_path):
    """For a mIoU that is NaN would make no bundle."""
    write_drive(tmp_path, [(np.zeros((8, 12, 3), np.uint8), np.full((8, 12), 255, np.uint8))])
    assert bundle.figures(open_bundle('carla-fast'), frames_of(tmp_path)) == {}


def test_a_variance_beyond_float16_is_no_divergence(trained, tmp_path):
    """A network of batch normalisation met one of 191,906 in a run that went well."""
    recipe = dataclasses.replace(fit_recipe(trained / 'runs/whole'), network='efficientnet_unet',
                                 height=32, width=64)
    keras.utils.set_random_seed(1)
    network = networks.build(recipe)
    layer = next(layer for layer in network.layers[-1].layers[::-1]
                 if isinstance(layer, keras.layers.BatchNormalization))
    layer.moving_variance.assign(np.full(layer.moving_variance.shape, 2e5))
    layer.gamma.assign(np.full(layer.gamma.shape, 400.0))
    made = bundle.write_bundle(tmp_path / 'models/wide', network, recipe, trained / 'runs/whole')
    pixels = np.random.default_rng(0).integers(0, 256, (32, 64, 3)).astype(np.uint8)
    logits = network.predict_on_batch(pixels[None].astype(np.float32))
    for runtime in ('keras', 'openvino'):
        labels = Segmenter(made, runtime=runtime, device='cpu')(pixels).labels
        assert (labels == logits[0].argmax(-1)).mean() > 0.98


@pytest.mark.parametrize('mious, best', [([math.nan, 0.3, 0.2], 2), ([0.3, math.nan, 0.3], 1)])
def test_nan_is_never_the_best_epoch(mious, best, tmp_path):
    network = networks.build(Recipe(height=16, width=16, filters=1))
    checkpoints = Checkpoints(network, [v.value for v in network.variables], 'best', tmp_path)
    kept = []
    for epoch, value in enumerate(mious):
        before = checkpoints.kept.exists() and checkpoints.kept.stat().st_ino
        checkpoints.save(epoch + 1, {'loss': 1.0, 'val_loss': 1.0, 'val_miou': value})
        if checkpoints.kept.exists() and checkpoints.kept.stat().st_ino != before:
            kept.append(epoch + 1)
    assert kept == [best]


def test_evaluate_finds_the_figures_of_the_manifest(trained, drive_folder, tmp_path, capsys):
    model = trained / 'models/whole'
    only = ['--only', str(trained / 'runs/whole/validation.txt')]
    command = ['--model', str(model), '--data', str(drive_folder), '--scheme', 'A',
               '--out', str(tmp_path / 'out'), *only]
    assert evaluate.main(command) == 0
    figures = json.loads((tmp_path / 'out/evaluation.json').read_text())
    recorded = json.loads((model / 'manifest.json').read_text())['validation']
    assert figures['mean_iou'] == recorded['mean_iou']
    assert {name: {key: row[key] for key in ('iou', 'support')}
            for name, row in figures['classes'].items()} == recorded['classes']
    assert 0 < figures['mean_boundary_iou'] < figures['mean_iou']
    assert 0 < figures['calibration_error'] < 1
    assert figures['frames'] == 12
    assert 'Road' in capsys.readouterr().out
    for name in ('confusion.png', 'panel.png', 'reliability.png'):
        assert Image.open(tmp_path / 'out' / name).width > 300
    assert evaluate.main(command) == 1
    assert 'exists already' in capsys.readouterr().err


def test_export_of_an_unfinished_run(trained, drive_folder, tmp_path, capsys):
    assert export.main([str(trained / 'runs/whole'), '--models', str(tmp_path), '--data',
                        str(drive_folder), '--calibration-frames', '0']) == 0
    again, first = open_bundle(tmp_path / 'whole'), open_bundle(trained / 'models/whole')
    assert again.files['openvino_weights'].read_bytes() == first.files[
        'openvino_weights'].read_bytes()
    assert export.main([str(trained / 'runs/whole'), '--models', str(tmp_path)]) == 1
    assert export.main([str(tmp_path), '--models', str(tmp_path / 'm')]) == 1
    assert 'no finished epoch' in capsys.readouterr().err


def test_plots_stand_alone(tmp_path):
    plots.confusion_png(np.eye(23, 24, dtype=np.int64) * 5, NAMES, tmp_path / 'c.png')
    assert Image.open(tmp_path / 'c.png').width > 1000
    labels = [np.full(size, 255, np.uint8) for size in ((8, 12), (9, 10))]  # two cameras
    plots.prediction_panel([np.zeros((*ids.shape, 3), np.uint8) for ids in labels], labels,
                           [ids * 0 + 1 for ids in labels], NAMES, COLORS, tmp_path / 'p.png')
    assert Image.open(tmp_path / 'p.png').width > 500


def test_networks_compile_under_both_precisions():
    """The logits stay float32 under mixed precision."""
    keras.mixed_precision.set_global_policy('mixed_bfloat16')
    try:
        networks = [build((16, 16, 3), 1, 2) for build in (unet.unet, unet.fcn)]
        assert {network.output.dtype for network in networks} == {'float32'}
    finally:
        keras.mixed_precision.set_global_policy('float32')
