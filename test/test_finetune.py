"""Training that starts from a bundle, with its classes or others."""
import json

from conftest import frames_of
import keras
import numpy as np
import pytest
from test_fit import arguments

from train import dataset, evaluate, finetune, fit, networks
from train.bundle import write_bundle
from train.recipe import Recipe
from unet_perception import keras_file
from unet_perception.classes import ALL, parse_classes
from unet_perception.model import open_bundle
from unet_perception.outputs import Outputs
from unet_perception.parameters import Parameters
from unet_perception.segmenter import Segmenter

OWN = 'Drivable=Road+RoadLine,SideWalk,Vehicles,Rider'


def bundle_of(folder, **settings):
    """Write and return a bundle of a network with random weights."""
    recipe = Recipe(height=32, width=48, filters=2, precision='float32', **settings)
    (folder / 'data.json').write_text('{}')
    (folder / 'validation.txt').write_text('')
    keras.utils.set_random_seed(7)
    return write_bundle(folder / 'base', networks.build(recipe), recipe, folder), recipe


@pytest.mark.parametrize('network', ['unet', 'fcn'])
def test_the_head_keeps_what_stays_and_starts_the_rest_from_its_kin(network, tmp_path):
    bundle, recipe = bundle_of(tmp_path, network=network)
    new = Recipe(**{**recipe.as_dict(), 'classes': OWN})
    grown = networks.build(new)
    grown.set_weights(finetune.initial_weights(bundle, new))
    base = keras_file.load(bundle.files['keras'])
    if network == 'unet':  # its logits are one by one those of the old classes
        pixels = np.random.default_rng(0).uniform(0, 255, (1, 32, 48, 3)).astype(np.float32)
        old = [bundle.names.index(n) for n in ('Unlabeled', 'Road', 'SideWalk', 'Vehicles',
                                               'Pedestrian')]
        np.testing.assert_allclose(grown(pixels), base(pixels).numpy()[..., old], atol=1e-5)
    same = finetune.initial_weights(bundle, recipe)
    for one, other in zip(same, base.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_becomes_of_the_classes_is_said():
    own = parse_classes(OWN)
    assert finetune.starts(ALL, own) == {
        'Unlabeled': 'Unlabeled', 'Drivable': 'Road', 'SideWalk': 'SideWalk',
        'Vehicles': 'Vehicles', 'Rider': 'Pedestrian'}
    assert finetune.starts(own, parse_classes('Road,Car,Sky,Pedestrian')) == {
        'Unlabeled': 'Unlabeled', 'Road': 'Drivable', 'Car': 'Vehicles', 'Sky': None,
        'Pedestrian': 'Rider'}
    said = finetune.describe(own, parse_classes('SideWalk,Car,Sky'))
    assert said == ('the head keeps Unlabeled, SideWalk; Car starts as Vehicles; Sky is new; left '
                    'out: Drivable, Vehicles, Rider')
    assert finetune.describe(own, own) == 'with the same classes'


FLAGS = ['--scheme', 'A', '--batch', '4', '--epochs', '1', '--val-stretches', '2', '--val-gap',
         '2', '--val-fraction', '0.2', '--calibration-frames', '0']


def test_a_bundle_is_fine_tuned_to_fewer_classes_and_the_car_serves_it(
        drive_folder, tmp_path, capsys):
    base, _ = bundle_of(tmp_path)
    command = arguments(drive_folder, tmp_path, '--from', str(base.path), *FLAGS)
    assert fit.main([*command, '--name', 'own', '--classes', OWN.replace('Rider', 'Fence'),
                     '--height', '48']) == 0
    printed = ' '.join(capsys.readouterr().out.split())
    assert 'starting from base: the head keeps Unlabeled, SideWalk, Vehicles, Fence' in printed
    assert 'Drivable starts as Road' in printed
    bundle = open_bundle(tmp_path / 'models/own')
    assert bundle.names == ('Unlabeled', 'Drivable', 'SideWalk', 'Vehicles', 'Fence')
    manifest = json.loads((bundle.path / 'manifest.json').read_text())
    recipe = manifest['training']['recipe']
    assert recipe['base'] == f'base {base.digest}' and recipe['learning_rate'] == 1e-4
    assert (recipe['filters'], recipe['width'], manifest['scheme']) == (2, 48, 'own')
    assert (bundle.height, bundle.width) == (48, 48)  # higher than the base
    assert set(manifest['validation']['classes']) <= set(bundle.names)

    image, truth = dataset.load(frames_of(drive_folder)[0], bundle.classes)
    assert set(np.unique(truth)) <= {0, 1, 2, 3, 4}
    for runtime in ('openvino', 'keras'):
        labels = Segmenter(bundle, runtime=runtime, device='cpu')(image).labels
        assert labels.shape == truth.shape and labels.max() < 5
    # Of the default groups only vehicles has no class that it lacks.
    assert Outputs(bundle, Parameters()).names[-2:] == ('overlay', 'vehicles')
    with pytest.raises(ValueError, match='groups.soft has Vegetation, but model own knows'):
        Outputs(bundle, Parameters().changed({'groups.soft': ['Vegetation']}))
    assert evaluate.main(['--model', str(bundle.path), '--data', str(drive_folder), '--scheme',
                          'A', '--out', str(tmp_path / 'evaluation')]) == 0
    assert 'Drivable' in json.loads((tmp_path / 'evaluation/evaluation.json').read_text())[
        'classes']


def test_the_network_of_the_bundle_stays_but_for_its_pictures_size(drive_folder, tmp_path, capsys):
    base, recipe = bundle_of(tmp_path)
    larger = Recipe(**finetune.settings(base, {}) | {'height': 64, 'width': 80})
    for one, other in zip(finetune.initial_weights(base, larger),
                          finetune.initial_weights(base, recipe), strict=True):
        np.testing.assert_array_equal(one, other)
    command = arguments(drive_folder, tmp_path, '--name', 'x', '--from', str(base.path), *FLAGS)
    assert fit.main([*command, '--filters', '4', '--network', 'unet']) == 1
    error = capsys.readouterr().err
    assert '--filters 4 (it has 2) contradicts' in error and '--network' not in error
    assert not (tmp_path / 'runs').exists()
    with pytest.raises(SystemExit):
        fit.main([*command, '--classes', 'Raod'])
    assert 'do you mean Road?' in capsys.readouterr().err
