"""What the commands of train/ share: arguments, how they fail, what they write."""
from contextlib import contextmanager
import os
from pathlib import Path
import sys
import tempfile

from unet_perception.printing import escape_names


def run(command, args):
    """
    Run command(args); return its exit code, or 1 after printing what cannot work as asked.

    130 after Ctrl-C.
    """
    escape_names()
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    try:
        return command(args)
    except (ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('stopped', file=sys.stderr)
        return 130


def add_data(parser, purpose, required=True):
    """Add --data to a command: paths to give to drive.find_drives()."""
    parser.add_argument('--data', type=Path, nargs='+', action='extend', required=required,
                        metavar='DRIVE', help=f'the drives to {purpose}, and folders of drives')


def add_extra(parser):
    """Add --extra to a command: drives to train on of which split.split() holds out none."""
    parser.add_argument('--extra', type=Path, nargs='+', action='extend', default=[],
                        metavar='DRIVE', help='more drives to train on, and folders of drives, of '
                        'which none is held out for validation, such as those of train.render')


def add_scheme(parser):
    """Add --scheme, the tag scheme of the drives that do not name their own."""
    from unet_perception.labels import scheme_help, SCHEMES
    parser.add_argument('--scheme', choices=tuple(SCHEMES),
                        help="the masks' tag scheme, needed for drives without a drive.json that "
                             f'names it. {scheme_help()}')


def writable(folder):
    """Make a folder unless it is there; ValueError if it cannot be written into."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f'the folder {folder} cannot be made: {error.strerror}; '
                         f'take another one') from error
    if not os.access(folder, os.W_OK):
        raise ValueError(f'the folder {folder} cannot be written into; take another one')


@contextmanager
def whole(path):
    """
    Yield where to write a file or folder that takes its name, the path, only at the end.

    It is hidden beside the path, in a folder that is there; after an error nothing is left.
    ValueError, which names the path, if it cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=f'.{path.name}.', dir=path.parent) as folder:
            partial = Path(folder, path.name)
            yield partial
            partial.rename(path)
    except OSError as error:
        raise ValueError(f'{path} is not written: {error}') from error
