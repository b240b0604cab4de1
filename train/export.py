"""Write a trained network as a model bundle: model.keras, model.xml, model.bin, manifest.json.

    python -m train.export runs/NAME

writes models/NAME from the weights that a run of train.fit has kept so far.
"""
import argparse
import dataclasses
import json
import os
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np

from unet_perception.labels import CLASSES
from unet_perception.model import FORMAT, MANIFEST, open_bundle, sha256


def write_bundle(folder, network, recipe, run):
    """Write a bundle and return it, opened.

    folder: a new folder, named as the bundle; it appears whole or not at all.
    network: a network of fit.build(recipe), of whatever precision policy.
    run: the run's folder; its data.json goes into the manifest, its validation.txt beside it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f'.{folder.name}.partial')
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    network = _for_export(network, recipe)
    network.save(partial / 'model.keras')
    _save_openvino(network, partial / 'model.xml')
    shutil.copy(run / 'validation.txt', partial)
    files = {'keras': 'model.keras', 'openvino': 'model.xml', 'openvino_weights': 'model.bin'}
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
                     'versions': {package: version(package)
                                  for package in ('tensorflow', 'keras', 'openvino')}},
    }
    (partial / MANIFEST).write_text(json.dumps(manifest, indent=1) + '\n')
    os.rename(partial, folder)
    return open_bundle(folder)


def _for_export(network, recipe):
    """Return the network rebuilt in float32, its weights rounded to float16 values.

    Both files then hold the same numbers, and model.bin stores them in half the space.
    """
    import keras

    from train.fit import build
    keras.mixed_precision.set_global_policy('float32')
    copy = build(recipe)
    copy.set_weights([w.astype(np.float16).astype(np.float32) for w in network.get_weights()])
    return copy


def _save_openvino(network, xml):
    import openvino
    with tempfile.TemporaryDirectory() as saved_model:
        # The exported inference graph has no dropout left, whose random ops cannot be converted.
        network.export(saved_model, verbose=False)
        converted = openvino.convert_model(saved_model)
    openvino.save_model(converted, xml, compress_to_fp16=True)


def export_run(run, models):
    """Write the bundle of a run's kept weights to models/NAME and return it, opened.

    Raise ValueError if the run has no finished epoch or the bundle exists already.
    """
    from train.checkpoints import KEPT_WEIGHTS
    from train.fit import build
    from train.recipe import Recipe
    folder = models / run.name
    if folder.exists():
        raise ValueError(f'{folder} exists already; move it away first')
    weights = run / KEPT_WEIGHTS
    if not weights.is_file():
        raise ValueError(f'{run} holds no finished epoch: {weights} is not there')
    recipe = Recipe.load(run / 'recipe.json')
    network = build(recipe)
    network.load_weights(weights)
    return write_bundle(folder, network, recipe, run)


def record_validation(bundle, figures):
    """Add validation figures to a bundle's manifest; return the bundle, opened again."""
    path = bundle.path / MANIFEST
    partial = path.with_suffix('.partial')
    partial.write_text(json.dumps({**json.loads(path.read_text()), 'validation': figures},
                                  indent=1) + '\n')
    os.replace(partial, path)
    return open_bundle(bundle.path)


def main(args=None):
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog='python -m train.export', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('run', type=Path, help='a run folder of train.fit')
    parser.add_argument('--models', type=Path, default=Path('models'),
                        help='folder that the bundle goes to (models)')
    args = parser.parse_args(args)
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    try:
        bundle = export_run(args.run, args.models)
    except ValueError as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    print(f'wrote {bundle.path}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
