"""All that decides what a training run does, in one frozen object saved beside its weights."""
import argparse
import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path

from unet_perception.labels import SCHEMES, scheme_help


def _option(default, text, **argument):
    return field(default=default, metadata={'help': text, **argument})


def _positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f'{value} is not at least 1')
    return value


@dataclass(frozen=True)
class Recipe:
    """The settings of a training run; every field is a flag of train.fit."""

    scheme: str = _option('B', f"the masks' tag scheme. {scheme_help()}", choices=tuple(SCHEMES))
    network: str = _option('unet', 'the network', choices=('unet', 'fcn', 'unet2015'))
    height: int = _option(96, 'height of the network input', type=_positive)
    width: int = _option(128, 'width of the network input', type=_positive)
    filters: int = _option(32, 'filters of the first level; each level doubles', type=_positive)
    epochs: int = _option(10, 'passes over the training frames', type=_positive)
    batch: int = _option(32, 'frames per step', type=_positive)
    learning_rate: float = _option(1e-3, "Adam's (highest) learning rate")
    schedule: str = _option('cosine', 'cosine: 100 steps of warm-up, then down to 0 by a cosine; '
                            'constant: as it is', choices=('cosine', 'constant'))
    clip: float = _option(1.0, 'clip the global norm of the gradient; 0: never')
    loss: str = _option('cross-entropy+dice', 'the loss',
                        choices=('cross-entropy+dice', 'cross-entropy'))
    augment: bool = _option(True, 'crop, mirror and relight the training frames')
    resize: str = _option('area', 'how frames get to network size', choices=('area', 'nearest'))
    precision: str = _option('mixed_bfloat16', "Keras' precision policy",
                             choices=('mixed_bfloat16', 'float32'))
    keep: str = _option('best', 'which epoch becomes the bundle: best by validation mIoU, or last',
                        choices=('best', 'last'))
    frames: int = _option(0, 'train on so many frames, spread evenly; 0: all of them', type=int)
    val_fraction: float = _option(0.12, 'share of the drive held out for validation')
    val_stretches: int = _option(8, 'held out in so many whole stretches', type=_positive)
    val_gap: int = _option(40, 'frames left out on both sides of a stretch', type=int)
    seed: int = _option(1, 'seed of weights, order, augmentation and dropout', type=int)

    def save(self, path):
        """Write the recipe as JSON."""
        Path(path).write_text(json.dumps(dataclasses.asdict(self), indent=2) + '\n')

    @classmethod
    def load(cls, path):
        """Read a recipe written by save()."""
        return cls(**json.loads(Path(path).read_text()))

    @classmethod
    def add_arguments(cls, parser):
        """Add every setting as a flag."""
        for setting in dataclasses.fields(cls):
            options = dict(setting.metadata)
            text = options.pop('help') + f' ({setting.default})'
            if isinstance(setting.default, bool):
                options['action'] = argparse.BooleanOptionalAction
            elif 'choices' not in options:
                options.setdefault('type', type(setting.default))
            parser.add_argument('--' + setting.name.replace('_', '-'), default=setting.default,
                                help=text, **options)

    @classmethod
    def from_arguments(cls, args):
        """Collect the flags that add_arguments() added."""
        return cls(**{s.name: getattr(args, s.name) for s in dataclasses.fields(cls)})
