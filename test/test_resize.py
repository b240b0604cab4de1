"""A bundle anew for another input size: the same weights, the same answers from both runtimes."""
import json

import numpy as np
import pytest

from train import bundle, finetune, resize
from unet_perception.model import open_bundle
from unet_perception.segmenter import Segmenter


@pytest.fixture(scope='module')
def larger(tmp_path_factory):
    """Return carla-fast at 160x224."""
    models = tmp_path_factory.mktemp('models')
    assert resize.main(['carla-fast', '--height', '160', '--width', '224', '--name', 'larger',
                        '--models', str(models)]) == 0
    return open_bundle(models / 'larger')


def test_the_weights_are_the_same_to_the_byte(larger):
    of = open_bundle('carla-fast')
    assert (larger.name, larger.height, larger.width) == ('larger', 160, 224)
    assert bundle.weights_of(larger.files['keras']) == bundle.weights_of(of.files['keras'])
    assert larger.files['openvino_weights'].read_bytes() == of.files[
        'openvino_weights'].read_bytes()
    assert 'openvino_int8' not in larger.files and not larger.mean_iou
    manifest = json.loads((larger.path / 'manifest.json').read_text())
    assert manifest['training']['recipe']['height'] == 128  # what it was trained at


def test_both_runtimes_label_as_one_and_no_worse_than_before(larger, recorded):
    truth = np.stack([labels for _, _, labels in recorded[::6]])
    roads, found = truth == 7, {}  # of scheme A as of B
    for name, runtime, one in (('before', 'openvino', open_bundle('carla-fast')),
                               ('openvino', 'openvino', larger), ('keras', 'keras', larger)):
        segmenter = Segmenter(one, runtime=runtime, device='cpu', precision='f32')
        found[name] = np.stack([segmenter(image).labels for _, image, _ in recorded[::6]])
    assert np.mean(found['openvino'] == found['keras']) > 0.999
    road = {name: np.sum((labels == 7) & roads) / np.sum((labels == 7) | roads)
            for name, labels in found.items()}
    assert road['openvino'] > road['before'] - 0.01 > 0.9


def test_a_training_from_it_goes_on_at_its_size(larger):
    settings = finetune.settings(larger, {})
    assert (settings['height'], settings['width']) == (160, 224)


@pytest.mark.parametrize('change, message', [
    (['--height', '100'], 'height is 100'), (['--name', 'there'], 'there exists already'),
    (['--data', '/nowhere'], '/nowhere')])
def test_what_cannot_be_is_refused_before_anything_is_written(change, message, tmp_path, capsys):
    (tmp_path / 'there').mkdir()
    assert resize.main(['carla-fast', '--height', '160', '--width', '224', '--name', 'new',
                        '--models', str(tmp_path), *change]) == 1
    assert message in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ['there']
