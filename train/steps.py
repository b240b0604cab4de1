"""
What one training step does, on a CPU, on several GPUs or on several machines alike.

Not by Keras' fit(): it cannot work under tf.distribute.MultiWorkerMirroredStrategy (keras issue
20585; Keras 3.15 fails before its first step), clips the gradient of each GPU's part of a batch
instead of that of the whole, and does not tell how long it waits for data.
"""
import keras
import numpy as np
import tensorflow as tf

from train import losses
from train.networks import build
from unet_perception.labels import IGNORE


class Steps:
    """
    A network in training, and the steps that train and validate it.

    Loss, clipping and figures are those of the whole batch, however many replicas (GPUs and
    machines) share it and in however many parts it comes: the steps of many are those of one, but
    for dropout and rounding. soft_dice alone is that of each part in turn.
    """

    def __init__(self, recipe, count, strategy):
        """
        Build the network and its optimiser.

        count: steps of the whole run. strategy: a tf.distribute.Strategy.
        """
        self._recipe, self._strategy = recipe, strategy
        self._loss = losses.LOSSES[recipe.loss]
        with strategy.scope():
            self.network = build(recipe, recipe.precision, any_size=recipe.coarse_epochs > 0)
            self._adam = keras.optimizers.Adam(_rate(recipe, count))
            self._adam.build(self.network.trainable_variables)
        self._weights = [v.value for v in self.network.trainable_variables]
        # One pass over the logits instead of twenty. Not for convolutions, which XLA does without
        # oneDNN's fast ones, and not on GPUs, where it needs more than TensorFlow brings.
        self._pixel_sums = tf.function(losses.pixel_sums, autograph=False,
                                       jit_compile=not tf.config.list_physical_devices('GPU'))

    @property
    def variables(self):
        """Return all that a step changes: weights, Adam's state, dropout's random state."""
        return [v.value for v in (*self.network.variables, *self._adam.variables)]

    def train(self, parts):
        """
        Take one step on the parts of a batch; return its loss and confusion matrix.

        parts: as dataset.training_batches() yields them, recipe.accumulate of them.
        The matrix is int64 (n_classes, n_classes), rows are the truth.
        """
        loss, matrix, gradients = 0.0, 0, None
        for part, share in zip(parts, self._shares(parts)):
            part_loss, part_matrix, gradients = self._add_gradients(
                part, tf.constant(share, tf.float32), gradients)
            loss += self._value(part_loss) * share
            matrix += self._value(part_matrix)
        self._update(gradients)
        return loss, matrix

    def validate(self, batch):
        """Return loss and confusion matrix of a batch, as train() does."""
        return tuple(map(self._value, self._score(batch)))

    def _value(self, result):
        """Return what every replica has found, as numpy."""
        return self._strategy.experimental_local_results(result)[0].numpy()

    def _shares(self, parts):
        """Return what each part counts in the mean over the batch's labelled pixels."""
        if len(parts) == 1:
            return [1.0]
        labelled = np.array([self._value(self._labelled(labels)) for _, labels in parts], float)
        return labelled / max(1, labelled.sum())

    @tf.function(autograph=False)
    def _labelled(self, labels):
        return self._strategy.run(lambda labels: _sum([tf.math.count_nonzero(
            labels != IGNORE, dtype=tf.float32)])[0], args=(labels,))

    @tf.function(autograph=False)
    def _add_gradients(self, part, weight, before):
        def replica(images, labels, weight, before):
            with tf.GradientTape() as tape:
                loss, logits = self._forward(images, labels, training=True)
                # Each replica's gradient of the common loss holds that of its own frames, once
                # for every replica.
                replicas = tf.distribute.get_replica_context().num_replicas_in_sync
                share = loss * weight / replicas
            gradients = tape.gradient(share, self._weights)
            if before is not None:
                gradients = [old + new for old, new in zip(before, gradients)]
            return loss, _confusion(labels, logits), gradients

        return self._strategy.run(replica, args=(*part, weight, before))

    @tf.function(autograph=False)
    def _score(self, batch):
        def replica(images, labels):
            loss, logits = self._forward(images, labels, training=False)
            return loss, _confusion(labels, logits)

        return self._strategy.run(replica, args=batch)

    def _forward(self, images, labels, training):
        """Return the loss of the batch that the replicas share, and this replica's logits."""
        logits = self.network(images, training=training)
        return self._loss(losses.Sums(*_sum(self._pixel_sums(labels, logits)))), logits

    @tf.function(autograph=False)
    def _update(self, gradients):
        def replica(gradients):
            gradients = _sum(gradients)
            if self._recipe.clip:
                gradients, _ = tf.clip_by_global_norm(gradients, self._recipe.clip)
            tf.distribute.get_replica_context().merge_call(self._apply, args=(gradients,))

        self._strategy.run(replica, args=(gradients,))

    def _apply(self, strategy, gradients):
        """Do as Keras' Adam.apply(), which would sum the gradients over the replicas again."""
        rate = self._adam.learning_rate
        for weight, gradient in zip(self._weights, gradients):
            strategy.extended.update(
                weight, lambda weight, gradient: self._adam.update_step(gradient, weight, rate),
                args=(gradient,), group=False)
        self._adam.iterations.assign_add(1)


def _rate(recipe, count):
    """Return Adam's learning rate: a number or a schedule over `count` steps."""
    if recipe.schedule == 'constant':
        return recipe.learning_rate
    warmup = min(100, count // 5)
    return keras.optimizers.schedules.CosineDecay(
        0.0, max(1, count - warmup), warmup_target=recipe.learning_rate, warmup_steps=warmup)


def _sum(tensors):
    """Sum tensors over all replicas; each of them gets the sums."""
    # tf.identity gives an argument of a function a device, without which there is no reduction.
    return tf.distribute.get_replica_context().all_reduce(
        tf.distribute.ReduceOp.SUM, [tf.identity(tensor) for tensor in tensors])


def _confusion(labels, logits):
    """Count the pixels of all replicas by (true label, predicted label): int64 (n, n)."""
    n = logits.shape[-1]
    truth = tf.reshape(tf.cast(labels, tf.int64), [-1])
    scored = tf.not_equal(truth, IGNORE)
    predicted = tf.reshape(tf.argmax(logits, axis=-1), [-1])
    matrix = tf.math.confusion_matrix(tf.boolean_mask(truth, scored),
                                      tf.boolean_mask(predicted, scored), n, dtype=tf.int64)
    return _sum([matrix])[0]
