"""The training loop: epochs of steps, validated, saved and drawn."""
import keras
import numpy as np
from rich.console import Console
from rich.progress import Progress
import tensorflow as tf

from train import dataset
from train.checkpoints import Checkpoints
from train.finetune import INITIAL
from train.plots import Panels
from train.steps import Steps
from train.watch import Watch
from unet_perception.metrics import mean_iou

MOST_WAITING = 0.1  # share of the time, before a mend is proposed


def train(recipe, training, validation, run, team):
    """
    Train as the recipe says, going on from the run folder's newest checkpoint if it has one.

    training, validation: lists of Frame, the same for every worker of the team. run: a folder that
    only the leading worker reads and writes.
    Return the network: on the leading worker its weights are those of the epoch that the recipe
    keeps. Raise ValueError if the training diverges.
    """
    keras.utils.set_random_seed(recipe.seed)
    tf.config.experimental.enable_op_determinism()
    per_epoch = len(training) // recipe.batch
    steps = Steps(recipe, per_epoch * recipe.epochs, team.strategy)
    journal = _Journal(recipe, validation, run, steps) if team.leads else None
    if team.leads and (run / INITIAL).exists():
        steps.network.load_weights(run / INITIAL)
    done = tf.Variable(journal.checkpoints.restore() if journal else 0, dtype=tf.int64)
    team.share([done, *steps.variables])
    first_epoch = int(done.numpy())
    # Endless, so that no worker need ask the others whether they have more.
    batches = iter(team.strategy.distribute_datasets_from_function(
        lambda share: dataset.training_batches(training, recipe, first_epoch, share).repeat()))
    held_out = team.strategy.distribute_datasets_from_function(
        lambda share: dataset.validation_batches(validation, recipe, share))
    watch, console = Watch(), Console()
    for epoch in range(first_epoch + 1, recipe.epochs + 1):
        scores = []
        watch.begin_epoch()
        with Progress(console=console, transient=True,
                      disable=not (team.leads and console.is_terminal)) as progress:
            task = progress.add_task(f'epoch {epoch}/{recipe.epochs}', total=per_epoch)
            for _ in range(per_epoch):
                scores.append(watch.step(
                    lambda: [next(batches) for _ in range(recipe.accumulate)], steps.train,
                    recipe.batch))
                progress.advance(task)
        figures = figures_of(scores) | {f'val_{name}': value for name, value in figures_of(
            [steps.validate(batch) for batch in held_out]).items()}
        _check_finite(epoch, figures, steps.network)
        if journal:
            journal.write(epoch, figures)
            print(f'epoch {epoch}/{recipe.epochs}: '
                  + ', '.join(f'{name} {value:.4f}' for name, value in figures.items())
                  + f'; {watch}', flush=True)
    if team.leads and watch.waiting > MOST_WAITING:
        print(f'waiting for data took {watch.waiting:.0%} of the time; it would go faster with '
              f'more CPU cores, a faster disk' + ('' if recipe.cache else ' or --cache'))
    if journal:
        steps.network.load_weights(journal.checkpoints.kept)
    return steps.network


class _Journal:
    """What a run leaves in its folder after each epoch."""

    def __init__(self, recipe, validation, run, steps):
        self.checkpoints = Checkpoints(steps.network, steps.variables, recipe.keep, run)
        self._panels = Panels(steps.network, validation, recipe, run)
        self._tensorboard = {part: tf.summary.create_file_writer(str(run / 'tensorboard' / part))
                             for part in ('train', 'validation')}

    def write(self, epoch, figures):
        """Save the state and draw it. epoch: epochs done."""
        self.checkpoints.save(epoch, figures)
        self._panels.draw(epoch)
        for name, value in figures.items():
            part = 'validation' if name.startswith('val_') else 'train'
            with self._tensorboard[part].as_default(step=epoch):
                tf.summary.scalar(f'epoch_{name.removeprefix("val_")}', value)
            self._tensorboard[part].flush()


def figures_of(scores):
    """Return mean loss and mean IoU of steps. scores: (loss, confusion matrix) of each."""
    losses, matrices = map(np.array, zip(*scores))
    pixels = matrices.sum((1, 2))
    # No column for pixels below a confidence threshold: there is none yet.
    miou = mean_iou(np.pad(matrices.sum(0), ((0, 0), (0, 1))))
    return {'loss': float((losses * pixels).sum() / max(1, pixels.sum())), 'miou': miou}


def _check_finite(epoch, figures, network):
    losses = {name: figures[name] for name in ('loss', 'val_loss')}
    if (not np.isfinite(list(losses.values())).all()
            or not all(np.isfinite(w).all() for w in network.get_weights())):
        raise ValueError(
            f'training diverged in epoch {epoch}: '
            f'{", ".join(f"{name} is {value:g}" for name, value in losses.items())}, and there '
            f'is no bundle; start again with a lower --learning-rate')
