"""
Write a model bundle anew for another size of the network's input, with the same weights.

    python -m train.resize carla-accurate --height 192 --width 256 --name quick --data DRIVES

writes models/quick. A network takes pictures of other sizes than it was trained at. Fewer pixels
take less time; more find more that is small, which for carla-accurate, trained at 256x320, paid up
to 320x448 (docs/experiments.md). The confidence keeps its calibration; there is no int8 network.
DRIVES are those of the training: all precisions are measured on the frames that it held out;
without --data there are no figures.
"""
import argparse
import json
from pathlib import Path
import shutil
import sys

from train.commands import add_data, add_scheme, run, whole, writable

OF_THE_SIZE = ('precisions', 'validation')  # of a manifest


def main(args=None):
    """Run the command; return its exit code."""
    from unet_perception.arguments import at_least
    parser = argparse.ArgumentParser(prog='python -m train.resize', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('bundle', help='its folder or shipped name')
    parser.add_argument('--height', type=at_least(1), required=True, help='of the new input')
    parser.add_argument('--width', type=at_least(1), required=True, help='of the new input')
    parser.add_argument('--name', required=True, help='of the new bundle')
    parser.add_argument('--models', type=Path, default=Path('models'),
                        help='folder that the new bundle goes to (models)')
    add_data(parser, 'measure by: those of the training', required=False)
    add_scheme(parser)
    return run(_resize, parser.parse_args(args))


def _resize(args):
    from train.bundle import new_folder
    from train.check import check_frames
    from train.drive import find_drives, find_frames
    from train.split import select
    from unet_perception.model import open_bundle
    bundle, folder = open_bundle(args.bundle), new_folder(Path(args.name), args.models)
    recipe = resized_recipe(bundle, args.height, args.width)
    frames = [f for drive in find_drives(args.data or (), args.scheme) for f in find_frames(drive)]
    if frames:
        frames = select(frames, (bundle.path / 'validation.txt').read_text().split())
        check_frames(frames)
    writable(args.models)
    write_resized(bundle, recipe, folder, frames)
    print(f'wrote {folder}; without an int8 network'
          + ('' if frames else ', and without figures, which need --data'))
    return 0


def resized_recipe(bundle, height, width):
    """Return the Recipe of a bundle's network at another size; ValueError if that cannot be."""
    from train.finetune import settings
    from train.networks import check
    from train.recipe import Recipe
    recipe = Recipe(**{**settings(bundle, {}), 'height': height, 'width': width})
    check(recipe)
    return recipe


def write_resized(bundle, recipe, folder, frames=()):
    """
    Write the network of a bundle at the recipe's height and width; return the new bundle, opened.

    folder: a new one, named as the new bundle; it appears whole. frames: list of drive.Frame, held
    out from the training, to measure all precisions by; the figures are printed.
    """
    from train import bundle as bundles
    from train.networks import build
    from unet_perception import keras_file
    from unet_perception.model import MANIFEST, open_bundle
    manifest = json.loads((bundle.path / MANIFEST).read_text())
    network = build(recipe)
    network.set_weights(keras_file.load(bundle.files['keras']).get_weights())
    with whole(folder) as partial:
        partial.mkdir()
        shutil.copy(bundle.path / 'validation.txt', partial)
        manifest = {name: value for name, value in manifest.items() if name not in OF_THE_SIZE} | {
            'name': folder.name,
            'training': manifest['training'] | {'calibration_frames': 0},  # there is no int8
            'input': manifest['input'] | {'height': recipe.height, 'width': recipe.width},
            # Their file byte for byte, which git then has but once: Keras would write other names.
            'files': bundles.write_networks(network, partial,
                                            bundles.weights_of(bundle.files['keras']))}
        bundles.write_manifest(partial, manifest)
        if frames:
            bundles.write_manifest(partial, manifest | bundles.figures(
                open_bundle(partial), frames))
    return open_bundle(folder)


if __name__ == '__main__':
    sys.exit(main())
