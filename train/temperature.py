"""
Make the confidence of a network mean what it says, by one number: its temperature.

Networks are surer than they are right. Dividing their logits by a temperature T, fitted on frames
held out, mends most of that and changes no label (Guo et al. 2017, On Calibration of Modern Neural
Networks). T goes into the weights of the last layer, so that nobody need know it at run time.
"""
import numpy as np

from train import reliability
from unet_perception.labels import IGNORE
from unet_perception.segmenter import resize_image, resize_labels

LAST_LAYER = 'logits'  # of every network of unet.py
RANGE = (0.1, 10.0)  # no network that learnt needs more; with nothing wrong T would go to 0
MOST_FRAMES = 200
MOST_PIXELS = 2000  # of a frame


def calibrate(network, frames, recipe):
    """
    Fit the temperature of a network and divide its last layer by it, in place.

    network: float32, of networks.build(recipe). frames: list of drive.Frame not trained on; up to
    200 of them, spread evenly, and up to 2,000 pixels of each are looked at.
    Return what the manifest has of it: temperature, ECE before and after on these pixels, and how
    many they are; None, with nothing changed, if no pixel has a label.
    """
    logits, truth = _sample(network, frames, recipe)
    if not len(truth):
        return None
    temperature = fit(logits, truth)
    layer = network.layers[-1].get_layer(LAST_LAYER)
    layer.set_weights([weight / np.float32(temperature) for weight in layer.get_weights()])
    return {'temperature': temperature, 'ece_before': _error(logits, truth),
            'ece_after': _error(logits / np.float32(temperature), truth), 'pixels': len(truth)}


def fit(logits, truth):
    """
    Return the T in RANGE that minimises the cross-entropy of softmax(logits / T).

    logits: float32 (pixels, classes); truth: labels (pixels,), all below classes.
    """
    logits = logits - logits.max(1, keepdims=True)
    of_truth = logits[np.arange(len(truth)), truth].mean(dtype=np.float64)
    # In 1 / T the cross-entropy is convex. Its slope is the mean logit, weighted by softmax, less
    # that of the truth; where it changes its sign is the minimum, found by halving.
    low, high = np.log(1 / np.array(RANGE[::-1]))
    for _ in range(16):
        middle = (low + high) / 2
        weights = np.exp(np.float32(np.exp(middle)) * logits)
        mean = ((weights * logits).sum(1) / weights.sum(1)).mean(dtype=np.float64)
        low, high = (low, middle) if mean > of_truth else (middle, high)
    return float(np.exp(-(low + high) / 2))


def _sample(network, frames, recipe):
    """Return logits, float32 (pixels, classes), and labels (pixels,) as the node's camera has."""
    from train import dataset
    from train.split import spread
    from unet_perception.classes import parse_classes
    classes, rng = parse_classes(recipe.classes), np.random.default_rng(recipe.seed)
    size = recipe.height, recipe.width
    places = np.arange(recipe.height * recipe.width, dtype=np.float32).reshape(size)
    logits, truths = [], []
    for frame in spread(frames, min(MOST_FRAMES, len(frames))):
        image, truth = dataset.load(frame, classes)
        pixels = resize_image(image, *size, recipe.resize).astype(np.float32)[None]
        known = np.flatnonzero(truth != IGNORE)
        some = rng.choice(known, min(MOST_PIXELS, len(known)), replace=False)
        # Which pixel of the network labels each of the camera's.
        source = resize_labels(places, *truth.shape).ravel()[some].astype(int)
        scores = network.predict_on_batch(pixels)[0]
        logits.append(scores.reshape(-1, scores.shape[-1])[source])
        truths.append(truth.ravel()[some])
    return np.concatenate(logits), np.concatenate(truths)


def _error(logits, truth):
    """Return the ECE of the labels' confidence, as it is published."""
    weights = np.exp(logits - logits.max(1, keepdims=True))
    confidence = np.rint(255 / weights.sum(1)).astype(np.uint8)  # the highest weight is 1
    return reliability.calibration_error(reliability.confidence_counts(
        truth, logits.argmax(1).astype(np.uint8), confidence))
