"""Train a network on recorded CARLA frames and write a model bundle.

    python -m train.fit --data DRIVE --scheme A --name my-unet

DRIVE holds CameraRGB/ and CameraMask/. The run goes to runs/NAME/ (recipe, history, learning
curves, prediction panels, TensorBoard logs, checkpoints), the bundle to models/NAME/. A run that
was killed goes on with

    python -m train.fit --data DRIVE --resume runs/NAME

and ends as if it had never stopped. The course exercise's own recipe (seed recipe) is

    --epochs 40 --frames 1060 --loss cross-entropy --schedule constant --clip 0
    --no-augment --resize nearest --precision float32 --keep last
"""
import argparse
import json
import os
import sys
from pathlib import Path


def build(recipe):
    """Return the network of the recipe, float32 pixels (batch, height, width, 3) in 0..255 in."""
    from train.unet import camera_network
    from unet_perception.labels import CLASSES
    return camera_network(recipe.network, recipe.height, recipe.width, recipe.filters,
                          len(CLASSES))


def compile_network(network, recipe, steps):
    """Give the network its loss, optimiser and metrics. steps: training steps of the whole run."""
    import keras

    from train import losses
    from unet_perception.labels import CLASSES, IGNORE
    rate = recipe.learning_rate
    if recipe.schedule == 'cosine':
        warmup = min(100, steps // 5)
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, max(1, steps - warmup), warmup_target=rate, warmup_steps=warmup)
    network.compile(
        optimizer=keras.optimizers.Adam(rate, global_clipnorm=recipe.clip or None),
        loss={'cross-entropy': losses.cross_entropy,
              'cross-entropy+dice': losses.cross_entropy_and_dice}[recipe.loss](),
        metrics=[keras.metrics.MeanIoU(len(CLASSES), ignore_class=IGNORE, sparse_y_pred=False,
                                       name='miou')],
        # XLA has no oneDNN convolutions on a CPU: 85 ms an image against 26 ms without it
        # (seed network, mixed_bfloat16, two cores).
        jit_compile=False)


def train(recipe, training, validation, run):
    """Train as the recipe says, going on from the newest checkpoint in `run` if there is one.

    training, validation: lists of Frame. Return the trained network, its weights those of the
    epoch that the recipe keeps.
    """
    import keras
    import tensorflow as tf

    from train import dataset
    from train.checkpoints import Checkpoints
    from train.plots import Panels
    steps_per_epoch = len(training) // recipe.batch
    keras.utils.set_random_seed(recipe.seed)
    tf.config.experimental.enable_op_determinism()
    keras.mixed_precision.set_global_policy(recipe.precision)
    network = build(recipe)
    compile_network(network, recipe, steps_per_epoch * recipe.epochs)
    checkpoints = Checkpoints(network, recipe, run)
    first_epoch = checkpoints.restore()
    network.fit(
        dataset.training_batches(training, recipe, first_epoch),
        validation_data=dataset.validation_batches(validation, recipe),
        initial_epoch=first_epoch, epochs=recipe.epochs, steps_per_epoch=steps_per_epoch,
        shuffle=False,  # the stream is shuffled already
        callbacks=[checkpoints, Panels(validation, recipe, run),
                   keras.callbacks.TensorBoard(run / 'tensorboard'),
                   keras.callbacks.TerminateOnNaN()])
    network.load_weights(checkpoints.kept)
    return network


def split(drive, recipe):
    """Split a drive as the recipe says; return (training frames, validation frames, data).

    data: what a run keeps of it in its data.json. Raise ValueError if the drive will not do.
    """
    from train import dataset
    training, validation = dataset.split_by_stretches(
        dataset.find_frames(drive), recipe.val_fraction, recipe.val_stretches, recipe.val_gap)
    training = dataset.spread(training, recipe.frames)
    return training, validation, {'drive': drive.resolve().name, 'training_frames': len(training),
                                  'validation_frames': len(validation)}


def check_same(run, data):
    """Raise ValueError unless a run has trained on such data; see split()."""
    trained_on = (run / 'data.json').read_text()
    if json.loads(trained_on) != data:
        raise ValueError(f'{run} was trained on {trained_on.strip()}, '
                         f'but --data gives {json.dumps(data)}')


def main(args=None):
    """Run the command; return its exit code."""
    from train import precisions
    from train.recipe import Recipe
    parser = argparse.ArgumentParser(prog='python -m train.fit', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--data', type=Path, required=True, help='the drive to train on')
    parser.add_argument('--name', help='name of the run and of the bundle')
    parser.add_argument('--models', type=Path, default=Path('models'),
                        help='folder that the bundle goes to (models)')
    parser.add_argument('--runs', type=Path, default=Path('runs'),
                        help='folder that the run goes to (runs)')
    parser.add_argument('--resume', type=Path, metavar='RUN',
                        help='go on with a run that was killed, by its own saved recipe')
    precisions.add_argument(parser)
    Recipe.add_arguments(parser.add_argument_group('recipe'))
    args = parser.parse_args(args)
    if bool(args.name) == bool(args.resume):
        parser.error('give either --name for a new run or --resume for an old one')
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    try:
        return _run(args)
    except ValueError as error:
        print(f'error: {error}', file=sys.stderr)
        return 1


def _run(args):
    from train import dataset, export, precisions
    run = args.resume or args.runs / args.name
    folder = args.models / run.name
    if folder.exists():
        raise ValueError(f'{folder} exists already; move it away or take another --name')
    recipe = _recipe(args, run)
    build(recipe)  # refuses sizes that do not fit before anything is written
    training, validation, data = split(args.data, recipe)
    if len(training) < recipe.batch:
        raise ValueError(f'{len(training)} training frames are less than a batch of '
                         f'{recipe.batch}; take a smaller --batch')
    if args.resume:
        check_same(run, data)
    calibration = precisions.calibration_frames(training, args.calibration_frames)
    dataset.check_frames(training + validation, recipe.scheme)
    run.mkdir(parents=True, exist_ok=True)
    recipe.save(run / 'recipe.json')
    (run / 'data.json').write_text(json.dumps(data) + '\n')
    (run / 'validation.txt').write_text(''.join(f'{f.image.stem}\n' for f in validation))
    print(f'{len(training)} training frames, {len(validation)} validation frames; '
          f'look at {run / "curves.png"} and {run / "panel_NN.png"} while it trains')
    network = train(recipe, training, validation, run)
    bundle = export.write_bundle(folder, network, recipe, run, calibration)
    export.record_figures(bundle, validation, recipe.scheme)
    print(f'wrote {folder}; next:\n'
          f'  python -m train.evaluate --model {folder} --data {args.data} --scheme '
          f'{recipe.scheme} --only {folder / "validation.txt"} --out evaluation/{run.name}\n'
          f'  python -m unet_perception.demo --model {folder}\n'
          f'  python -m unet_perception.node --ros-args -p model:={folder}')
    return 0


def _recipe(args, run):
    """Return the recipe of a new run from the flags, or of an old run from its folder."""
    from train.recipe import Recipe
    if args.resume:
        if not (run / 'recipe.json').is_file():
            raise ValueError(f'{run} holds no recipe.json, so it is no run to go on with')
        return Recipe.load(run / 'recipe.json')
    if run.exists():
        raise ValueError(f'{run} exists already; go on with it by --resume {run}, '
                         f'or take another --name')
    return Recipe.from_arguments(args)


if __name__ == '__main__':
    sys.exit(main())
