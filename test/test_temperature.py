"""The temperature of the confidence: what it mends, and what it leaves alone."""
import dataclasses

from conftest import frames_of, write_drive
import keras
import numpy as np
import pytest

from train import networks, temperature
from train.recipe import Recipe

SMALL = Recipe(height=32, width=48, filters=2)


def test_the_temperature_is_found_again():
    """Labels drawn by the probabilities of softmax(logits / T)."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (40_000, 5)).astype(np.float32)
    shares = keras.ops.softmax(logits).numpy().cumsum(1)
    truth = np.minimum((rng.random((len(shares), 1)) > shares).sum(1), 4)
    for T in (0.5, 1, 3):
        assert temperature.fit(logits * np.float32(T), truth) == pytest.approx(T, rel=0.03)
    assert temperature.fit(logits, logits.argmax(1)) == pytest.approx(0.1, rel=1e-3)
    assert temperature.fit(logits, logits.argmin(1)) == pytest.approx(10, rel=1e-3)


@pytest.mark.parametrize('name, size', [('unet', 32), ('deeplabv3plus', 32), ('fcn', 32),
                                        ('unet2015', 100)])
def test_an_overconfident_network_becomes_modest(name, size, drive_folder):
    recipe = dataclasses.replace(SMALL, network=name, height=size, width=size)
    network = networks.build(recipe)
    logits = network.layers[-1].get_layer('logits')
    kernel, bias = logits.get_weights()
    logits.set_weights([50 * kernel, bias + np.arange(len(bias))])
    pixels = np.random.default_rng(0).integers(0, 256, (1, size, size, 3)).astype(np.float32)
    before = network.predict_on_batch(pixels)
    found = temperature.calibrate(network, frames_of(drive_folder)[::9], recipe)
    assert found['temperature'] > 1
    assert found['ece_after'] < found['ece_before'] > 0.2
    assert found['pixels'] == 7 * 2000
    after = network.predict_on_batch(pixels)
    np.testing.assert_allclose(after * found['temperature'], before, rtol=1e-3, atol=1e-2)
    np.testing.assert_array_equal(after.argmax(-1), before.argmax(-1))


def test_pixels_without_a_label_do_not_count(tmp_path, recorded):
    _, image, truth = recorded[0]
    half = truth.copy()
    half[:, 80:] = 255
    write_drive(tmp_path / 'half', [(image, half), (image, np.full_like(truth, 255))])
    logits, truths = temperature._sample(
        networks.build(SMALL), frames_of(tmp_path / 'half'), SMALL)
    assert logits.shape == (2000, 23) and truths.max() < 23
    write_drive(tmp_path / 'none', [(image, np.full_like(truth, 255))])
    network = networks.build(SMALL)
    before = network.get_weights()
    assert temperature.calibrate(network, frames_of(tmp_path / 'none'), SMALL) is None
    for one, other in zip(before, network.get_weights()):
        np.testing.assert_array_equal(one, other)
