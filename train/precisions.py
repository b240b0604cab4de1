"""Precisions: which to train in, the int8 network of a bundle, what each costs in accuracy."""
from unet_perception.arguments import at_least

MOST_CALIBRATION_FRAMES = 300  # unless the caller says otherwise


def add_argument(parser):
    """Add --calibration-frames to a command; calibration_frames() takes what it gives."""
    parser.add_argument(
        '--calibration-frames', type=at_least(0), metavar='N',
        help='make an int8 network by so many training frames, spread evenly '
             f'({MOST_CALIBRATION_FRAMES}, or all if there are fewer); 0: no int8 network')


def calibration_frames(training, count=None):
    """
    Return the training frames to calibrate int8 on, spread evenly over the drive.

    count: how many; None for 300, or all if there are fewer; 0 for none.
    Raise ValueError if there are not so many.
    """
    from train.split import spread
    if count is None:
        count = min(MOST_CALIBRATION_FRAMES, len(training))
    if count > len(training):
        raise ValueError(f'--calibration-frames asks for {count}, but there are {len(training)} '
                         f'training frames')
    return spread(training, count) if count else []


def training_policy():
    """Return Keras' precision policy for this machine: mixed_bfloat16 or float32."""
    import tensorflow as tf
    gpus = tf.config.list_physical_devices('GPU')
    # bfloat16 came with Ampere (8.0); emulated, it is slower than float32.
    able = (all(tf.config.experimental.get_device_details(gpu).get('compute_capability', (0, 0))
                >= (8, 0) for gpu in gpus) if gpus else _cpu_has_bfloat16())
    return 'mixed_bfloat16' if able else 'float32'


def _cpu_has_bfloat16():
    import openvino
    return 'BF16' in openvino.Core().get_property('CPU', 'OPTIMIZATION_CAPABILITIES')


def write_int8(xml, frames, recipe, out):
    """
    Quantise an OpenVINO network to int8 weights and activations, after training, with NNCF.

    xml: the network, float32 pixels (batch, height, width, 3) in 0..255 to logits.
    frames: list of drive.Frame; the ranges of the activations are taken from their images,
    brought to network size as the node does it. out: the new .xml; its .bin goes beside it.
    """
    import nncf
    import numpy as np
    import openvino

    from train import dataset
    from unet_perception.segmenter import resize_image

    def pixels(frame):
        image = dataset.read_image(str(frame.image)).numpy()
        return resize_image(image, recipe.height, recipe.width, recipe.resize).astype(
            np.float32)[None]

    network = openvino.Core().read_model(xml)
    any_batch = network.input(0).partial_shape
    network.reshape([1, recipe.height, recipe.width, 3])
    # MIXED: activations after ReLU are never negative, so their range need not be symmetric.
    network = nncf.quantize(network, nncf.Dataset(frames, pixels), subset_size=len(frames),
                            preset=nncf.QuantizationPreset.MIXED)
    network.reshape(any_batch)
    openvino.save_model(network, out)


def measure(bundle, frames):
    """
    Label frames in every precision that the bundle and this CPU have, as the node does.

    frames: list of drive.Frame, validation frames. Return the f32 figures (metrics.summary) and
    {precision: {'mean_iou': ..., 'equal_labels': share of pixels labelled as in f32}}.
    """
    import numpy as np
    from rich.progress import track

    from train import dataset
    from unet_perception import metrics, openvino_runtime
    from unet_perception.segmenter import Segmenter
    segmenters = {name: Segmenter(bundle, runtime='openvino', device='cpu', precision=name)
                  for name in openvino_runtime.precisions(bundle)}
    n_classes, pixels = len(bundle.names), 0
    matrices = {name: np.zeros((n_classes, n_classes + 1), np.int64) for name in segmenters}
    equal = dict.fromkeys(segmenters, 0)
    for frame in track(frames, f'measuring {", ".join(segmenters)}'):
        image, truth = dataset.load(frame, bundle.classes)
        labels = {name: segmenter(image).labels for name, segmenter in segmenters.items()}
        pixels += truth.size
        for name in segmenters:
            matrices[name] += metrics.confusion_matrix(truth, labels[name], n_classes)
            equal[name] += int((labels[name] == labels['f32']).sum())
    return metrics.summary(matrices['f32'], bundle.names), {
        name: {'mean_iou': metrics.mean_iou(matrices[name]), 'equal_labels': equal[name] / pixels}
        for name in segmenters}


def print_table(precisions):
    """Print the second of what measure() returned."""
    from rich.console import Console
    from rich.table import Table
    table = Table(title='precisions of the network')
    for column in ('precision', 'mIoU', 'pixels labelled as in f32'):
        table.add_column(column, justify='left' if column == 'precision' else 'right')
    for name, row in precisions.items():
        table.add_row(name, f'{row["mean_iou"]:.4f}', f'{row["equal_labels"]:.3%}')
    Console().print(table)
