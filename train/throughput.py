"""
Measure how fast training goes beside the course exercise's, on the same frames, in one run.

    python -m train.throughput --data DRIVE [DRIVE ...] --frames 1060 --epochs 12

trains the network twice: as the exercise's notebook does (Keras' fit in float32; frames decoded
one after the other, resized, cached, shuffled, 32 to a batch), and as train.fit does with the
flags given. Both are validated on the same frames, at the network's size. They take turns, epoch
by epoch, so that whatever else the machine does slows both. The first step of an epoch, in which
TensorFlow may make its graph, is not counted.
"""
import argparse
from contextlib import suppress
import dataclasses
import multiprocessing
import sys
from time import perf_counter, process_time
from typing import NamedTuple

from train.commands import add_data, run


class Score(NamedTuple):
    """One epoch: frames trained on, seconds that took, CPU seconds, and the mIoU after it."""

    frames: int
    seconds: float
    cpu: float
    miou: float


def notebook(recipe, training, validation):
    """Train as the notebook does; yield the Score of each epoch."""
    import keras
    import numpy as np
    import tensorflow as tf

    from train import dataset
    from train.unet import unet
    from unet_perception.metrics import confusion_matrix, mean_iou

    def load(*paths):
        image, labels = dataset.resize(*dataset.read_frame(*paths), recipe.height, recipe.width,
                                       'nearest')
        return image / 255, labels

    def frames(of):
        return tf.data.Dataset.from_tensor_slices(dataset.files(of)).map(load)

    keras.utils.set_random_seed(recipe.seed)
    network = unet((recipe.height, recipe.width, 3), recipe.filters)
    network.compile('adam', metrics=['accuracy'], loss=keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, ignore_class=255))
    batches, held_out = frames(training).cache().shuffle(500).batch(32), frames(validation)
    times = []
    clock = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: times.append((perf_counter(), process_time())))
    for _ in range(recipe.epochs):
        times.clear()
        network.fit(batches, verbose=0, shuffle=False, callbacks=[clock])
        matrix = sum(confusion_matrix(truth, network.predict_on_batch(images).argmax(-1), 23)
                     for images, truth in held_out.batch(32).as_numpy_iterator())
        yield Score(len(training) - 32, *np.subtract(times[-1], times[0]), mean_iou(matrix))


def ours(recipe, training, validation):
    """Train as train.fit does; yield the Score of each epoch."""
    import keras
    import tensorflow as tf

    from train import dataset
    from train.loop import figures_of
    from train.steps import Steps
    keras.utils.set_random_seed(recipe.seed)
    tf.config.experimental.enable_op_determinism()
    per_epoch = len(training) // recipe.batch
    steps = Steps(recipe, per_epoch * recipe.epochs, tf.distribute.get_strategy())
    batches = iter(dataset.training_batches(training, recipe))
    for _ in range(recipe.epochs):
        for step in range(per_epoch):
            steps.train([next(batches) for _ in range(recipe.accumulate)])
            if step == 0:
                begin, begin_cpu = perf_counter(), process_time()
        seconds, cpu = perf_counter() - begin, process_time() - begin_cpu
        miou = figures_of([steps.validate(batch) for batch in dataset.validation_batches(
            validation, recipe)])['miou']
        yield Score((per_epoch - 1) * recipe.batch, seconds, cpu, miou)


def main(args=None):
    """Run the command; return its exit code."""
    from train.recipe import Recipe
    parser = argparse.ArgumentParser(prog='python -m train.throughput', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add_data(parser, 'train on')
    Recipe.add_arguments(parser.add_argument_group('recipe'))
    return run(_run, parser.parse_args(args))


def _run(args):
    from train import precisions
    from train.check import check_frames
    from train.recipe import Recipe
    from train.split import split
    from train.networks import check
    recipe = Recipe.from_arguments(args)
    if recipe.precision == 'auto':
        recipe = dataclasses.replace(recipe, precision=precisions.training_policy())
    check(recipe)
    training, validation, _ = split(args.data, recipe)
    if min(len(training) // recipe.batch, len(training) // 32) < 2:
        raise ValueError(f'{len(training)} training frames are less than two batches')
    check_frames(training + validation)
    print(f'{len(training)} training and {len(validation)} validation frames, {recipe.epochs} '
          f'epochs; ours in {recipe.precision}')
    scores = take_turns((notebook, ours), recipe, training, validation)
    _print_table(scores)
    return 0


def take_turns(contestants, recipe, training, validation):
    """
    Let each contestant train epoch by epoch in a process of its own, one at a time.

    Return their Scores, {contestant's name: list}.
    """
    context = multiprocessing.get_context('spawn')
    pipes, scores = {}, {contestant.__name__: [] for contestant in contestants}
    for contestant in contestants:
        pipes[contestant.__name__], end = context.Pipe()
        context.Process(target=_play, args=(end, contestant, recipe, training, validation),
                        daemon=True).start()
        end.close()
    for epoch in range(recipe.epochs):
        for name, pipe in pipes.items():
            pipe.send('your turn')
            try:
                score = pipe.recv()
            except EOFError as error:
                raise ValueError(f'the training of {name} broke off') from error
            scores[name].append(score)
            print(f'epoch {epoch + 1}, {name}: {score.frames / score.seconds:.1f} frames a '
                  f'second, mIoU {score.miou:.3f}', flush=True)
    return scores


def _play(pipe, contestant, *arguments):
    scores = contestant(*arguments)
    with suppress(EOFError):  # all turns are over
        while pipe.recv():
            pipe.send(next(scores))


def _print_table(scores):
    from rich.console import Console
    from rich.table import Table
    table = Table(title='all epochs together')
    for column in ('', 'frames a second', 'CPU ms a frame', 'mIoU', 'best mIoU'):
        table.add_column(column, justify='right' if column else 'left')
    rates, cpu = {}, {}
    for name, epochs in scores.items():
        frames, seconds, cpu_seconds = (sum(column) for column in list(zip(*epochs))[:3])
        rates[name], cpu[name] = frames / seconds, 1000 * cpu_seconds / frames
        mious = [epoch.miou for epoch in epochs]
        table.add_row(name, f'{rates[name]:.1f}', f'{cpu[name]:.1f}', f'{mious[-1]:.3f}',
                      f'{max(mious):.3f}')
    Console().print(table)
    print(f'ours trains on {rates["ours"] / rates["notebook"]:.2f} times as many frames a second, '
          f'and {cpu["notebook"] / cpu["ours"]:.2f} times as many in the same CPU time')


if __name__ == '__main__':
    sys.exit(main())
