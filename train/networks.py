"""From a recipe to its network, which takes camera pixels and labels every one of them."""
import keras
from keras import layers

from train.deeplab import deeplabv3plus
from train.efficientnet import efficientnet_unet
from train.recipe import MULTIPLES
from train.unet import check_size, fcn, unet, unet2015, unet2015_output_size
from unet_perception.classes import parse_classes

_MARGIN = 92  # pixels that unet2015 loses on each side: (572 - 388) / 2


def camera_network(network, height, width, n_filters=32, n_classes=23):
    """
    Build a named network so that it takes camera pixels and labels every one of them.

    The result maps float32 RGB pixels (batch, height, width, 3) in 0..255 to float32 logits
    (batch, height, width, n_classes): the scaling to 0..1 is inside, where nobody can forget
    it. For unet2015, whose output is smaller than its input, the borders are mirrored first
    (the paper's overlap-tile rule), so height and width must be 4 more than a multiple of 16.
    """
    builders = {'unet': unet, 'fcn': fcn, 'unet2015': unet2015, 'deeplabv3plus': deeplabv3plus,
                'efficientnet_unet': efficientnet_unet}
    if network not in builders:
        raise ValueError(f'network is {network!r}, but must be one of {", ".join(builders)}')
    inputs = keras.Input((height, width, 3), name='pixels')
    x = layers.Rescaling(1 / 255)(inputs)
    if network == 'unet2015':
        _check_mirrored(height, width)
        border = (_MARGIN, _MARGIN)
        x = keras.ops.pad(x, ((0, 0), border, border, (0, 0)), 'reflect')
    else:
        check_size((height, width, 3), n_filters, n_classes, MULTIPLES[network])
    outputs = builders[network](x.shape[1:], n_filters, n_classes)(x)
    return keras.Model(inputs, outputs, name=f'camera_{network}')


def _check_mirrored(height, width):
    if min(height, width) <= _MARGIN:
        raise ValueError(f'{height}x{width} is too small to mirror {_MARGIN} pixels per side '
                         f'for unet2015; the smallest is 100x100')
    for side in (height, width):
        unet2015_output_size(side + 2 * _MARGIN)


def check(recipe):
    """
    Raise ValueError unless the network of a recipe takes its height and width.

    As build() does, but without TensorFlow, which must not be used before other machines come.
    """
    if recipe.network == 'unet2015':
        _check_mirrored(recipe.height, recipe.width)
    else:
        check_size((recipe.height, recipe.width, 3), recipe.filters, 1, MULTIPLES[recipe.network])


def build(recipe, precision='float32', any_size=False):
    """
    Build the network of a recipe: float32 pixels (batch, height, width, 3) in 0..255 in.

    precision: Keras' policy for this network alone, 'float32' or 'mixed_bfloat16'.
    any_size: take pictures of any size that is a multiple of recipe.multiple; not for unet2015.
    """
    policy = keras.config.dtype_policy()
    size = (None, None) if any_size else (recipe.height, recipe.width)
    keras.config.set_dtype_policy(precision)
    try:
        return camera_network(recipe.network, *size, recipe.filters,
                              len(parse_classes(recipe.classes).names))
    finally:
        keras.config.set_dtype_policy(policy)
