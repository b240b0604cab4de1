"""The shipped network, run as the node runs it, against Keras and against the recorded truth."""
from dataclasses import replace
import subprocess
import sys

from conftest import ROOT
import cv2
import keras
import numpy as np
import pytest

from unet_perception import keras_file, metrics, runtimes
from unet_perception.images import Picture
from unet_perception.labels import tags_to_labels
from unet_perception.model import open_bundle
from unet_perception.openvino_runtime import precisions
from unet_perception.segmenter import (
    best_classes, MOST_AT_ONCE, resize_image, resize_labels, Segmenter)


@pytest.fixture(scope='module')
def segmenter():
    return Segmenter(open_bundle('carla-fast'), precision='f32')


def test_labels_and_confidence_equal_keras(segmenter, recorded):
    bundle = segmenter.bundle
    network = keras_file.load(bundle.files['keras'])
    frames = [image for _, image, _ in recorded[::6]]
    pixels = np.stack([resize_image(f, bundle.height, bundle.width, bundle.resize)
                       for f in frames])
    probabilities = keras.ops.softmax(network.predict_on_batch(pixels.astype(np.float32))).numpy()
    ours = [segmenter(p) for p in pixels]
    labels = np.stack([o.labels for o in ours])
    # OpenVINO merges batch normalisation into the kernels: another rounding.
    assert np.mean(labels == probabilities.argmax(-1)) >= 0.9995
    confidence = np.stack([o.confidence for o in ours]).astype(float)
    np.testing.assert_allclose(confidence, 255 * probabilities.max(-1), atol=6)


def test_the_shipped_model_sees_the_recorded_drive(segmenter, recorded):
    """Held-out frames; the figures of `make demo`, less a margin for other processors."""
    matrix = np.zeros((23, 24), np.int64)
    for _, image, tags in recorded:
        truth = tags_to_labels(tags, 'A')
        matrix += metrics.confusion_matrix(truth, segmenter(image).labels, 23)
    iou = dict(zip(segmenter.bundle.names, metrics.iou_per_class(matrix)))
    assert iou['Road'] > 0.9 and iou['Vegetation'] > 0.75 and iou['Building'] > 0.8
    assert metrics.mean_iou(matrix) > 0.35


@pytest.mark.parametrize('height, width', [(1, 1), (80, 160), (600, 800), (101, 67)])
def test_results_come_at_camera_resolution(segmenter, height, width):
    result = segmenter(np.full((height, width, 3), 90, np.uint8))
    for picture in (result.labels, result.confidence):
        assert picture.shape == (height, width) and picture.dtype == np.uint8
    assert result.labels.max() < 23


def test_the_same_image_gives_the_same_labels(segmenter, recorded):
    first = segmenter(recorded[5][1])
    segmenter(recorded[9][1])
    again = segmenter(recorded[5][1])
    np.testing.assert_array_equal(first.labels, again.labels)
    np.testing.assert_array_equal(first.confidence, again.confidence)


def test_results_do_not_change_with_the_next_frame(segmenter, recorded):
    """The runtime's buffers are its own; what was handed out must stay as it is."""
    height, width = segmenter.bundle.height, segmenter.bundle.width
    native = [resize_image(recorded[i][1], height, width, 'area') for i in (0, 60)]
    first = segmenter(native[0])
    kept = first.labels.copy()
    segmenter(native[1])
    np.testing.assert_array_equal(first.labels, kept)


def test_masks_line_up_with_the_camera():
    """Enlarged by a whole number, each id becomes a block: no shift by half a pixel."""
    ids = np.arange(12, dtype=np.uint8).reshape(3, 4)
    np.testing.assert_array_equal(resize_labels(ids, 9, 12), np.kron(ids, np.ones((3, 3))))
    blocks = np.kron(ids, np.ones((3, 3), np.uint8))
    np.testing.assert_array_equal(resize_labels(blocks, 3, 4), ids)


def test_nearest_is_tensorflows_nearest():
    import tensorflow as tf
    image = np.random.default_rng(0).integers(0, 256, (80, 160, 3)).astype(np.uint8)
    expected = tf.image.resize(image, (96, 128), 'nearest')
    np.testing.assert_array_equal(resize_image(image, 96, 128, 'nearest'), expected)


def test_other_precisions_are_refused_by_name():
    with pytest.raises(ValueError, match="precision is 'int3', but must be one of auto, f32"):
        Segmenter(open_bundle('carla-fast'), precision='int3')


def test_a_batch_of_any_sizes_and_encodings_gives_what_each_alone_gives(segmenter, recorded):
    rgb = [cv2.resize(recorded[i][1], size)
           for i, size in ((0, (160, 80)), (30, (800, 600)), (60, (81, 33)))]
    alpha = np.full((600, 800, 1), 255, np.uint8)
    pictures = [Picture(rgb[0], 'rgb8'), Picture(np.dstack([rgb[1][..., ::-1], alpha]), 'bgra8'),
                Picture(rgb[2][..., ::-1], 'bgr8')]
    for result, image in zip(segmenter.batch(pictures), rgb, strict=True):
        alone = segmenter(image)
        np.testing.assert_array_equal(result.labels, alone.labels)
        np.testing.assert_array_equal(result.confidence, alone.confidence)


def test_many_pictures_go_through_in_parts(segmenter, recorded):
    pictures = [Picture(image, 'rgb8') for _, image, _ in recorded[:MOST_AT_ONCE + 3]]
    labels = [segmenter.runtime(segmenter.prepare([picture]))[0][0] for picture in pictures]
    for one, expected, picture in zip(segmenter.batch(pictures), labels, pictures, strict=True):
        height, width = picture.pixels.shape[:2]
        np.testing.assert_array_equal(one.labels, resize_labels(expected, height, width))


def test_smooth_upscaling_gives_finer_labels(segmenter, recorded):
    """Better at camera resolution than repeated labels, on every tenth recorded frame."""
    smooth = Segmenter(segmenter.bundle, upscale='smooth', precision='f32')
    matrix = {s: np.zeros((23, 24), np.int64) for s in (segmenter, smooth)}
    for _, image, tags in recorded[::10]:
        truth = tags_to_labels(tags, 'A')
        for s in matrix:
            matrix[s] += metrics.confusion_matrix(truth, s(image).labels, 23)
    assert metrics.pixel_accuracy(matrix[smooth]) > metrics.pixel_accuracy(matrix[segmenter])
    assert metrics.mean_iou(matrix[smooth]) > metrics.mean_iou(matrix[segmenter])


def test_best_classes_is_the_argmax_of_all_interpolated_scores():
    rng = np.random.default_rng(0)
    scores = cv2.GaussianBlur(rng.normal(size=(12, 16, 8)), (0, 0), 2).astype(np.float32)
    planes = np.ascontiguousarray(scores.transpose(2, 0, 1))
    expected = np.stack([cv2.resize(p, (80, 60)) for p in planes]).argmax(0)
    assert np.mean(best_classes(planes, 60, 80) == expected) > 0.999


@pytest.mark.parametrize('precision, equal', [('bf16', 0.997), ('int8', 0.99)])
def test_lower_precisions_give_nearly_the_same_labels(segmenter, recorded, precision, equal):
    try:
        other = Segmenter(segmenter.bundle, precision=precision)
    except ValueError as error:
        pytest.skip(f'this CPU has no {precision}: {error}')
    shares = [np.mean(other(image).labels == segmenter(image).labels)
              for _, image, _ in recorded[::10]]
    assert np.mean(shares) >= equal
    assert other.runtime.precision == precision


def test_auto_takes_the_best_precision_that_loses_little(segmenter):
    there = precisions(segmenter.bundle, 'CPU')
    assert Segmenter(segmenter.bundle).runtime.precision == there[-1] != 'f32'
    lossy = {**segmenter.bundle.mean_iou, there[-1]: segmenter.bundle.mean_iou['f32'] - 0.006}
    changed = replace(segmenter.bundle, mean_iou=lossy)
    assert Segmenter(changed).runtime.precision == there[-2]
    assert Segmenter(replace(segmenter.bundle, mean_iou={})).runtime.precision == 'f32'


def test_the_keras_runtime_gives_the_same_labels(segmenter, recorded):
    other = Segmenter(segmenter.bundle, runtime='keras', device='cpu')
    assert (other.runtime.name, other.runtime.device) == ('Keras', 'CPU')
    equal = [np.mean(other(image).labels == segmenter(image).labels)
             for _, image, _ in recorded[::10]]
    assert np.mean(equal) >= 0.9995


def test_starting_with_openvino_imports_no_tensorflow():
    code = ('import sys; from unet_perception import node; from unet_perception.model import '
            'open_bundle; from unet_perception.segmenter import Segmenter; '
            'Segmenter(open_bundle("carla-fast")); '
            'print([m for m in ("tensorflow", "keras", "jax", "torch") if m in sys.modules])')
    done = subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == '[]', done.stderr


@pytest.mark.parametrize('options, message', [
    ({'runtime': 'tensorrt'}, "runtime is 'tensorrt', but must be one of auto, openvino, keras"),
    ({'device': 'tpu'}, "device is 'tpu'"),
    ({'fallback': 'guess'}, "fallback is 'guess'"),
    ({'device': 'gpu'}, 'device is gpu, but openvino finds none'),
    ({'runtime': 'keras', 'precision': 'int8'}, "precision is 'int8', but the Keras"),
    ({'runtime': 'keras', 'threads': 2}, 'threads is 2, but the Keras')])
def test_what_is_not_to_be_had_is_named(segmenter, options, message):
    with pytest.raises(ValueError, match=message):
        Segmenter(segmenter.bundle, **options)


def test_auto_says_what_it_chose_and_why(segmenter):
    chosen = Segmenter(segmenter.bundle).runtime
    assert chosen.name == 'OpenVINO' and 'no NVIDIA GPU is here' in chosen.reason
    replaced = Segmenter(segmenter.bundle, device='gpu', fallback='cpu').runtime
    assert replaced.device == 'CPU' and 'no GPU was found' in replaced.reason


@pytest.mark.parametrize('device, fallback', [('auto', 'fail'), ('gpu', 'cpu')])
def test_auto_never_runs_keras_on_the_cpu_because_of_a_gpu_it_cannot_use(
        segmenter, monkeypatch, device, fallback):
    """As on a machine with an NVIDIA GPU and a Keras that was built without."""
    monkeypatch.setattr(runtimes, '_choose', lambda device: ('keras', 'a GPU is here'))
    chosen = Segmenter(segmenter.bundle, device=device, fallback=fallback).runtime
    assert (chosen.name, chosen.device) == ('OpenVINO', 'CPU')
    assert 'Keras cannot use it' in chosen.reason
