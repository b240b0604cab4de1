"""
DeepLabV3+ (Chen et al. 2018), the modern network that the U-Net is compared with.

The encoder is Keras' own ResNet-50, from random weights, up to its 16th part of the size; then
atrous spatial pyramid pooling and the paper's decoder. All layers are Keras' own, so that a bundle
opens wherever Keras does; those of keras_hub would need it, and TensorFlow Text, in the car.
"""
import keras
from keras import layers

# The paper's rates of 6, 12 and 18 are for 33 x 33 places at a 16th of the size. A camera picture
# of 96x128 has 6 x 8 there, where such filters would see little but padding.
RATES = (1, 2, 4)
# Keras' 0.99 is for long runs: after 100 steps a third of what a network is validated with would
# still be what it began with.
MOMENTUM = 0.9


def deeplabv3plus(input_size=(96, 128, 3), n_filters=32, n_classes=23):
    """
    Build the network; n_filters of 32 gives the paper's widths of 256 and 48.

    float32 images in 0..1 to float32 logits at their size, which must be a multiple of 16, or None
    for any such size. The ResNet-50 has its own widths.
    """
    inputs = keras.Input(input_size)
    fine, coarse = _encode(inputs)
    x = _pyramid(coarse, 8 * n_filters)
    x = _enlarge(x)
    x = layers.concatenate([x, _convolve(fine, max(1, 48 * n_filters // 32), 1)], axis=3)
    for _ in range(2):
        x = _convolve(x, 8 * n_filters, 3)
    # float32 whatever the precision policy: bfloat16 has too few digits for a loss.
    x = layers.Conv2D(n_classes, 1, dtype='float32', name='logits')(x)
    network = keras.Model(inputs, _enlarge(x, dtype='float32'), name='deeplabv3plus')
    for layer in network.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = MOMENTUM
    return network


def _encode(inputs):
    """Return the features at a quarter and at a 16th of the size."""
    # Without the fifth stage, which halves once more.
    encoder = keras.applications.ResNet50(include_top=False, weights=None, input_tensor=inputs)
    return (encoder.get_layer('conv2_block3_out').output,
            encoder.get_layer('conv4_block6_out').output)


def _pyramid(x, n_filters):
    """Look at several scales: one place, three rates of atrous 3x3, and the whole picture."""
    branches = [_convolve(x, n_filters, 1)]
    branches += [_convolve(x, n_filters, 3, rate) for rate in RATES]
    joined = layers.Conv2D(n_filters, 1, use_bias=False)(layers.concatenate(branches, axis=3))
    # The paper repeats the picture's mean at every place and joins it with the others, before the
    # 1x1 convolution. To add it behind one of its own is the same, for pictures of any size.
    whole = layers.GlobalAveragePooling2D(keepdims=True)(x)
    whole = layers.Conv2D(n_filters, 1, activation='relu')(whole)
    joined = layers.add([joined, layers.Conv2D(n_filters, 1, use_bias=False)(whole)])
    joined = layers.ReLU()(layers.BatchNormalization()(joined))
    return layers.Dropout(0.1)(joined)


def _convolve(x, n_filters, size, rate=1):
    x = layers.Conv2D(n_filters, size, padding='same', dilation_rate=rate, use_bias=False,
                      kernel_initializer='he_normal')(x)
    return layers.ReLU()(layers.BatchNormalization()(x))


def _enlarge(x, factor=4, **options):
    """
    Enlarge by bilinear interpolation, pictures of any size. factor: an even number.

    What UpSampling2D(factor, 'bilinear') does, which Keras 3.15 cannot in a tf.function where the
    size is not known. Means of `factor` neighbours of repeated pixels, then of 2, are the same.
    """
    border = (factor // 2, factor // 2)
    x = layers.UpSampling2D(factor, **options)(x)
    x = keras.ops.pad(x, ((0, 0), border, border, (0, 0)), 'symmetric')
    for size in (factor, 2):
        x = layers.AveragePooling2D(size, strides=1, **options)(x)
    return x
