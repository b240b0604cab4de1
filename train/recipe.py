"""All that decides what a training run does, in one frozen object saved beside its weights."""
import argparse
import dataclasses
import json
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

from train.commands import at_least, number
from unet_perception.labels import SCHEMES, scheme_help


def _option(default, text, **argument):
    return field(default=default, metadata={'help': text, **argument})


_POSITIVE = at_least(1)


@dataclass(frozen=True)
class Recipe:
    """The settings of a training run; every field is a flag of train.fit."""

    # Never guessed: with the wrong scheme most tags still fit, and mean other classes.
    scheme: str = _option(None, "the masks' tag scheme, needed for drives without a drive.json "
                          f'that names it. {scheme_help()}', choices=tuple(SCHEMES))
    network: str = _option('unet', 'the network', choices=('unet', 'fcn', 'unet2015'))
    height: int = _option(96, 'height of the network input', type=_POSITIVE)
    width: int = _option(128, 'width of the network input', type=_POSITIVE)
    filters: int = _option(32, 'filters of the first level; each level doubles', type=_POSITIVE)
    epochs: int = _option(10, 'passes over the training frames', type=_POSITIVE)
    batch: int = _option(32, 'frames per step', type=_POSITIVE)
    learning_rate: float = _option(1e-3, "Adam's (highest) learning rate",
                                   type=number(float, lambda v: 0 < v < inf, 'more than 0'))
    schedule: str = _option('cosine', 'cosine: 100 steps of warm-up, then down to 0 by a cosine; '
                            'constant: as it is', choices=('cosine', 'constant'))
    clip: float = _option(1.0, 'clip the global norm of the gradient; 0: never',
                          type=number(float, lambda v: 0 <= v < inf, 'at least 0'))
    loss: str = _option('cross-entropy+dice', 'the loss',
                        choices=('cross-entropy+dice', 'cross-entropy'))
    augment: bool = _option(True, 'crop, mirror and relight the training frames')
    resize: str = _option('area', 'how frames get to network size', choices=('area', 'nearest'))
    precision: str = _option('mixed_bfloat16', "Keras' precision policy",
                             choices=('mixed_bfloat16', 'float32'))
    keep: str = _option('best', 'which epoch becomes the bundle: best by validation mIoU, or last',
                        choices=('best', 'last'))
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

    def save(self, path):
        """Write the recipe as JSON."""
        Path(path).write_text(json.dumps(dataclasses.asdict(self), indent=2) + '\n')

    @classmethod
    def load(cls, path):
        """Read a recipe written by save(); ValueError if the file holds something else."""
        try:
            return cls(**_with_tuples(json.loads(Path(path).read_text())))
        except (TypeError, ValueError) as error:
            raise ValueError(f'{path} is not a recipe of this version: {error}') from error

    @classmethod
    def add_arguments(cls, parser):
        """Add every setting as a flag; only flags that are given end up in the arguments."""
        for setting in dataclasses.fields(cls):
            options = dict(setting.metadata)
            text = options.pop('help')
            if setting.default not in (None, ()):
                text += f' ({setting.default})'
            if isinstance(setting.default, bool):
                options['action'] = argparse.BooleanOptionalAction
            elif 'choices' not in options:
                options.setdefault('type', type(setting.default))
            parser.add_argument(flag(setting.name), default=argparse.SUPPRESS, help=text,
                                **options)

    @classmethod
    def from_arguments(cls, args):
        """Return the recipe of the flags given, with the defaults for the others."""
        return cls(**cls._given(args))

    def check_same(self, args):
        """Raise ValueError that names the flags given with another value than the recipe's."""
        other = [f'{flag(name)} {value} (the run has {getattr(self, name)})'
                 for name, value in self._given(args).items() if value != getattr(self, name)]
        if other:
            raise ValueError(f'a run goes on by its own recipe, which {", ".join(other)} '
                             f'contradicts; leave it out, or start a new run by --name')

    @classmethod
    def _given(cls, args):
        return _with_tuples({s.name: getattr(args, s.name) for s in dataclasses.fields(cls)
                             if s.name in args})


def _with_tuples(settings):
    """Make tuples of what JSON and argparse know as lists."""
    return {name: tuple(value) if isinstance(value, list) else value
            for name, value in settings.items()}


def flag(name):
    """Return the flag of a setting, such as --val-gap of val_gap."""
    return '--' + name.replace('_', '-')
