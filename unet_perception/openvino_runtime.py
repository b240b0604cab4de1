"""Run a bundle with OpenVINO: on any CPU, or an Intel GPU."""
import math

import numpy as np

from unet_perception.model import BundleError

MOST_VALUES = 2**28  # of one tensor: 1 GiB in float32
MOST_LOSS = 0.005  # of mIoU: what a faster precision may cost before it is not the default


def precisions(bundle, device='CPU'):
    """
    Return the precisions that OpenVINO can run a bundle in on a device, the best to have last.

    bf16 comes after int8: it is nearer to f32, and faster where convolutions are depthwise
    (unet_perception.benchmark on two cores of an Intel Xeon with AMX: the shipped model 6.2 ms and
    10.7 in int8, a plain U-Net 5.5 and 4.5).
    """
    import openvino
    able = openvino.Core().get_property(device, 'OPTIMIZATION_CAPABILITIES')
    return [p for p, capability in (('f32', 'FP32'), ('int8', 'INT8'), ('bf16', 'BF16'))
            if capability in able and (p != 'int8' or 'openvino_int8' in bundle.files)]


class OpenVinoRuntime:
    """The network with its argmax and softmax as one compiled graph, uint8 in and out."""

    name = 'OpenVINO'

    @staticmethod
    def gpus():
        """Return OpenVINO's names of the GPUs that it can use."""
        import openvino
        return [name for name in openvino.Core().available_devices if name.startswith('GPU')]

    def __init__(self, bundle, device, precision, threads, scores, reason):
        """Read the network; see runtimes.open_runtime. Raise BundleError if it does not fit."""
        import openvino
        self._core = openvino.Core()
        self._bundle = bundle
        self._scores = scores
        self._requests = {}
        self.device, self.reason = device, reason
        self.precision = self._precision(precision)
        name = 'openvino_int8' if self.precision == 'int8' else 'openvino'
        self._file, self._weights = bundle.files[name], bundle.files[f'{name}_weights']
        # Set on purpose: OpenVINO's own default is bf16 wherever the CPU has it.
        self._settings = {'PERFORMANCE_HINT': 'LATENCY', 'INFERENCE_PRECISION_HINT':
                          'bf16' if self.precision == 'bf16' else 'f32'}
        if threads:
            self._settings['INFERENCE_NUM_THREADS'] = threads

    def __call__(self, batch):
        """Run the network on uint8 RGB (batch, height, width, 3)."""
        size = len(batch)
        if size not in self._requests:  # a fixed size is faster than a dynamic one
            self._requests[size] = self._compile(size)
        results = self._requests[size].infer({0: batch})
        return tuple(results[i] for i in range(len(results)))

    def _precision(self, wanted):
        there = precisions(self._bundle, self.device)[::-1]
        if wanted == 'auto':
            measured = self._bundle.mean_iou
            return next((p for p in there if p in measured
                         and measured.get('f32', 1) - measured[p] < MOST_LOSS), 'f32')
        if wanted not in there:
            raise ValueError(f'precision is {wanted!r}, but bundle {self._bundle.name} on this '
                             f'{self.device} can run in {", ".join(there)}')
        return wanted

    def _compile(self, size):
        height, width, classes = self._bundle.height, self._bundle.width, len(self._bundle.names)
        try:
            network = self._core.read_model(self._file, self._weights)
            network.reshape([size, height, width, 3])
        except RuntimeError as error:
            raise BundleError(f'{self._file} is not a network of input {height}x{width} that '
                              f'OpenVINO can read: {error}') from error
        found, expected = list(network.output(0).shape), [size, height, width, classes]
        if found != expected:
            raise BundleError(f'{self._file} gives logits of shape {found}, but the manifest '
                              f'wants {expected} (its classes and input size)')
        for operation in network.get_ops():
            for output in operation.outputs():
                shape = output.partial_shape
                if shape.is_dynamic or math.prod(map(int, output.shape)) > MOST_VALUES:
                    raise BundleError(f'{self._file} makes a tensor of shape {shape} in '
                                      f'{operation.friendly_name}; up to {MOST_VALUES} values of '
                                      f'a fixed shape are allowed')
        graph = _with_labels(network, self._scores)
        return self._core.compile_model(graph, self.device, self._settings).create_infer_request()


def _with_labels(network, scores):
    """Extend a network, float32 pixels to logits, to one from uint8 pixels to uint8 results."""
    from openvino import Model
    from openvino import opset13 as ops
    from openvino import Type
    from openvino.preprocess import PrePostProcessor
    logits = network.get_results()[0].input_value(0)
    best = ops.topk(logits, ops.constant(1), axis=3, mode='max', sort='none')
    labels = ops.convert(ops.squeeze(best.output(1), ops.constant([3])), 'u8')
    # The softmax of the highest logit m is 1 / sum(exp(logit - m)).
    total = ops.reduce_sum(ops.exp(ops.subtract(logits, best.output(0))), ops.constant([3]))
    probability = ops.divide(ops.constant(np.float32(255)), total)
    outputs = [labels, ops.convert(ops.round(probability, 'half_to_even'), 'u8')]
    if scores:
        outputs.append(ops.transpose(logits, ops.constant([0, 3, 1, 2])))
    steps = PrePostProcessor(Model(outputs, network.get_parameters(), network.name))
    steps.input().tensor().set_element_type(Type.u8)
    return steps.build()
