"""Look into a .keras file, which may be from anybody, before Keras builds what it says."""
from copy import deepcopy
import json
from tempfile import TemporaryDirectory
import zipfile

from unet_perception.model import BundleError

MOST_OF_CONFIG = 2**24  # bytes, unpacked
MOST_OF_WEIGHTS = 2**30
MOST_PARAMETERS = 2**28  # 1 GiB in float32
# All that train/networks.py builds of. Not Lambda, nor anything else that holds code or names a
# function, nor layers that read files.
CLASSES = {
    'keras': {'DTypePolicy'},
    'keras.initializers': {'GlorotUniform', 'HeNormal', 'Ones', 'Zeros'},
    'keras.layers': {
        'Activation', 'Add', 'AveragePooling2D', 'BatchNormalization', 'CenterCrop', 'Concatenate',
        'Conv2D', 'Conv2DTranspose', 'DepthwiseConv2D', 'Dropout', 'GlobalAveragePooling2D',
        'InputLayer', 'MaxPooling2D', 'ReLU', 'Rescaling', 'UpSampling2D', 'ZeroPadding2D'},
    'keras.src.models.functional': {'Functional'},
    'keras.src.ops.numpy': {'Pad'},
    None: {'__keras_tensor__'},
}


def load(path):
    """
    Return the network in a .keras file, which cannot run code of its own.

    Raise BundleError unless the file is a zip of three members of a sane size, made of CLASSES
    alone, and describes a network of at most MOST_PARAMETERS.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {member.filename: member.file_size for member in archive.infolist()}
            most = {'metadata.json': MOST_OF_CONFIG, 'config.json': MOST_OF_CONFIG,
                    'model.weights.h5': MOST_OF_WEIGHTS}
            if len(archive.infolist()) != len(most) or sizes.keys() != most.keys():
                raise BundleError(f'{path} holds {sorted(sizes)}, but a network of Keras is '
                                  f'{sorted(most)}')
            for name, size in sizes.items():
                if size > most[name]:
                    raise BundleError(f'{name} in {path} has {size} bytes, but at most '
                                      f'{most[name]} are read')
            # No more than the size that was checked is ever unpacked, whatever is packed.
            config = json.loads(archive.read('config.json'))
            _check_classes(config, path)
            _suit_older_keras(config)
            _check_parameters(config, path)
            import keras
            network = keras.saving.deserialize_keras_object(config, safe_mode=True)
            _load_weights(network, archive, path)
        return network
    except BundleError:
        raise
    except Exception as error:  # as the bytes lead zipfile, json and Keras to
        raise BundleError(f'{path} is not a network of Keras: {error!r}') from error


def _load_weights(network, archive, path):
    """Load the weights: unpacked first, for a zip unpacks all anew whenever HDF5 jumps back."""
    try:
        with TemporaryDirectory() as folder:
            network.load_weights(archive.extract('model.weights.h5', folder))
    except OSError:  # no room to unpack them: slower, but it needs none
        network.load_weights(path)


def _check_classes(part, path):
    """Raise BundleError if a part of a configuration, at any depth, names another class."""
    if isinstance(part, dict):
        if 'class_name' in part:
            module, name = part.get('module'), part['class_name']
            if name not in CLASSES.get(module, ()):
                raise BundleError(f'{path} is made of {module}.{name}, which is not used for '
                                  f'segmentation here and may run code')
        part = part.values()
    elif not isinstance(part, list):
        return
    for inner in part:
        _check_classes(inner, path)


def _suit_older_keras(part):
    """
    Take out of a configuration what Keras 3.12, Python 3.10's last, does not know of 3.15.

    Initializers, whose arguments are more, all become zeros: the file has the weights themselves.
    Batch renormalisation goes where it is not used.
    """
    if isinstance(part, dict):
        if part.get('module') == 'keras.initializers':
            part.update(class_name='Zeros', config={})
        if part.get('renorm') is False:
            for name in ('renorm', 'renorm_clipping', 'renorm_momentum'):
                part.pop(name, None)
        part = part.values()
    elif not isinstance(part, list):
        return
    for inner in part:
        _suit_older_keras(inner)


def _check_parameters(config, path):
    """Build the network without memory for its weights; raise BundleError if it is too large."""
    import keras
    with keras.StatelessScope(initialize_variables=False):
        network = keras.saving.deserialize_keras_object(
            deepcopy(config), safe_mode=True)  # an older Keras empties what it is given
    if (count := network.count_params()) > MOST_PARAMETERS:
        keras.backend.clear_session()  # else Keras makes the weights up at the next scope
        raise BundleError(f'{path} describes a network of {count} parameters; up to '
                          f'{MOST_PARAMETERS} are loaded')
    with keras.StatelessScope():  # makes them now, while that can do no harm, and forgets them
        pass
