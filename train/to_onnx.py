"""
Write the network of a bundle as ONNX, for TensorRT, Isaac ROS and others.

`python -m train.export BUNDLE --onnx FILE` is the command.
"""
from pathlib import Path
import tempfile
import warnings

import numpy as np

from train.commands import whole
from unet_perception import keras_file

LEAST_EQUAL = 0.9999  # share of pixels that onnxruntime must label as Keras does


def write_onnx(bundle, path):
    """
    Write a bundle's network as an ONNX file; return the share of labels equal to Keras's.

    The file takes `pixels`, float32 RGB (batch, height, width, 3) in 0..255, and gives `logits`,
    float32 (batch, height, width, classes), for any batch. Its metadata holds the bundle's name,
    digest, classes and resize rule (see segmenter.resize_image()).
    Raise ValueError, with nothing written, if the file exists, its folder does not, or
    onnxruntime does not label random images as Keras does.
    """
    if path.exists():
        raise ValueError(f'{path} exists already; move it away or take another --onnx')
    if not path.parent.is_dir():
        raise ValueError(f'{path.parent} is not there; make the folder first')
    network = keras_file.load(bundle.files['keras'])
    model = convert(network, {'bundle': bundle.name, 'manifest': bundle.digest,
                              'classes': ','.join(bundle.names), 'resize': bundle.resize})
    share = equal_labels(network, model)
    if share < LEAST_EQUAL:
        raise ValueError(f'onnxruntime labels only {share:.3%} of the pixels of random images as '
                         f'Keras does, less than {LEAST_EQUAL:.2%}; {path} was not written')
    with whole(path) as partial:
        partial.write_bytes(model)
    return share


def convert(network, properties):
    """
    Return a Keras network, pixels to logits, as the bytes of an ONNX file.

    properties: dict of str, to go into the file's metadata.
    """
    import keras
    import onnx
    named = keras.Model(network.input, {'logits': network.output})
    pixels = keras.InputSpec(shape=network.input.shape, dtype='float32', name='pixels')
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter('ignore', FutureWarning)  # of tf2onnx, which is older than NumPy 2
        file = Path(folder, 'network.onnx')
        named.export(file, format='onnx', verbose=False, input_signature=[pixels])
        model = onnx.load(file)
    for tensor in (model.graph.input[0], model.graph.output[0]):
        tensor.type.tensor_type.shape.dim[0].dim_param = 'batch'
    onnx.helper.set_model_props(model, properties)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def equal_labels(network, model):
    """
    Return the share of pixels of random images that onnxruntime labels as Keras does.

    network: a Keras network. model: the bytes of its ONNX file.
    """
    import onnxruntime
    session = onnxruntime.InferenceSession(model, providers=['CPUExecutionProvider'])
    images = _random_images(*network.input.shape[1:3])
    equal = [session.run(['logits'], {'pixels': batch})[0].argmax(-1)
             == network.predict_on_batch(batch).argmax(-1)
             for batch in (images[:1], images[1:])]
    return float(np.concatenate(equal).mean())


def _random_images(height, width):
    """Return eight images, float32 (8, height, width, 3): coloured shapes, then plain noise."""
    import cv2
    rng = np.random.default_rng(0)
    sizes = 2, 4, 8, 16, 32, 64
    shapes = [cv2.resize(rng.uniform(0, 255, (size, size, 3)), (width, height)) for size in sizes]
    return np.float32([*shapes, *rng.uniform(0, 255, (2, height, width, 3))])
