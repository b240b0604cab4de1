"""
Write a trained network as a model bundle, or the network of a bundle as ONNX.

    python -m train.export runs/NAME --data DRIVE [DRIVE ...]

writes models/NAME from the weights that a run of train.fit has kept so far: model.keras, model.xml
and .bin (OpenVINO), model_int8.xml and .bin, and manifest.json. DRIVE is what the run trains on:
int8 is calibrated on its training frames, and all precisions are measured on its validation
frames. Without --data there is no int8 network and there are no figures.

    python -m train.export models/NAME --onnx FILE

writes the network of a bundle as ONNX, after onnxruntime has labelled as Keras does.
"""
import argparse
from pathlib import Path
import sys

from train import precisions
from train.commands import add_data, add_extra, run, writable


def export_run(folder, models, drives=(), calibration=None, extra=()):
    """
    Write the bundle of a run folder's kept weights to models/NAME and return it, opened.

    drives, extra: paths of the run's drives, to make int8 and to measure all precisions by.
    calibration: how many frames for int8; see precisions.calibration_frames.
    Raise ValueError if the run has no finished epoch, the bundle exists already, or the drives are
    not the run's.
    """
    from train.bundle import new_folder, write_bundle
    from train.check import check_frames
    from train.checkpoints import KEPT_WEIGHTS
    from train.networks import build
    from train.recipe import Recipe
    from train.split import check_same, split
    bundle = new_folder(folder, models)
    weights = folder / KEPT_WEIGHTS
    if not weights.is_file():
        raise ValueError(f'{folder} holds no finished epoch: {weights} is not there')
    recipe = Recipe.load(folder / 'recipe.json')
    frames, validation = [], []
    if drives:
        training, validation, data = split(drives, recipe, extra)
        check_same(folder, data)
        frames = precisions.calibration_frames(training, calibration)
    writable(models)
    if drives:
        check_frames(frames + validation)
    network = build(recipe)
    network.load_weights(weights)
    return write_bundle(bundle, network, recipe, folder, frames, validation)


def main(args=None):
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog='python -m train.export', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', type=Path,
                        help='a run folder of train.fit; with --onnx a bundle: its folder or '
                             'shipped name')
    parser.add_argument('--models', type=Path, default=Path('models'),
                        help='folder that the bundle goes to (models)')
    add_data(parser, 'measure by: those of the run', required=False)
    add_extra(parser)
    precisions.add_argument(parser)
    parser.add_argument('--onnx', type=Path, metavar='FILE', help='the new ONNX file')
    args = parser.parse_args(args)
    if args.onnx and args.data:
        parser.error('give either --onnx, with a bundle, or --data, with a run')
    if args.calibration_frames and not args.data:
        parser.error('--calibration-frames needs --data, the drives that hold the frames')
    return run(_write_onnx if args.onnx else _write_bundle, args)


def _write_bundle(args):
    bundle = export_run(args.source, args.models, args.data or (), args.calibration_frames,
                        args.extra)
    if not args.data:
        print('no int8 network and no figures: they need --data, the drives of the run')
    print(f'wrote {bundle.path}')
    return 0


def _write_onnx(args):
    from train.to_onnx import write_onnx
    from unet_perception.model import open_bundle
    share = write_onnx(open_bundle(args.source), args.onnx)
    print(f'onnxruntime labels {share:.3%} of the pixels of random images as Keras does\n'
          f'wrote {args.onnx}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
