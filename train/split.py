"""Which frames of a drive a run trains on, and which it validates on."""
import json

import numpy as np

from train.drive import find_frames


def split_by_stretches(frames, fraction, stretches, gap):
    """Split a drive into training and validation frames by whole stretches.

    Neighbouring frames are near-copies, so a shuffled split would validate on what it trained
    on. The drive is cut into equal parts; the middle of each goes to validation, and `gap`
    frames on both sides of it are left out. Return (training, validation).
    """
    part = len(frames) / stretches
    length = round(part * fraction)
    if length < 1 or length + 2 * gap >= part:
        raise ValueError(
            f'{len(frames)} frames in {stretches} parts of {part:.0f} leave no room for '
            f'{length} validation frames with {gap} left out on both sides; '
            f'take fewer stretches or a smaller gap')
    training, validation = [], []
    for k in range(stretches):
        first = round(part * (k + 0.5) - length / 2)
        validation += frames[first:first + length]
        training += frames[round(part * k):first - gap]
        training += frames[first + length + gap:round(part * (k + 1))]
    return training, validation


def spread(frames, count):
    """Return `count` of the frames, spread evenly over the drive; all of them if count is 0."""
    if count > len(frames):
        raise ValueError(f'--frames asks for {count}, but there are {len(frames)}')
    return [frames[i] for i in np.linspace(0, len(frames) - 1, count).astype(int)] \
        if count else frames


def select(frames, names):
    """Return the frames of these names (file names without .png), in the drive's order.

    Raise ValueError if there are no names or one of them is not a frame's.
    """
    if not names:
        raise ValueError('--only names no frames; write one name a line, without .png')
    missing = set(names) - {f.image.stem for f in frames}
    if missing:
        raise ValueError(f'{len(missing)} of {len(names)} frames asked for are not in '
                         f'{frames[0].image.parent}, such as {min(missing)}.png')
    wanted = set(names)
    return [f for f in frames if f.image.stem in wanted]


def split(drive, recipe):
    """Split a drive as the recipe says; return (training frames, validation frames, data).

    data: what a run keeps of it in its data.json. Raise ValueError if the drive will not do.
    """
    training, validation = split_by_stretches(
        find_frames(drive), recipe.val_fraction, recipe.val_stretches, recipe.val_gap)
    training = spread(training, recipe.frames)
    return training, validation, {'drive': drive.resolve().name, 'training_frames': len(training),
                                  'validation_frames': len(validation)}


def check_same(run, data):
    """Raise ValueError unless a run has trained on such data; see split()."""
    trained_on = (run / 'data.json').read_text()
    if json.loads(trained_on) != data:
        raise ValueError(f'{run} was trained on {trained_on.strip()}, '
                         f'but --data gives {json.dumps(data)}')
