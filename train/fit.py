"""
Train a network on recorded CARLA frames and write a model bundle.

    python -m train.fit --data DRIVE [DRIVE ...] --name my-unet

DRIVE holds CameraRGB/, CameraMask/ and a drive.json, or such drives below it; one without a
drive.json needs --scheme. Validation is on the drives of --val-town and --val-drive, else on whole
stretches of every drive. The run goes to runs/NAME/ (recipe, history, learning curves, prediction
panels, TensorBoard logs, checkpoints), the bundle to models/NAME/. A run that was killed goes on
with

    python -m train.fit --data DRIVE --resume runs/NAME

and ends as if it had never stopped. The run keeps its recipe, but not its frames: give the same
--data again, and the same --extra, --models and --calibration-frames if you gave any.

    python -m train.fit --data DRIVE --name mine --from carla-fast --classes Road,Car,Pedestrian

goes on from a bundle's weights, with its classes or others. All GPUs of a machine train together.
So do several machines; on each run the same command with its own number from 0 on,

    python -m train.fit --data DRIVE --name my-unet --workers HOST:PORT,HOST:PORT --worker-index 0

Each reads its own --data, which must hold the same frames; the run, and the bundle, are on worker
0. If one is lost, the others wait for it at the last epoch saved: start it again, worker 0 with
--resume runs/NAME.

The course exercise's own recipe (seed recipe) is

    --epochs 40 --frames 1060 --loss cross-entropy --schedule constant --clip 0 --coarse 0
    --augment none --resize nearest --precision float32 --keep last
"""
import argparse
import dataclasses
import json
from pathlib import Path
import shlex
import sys

from train.commands import add_data, add_extra, run, whole, writable


def main(args=None):
    """Run the command; return its exit code."""
    from train import precisions, workers
    from train.recipe import Recipe
    parser = argparse.ArgumentParser(prog='python -m train.fit', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add_data(parser, 'train on')
    add_extra(parser)
    parser.add_argument('--name', type=_name, help='name of the run and of the bundle')
    parser.add_argument('--models', type=Path, default=Path('models'),
                        help='folder that the bundle goes to (models)')
    parser.add_argument('--runs', type=Path, default=Path('runs'),
                        help='folder that the run goes to (runs)')
    parser.add_argument('--resume', type=Path, metavar='RUN',
                        help='go on with a run that was killed, by its own saved recipe; needs '
                             'the --data of the run')
    parser.add_argument('--from', dest='bundle',
                        help='start from the weights of this bundle, its folder or shipped name: '
                             'its network stays, --classes may change, --learning-rate is 1e-4 '
                             'and --coarse 0 unless given')
    precisions.add_argument(parser)
    workers.add_arguments(parser)
    Recipe.add_arguments(parser.add_argument_group('recipe'))
    argv = sys.argv[1:] if args is None else args
    args = parser.parse_args(argv)
    workers.check_arguments(parser, args)
    if args.worker_index:
        return run(lambda args: workers.help_to_train(args, argv), args)
    if bool(args.name) == bool(args.resume):
        parser.error('give either --name for a new run or --resume for an old one')
    if args.resume and args.bundle:
        parser.error('--from is for a new run; the one to go on with knows where it began')
    return run(lambda args: _fit(args, argv), args)


def _name(text):
    if Path(text).name != text or text.startswith('.'):
        raise argparse.ArgumentTypeError(
            f'{text!r} is not the plain name of a folder: no separators, no dot in front')
    return text


def _fit(args, argv):
    from train import efficientnet, precisions, workers
    from train.bundle import new_folder, write_bundle
    from train.loop import train
    from train.networks import check
    from train.split import check_same, split
    from unet_perception.model import open_bundle
    run_folder = args.resume or args.runs / args.name
    folder = new_folder(run_folder, args.models)
    base = open_bundle(args.bundle) if args.bundle else None
    recipe = _recipe(args, run_folder, base)
    check(recipe)
    imagenet = efficientnet.weights_file() if recipe.knows_imagenet else None
    training, validation, data = split(args.data, recipe, args.extra)
    if len(training) < recipe.batch:
        raise ValueError(f'{len(training)} training frames are less than a batch of '
                         f'{recipe.batch}; take a smaller --batch')
    if args.resume:
        check_same(run_folder, data)
    for name, drive in data['drives'].items():
        if drive['scheme'].startswith('A'):
            print(f"{name}: tag None of scheme {drive['scheme']}, sky and ground alike, is not "
                  f'trained on; python -m train.relabel splits it')
    calibration = precisions.calibration_frames(training, args.calibration_frames)
    writable(args.models)
    writable(run_folder.parent)
    team = workers.gather(args, recipe)
    with workers.restarting(team, lambda: _again(args, argv, run_folder)):
        small = workers.prepare(team, recipe, training, validation, run_folder.parent)
        if not args.resume:
            _begin(run_folder, recipe, data, validation, base, imagenet)
        print(f'{len(training)} training frames, {len(validation)} validation frames, '
              f'{recipe.precision}; look at {run_folder / "curves.png"} and '
              f'{run_folder / "panel_NN.png"} while it trains', flush=True)
        network = train(recipe, *small, run_folder, team)
    write_bundle(folder, network, recipe, run_folder, calibration, validation)
    data = shlex.join([*map(str, args.data), *(['--scheme', recipe.scheme] * bool(recipe.scheme))])
    print(f'wrote {folder}; next:\n'
          f'  python -m train.evaluate --model {folder} --data {data} '
          f'--only {folder / "validation.txt"} --out evaluation/{folder.name}\n'
          f'  python -m unet_perception.demo --model {folder}\n'
          f'  python -m unet_perception.node --ros-args -p model:={folder}')
    return 0


def _begin(folder, recipe, data, validation, base, imagenet):
    """Make the run's folder, which appears whole, so that --resume takes whatever a kill left."""
    from train import finetune
    with whole(folder) as partial:
        partial.mkdir()
        if base:
            print(f'starting from {base.name}: {finetune.write_initial(base, recipe, partial)}')
        elif imagenet:
            print('the contracting path starts from ImageNet weights')
            finetune.write_imagenet(recipe, imagenet, partial)
        recipe.save(partial / 'recipe.json')
        (partial / 'data.json').write_text(json.dumps(data) + '\n')
        (partial / 'validation.txt').write_text(''.join(f'{f.id}\n' for f in validation))


def _again(args, argv, run_folder):
    """Return the arguments that go on with this run."""
    if not (run_folder / 'recipe.json').exists():
        return argv
    options = {'--resume': run_folder, '--models': args.models, '--workers': args.workers and
               ','.join(args.workers), '--worker-index': args.worker_index, '--wait': args.wait,
               '--calibration-frames': args.calibration_frames}
    extra = ['--extra', *map(str, args.extra)] if args.extra else []
    return ['--data', *map(str, args.data), *extra,
            *(str(part) for option in options.items() if option[1] is not None
              for part in option)]


def _recipe(args, folder, base):
    """
    Return the recipe of a new run from the flags, or of an old run from its folder.

    base: the bundle that a new run starts from, if any.
    """
    from train import finetune, precisions
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
    recipe = Recipe.from_arguments(
        args, **(finetune.settings(base, Recipe.given(args)) if base else {}))
    if recipe.precision == 'auto':
        recipe = dataclasses.replace(recipe, precision=precisions.training_policy())
    return recipe


if __name__ == '__main__':
    sys.exit(main())
