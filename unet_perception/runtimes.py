"""Choose what runs a bundle's network, and say why."""
import importlib.util
from pathlib import Path

RUNTIMES = ('auto', 'openvino', 'keras')
DEVICES = ('auto', 'cpu', 'gpu')
FALLBACKS = ('fail', 'cpu')
PRECISIONS = ('auto', 'f32', 'bf16', 'int8')


def open_runtime(bundle, runtime='auto', device='auto', fallback='fail', precision='auto',
                 threads=0, scores=False):
    """
    Open the network of a bundle in a runtime and return it.

    runtime: 'openvino'; 'keras' (by the backend of KERAS_BACKEND: tensorflow, jax); 'auto': Keras
    where there is an NVIDIA GPU and a Keras to use it, else OpenVINO.
    device: 'cpu', 'gpu', or 'auto': the GPU where there is one.
    fallback: what to do if 'gpu' is asked for and there is none: 'fail', or take the 'cpu'.
    precision: 'f32', 'bf16', 'int8', or 'auto': bf16 where the processor has it, else int8,
    if it loses less than half a point of the mIoU measured when the bundle was made, else f32.
    threads: CPU threads; 0 for the runtime's choice. scores: return class scores too.

    The runtime is called with uint8 RGB (batch, height, width, 3) and returns arrays: labels and
    confidence x 255, uint8 (batch, height, width); with scores also float32 logits
    (batch, classes, height, width). Its `name`, `device`, `precision` and `reason` (a sentence)
    tell what was chosen and why. Raise ValueError on what is not to be had.
    """
    for name, value, known in (('runtime', runtime, RUNTIMES), ('device', device, DEVICES),
                               ('fallback', fallback, FALLBACKS),
                               ('precision', precision, PRECISIONS)):
        if value not in known:
            raise ValueError(f'{name} is {value!r}, but must be one of {", ".join(known)}')
    reason = f'{runtime} was asked for'
    asked = runtime
    if asked == 'auto':
        runtime, reason = _choose(device)
    kind = _runtime(runtime)
    gpus = kind.gpus()
    if asked == 'auto' and runtime == 'keras' and not gpus:
        runtime, reason = 'openvino', ('an NVIDIA GPU is here, but Keras cannot use it; OpenVINO '
                                       'instead')
        kind = _runtime(runtime)
        gpus = kind.gpus()
    if device == 'gpu' and not gpus:
        if fallback == 'fail':
            raise ValueError(f'device is gpu, but {runtime} finds none; take device cpu or auto, '
                             f'or let device_fallback be cpu')
        reason += '; no GPU was found, so the CPU stands in for it (device_fallback is cpu)'
    use = gpus[0] if gpus and device != 'cpu' else 'CPU'
    return kind(bundle, use, precision, threads, scores, reason)


def _runtime(name):
    if name == 'keras':
        from unet_perception.keras_runtime import KerasRuntime
        return KerasRuntime
    from unet_perception.openvino_runtime import OpenVinoRuntime
    return OpenVinoRuntime


def _choose(device):
    """Return the runtime for 'auto' and a sentence why, without importing a framework."""
    if device == 'cpu':
        return 'openvino', 'OpenVINO is the fastest on a CPU'
    if not Path('/dev/nvidiactl').exists():
        return 'openvino', 'no NVIDIA GPU is here, and OpenVINO is the fastest without'
    if importlib.util.find_spec('keras') is None:
        return 'openvino', 'an NVIDIA GPU is here, but no Keras to use it; OpenVINO instead'
    return 'keras', 'an NVIDIA GPU is here, and so is Keras'
