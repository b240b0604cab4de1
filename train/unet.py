"""
The U-Net of this project, and two plain baselines.

All take float32 images (batch, height, width, 3) in 0..1 and return logits
(batch, height, width, n_classes).
"""
import keras
from keras import layers


def _conv3(x, n_filters, padding='same', name=None):
    return layers.Conv2D(n_filters, 3, activation='relu', padding=padding,
                         kernel_initializer='he_normal', name=name)(x)


def conv_block(inputs, n_filters=32, dropout_prob=0.0, max_pooling=True):
    """
    Apply two 3x3 convolutions, dropout if any, and 2x2 max pooling if asked.

    Return (next layer, skip connection); the skip is the tensor before pooling, after dropout.
    """
    x = _conv3(inputs, n_filters)
    x = _conv3(x, n_filters)
    if dropout_prob > 0:
        x = layers.Dropout(dropout_prob)(x)
    return (layers.MaxPooling2D(2)(x) if max_pooling else x), x


def upsampling_block(expansive_input, contractive_input, n_filters=32):
    """Double the size of expansive_input, join the skip connection, convolve twice."""
    up = layers.Conv2DTranspose(n_filters, 3, strides=2, padding='same')(expansive_input)
    x = layers.concatenate([up, contractive_input], axis=3)
    x = _conv3(x, n_filters)
    return _conv3(x, n_filters)


def _encoder(inputs, n_filters):
    """Halve the size four times; return the bottleneck and the skips, finest first."""
    skips, x = [], inputs
    for level, dropout in enumerate((0.0, 0.0, 0.0, 0.3)):
        x, skip = conv_block(x, n_filters * 2**level, dropout)
        skips.append(skip)
    x, _ = conv_block(x, n_filters * 16, 0.3, max_pooling=False)
    return x, skips


def _logits(x, n_classes):
    # float32 whatever the precision policy: bfloat16 has too few digits for a loss.
    return layers.Conv2D(n_classes, 1, padding='same', dtype='float32', name='logits')(x)


def check_size(input_size, n_filters, n_classes, multiple_of=1):
    """Raise ValueError that names what of a network's arguments is wrong."""
    if len(input_size) != 3 or input_size[2] != 3:
        raise ValueError(f'input_size is (height, width, 3), not {tuple(input_size)}')
    for name, value in zip(('height', 'width'), input_size):
        if value is None:
            continue
        if not isinstance(value, int) or value < 1 or value % multiple_of:
            raise ValueError(
                f'{name} is {value!r}, but this network, which halves it again and again, needs '
                f'a positive multiple of {multiple_of}; the nearest is '
                f'{max(1, round(value / multiple_of)) * multiple_of}')
    for name, value in (('n_filters', n_filters), ('n_classes', n_classes)):
        if not isinstance(value, int) or value < 1:
            raise ValueError(f'{name} is {value!r}, but must be a whole number of at least 1')


def unet(input_size=(96, 128, 3), n_filters=32, n_classes=23):
    """
    Build the U-Net; 8,640,471 parameters with the default arguments.

    Raise ValueError unless height and width are multiples of 16, or None for any such size.
    """
    check_size(input_size, n_filters, n_classes, multiple_of=16)
    inputs = keras.Input(input_size)
    x, skips = _encoder(inputs, n_filters)
    for level in (3, 2, 1, 0):
        x = upsampling_block(x, skips[level], n_filters * 2**level)
    x = _conv3(x, n_filters)
    return keras.Model(inputs, _logits(x, n_classes), name='unet')


def fcn(input_size=(96, 128, 3), n_filters=32, n_classes=23):
    """
    Build the fully convolutional baseline (Long, Shelhamer and Darrell 2015, FCN-32s style).

    The U-Net's encoder, class scores, one transposed convolution back to the input size, no
    skips. Raise ValueError unless height and width are multiples of 16, or None for any such size.
    """
    check_size(input_size, n_filters, n_classes, multiple_of=16)
    inputs = keras.Input(input_size)
    x, _ = _encoder(inputs, n_filters)
    x = layers.Conv2D(n_classes, 1, padding='same')(x)  # class scores at 1/16 of the size
    x = layers.Conv2DTranspose(n_classes, 32, strides=16, padding='same', dtype='float32',
                               name='logits')(x)
    return keras.Model(inputs, x, name='fcn')


def unet2015_output_size(size):
    """Return the output side of the 2015 U-Net for an input side; ValueError if none fits."""
    down = size
    for _ in range(4):
        down -= 4
        if down < 2 or down % 2:
            raise ValueError(
                f'an input side of {size} does not halve evenly four times between unpadded '
                f'convolutions; sides that do are 188, 204, 220, ..., 572')
        down //= 2
    up = down - 4
    for _ in range(4):
        up = up * 2 - 4
    if up < 1:
        raise ValueError(f'an input side of {size} leaves no output; the smallest is 188')
    return up


def unet2015(input_size=(572, 572, 3), n_filters=64, n_classes=23):
    """
    Build the U-Net of Ronneberger, Fischer and Brox (2015), figure 1.

    Unpadded 3x3 convolutions, skips cropped about their centre before they are joined, 2x2
    transposed convolutions, dropout at the end of the contracting path; 23 convolutional
    layers in all. The output is smaller than the input: 572x572 gives 388x388.
    """
    check_size(input_size, n_filters, n_classes)
    for side in input_size[:2]:
        unet2015_output_size(side)
    inputs = x = keras.Input(input_size)
    skips = []
    for level in range(4):
        x = _conv3(_conv3(x, n_filters * 2**level, 'valid'), n_filters * 2**level, 'valid')
        if level == 3:
            x = layers.Dropout(0.5)(x)
        skips.append(x)
        x = layers.MaxPooling2D(2)(x)
    x = _conv3(_conv3(x, n_filters * 16, 'valid'), n_filters * 16, 'valid')
    x = layers.Dropout(0.5)(x)
    for level in (3, 2, 1, 0):
        n = n_filters * 2**level
        x = layers.Conv2DTranspose(n, 2, strides=2, kernel_initializer='he_normal')(x)
        skip = layers.CenterCrop(*x.shape[1:3])(skips[level])
        x = layers.concatenate([skip, x], axis=3)
        x = _conv3(_conv3(x, n, 'valid'), n, 'valid')
    return keras.Model(inputs, _logits(x, n_classes), name='unet2015')
