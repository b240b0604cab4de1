"""
Read the tensors of a PyTorch state dict in the format before version 1.6, without PyTorch.

The format (torch.serialization's _legacy_save): pickles of a magic number, a protocol version and
the writer's byte order; a pickle of the dict, whose tensors name their storage; a pickle of the
names of the storages; then the storages, each a little-endian int64 count and its elements.
"""
from collections import OrderedDict
import pickle

import numpy as np

_MAGIC = 0x1950a86a20f9469cfc6c
_DTYPES = {'FloatStorage': '<f4', 'LongStorage': '<i8'}


class _Unpickler(pickle.Unpickler):
    """One that makes nothing but what a state dict is of: a pickle could run anything else."""

    def find_class(self, module, name):
        if (module, name) == ('collections', 'OrderedDict'):
            return OrderedDict
        if (module, name) == ('torch._utils', '_rebuild_tensor_v2'):
            return lambda storage, offset, shape, stride, *_: (storage, offset, shape, stride)
        if module == 'torch' and name in _DTYPES:
            return np.dtype(_DTYPES[name])
        raise pickle.UnpicklingError(f'{module}.{name} has no place in a state dict')

    def persistent_load(self, key):
        _, dtype, name, *_ = key
        return name, dtype


def read_state_dict(path):
    """Return {name: array} of a file; ValueError if it is not a state dict of that format."""
    with open(path, 'rb') as file:
        try:
            if _Unpickler(file).load() != _MAGIC:
                raise ValueError('another magic number')
            for _ in range(2):  # protocol version and byte order
                _Unpickler(file).load()
            tensors = _Unpickler(file).load()
            dtypes = dict(storage for storage, *_ in tensors.values())
            storages = {}
            for name in _Unpickler(file).load():
                count = np.fromfile(file, '<i8', 1)[0]
                storages[name] = np.fromfile(file, dtypes[name], count)
            return {name: _tensor(storages[storage[0]], *place)
                    for name, (storage, *place) in tensors.items()}
        except (AttributeError, EOFError, IndexError, KeyError, TypeError, ValueError,
                pickle.UnpicklingError) as error:
            raise ValueError(f'{path} is no PyTorch state dict of the format before version 1.6: '
                             f'{error}') from error


def _tensor(storage, offset, shape, stride):
    last = offset + sum((n - 1) * step for n, step in zip(shape, stride))
    if not 0 <= offset <= last < len(storage) or min(stride, default=1) < 0:
        raise ValueError(f'a tensor of shape {shape} lies outside its storage')
    return np.ascontiguousarray(np.lib.stride_tricks.as_strided(
        storage[offset:], shape, [step * storage.itemsize for step in stride]))
