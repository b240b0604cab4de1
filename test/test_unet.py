"""The networks against the layer tables of the course exercise and of the 2015 paper."""
import keras
from keras import layers
import numpy as np
import pytest

from train import deeplab, networks, unet


def table(model):
    """Return (kind, output shape, parameters) of each layer but the inputs."""
    return [(type(layer).__name__, tuple(layer.output.shape[1:]), layer.count_params())
            for layer in model.layers if not isinstance(layer, layers.InputLayer)]


def test_conv_block_with_pooling():
    inputs = keras.Input((96, 128, 3))
    following, skip = unet.conv_block(inputs, 32)
    assert table(keras.Model(inputs, following)) == [
        ('Conv2D', (96, 128, 32), 896),
        ('Conv2D', (96, 128, 32), 9248),
        ('MaxPooling2D', (48, 64, 32), 0)]
    assert skip.shape[1:] == (96, 128, 32)


def test_conv_block_with_dropout():
    inputs = keras.Input((96, 128, 3))
    following, skip = unet.conv_block(inputs, 32 * 32, dropout_prob=0.1)
    model = keras.Model(inputs, following)
    assert table(model) == [
        ('Conv2D', (96, 128, 1024), 28672),
        ('Conv2D', (96, 128, 1024), 9438208),
        ('Dropout', (96, 128, 1024), 0),
        ('MaxPooling2D', (48, 64, 1024), 0)]
    assert model.layers[3].rate == 0.1
    assert skip is model.layers[3].output  # before pooling, after dropout


def test_conv_block_without_pooling_gives_the_skip_twice():
    following, skip = unet.conv_block(keras.Input((96, 128, 3)), 32, 0.3, max_pooling=False)
    assert following is skip


def test_upsampling_block():
    below, skip = keras.Input((12, 16, 256)), keras.Input((24, 32, 128))
    model = keras.Model([below, skip], unet.upsampling_block(below, skip, 32))
    assert table(model) == [
        ('Conv2DTranspose', (24, 32, 32), 73760),
        ('Concatenate', (24, 32, 160), 0),
        ('Conv2D', (24, 32, 32), 46112),
        ('Conv2D', (24, 32, 32), 9248)]


def test_unet_is_the_seeds():
    model = unet.unet()
    assert model.count_params() == 8_640_471
    assert model.output.shape == (None, 96, 128, 23)
    convolutions = [layer for layer in model.layers if type(layer) is layers.Conv2D]
    assert [layer.filters for layer in convolutions] == [
        32, 32, 64, 64, 128, 128, 256, 256, 512, 512,
        256, 256, 128, 128, 64, 64, 32, 32, 32, 23]
    for layer in convolutions[:-1]:
        assert (layer.kernel_size, layer.padding) == ((3, 3), 'same')
        assert layer.activation is keras.activations.relu
        assert isinstance(layer.kernel_initializer, keras.initializers.HeNormal)
    head = convolutions[-1]
    assert (head.kernel_size, head.activation) == ((1, 1), keras.activations.linear)
    assert [d.rate for d in model.layers if isinstance(d, layers.Dropout)] == [0.3, 0.3]
    joined = [layer.output.shape[1:] for layer in model.layers
              if isinstance(layer, layers.Concatenate)]
    assert joined == [(12, 16, 512), (24, 32, 256), (48, 64, 128), (96, 128, 64)]


@pytest.mark.parametrize('height, width, filters, classes',
                         [(16, 16, 1, 1), (80, 160, 8, 13), (32, 304, 3, 29)])
def test_other_sizes(height, width, filters, classes):
    for build in (unet.unet, unet.fcn, deeplab.deeplabv3plus):
        model = build((height, width, 3), filters, classes)
        out = model.predict_on_batch(np.zeros((2, height, width, 3), np.float32))
        assert out.shape == (2, height, width, classes)


@pytest.mark.parametrize('arguments, message', [
    (((100, 128, 3),), 'height is 100.*multiple of 16.*nearest is 96'),
    (((96, 0, 3),), 'width is 0'),
    (((96, 128, 1),), 'input_size'),
    (((96, 128, 3), 0), 'n_filters is 0'),
    (((96, 128, 3), 32, -1), 'n_classes is -1'),
    (((96, 128, 3), 2.5), 'n_filters is 2.5')])
def test_what_does_not_fit_is_named(arguments, message):
    for build in (unet.unet, unet.fcn):
        with pytest.raises(ValueError, match=message):
            build(*arguments)


def test_unet2015_is_the_papers():
    model = unet.unet2015()
    assert model.output.shape == (None, 388, 388, 23)
    convolutions = [layer for layer in model.layers
                    if isinstance(layer, (layers.Conv2D, layers.Conv2DTranspose))]
    assert len(convolutions) == 23
    # The side lengths printed in figure 1 of the paper, after each convolution.
    assert [layer.output.shape[1] for layer in convolutions] == [
        570, 568, 282, 280, 138, 136, 66, 64, 30, 28,
        56, 54, 52, 104, 102, 100, 200, 198, 196, 392, 390, 388, 388]
    assert [layer.filters for layer in convolutions] == [
        64, 64, 128, 128, 256, 256, 512, 512, 1024, 1024,
        512, 512, 512, 256, 256, 256, 128, 128, 128, 64, 64, 64, 23]
    assert any(isinstance(layer, layers.Dropout) for layer in model.layers)
    crops = [layer.output.shape[1] for layer in model.layers
             if isinstance(layer, layers.CenterCrop)]
    assert crops == [56, 104, 200, 392]


def test_unet2015_refuses_sides_that_do_not_halve():
    assert unet.unet2015_output_size(188) == 4
    for side in (570, 100, 172):
        with pytest.raises(ValueError, match=f'input side of {side}'):
            unet.unet2015((side, 572, 3))


def test_fcn_has_one_step_up_and_no_skips():
    kinds = [type(layer).__name__ for layer in unet.fcn().layers]
    assert kinds.count('Conv2DTranspose') == 1
    assert 'Concatenate' not in kinds


def test_deeplab_is_the_papers_on_a_resnet_50():
    model = deeplab.deeplabv3plus()
    assert model.count_params() == 17_835_095
    assert (model.output.shape, model.output.dtype) == ((None, 96, 128, 23), 'float32')
    assert model.get_layer('conv4_block6_out').output.shape[1:] == (6, 8, 1024)
    assert [layer.dilation_rate[0] for layer in model.layers
            if isinstance(layer, layers.Conv2D) and layer.dilation_rate[0] > 1] == [2, 4]
    pools = [layer for layer in model.layers if 'global' in layer.name]
    assert [pool.output.shape[1:] for pool in pools] == [(1, 1, 1024)]
    widths = [tensor.shape[-1] for layer in model.layers
              if isinstance(layer, layers.Concatenate) for tensor in layer.input]
    assert widths == [256] * 4 + [256, 48]


def test_deeplab_enlarges_bilinearly_in_a_size_that_comes_later():
    inputs = keras.Input((None, None, 2))
    model = keras.Model(inputs, deeplab._enlarge(inputs))
    for size in ((3, 4), (5, 1)):
        x = np.random.default_rng(0).random((2, *size, 2), np.float32)
        expected = keras.ops.image.resize(x, (4 * size[0], 4 * size[1]), 'bilinear').numpy()
        np.testing.assert_allclose(model.predict_on_batch(x), expected, atol=1e-6)


@pytest.mark.parametrize('network, height, width',
                         [('unet', 32, 48), ('deeplabv3plus', 32, 48), ('fcn', 32, 48),
                          ('unet2015', 100, 116)])
def test_camera_network_takes_pixels_and_labels_each(network, height, width):
    model = networks.camera_network(network, height, width, n_filters=2, n_classes=5)
    inner = model.layers[-1]
    pixels = np.random.default_rng(0).integers(0, 256, (1, height, width, 3)).astype(np.float32)
    scaled = pixels / 255
    if network == 'unet2015':
        scaled = np.pad(scaled, ((0, 0), (92, 92), (92, 92), (0, 0)), 'reflect')
    out = model.predict_on_batch(pixels)
    assert out.shape == (1, height, width, 5)
    np.testing.assert_allclose(out, inner.predict_on_batch(scaled), atol=1e-5)


def test_camera_network_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="network is 'segnet'"):
        networks.camera_network('segnet', 32, 32)
    with pytest.raises(ValueError, match='96x128.*|input side of 280'):
        networks.camera_network('unet2015', 96, 128)
    with pytest.raises(ValueError, match='height is 40.*multiple of 16'):
        networks.camera_network('deeplabv3plus', 40, 128)
