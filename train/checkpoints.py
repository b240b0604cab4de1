"""Checkpoints after every epoch, so that a killed run goes on as if it had never stopped."""
import csv
import os

import keras
import numpy as np
import tensorflow as tf

KEPT_WEIGHTS = 'kept.weights.h5'  # of the epoch that becomes the bundle


class Checkpoints(keras.callbacks.Callback):
    """Save the whole training state, the history and the kept weights after each epoch.

    The state (weights, optimiser, dropout's random seeds) is written last and by an atomic
    rename: what a kill leaves behind is a whole older epoch, which is then done again. A run
    that diverges ends in a ValueError, and nothing of that epoch is saved.
    """

    def __init__(self, network, recipe, run):
        super().__init__()
        self.kept = run / KEPT_WEIGHTS
        self._keep = recipe.keep
        self._history_file = run / 'history.csv'
        self._history = []
        network.optimizer.build(network.trainable_variables)
        self._epoch = tf.Variable(0, dtype=tf.int64)
        # Dropout keeps its random state in variables that are part of network.variables.
        variables = [v.value for v in (*network.variables, *network.optimizer.variables)]
        self._manager = tf.train.CheckpointManager(
            tf.train.Checkpoint(epoch=self._epoch, variables=variables),
            str(run / 'checkpoints'), max_to_keep=1)

    def restore(self):
        """Load the newest checkpoint, if any; return the number of epochs done."""
        if self._manager.latest_checkpoint is None:
            return 0
        self._manager.checkpoint.restore(
            self._manager.latest_checkpoint).assert_existing_objects_matched()
        done = int(self._epoch.numpy())
        with open(self._history_file, newline='') as file:
            self._history = [row for row in csv.DictReader(file) if int(row['epoch']) <= done]
        return done

    def on_epoch_end(self, epoch, logs=None):
        """Keep the weights if the recipe says so, then the history, then the state."""
        self._check_finite(epoch, logs)
        mious = [float(row['val_miou']) for row in self._history]
        # A NaN is never the best (it is not >= 0), nor in the way of a later epoch.
        best = logs['val_miou'] >= 0 and not any(logs['val_miou'] <= miou for miou in mious)
        if best or self._keep == 'last':
            partial = self.kept.with_name('partial.weights.h5')
            self.model.save_weights(partial, overwrite=True)
            os.replace(partial, self.kept)
        self._history.append({'epoch': epoch + 1, **logs})
        partial = self._history_file.with_suffix('.partial')
        with open(partial, 'w', newline='') as file:
            writer = csv.DictWriter(file, self._history[0])
            writer.writeheader()
            writer.writerows(self._history)
        os.replace(partial, self._history_file)
        self._epoch.assign(epoch + 1)
        self._manager.save()

    def _check_finite(self, epoch, logs):
        losses = {name: logs[name] for name in ('loss', 'val_loss')}
        if (not np.isfinite(list(losses.values())).all()
                or not all(np.isfinite(w).all() for w in self.model.get_weights())):
            raise ValueError(
                f'training diverged in epoch {epoch + 1}: '
                f'{", ".join(f"{name} is {value:g}" for name, value in losses.items())}, and '
                f'there is no bundle; start again with a lower --learning-rate')

