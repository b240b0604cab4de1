"""Training by several machines: the flags, the workers that only help, and what follows a loss."""
import argparse
from contextlib import contextmanager
import os
import sys

from unet_perception.arguments import number

CACHE = '.cache'  # beside the runs; hidden, as it is no drive of the user's


def add_arguments(parser):
    """Add the flags of a run on several machines to a command."""
    group = parser.add_argument_group('several machines')
    group.add_argument('--workers', type=_addresses, metavar='HOST:PORT,...',
                       help='addresses of the machines that train together, the same on each; '
                            'TensorFlow listens there, so they are for a network that you trust')
    group.add_argument('--worker-index', type=number(int, lambda v: v >= 0, 'at least 0'),
                       metavar='N', help='which of them this one is, from 0 on; worker 0 leads, '
                       'the others do as it says and need only --data')
    group.add_argument('--wait', type=number(float, lambda v: v > 0, 'more than 0'),
                       default=600.0, metavar='SECONDS',
                       help='how long to wait for workers that are not there (600)')


def check_arguments(parser, args):
    """End with an error unless the flags fit together."""
    if (args.workers is None) != (args.worker_index is None):
        parser.error('give both --workers and --worker-index, or neither')
    if args.workers and args.worker_index >= len(args.workers):
        parser.error(f'--worker-index is {args.worker_index}, but --workers has '
                     f'{len(args.workers)}: 0 to {len(args.workers) - 1}')


def _addresses(text):
    addresses = text.split(',')
    for address in addresses:
        host, _, port = address.rpartition(':')
        if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
            raise argparse.ArgumentTypeError(f'{address!r} is no HOST:PORT')
    if len(set(addresses)) < len(addresses) or len(addresses) < 2:
        raise argparse.ArgumentTypeError(f'{text} must be several different addresses')
    return addresses


def gather(args, recipe=None):
    """
    Return the Team that the flags ask for, once all are there; before TensorFlow is used.

    recipe: what worker 0 tells the others. Raise ValueError if they do not come.
    """
    from train import distribute
    if not args.workers:
        return distribute.alone()
    return distribute.start(args.workers, args.worker_index,
                            recipe and {'recipe': recipe.as_dict()}, args.wait)


def prepare(team, recipe, training, validation, runs):
    """
    Return the frames to train and to validate on, checked, as small copies where they are large.

    training, validation: lists of Frame; runs: the folder of the runs.
    Raise ValueError if a file is bad, or if the workers do not fit together.
    """
    from train.cache import with_small_copies
    from train.check import check_frames
    parts = team.strategy.num_replicas_in_sync * recipe.accumulate
    if recipe.batch % parts:
        raise ValueError(f'a batch of {recipe.batch} cannot be dealt out evenly to {parts} (GPUs '
                         f'of all machines, times --accumulate); take a --batch that can')
    check_frames(training + validation)
    team.check_same('frames', [f.id for f in training + validation])
    return [with_small_copies(frames, recipe, runs / CACHE) if recipe.cache else frames
            for frames in (training, validation)]


def help_to_train(args, argv):
    """Train as worker 0 says; return the exit code. argv: this command's arguments."""
    from train.loop import train
    from train.recipe import Recipe
    from train.split import split
    team = gather(args)
    with restarting(team, lambda: argv):
        recipe = Recipe.of_dict(team.plan['recipe'])
        recipe.check_same(args)
        training, validation, _ = split(args.data, recipe, args.extra)
        train(recipe, *prepare(team, recipe, training, validation, args.runs), None, team)
    print(f'worker {team.index} is done; worker 0 writes the bundle')
    return 0


@contextmanager
def restarting(team, arguments):
    """
    If a worker of the team is lost, start this command anew, to wait for it.

    TensorFlow cannot take in a worker that comes back.
    """
    from train.distribute import LOST
    try:
        yield
    except LOST as error:
        if team.size == 1:
            raise
        lines = str(error).splitlines()
        why = next((line for line in lines if 'aborted' in line), lines[0])
        print(f'worker {team.index}: another worker is lost ({why}); going back to the last epoch '
              f'saved and waiting for it: start it again', flush=True)
        os.execv(sys.executable, [sys.executable, '-m', 'train.fit', *arguments()])
