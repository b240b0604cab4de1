"""Start a training from a bundle's weights, with its classes or others, or from ImageNet's."""
import json

import numpy as np

from unet_perception import keras_file
from unet_perception.classes import label_of, parse_classes
from unet_perception.model import MANIFEST

LEARNING_RATE = 1e-4  # unless the user says otherwise: a tenth of a new network's
INITIAL = 'initial.weights.h5'  # in a run's folder
KEPT = ('network', 'filters', 'resize')  # as they are in the bundle


def settings(bundle, given):
    """
    Return what a bundle fixes and proposes of a recipe, {setting: value}.

    All its networks take pictures of other sizes too: height and width are proposals.

    given: the settings that the user gives. Raise ValueError if they contradict the bundle, or if
    that does not tell its own recipe.
    """
    try:
        recipe = json.loads((bundle.path / MANIFEST).read_text())['training']['recipe']
        fixed = {name: recipe[name] for name in KEPT}
    except (KeyError, TypeError) as error:
        raise ValueError(f'{bundle.path} cannot be trained on: its manifest lacks {error}; take '
                         f'a bundle of train.fit') from error
    other = [f'--{name} {given[name]} (it has {value})' for name, value in fixed.items()
             if given.get(name, value) != value]
    if other:
        raise ValueError(f'the network of {bundle.path} stays as it is, which '
                         f'{", ".join(other)} contradicts; leave it out')
    return {'learning_rate': LEARNING_RATE, 'coarse': 0.0, 'classes': str(bundle.classes),
            'height': bundle.height, 'width': bundle.width,
            'base': f'{bundle.name} {bundle.digest}', **fixed}


def starts(old, new):
    """
    Return of each class of a ClassTable which one of an old table it starts from, or None.

    That of the same name, or else one that it has a part in common with, such as Vehicles for Car.
    """
    owners = {part: name for name, parts in zip(old.names, old.parts) for part in parts}
    of_labels = {label_of(part): name for part, name in reversed(owners.items())}

    def common(parts):
        wanted = [*parts, *map(label_of, parts)]
        return next((known[part] for known in (owners, of_labels) for part in wanted
                     if part in known), None)

    return {name: name if name in old.names else common(parts)
            for name, parts in zip(new.names, new.parts)}


def describe(old, new):
    """Return a sentence on what becomes of the classes of an old table in a new one."""
    if old == new:
        return 'with the same classes'
    start = starts(old, new)
    kept = [name for name in new.names if start[name] == name]
    lost = [name for name in old.names if name not in kept]
    return '; '.join(filter(None, (
        f'the head keeps {", ".join(kept)}',
        *(f'{name} starts as {from_}' if from_ else f'{name} is new'
          for name, from_ in start.items() if from_ != name),
        f'left out: {", ".join(lost)}' if lost else '')))


def write_initial(bundle, recipe, run):
    """Write the weights that a run starts from into its folder; return what they are, to print."""
    from train.networks import build
    network = build(recipe)
    network.set_weights(initial_weights(bundle, recipe))
    network.save_weights(run / INITIAL)
    return describe(bundle.classes, parse_classes(recipe.classes))


def write_imagenet(recipe, file, run):
    """Write the weights that a run starts from, with those of a file, into its folder."""
    import keras

    from train.efficientnet import load_pretrained
    from train.networks import build
    keras.utils.set_random_seed(recipe.seed)
    network = build(recipe)
    load_pretrained(network, file)
    network.save_weights(run / INITIAL)


def initial_weights(bundle, recipe):
    """Return the weights of a bundle, arrays as Keras has them, the head's for other classes."""
    import keras

    from train.networks import build, camera_network

    def shapes(n_classes):
        network = camera_network(recipe.network, recipe.height, recipe.width, recipe.filters,
                                 n_classes)
        return [w.shape for w in network.get_weights()]

    old, new = bundle.classes, parse_classes(recipe.classes)
    trained = keras_file.load(bundle.files['keras']).get_weights()
    keras.utils.set_random_seed(recipe.seed)
    start = [old.names.index(name) if name else -1 for name in starts(old, new).values()]
    known = np.flatnonzero(np.array(start) >= 0)
    weights = build(recipe).get_weights()
    # An axis that grows with the number of classes is one of classes.
    for i, (n, more) in enumerate(zip(shapes(1), shapes(2))):
        axes = [axis for axis in range(len(n)) if n[axis] != more[axis]]
        to = np.ix_(*(known if axis in axes else range(size)
                      for axis, size in enumerate(weights[i].shape)))
        from_ = np.ix_(*(np.array(start)[known] if axis in axes else range(size)
                         for axis, size in enumerate(trained[i].shape)))
        weights[i][to] = trained[i][from_]
    return weights
