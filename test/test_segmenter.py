"""The shipped network, run as the node runs it, against Keras and against the recorded truth."""
import keras
import numpy as np
import pytest

from unet_perception import metrics
from unet_perception.model import open_bundle
from unet_perception.segmenter import Segmenter, resize_image, resize_labels


@pytest.fixture(scope='module')
def segmenter():
    return Segmenter(open_bundle('town07-unet'))


def test_labels_and_confidence_equal_keras(segmenter, recorded):
    bundle = segmenter.bundle
    network = keras.saving.load_model(bundle.files['keras'], safe_mode=True)
    frames = [image for _, image, _ in recorded[::6]]
    pixels = np.stack([resize_image(f, bundle.height, bundle.width, bundle.resize)
                       for f in frames])
    probabilities = keras.ops.softmax(network.predict_on_batch(pixels.astype(np.float32))).numpy()
    ours = [segmenter(p) for p in pixels]
    labels = np.stack([o.labels for o in ours])
    assert np.mean(labels == probabilities.argmax(-1)) >= 0.9999
    confidence = np.stack([o.confidence for o in ours]).astype(float)
    np.testing.assert_allclose(confidence, 255 * probabilities.max(-1), atol=1.01)


def test_the_shipped_model_sees_the_recorded_drive(segmenter, recorded):
    """Held-out frames; the figures of `make demo`, less a margin for other processors."""
    matrix = np.zeros((23, 24), np.int64)
    for _, image, truth in recorded:
        matrix += metrics.confusion_matrix(truth, segmenter(image).labels, 23)
    iou = dict(zip(segmenter.bundle.names, metrics.iou_per_class(matrix)))
    assert iou['Road'] > 0.9 and iou['Vegetation'] > 0.75 and iou['Building'] > 0.8
    assert metrics.mean_iou(matrix) > 0.45


@pytest.mark.parametrize('height, width', [(1, 1), (80, 160), (600, 800), (101, 67)])
def test_results_come_at_camera_resolution(segmenter, height, width):
    result = segmenter(np.full((height, width, 3), 90, np.uint8))
    for picture in result:
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
    np.testing.assert_array_equal(resize_labels(np.kron(ids, np.ones((3, 3), np.uint8)), 3, 4), ids)


def test_nearest_is_tensorflows_nearest():
    import tensorflow as tf
    image = np.random.default_rng(0).integers(0, 256, (80, 160, 3)).astype(np.uint8)
    expected = tf.image.resize(image, (96, 128), 'nearest')
    np.testing.assert_array_equal(resize_image(image, 96, 128, 'nearest'), expected)


def test_other_precisions_are_refused_by_name():
    with pytest.raises(ValueError, match="precision is 'int3', but must be one of f32, bf16"):
        Segmenter(open_bundle('town07-unet'), precision='int3')
