"""The U-Net on EfficientNet-Lite0, and the reader of its ImageNet weights."""
import pickle

from conftest import frames_of
import cv2
import keras
import numpy as np
import pytest

from train import dataset, efficientnet, networks
from train.recipe import Recipe
from train.torch_file import _MAGIC, read_state_dict
from unet_perception.classes import ALL


@pytest.fixture(scope='module')
def pretrained():
    """Return a network that starts from ImageNet weights."""
    network = networks.build(Recipe(network='efficientnet_unet', height=224, width=224, filters=2))
    efficientnet.load_pretrained(network, efficientnet.weights_file())
    return network


def test_the_pretrained_path_meets_the_statistics_it_was_trained_with(pretrained, drive_folder):
    """A kernel at another layer's or channel's place gives features that it never had."""
    unet = pretrained.get_layer('efficientnet_unet')
    names = [layer.name for layer in unet.layers if layer.name.endswith('_bn')]
    assert len(names) == 48  # the stem's, and three of each of 16 blocks but two of the first
    features = keras.Model(unet.inputs, [unet.get_layer(name).input for name in names])
    image, _ = dataset.load(frames_of(drive_folder)[0], ALL)
    image = cv2.resize(image, (224, 224), interpolation=cv2.INTER_AREA) / np.float32(255)
    for name, found in zip(names, features.predict_on_batch(image[None])):
        _, _, mean, variance = unet.get_layer(name).get_weights()
        live = variance > 1e-3 * variance.max()
        away = (found.mean((0, 1, 2)) - mean)[live] / np.sqrt(variance[live])
        # In deviations: 0.39 at most, and 1.5 to 28 with channels at wrong places.
        assert np.abs(away).mean() < 0.6, name


def test_with_its_own_head_it_names_what_is_there(pretrained, recorded):
    """Kernels that are turned keep those statistics, but no longer know a fence from a pier."""
    unet = pretrained.get_layer('efficientnet_unet')
    path = keras.Model(unet.inputs, unet.get_layer('block15_project_bn').output)
    squares = np.stack([cv2.resize(image[:, 40:120], (224, 224), interpolation=cv2.INTER_AREA)
                        for _, image, _ in recorded[::12]])
    head = read_state_dict(efficientnet.weights_file())
    gain, offset, mean, variance = (head[f'_bn1.{name}'] for name in (
        'weight', 'bias', 'running_mean', 'running_var'))
    x = path.predict_on_batch(squares / np.float32(255)) @ head['_conv_head.weight'][..., 0, 0].T
    x = np.clip((x - mean) / np.sqrt(variance + 1e-3) * gain + offset, 0, 6).mean((1, 2))
    scores = keras.ops.softmax(x @ head['_fc.weight'].T + head['_fc.bias']).numpy().mean(0)
    # ImageNet's numbers. Of these the turned path has one among its first eight, or none.
    lakeshore, worm_fence, mobile_home = 975, 912, 660
    assert {lakeshore, worm_fence, mobile_home} <= set(scores.argsort()[-8:])


def test_the_features_have_their_sizes_and_normalisation_does_not_train():
    unet = efficientnet.efficientnet_unet((64, 96, 3), 4, 5)
    assert unet.output_shape == (None, 64, 96, 5)
    inputs = keras.Input((64, 96, 3))
    assert [tuple(x.shape[1:]) for x in efficientnet.encode(inputs)] == [
        (2, 3, 320), (4, 6, 112), (8, 12, 40), (16, 24, 24), (32, 48, 16)]
    frozen = [layer for layer in unet.layers if layer.name.endswith('_bn')]
    assert frozen and not any(layer.trainable_variables for layer in frozen)
    with pytest.raises(ValueError, match='width is 48.*multiple of 32'):
        networks.check(Recipe(network='efficientnet_unet', height=64, width=48))
    assert Recipe(network='efficientnet_unet', height=64, width=96).coarse_size == (32, 64)


def legacy(objects, data=b''):
    """Return a file of pickled objects and what follows them."""
    return b''.join(pickle.dumps(one, 2) for one in objects) + data


class Evil:
    def __reduce__(self):
        return print, ('this ran',)


@pytest.mark.parametrize('content, message', [
    (b'', 'Ran out of input'),
    (legacy([1]), 'another magic number'),
    (legacy([_MAGIC, 1001, {}, Evil()]), 'print has no place'),
    (legacy([_MAGIC, 1001, {}, {}, ['x']]), 'index'),
    (b'PK\3\4' + bytes(100), 'truncated')])
def test_what_is_no_state_dict_is_refused_and_nothing_runs(content, message, tmp_path, capsys):
    (tmp_path / 'weights.pth').write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_state_dict(tmp_path / 'weights.pth')
    assert capsys.readouterr().out == ''


def test_a_file_that_breaks_off_is_refused(tmp_path):
    whole = open(efficientnet.weights_file(), 'rb').read()
    (tmp_path / 'part.pth').write_bytes(whole[:-1000])
    with pytest.raises(ValueError, match='part.pth'):
        read_state_dict(tmp_path / 'part.pth')
