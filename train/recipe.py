"""All that decides what a training run does, in one frozen object saved beside its weights."""
import argparse
import dataclasses
from dataclasses import dataclass, field
import json
from math import inf
from pathlib import Path

from unet_perception.arguments import at_least, number
from unet_perception.classes import parse_classes
from unet_perception.labels import scheme_help, SCHEMES


def _option(default, text, **argument):
    return field(default=default, metadata={'help': text, **argument})


def _classes(text):
    try:
        return str(parse_classes(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _families(text):
    """Check what --augment says; ArgumentTypeError names what is not known."""
    names = [] if text == 'none' else text.split(',')
    if unknown := [name for name in names if name not in FAMILIES]:
        raise argparse.ArgumentTypeError(f'{", ".join(unknown)} is none of '
                                         f'{", ".join(FAMILIES)}, nor the word none')
    return text


_POSITIVE = at_least(1)
# What height and width of each network's input are multiples of: it halves them again and again.
MULTIPLES = {'unet': 16, 'efficientnet_unet': 32, 'deeplabv3plus': 16, 'fcn': 16, 'unet2015': 1}
# Families of random changes to a frame; see augment.py. Here, for this needs no TensorFlow.
FAMILIES = {
    'view': 'other cameras: turned, zoomed, of other shape, with another lens; mirrored',
    'hood': "the car's own bonnet at the lower edge",
    'materials': 'other colours of each class, other skies',
    'light': 'gamma, contrast, colour of the light, shadows',
    'weather': 'fog, rain, wet ground, dusk, night',
    'sensor': 'blur, lower resolution, noise, JPEG, vignette',
    'mix': 'things of rare classes pasted from other frames',
}


@dataclass(frozen=True)
class Recipe:
    """The settings of a training run; every field with a help is a flag of train.fit."""

    # Never guessed: with the wrong scheme most tags still fit, and mean other classes.
    scheme: str = _option(None, "the masks' tag scheme, needed for drives without a drive.json "
                          f'that names it. {scheme_help()}', choices=tuple(SCHEMES))
    network: str = _option('unet', 'the network; efficientnet_unet is a U-Net on a contracting '
                           'path that knows ImageNet; deeplabv3plus, fcn and unet2015 are '
                           'baselines to compare with',
                           choices=tuple(MULTIPLES))
    height: int = _option(96, 'height of the network input', type=_POSITIVE)
    width: int = _option(128, 'width of the network input', type=_POSITIVE)
    filters: int = _option(32, 'filters of the first level; each level doubles', type=_POSITIVE)
    classes: str = _option('', 'what the network tells apart: names with commas between, of the '
                           '23 classes, of kinds that CARLA 0.9.14 and later tells apart (Car, '
                           'Truck, ...), or made of several (Drivable=Road+RoadLine); all else '
                           'becomes Unlabeled (the 23 classes)', type=_classes)
    base: str = field(default='', metadata=None)  # name and digest of the bundle of --from
    epochs: int = _option(10, 'passes over the training frames', type=_POSITIVE)
    coarse: float = _option(0.5, 'share of the epochs, the first ones, in which the frames are '
                            'half as high and wide: several times as fast (not for unet2015)',
                            type=number(float, lambda v: 0 <= v <= 1, 'from 0 to 1'))
    batch: int = _option(32, 'frames per step', type=_POSITIVE)
    accumulate: int = _option(1, 'take each batch in so many parts, one after the other, where '
                              'it does not fit into memory', type=_POSITIVE)
    learning_rate: float = _option(1e-3, "Adam's (highest) learning rate",
                                   type=number(float, lambda v: 0 < v < inf, 'more than 0'))
    schedule: str = _option('cosine', 'cosine: 100 steps of warm-up, then down to 0 by a cosine; '
                            'constant: as it is', choices=('cosine', 'constant'))
    clip: float = _option(1.0, 'clip the global norm of the gradient; 0: never',
                          type=number(float, lambda v: 0 <= v < inf, 'at least 0'))
    loss: str = _option('cross-entropy+dice', 'the loss; +dice serves rare classes, focal and '
                        'balanced still more', choices=('cross-entropy', 'cross-entropy+dice',
                                                        'focal+dice', 'balanced+dice'))
    augment: str = _option('view,light', 'families of random changes to the training '
                           'frames, with commas between, or none. ' + '; '.join(
                               f'{name}: {text}' for name, text in FAMILIES.items()),
                           type=_families)
    resize: str = _option('auto', 'how frames get to network size; auto: by area if they are at '
                          'least twice as high and wide, else by nearest pixel',
                          choices=('auto', 'area', 'nearest'))
    precision: str = _option('auto', "Keras' precision policy; auto: mixed_bfloat16 where the "
                             'hardware is made for it, else float32',
                             choices=('auto', 'mixed_bfloat16', 'float32'))
    keep: str = _option('best', 'which epoch becomes the bundle: best by validation mIoU, or last',
                        choices=('best', 'last'))
    cache: bool = _option(True, "keep frames much larger than the network's input in a smaller "
                          'copy, in the folder .cache beside the runs, and train on that')
    frames: int = _option(0, 'train on so many frames, spread evenly; 0: all of them',
                          type=at_least(0))
    val_town: tuple = _option((), 'hold out the drives of these towns for validation',
                              nargs='+', action='extend', metavar='TOWN', type=str)
    val_drive: tuple = _option((), 'hold out these drives, by the names of their folders; without '
                               'either, stretches of every drive are held out', nargs='+',
                               action='extend', metavar='DRIVE', type=str)
    val_fraction: float = _option(0.12, 'share of each drive held out in stretches',
                                  type=number(float, lambda v: 0 < v < 1, 'between 0 and 1'))
    val_stretches: int = _option(8, 'held out in so many whole stretches', type=_POSITIVE)
    val_gap: int = _option(40, 'frames left out on both sides of a stretch', type=at_least(0))
    seed: int = _option(1, 'seed of weights, order, augmentation and dropout',
                        type=number(int, lambda v: 0 <= v < 2**32, 'from 0 to 2**32 - 1'))

    @property
    def families(self):
        """Return the names of the families of FAMILIES that change the training frames."""
        return () if self.augment == 'none' else tuple(self.augment.split(','))

    @property
    def knows_imagenet(self):
        """Return whether the network starts from ImageNet weights."""
        return self.network == 'efficientnet_unet' and not self.base

    @property
    def coarse_epochs(self):
        """Return in how many epochs, the first ones, the frames have coarse_size."""
        return 0 if self.network == 'unet2015' else int(self.coarse * self.epochs)

    @property
    def multiple(self):
        """Return what height and width must be multiples of."""
        return MULTIPLES[self.network]

    @property
    def coarse_size(self):
        """Return half the height and width, as the network takes them."""
        return tuple(max(1, round(side / 2 / self.multiple)) * self.multiple
                     for side in (self.height, self.width))

    def as_dict(self):
        """Return the settings as JSON values; of_dict() takes them."""
        return dataclasses.asdict(self)

    @classmethod
    def of_dict(cls, settings):
        """Return the recipe of settings {name: value}; TypeError on one that cannot be."""
        recipe = cls(**_with_tuples(settings))
        for setting in dataclasses.fields(cls):
            value, kind = getattr(recipe, setting.name), setting.type
            if value is not setting.default and (
                    type(value) not in ((int, float) if kind is float else (kind,))
                    or kind is tuple and not all(isinstance(text, str) for text in value)):
                raise TypeError(f'{setting.name} cannot be {value!r:.100}')
        return recipe

    def save(self, path):
        """Write the recipe as JSON."""
        Path(path).write_text(json.dumps(self.as_dict(), indent=2) + '\n')

    @classmethod
    def load(cls, path):
        """Read a recipe written by save(); ValueError if the file holds something else."""
        try:
            return cls.of_dict(json.loads(Path(path).read_text()))
        except (AttributeError, TypeError, ValueError, RecursionError) as error:
            raise ValueError(f'{path} is not a recipe of this version: {error}') from error

    @classmethod
    def add_arguments(cls, parser):
        """Add every setting as a flag; only flags that are given end up in the arguments."""
        for setting in dataclasses.fields(cls):
            options = dict(setting.metadata)
            text = options.pop('help', None)
            if text is None:
                continue
            if setting.default not in (None, (), ''):
                text += f' ({setting.default})'
            if isinstance(setting.default, bool):
                options['action'] = argparse.BooleanOptionalAction
            elif 'choices' not in options:
                options.setdefault('type', type(setting.default))
            parser.add_argument(flag(setting.name), default=argparse.SUPPRESS, help=text,
                                **options)

    @classmethod
    def from_arguments(cls, args, **defaults):
        """Return the recipe of the flags given; for the others these defaults, or the usual."""
        return cls(**{**defaults, **cls.given(args)})

    def check_same(self, args):
        """Raise ValueError that names the flags given with another value than the recipe's."""
        other = [f'{flag(name)} {value} (the run has {getattr(self, name)})'
                 for name, value in self.given(args).items() if value != getattr(self, name)]
        if other:
            raise ValueError(f'a run goes on by its own recipe, which {", ".join(other)} '
                             f'contradicts; leave it out, or start a new run by --name')

    @classmethod
    def given(cls, args):
        """Return the settings that the flags give, {name: value}."""
        return _with_tuples({s.name: getattr(args, s.name) for s in dataclasses.fields(cls)
                             if s.name in args})


def _with_tuples(settings):
    """Make tuples of what JSON and argparse know as lists."""
    return {name: tuple(value) if isinstance(value, list) else value
            for name, value in settings.items()}


def flag(name):
    """Return the flag of a setting, such as --val-gap of val_gap."""
    return '--' + name.replace('_', '-')
