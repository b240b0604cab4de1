"""The least time that a bundle's network can take on this CPU, by its operations."""
import time

import numpy as np

# Multiply-adds a cycle, in relation to f32, of the vector units (AVX-512 BF16 and VNNI).
SPEED_UP = {'f32': 1, 'bf16': 2, 'int8': 4}


def compute_limits(bundle):
    """
    Return the network's operations and the least time that they take here, in ms.

    The f32 rate is measured by a matrix product in OpenVINO; the others follow by the vector
    units' widths.
    """
    import openvino
    from openvino import opset13 as ops
    side = 1024
    a = np.random.default_rng(0).random((side, side), np.float32)
    left = ops.parameter(a.shape, np.float32)
    product = openvino.Model([ops.matmul(left, ops.constant(a), False, False)], [left], 'product')
    request = openvino.Core().compile_model(
        product, 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'}).create_infer_request()
    seconds = []
    for _ in range(20):
        begin = time.perf_counter()
        request.infer({0: a})
        seconds.append(time.perf_counter() - begin)
    rate = side**3 / min(seconds)
    operations = multiply_adds(bundle)
    return {'GMAC': operations / 1e9, 'f32 GMAC per second': rate / 1e9,
            **{f'{p} ms': 1000 * operations / rate / s for p, s in SPEED_UP.items()}}


def multiply_adds(bundle):
    """Count the multiply-adds of a bundle's convolutions for one picture."""
    import openvino
    network = openvino.Core().read_model(bundle.files['openvino'])
    network.reshape([1, bundle.height, bundle.width, 3])
    total = 0
    for op in network.get_ops():
        # Every weight meets every place: of the output, or of the input where it is spread.
        if op.get_type_name() in ('Convolution', 'GroupConvolution', 'ConvolutionBackpropData'):
            spread = op.get_type_name() == 'ConvolutionBackpropData'
            places = op.input(0) if spread else op.output(0)
            total += int(np.prod(op.input(1).get_shape()) * np.prod(places.get_shape()[2:]))
    return total
