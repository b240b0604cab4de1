"""Write a trained network as a model bundle; see unet_perception.model for what that is."""
import dataclasses
from importlib.metadata import version
import json
import os
import shutil
import tempfile
import zipfile

import numpy as np

from train import precisions, temperature
from train.checkpoints import epochs_done
from unet_perception.classes import ALL, parse_classes
from unet_perception.model import (
    FORMAT, is_name, MANIFEST, MOST_LETTERS, open_bundle, sha256)

WEIGHTS = 'model.weights.h5'  # in a .keras file


def new_folder(run, models):
    """
    Return the folder that the bundle of a run goes to: models / the name of the run's folder.

    Raise ValueError if it is there already, or if no bundle may have that name.
    """
    folder = models / run.resolve().name
    if not is_name(folder.name):  # before the work: else it would show when the bundle is opened
        raise ValueError(f'{run} has a name that is no text of 1 to {MOST_LETTERS} letters, as '
                         f'the name of its bundle must be; give it another')
    if folder.exists():
        raise ValueError(f'{folder} exists already; move it away or take another --name')
    return folder


def write_bundle(folder, network, recipe, run, calibration=(), validation=()):
    """
    Write a bundle and return it, opened.

    folder: a new folder, named as the bundle; it appears whole, figures and all, or not at all.
    network: a network of networks.build(recipe), of whatever precision policy.
    run: the run's folder; its data.json goes into the manifest, its validation.txt beside it.
    calibration: training frames, list of drive.Frame, to make an int8 network by.
    validation: frames, list of drive.Frame, to fit the temperature of the confidence on, and to
    measure all precisions by; the figures are printed.
    Raise ValueError if a weight is not finite.
    """
    network, confidence = _for_export(network, recipe, validation)
    classes = parse_classes(recipe.classes)
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f'.{folder.name}.partial')
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    files = write_networks(network, partial)
    shutil.copy(run / 'validation.txt', partial)
    tools = ['tensorflow', 'keras', 'openvino']
    if calibration:
        precisions.write_int8(partial / 'model.xml', calibration, recipe,
                              partial / 'model_int8.xml')
        files |= _hashed(partial, {'openvino_int8': 'model_int8.xml',
                                   'openvino_int8_weights': 'model_int8.bin'})
        tools.append('nncf')
    manifest = {
        'format': FORMAT,
        'name': folder.name,
        'classes': [{'id': i, 'name': name, 'color': color, 'parts': parts}
                    for i, (name, color, parts) in enumerate(zip(*classes))],
        'scheme': 'B' if classes == ALL else 'own',
        'input': {'height': recipe.height, 'width': recipe.width, 'color': 'rgb',
                  'range': [0, 255]},
        'resize': recipe.resize,
        'files': files,
        'training': {'data': json.loads((run / 'data.json').read_text()),
                     'recipe': dataclasses.asdict(recipe),
                     'epochs': epochs_done(run),
                     'calibration_frames': len(calibration),
                     'versions': {tool: version(tool) for tool in tools}},
    }
    if confidence:
        manifest['calibration'] = confidence
    write_manifest(partial, manifest)
    if validation:  # measured as the bundle it is, while nobody can mistake it for a whole one
        measured = figures(open_bundle(partial), validation)
        write_manifest(partial, manifest | measured)
    os.rename(partial, folder)
    return open_bundle(folder)


def write_networks(network, folder, weights=None):
    """
    Write a float32 Keras network for both runtimes; return what a manifest has of the files.

    weights: the file of its weights, bytes, if it is there already; see weights_of().
    """
    _save_keras(network, folder / 'model.keras', weights)
    _save_openvino(network, folder / 'model.xml')
    return _hashed(folder, {'keras': 'model.keras', 'openvino': 'model.xml',
                            'openvino_weights': 'model.bin'})


def _hashed(folder, files):
    return {runtime: {'name': name, 'sha256': sha256(folder / name)}
            for runtime, name in files.items()}


def write_manifest(folder, manifest):
    """Write the manifest into a bundle's folder, in place of an older one."""
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + '\n')


def figures(bundle, frames):
    """
    Measure a bundle, print the figures, and return them as the manifest has them.

    There are none if no pixel of the frames has a label.
    """
    from unet_perception import metrics
    validation, by_precision = precisions.measure(bundle, frames)
    metrics.print_table(validation)
    precisions.print_table(by_precision)
    return {'precisions': by_precision, 'validation': validation} if validation['pixels'] else {}


def _for_export(network, recipe, validation):
    """
    Return the network rebuilt in float32, calibrated and rounded, and what calibrate() found.

    Its weights are rounded to float16 values where that can hold them, last of all. Both files
    then hold the same numbers, and model.bin stores them in half the space. OpenVINO's converter
    merges the scaling of pixels into the first kernel, so that one is rounded as merged. (Batch
    normalisation, which deeplabv3plus and efficientnet_unet have, it merges into every kernel:
    there the two differ by a rounding.)
    """
    from train.networks import build
    copy = build(recipe)
    copy.set_weights(_rounded(network.get_weights()))
    confidence = temperature.calibrate(copy, validation, recipe) if validation else None
    copy.set_weights(_rounded(copy.get_weights()))
    return copy, confidence


def _rounded(weights):
    """Return weights as float32 of float16 values, the first as merged; see _for_export()."""
    if not all(np.isfinite(w).all() for w in weights):
        raise ValueError('the network has weights that are not finite: its training diverged; '
                         'train it again with a lower --learning-rate')
    first, *others = weights
    return [_half(first / 255) * 255, *map(_half, others)]


def _half(weights):
    """Return float32 of float16 values, but what float16 cannot hold as it is."""
    with np.errstate(over='ignore'):
        half = np.float32(np.float16(weights))
    # A healthy network's batch normalisation may have met a variance of more than 65,504.
    return half if np.isfinite(half).all() else weights


def weights_of(path):
    """Return the file of the weights in a .keras file, bytes."""
    with zipfile.ZipFile(path) as file:
        return file.read(WEIGHTS)


def _save_keras(network, path, weights=None):
    """Save a network as Keras does, but deflated: weights rounded to float16 shrink by 40 %."""
    network.save(path)
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    if weights:
        parts[WEIGHTS] = weights
    with zipfile.ZipFile(path, 'w') as file:
        for name, data in parts.items():
            # ZipInfo's fixed date: the same weights give the same file.
            file.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)


def _save_openvino(network, xml):
    import openvino
    with tempfile.TemporaryDirectory() as saved_model:
        # The exported inference graph has no dropout left, whose random ops cannot be converted.
        network.export(saved_model, verbose=False)
        converted = openvino.convert_model(saved_model)
    # The temporary folder's path is no one's business, and would make every export differ.
    converted.set_rt_info('', ['conversion_parameters', 'input_model'])
    openvino.save_model(converted, xml, compress_to_fp16=True)
