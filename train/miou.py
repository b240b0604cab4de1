"""Mean IoU while training: the same figure as unet_perception.metrics gives for a bundle."""
import keras
import tensorflow as tf

from unet_perception.labels import IGNORE


class MeanIoU(keras.metrics.Metric):
    """The mean IoU over the classes present in the truth; NaN if there is none.

    Keras' own also averages in the classes that are only predicted, each as 0: one stray pixel
    would then cost as much as a whole class, and another epoch would look best.
    """

    def __init__(self, n_classes, name='miou'):
        super().__init__(name=name)
        self._n = n_classes
        # int64: float32 stops counting at 16.8 million pixels, a few hundred frames.
        self._matrix = self.add_weight(shape=(n_classes, n_classes), dtype='int64',
                                       initializer='zeros', name='matrix')

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Count pixels. y_true: labels (batch, height, width), 255 ignored; y_pred: logits."""
        truth = tf.reshape(tf.cast(y_true, tf.int64), [-1])
        predicted = tf.reshape(tf.argmax(y_pred, axis=-1), [-1])
        scored = tf.not_equal(truth, IGNORE)
        self._matrix.assign_add(tf.math.confusion_matrix(
            tf.boolean_mask(truth, scored), tf.boolean_mask(predicted, scored), self._n,
            dtype=tf.int64))

    def result(self):
        """Return the mean IoU of the pixels counted so far, a float64 scalar."""
        matrix = tf.cast(self._matrix.value, tf.float64)
        hits, true = tf.linalg.diag_part(matrix), tf.reduce_sum(matrix, 1)
        present = true > 0
        union = true + tf.reduce_sum(matrix, 0) - hits
        return tf.reduce_mean(tf.boolean_mask(hits, present) / tf.boolean_mask(union, present))
