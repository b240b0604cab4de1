"""Check the files of recorded frames before any work is spent on them."""
from contextlib import suppress
from hashlib import sha256
from itertools import groupby
import json
import os
from pathlib import Path

from train import png
from train.drive import listed
from train.threads import in_threads
from unet_perception.labels import get_scheme, IGNORE

FORMAT = 2  # in 1 images were not decoded


def check_frames(frames):
    """
    Read every file that was not yet checked in its present state (by its size and time).

    What was found good is kept in the user's cache, ~/.cache/unet_perception/checked.
    frames: list of Frame, those of each drive together. Raise ValueError that names each bad
    file: not a whole 8-bit PNG, pixels that cannot be decoded, image and mask of different size,
    a tag outside the scheme. Raise it too if no pixel of any mask is labelled: all tags are 255.
    """
    from rich.progress import Progress
    problems, labelled = [], 0.0
    with Progress() as progress:
        task = progress.add_task('checking frames', total=len(frames))
        for drive, of_drive in groupby(frames, lambda frame: frame.drive):
            with (_Checked(drive) as checked,
                  in_threads(checked.check, of_drive, 16) as results):
                for frame, state, share in results:
                    progress.advance(task)
                    if isinstance(share, ValueError):
                        problems.append(str(share))
                        continue
                    checked.keep(frame, state, share)
                    labelled += share
    if problems:
        raise ValueError(listed(problems))
    if frames and not labelled:
        raise ValueError(f'none of the {len(frames)} masks from {frames[0].mask} to '
                         f'{frames[-1].mask} has a labelled pixel: every tag is 255')


class _Checked:
    """The good frames of a drive, kept from run to run."""

    def __init__(self, drive):
        self._path, self._scheme, self._frames = _place(drive), drive.scheme, {}
        # Whatever is wrong with the file, all frames are checked anew then.
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            kept = json.loads(self._path.read_text())
            if (kept['format'], kept['scheme']) == (FORMAT, drive.scheme):
                self._frames = {name: list(known) for name, known in kept['frames'].items()}
        self._new = False

    def __enter__(self):
        return self

    def __exit__(self, *error):
        """Write down what is known, also after Ctrl-C; another run may do so at the same time."""
        if self._new and self._path.is_absolute():  # else there is no home
            kept = {'format': FORMAT, 'scheme': self._scheme, 'frames': self._frames}
            partial = self._path.with_suffix(f'.{os.getpid()}')
            with suppress(OSError):  # then all is checked anew next time
                try:
                    partial.parent.mkdir(parents=True, exist_ok=True)
                    partial.write_text(json.dumps(kept))
                    partial.replace(self._path)
                finally:
                    partial.unlink(missing_ok=True)

    def check(self, frame):
        """Return (frame, state of its files, share of labelled pixels or a ValueError)."""
        try:
            state, known = _state(frame), self._frames.get(frame.name, [])
            return frame, state, known[-1] if known[:-1] == state else labelled_share(frame)
        except ValueError as error:
            return frame, None, error

    def keep(self, frame, state, share):
        """Remember a good frame."""
        if self._frames.get(frame.name) != [*state, share]:
            self._frames[frame.name] = [*state, share]
            self._new = True


def _place(drive):
    """Return where to remember the frames of a drive; not beside them, for data stays as it is."""
    cache = Path(os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'))
    name = sha256(os.fsencode(drive.folder.resolve())).hexdigest()[:32]
    return cache / 'unet_perception' / 'checked' / f'{name}.json'


def _state(frame):
    """Return what changes when a file of the frame does; ValueError if it cannot be told."""
    try:
        both = [os.stat(path) for path in (frame.image, frame.mask)]
    except OSError as error:
        raise ValueError(f'{error.filename} cannot be read: {error.strerror}') from error
    return [value for stat in both for value in (stat.st_size, stat.st_mtime_ns)]


def labelled_share(frame):
    """Return the share of a frame's pixels that have a label; ValueError names a bad file."""
    _, tags, _ = png.decode_both(frame)  # the image too: what cannot be decoded ends a training
    pixels = png.histogram(tags)
    scheme = get_scheme(frame.drive.scheme)
    bad = [tag for tag in pixels.nonzero()[0] if tag >= len(scheme.labels) and tag != IGNORE]
    if bad:
        raise ValueError(f'{frame.mask}: tag {", ".join(map(str, bad[:5]))} is outside scheme '
                         f'{scheme.name} ({scheme.versions}), which has tags 0 to '
                         f'{len(scheme.labels) - 1}')
    return float(1 - pixels[IGNORE] / pixels.sum())
