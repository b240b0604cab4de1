"""Write a trained network as a model bundle, or the network of a bundle as ONNX.

    python -m train.export runs/NAME --data DRIVE

writes models/NAME from the weights that a run of train.fit has kept so far: model.keras, model.xml
and .bin (OpenVINO), model_int8.xml and .bin, and manifest.json. DRIVE is what the run trains on:
int8 is calibrated on its training frames, and all precisions are measured on its validation
frames. Without --data there is no int8 network and there are no figures.

    python -m train.export models/NAME --onnx FILE

writes the network of a bundle as ONNX, after onnxruntime has labelled as Keras does.
"""
import argparse
import dataclasses
import json
import os
import shutil
import sys
import tempfile
import zipfile
from importlib.metadata import version
from pathlib import Path

import numpy as np

from train import precisions
from unet_perception.labels import CLASSES
from unet_perception.model import FORMAT, MANIFEST, open_bundle, sha256


def write_bundle(folder, network, recipe, run, calibration=()):
    """Write a bundle and return it, opened.

    folder: a new folder, named as the bundle; it appears whole or not at all.
    network: a network of fit.build(recipe), of whatever precision policy.
    run: the run's folder; its data.json goes into the manifest, its validation.txt beside it.
    calibration: training frames, list of dataset.Frame, to make an int8 network by.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f'.{folder.name}.partial')
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    network = _for_export(network, recipe)
    _save_keras(network, partial / 'model.keras')
    _save_openvino(network, partial / 'model.xml')
    shutil.copy(run / 'validation.txt', partial)
    files = {'keras': 'model.keras', 'openvino': 'model.xml', 'openvino_weights': 'model.bin'}
    tools = ['tensorflow', 'keras', 'openvino']
    if calibration:
        precisions.write_int8(partial / 'model.xml', calibration, recipe,
                              partial / 'model_int8.xml')
        files |= {'openvino_int8': 'model_int8.xml', 'openvino_int8_weights': 'model_int8.bin'}
        tools.append('nncf')
    manifest = {
        'format': FORMAT,
        'name': folder.name,
        'classes': [{'id': i, 'name': name, 'color': color}
                    for i, (name, color) in enumerate(CLASSES)],
        'scheme': 'B',
        'input': {'height': recipe.height, 'width': recipe.width, 'color': 'rgb',
                  'range': [0, 255]},
        'resize': recipe.resize,
        'files': {runtime: {'name': name, 'sha256': sha256(partial / name)}
                  for runtime, name in files.items()},
        'training': {'data': json.loads((run / 'data.json').read_text()),
                     'recipe': dataclasses.asdict(recipe),
                     'calibration_frames': len(calibration),
                     'versions': {tool: version(tool) for tool in tools}},
    }
    (partial / MANIFEST).write_text(json.dumps(manifest, indent=1) + '\n')
    os.rename(partial, folder)
    return open_bundle(folder)


def _for_export(network, recipe):
    """Return the network rebuilt in float32, its weights rounded to float16 values.

    Both files then hold the same numbers, and model.bin stores them in half the space. OpenVINO's
    converter merges the scaling of pixels into the first kernel, so that one is rounded as merged.
    """
    import keras

    from train.fit import build
    keras.mixed_precision.set_global_policy('float32')
    copy = build(recipe)
    first, *others = network.get_weights()
    copy.set_weights([np.float32(np.float16(first / 255)) * 255,
                      *(np.float32(np.float16(w)) for w in others)])
    return copy


def _save_keras(network, path):
    """Save a network as Keras does, but deflated: weights rounded to float16 shrink by 40 %."""
    network.save(path)
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
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


def export_run(run, models, drive=None, calibration=None):
    """Write the bundle of a run's kept weights to models/NAME and return it, opened.

    drive: the run's drive, to make int8 and to measure all precisions by; None for neither.
    calibration: how many frames for int8; see precisions.calibration_frames.
    Raise ValueError if the run has no finished epoch, the bundle exists already, or the drive is
    not the run's.
    """
    from train import dataset, fit
    from train.checkpoints import KEPT_WEIGHTS
    from train.recipe import Recipe
    folder = models / run.name
    if folder.exists():
        raise ValueError(f'{folder} exists already; move it away first')
    weights = run / KEPT_WEIGHTS
    if not weights.is_file():
        raise ValueError(f'{run} holds no finished epoch: {weights} is not there')
    recipe = Recipe.load(run / 'recipe.json')
    frames, validation = [], []
    if drive:
        training, validation, data = fit.split(drive, recipe)
        fit.check_same(run, data)
        frames = precisions.calibration_frames(training, calibration)
        dataset.check_frames(frames + validation, recipe.scheme)
    network = fit.build(recipe)
    network.load_weights(weights)
    bundle = write_bundle(folder, network, recipe, run, frames)
    return record_figures(bundle, validation, recipe.scheme) if drive else bundle


def record_figures(bundle, frames, scheme):
    """Measure a bundle on its validation frames; print the figures and add them to its manifest.

    frames: list of dataset.Frame. Return the bundle, opened again.
    """
    from unet_perception import metrics
    validation, by_precision = precisions.measure(bundle, frames, scheme)
    path = bundle.path / MANIFEST
    partial = path.with_suffix('.partial')
    manifest = json.loads(path.read_text()) | {'precisions': by_precision,
                                               'validation': validation}
    partial.write_text(json.dumps(manifest, indent=1) + '\n')
    os.replace(partial, path)
    metrics.print_table(validation)
    precisions.print_table(by_precision)
    return open_bundle(bundle.path)


def main(args=None):
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog='python -m train.export', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', type=Path,
                        help='a run folder of train.fit; with --onnx a bundle: its folder or '
                             'shipped name')
    parser.add_argument('--models', type=Path, default=Path('models'),
                        help='folder that the bundle goes to (models)')
    parser.add_argument('--data', type=Path, help='the drive of the run')
    precisions.add_argument(parser)
    parser.add_argument('--onnx', type=Path, metavar='FILE', help='the new ONNX file')
    args = parser.parse_args(args)
    if args.onnx and args.data:
        parser.error('give either --onnx, with a bundle, or --data, with a run')
    if args.calibration_frames and not args.data:
        parser.error('--calibration-frames needs --data, the drive that holds the frames')
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    try:
        return _write_onnx(args) if args.onnx else _write_bundle(args)
    except (ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1


def _write_bundle(args):
    bundle = export_run(args.source, args.models, args.data, args.calibration_frames)
    if not args.data:
        print('no int8 network and no figures: they need --data, the drive of the run')
    print(f'wrote {bundle.path}')
    return 0


def _write_onnx(args):
    from train.to_onnx import write_onnx
    share = write_onnx(open_bundle(args.source), args.onnx)
    print(f'onnxruntime labels {share:.3%} of the pixels of random images as Keras does\n'
          f'wrote {args.onnx}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
