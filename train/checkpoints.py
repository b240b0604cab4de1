"""Checkpoints after every epoch, so that a killed run goes on as if it had never stopped."""
import csv
import os
from pathlib import Path

import tensorflow as tf

KEPT_WEIGHTS = 'kept.weights.h5'  # of the epoch that becomes the bundle
HISTORY = 'history.csv'


def epochs_done(run):
    """Return how many epochs the history in a run's folder has; None if there is no history."""
    if not (run / HISTORY).is_file():
        return None
    with open(run / HISTORY, newline='') as file:
        return sum(1 for _ in csv.DictReader(file))


class Checkpoints:
    """
    Saves the whole training state, the history and the kept weights after each epoch.

    The state (weights, optimiser, dropout's random seeds) is written last and by an atomic
    rename: what a kill leaves behind is a whole older epoch, which is then done again.
    """

    def __init__(self, network, variables, keep, run):
        """Take what to save. variables: tf.Variables, the whole state; keep: see Recipe."""
        self.kept = run / KEPT_WEIGHTS
        self._network, self._keep = network, keep
        self._history_file = run / HISTORY
        self._history = []
        self._epoch = tf.Variable(0, dtype=tf.int64)
        self._manager = tf.train.CheckpointManager(
            tf.train.Checkpoint(epoch=self._epoch, variables=variables),
            str(run / 'checkpoints'), max_to_keep=1)

    def restore(self):
        """
        Load the newest checkpoint, if any; return the number of epochs done.

        Raise ValueError if it cannot be read.
        """
        newest = self._manager.latest_checkpoint or self._newest_file()
        if newest is None:
            return 0
        try:
            self._manager.checkpoint.restore(newest).assert_existing_objects_matched()
        except Exception as error:  # as the bytes lead TensorFlow to
            raise ValueError(f'the checkpoint {newest} cannot be read: {error!s:.200}; start a '
                             f'new run by --name') from error
        done = int(self._epoch.numpy())
        with open(self._history_file, newline='') as file:
            self._history = [row for row in csv.DictReader(file) if int(row['epoch']) <= done]
        return done

    def _newest_file(self):
        """Return the newest checkpoint that is there though TensorFlow's list of them is not."""
        files = Path(self._manager.directory).glob('ckpt-*.index')
        return max((str(file.with_suffix('')) for file in files), default=None,
                   key=lambda name: int(name.rpartition('-')[2]))

    def save(self, epoch, figures):
        """
        Keep the weights if the recipe says so, then the history, then the state.

        epoch: epochs done; figures: of the history, {name: number}. Raise ValueError if one of
        the files cannot be written, as on a full disk; the epoch before it stays whole.
        """
        try:
            self._save(epoch, figures)
        except (OSError, RuntimeError, tf.errors.OpError) as error:  # h5py and TensorFlow vary
            raise ValueError(f'epoch {epoch} is not saved in {self.kept.parent}: {error!s:.200}; '
                             f'make room, then go on by --resume {self.kept.parent}') from error

    def _save(self, epoch, figures):
        mious = [float(row['val_miou']) for row in self._history]
        # A NaN is never the best (it is not >= 0), nor in the way of a later epoch.
        best = figures['val_miou'] >= 0 and not any(figures['val_miou'] <= miou for miou in mious)
        if best or self._keep == 'last':
            partial = self.kept.with_name('partial.weights.h5')
            self._network.save_weights(partial, overwrite=True)
            os.replace(partial, self.kept)
        self._history.append({'epoch': epoch, **figures})
        partial = self._history_file.with_suffix('.partial')
        with open(partial, 'w', newline='') as file:
            writer = csv.DictWriter(file, self._history[0])
            writer.writeheader()
            writer.writerows(self._history)
        os.replace(partial, self._history_file)
        self._epoch.assign(epoch)
        self._manager.save()
