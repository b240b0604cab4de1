"""Train a network on recorded CARLA frames and write a model bundle.

    python -m train.fit --data DRIVE [DRIVE ...] --name my-unet

DRIVE holds CameraRGB/, CameraMask/ and a drive.json, or such drives below it; one without a
drive.json needs --scheme. Validation is on the drives of --val-town and --val-drive, else on whole
stretches of every drive. The run goes to runs/NAME/ (recipe, history, learning curves, prediction
panels, TensorBoard logs, checkpoints), the bundle to models/NAME/. A run that was killed goes on
with

    python -m train.fit --data DRIVE --resume runs/NAME

and ends as if it had never stopped. The run keeps its recipe, but not its frames: give the same
--data again, and the same --models and --calibration-frames if you gave any.

The course exercise's own recipe (seed recipe) is

    --epochs 40 --frames 1060 --loss cross-entropy --schedule constant --clip 0
    --no-augment --resize nearest --precision float32 --keep last
"""
import argparse
import json
import shlex
import sys
from pathlib import Path

from train.commands import add_data, run, writable


def compile_network(network, recipe, steps):
    """Give the network its loss, optimiser and metrics. steps: training steps of the whole run."""
    import keras

    from train import losses
    from train.miou import MeanIoU
    from unet_perception.labels import CLASSES
    rate = recipe.learning_rate
    if recipe.schedule == 'cosine':
        warmup = min(100, steps // 5)
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, max(1, steps - warmup), warmup_target=rate, warmup_steps=warmup)
    network.compile(
        optimizer=keras.optimizers.Adam(rate, global_clipnorm=recipe.clip or None),
        loss={'cross-entropy': losses.cross_entropy,
              'cross-entropy+dice': losses.cross_entropy_and_dice}[recipe.loss](),
        metrics=[MeanIoU(len(CLASSES))],
        jit_compile=False)  # XLA does without oneDNN's convolutions, the fast ones on a CPU


def train(recipe, training, validation, folder):
    """Train as the recipe says, going on from the run folder's newest checkpoint if it has one.

    training, validation: lists of drive.Frame. Return the trained network, its weights those of
    the epoch that the recipe keeps. Raise ValueError if the training diverges.
    """
    import keras
    import tensorflow as tf

    from train import dataset
    from train.checkpoints import Checkpoints
    from train.plots import Panels
    from train.unet import build
    steps_per_epoch = len(training) // recipe.batch
    keras.utils.set_random_seed(recipe.seed)
    tf.config.experimental.enable_op_determinism()
    network = build(recipe, recipe.precision)
    compile_network(network, recipe, steps_per_epoch * recipe.epochs)
    checkpoints = Checkpoints(network, recipe, folder)
    first_epoch = checkpoints.restore()
    network.fit(
        dataset.training_batches(training, recipe, first_epoch),
        validation_data=dataset.validation_batches(validation, recipe),
        initial_epoch=first_epoch, epochs=recipe.epochs, steps_per_epoch=steps_per_epoch,
        shuffle=False,  # the stream is shuffled already
        callbacks=[checkpoints, Panels(validation, recipe, folder),
                   keras.callbacks.TensorBoard(folder / 'tensorboard'),
                   keras.callbacks.TerminateOnNaN()])
    network.load_weights(checkpoints.kept)
    return network


def main(args=None):
    """Run the command; return its exit code."""
    from train import precisions
    from train.recipe import Recipe
    parser = argparse.ArgumentParser(prog='python -m train.fit', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add_data(parser, 'train on')
    parser.add_argument('--name', type=_name, help='name of the run and of the bundle')
    parser.add_argument('--models', type=Path, default=Path('models'),
                        help='folder that the bundle goes to (models)')
    parser.add_argument('--runs', type=Path, default=Path('runs'),
                        help='folder that the run goes to (runs)')
    parser.add_argument('--resume', type=Path, metavar='RUN',
                        help='go on with a run that was killed, by its own saved recipe; needs '
                             'the --data of the run')
    precisions.add_argument(parser)
    Recipe.add_arguments(parser.add_argument_group('recipe'))
    args = parser.parse_args(args)
    if bool(args.name) == bool(args.resume):
        parser.error('give either --name for a new run or --resume for an old one')
    return run(_fit, args)


def _name(text):
    if Path(text).name != text or text.startswith('.'):
        raise argparse.ArgumentTypeError(
            f'{text!r} is not the plain name of a folder: no separators, no dot in front')
    return text


def _fit(args):
    from train import precisions
    from train.bundle import write_bundle
    from train.check import check_frames
    from train.split import check_same, split
    from train.unet import build
    run_folder = args.resume or args.runs / args.name
    folder = args.models / run_folder.resolve().name
    if folder.exists():
        raise ValueError(f'{folder} exists already; move it away or take another --name')
    recipe = _recipe(args, run_folder)
    build(recipe)  # refuses sizes that do not fit before anything is written
    training, validation, data = split(args.data, recipe)
    if len(training) < recipe.batch:
        raise ValueError(f'{len(training)} training frames are less than a batch of '
                         f'{recipe.batch}; take a smaller --batch')
    if args.resume:
        check_same(run_folder, data)
    calibration = precisions.calibration_frames(training, args.calibration_frames)
    writable(args.models)
    writable(run_folder.parent)
    check_frames(training + validation)
    run_folder.mkdir(exist_ok=True)
    recipe.save(run_folder / 'recipe.json')
    (run_folder / 'data.json').write_text(json.dumps(data) + '\n')
    (run_folder / 'validation.txt').write_text(''.join(f'{f.id}\n' for f in validation))
    print(f'{len(training)} training frames, {len(validation)} validation frames; look at '
          f'{run_folder / "curves.png"} and {run_folder / "panel_NN.png"} while it trains')
    network = train(recipe, training, validation, run_folder)
    write_bundle(folder, network, recipe, run_folder, calibration, validation)
    data = shlex.join([*map(str, args.data), *(['--scheme', recipe.scheme] * bool(recipe.scheme))])
    print(f'wrote {folder}; next:\n'
          f'  python -m train.evaluate --model {folder} --data {data} '
          f'--only {folder / "validation.txt"} --out evaluation/{folder.name}\n'
          f'  python -m unet_perception.demo --model {folder}\n'
          f'  python -m unet_perception.node --ros-args -p model:={folder}')
    return 0


def _recipe(args, folder):
    """Return the recipe of a new run from the flags, or of an old run from its folder."""
    from train.recipe import Recipe
    if args.resume:
        if not (folder / 'recipe.json').is_file():
            raise ValueError(f'{folder} holds no recipe.json, so it is no run to go on with')
        recipe = Recipe.load(folder / 'recipe.json')
        recipe.check_same(args)
        return recipe
    if folder.exists():
        raise ValueError(f'{folder} exists already; go on with it by --resume {folder}, '
                         f'or take another --name')
    return Recipe.from_arguments(args)


if __name__ == '__main__':
    sys.exit(main())
