"""Run a bundle with Keras: on an NVIDIA GPU by TensorFlow's XLA or by JAX, or on a CPU."""
from unet_perception import keras_file


class KerasRuntime:
    """The network with its argmax and softmax as one compiled function, uint8 in and out."""

    name = 'Keras'

    @staticmethod
    def gpus():
        """Return Keras' names of the GPUs that its backend can use."""
        import keras
        return [name for name in keras.distribution.list_devices() if name.startswith('gpu')]

    def __init__(self, bundle, device, precision, threads, scores, reason):
        """Load the network; see runtimes.open_runtime. Raise ValueError on another precision."""
        import keras
        if precision not in ('auto', 'f32'):
            raise ValueError(f'precision is {precision!r}, but the Keras runtime runs in f32')
        if threads:
            raise ValueError(f'threads is {threads}, but the Keras runtime has no such setting; '
                             f'leave it 0')
        self.device, self.precision = device, 'f32'
        self.reason = f'{reason}; backend {keras.backend.backend()}'
        self._scope = keras.device('cpu:0' if device == 'CPU' else device)
        with self._scope:
            network = keras_file.load(bundle.files['keras'])
            pixels = keras.Input((bundle.height, bundle.width, 3), dtype='uint8')
            logits = network(keras.ops.cast(pixels, 'float32'))
            confidence = keras.ops.max(keras.ops.softmax(logits), axis=-1)
            outputs = [keras.ops.cast(keras.ops.argmax(logits, axis=-1), 'uint8'),
                       keras.ops.cast(keras.ops.round(255 * confidence), 'uint8')]
            if scores:
                outputs.append(keras.ops.transpose(logits, (0, 3, 1, 2)))
            self._function = keras.Model(pixels, outputs)
            self._function.compile(jit_compile=True)

    def __call__(self, batch):
        """Run the network on uint8 RGB (batch, height, width, 3)."""
        with self._scope:
            return tuple(self._function.predict_on_batch(batch))
