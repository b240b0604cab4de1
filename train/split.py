"""Which frames of the drives a run trains on, and which it validates on."""
from collections import Counter
import json

import numpy as np

from train.drive import find_drives, find_frames, plain_town


def split_by_stretches(frames, fraction, stretches, gap):
    """
    Split a drive into training and validation frames by whole stretches.

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


def held_out(drives, towns, names):
    """
    Return those of the Drives that are of one of the towns or have one of the names.

    Raise ValueError on a town or a name that no drive has, where a drive's town is unknown, or if
    no drive is left to train on.
    """
    towns, there = set(map(plain_town, towns)), {drive.town for drive in drives}
    if towns and None in there:
        unknown = next(drive.folder for drive in drives if not drive.town)
        raise ValueError(f'--val-town needs the town of every drive, but {unknown} has no '
                         f'drive.json that names it; hold out whole drives by --val-drive')
    for flag, asked, known in (('--val-town', towns, there),
                               ('--val-drive', names, {drive.name for drive in drives})):
        if missing := sorted(set(asked) - known):
            raise ValueError(f'{flag} {", ".join(missing)}: there is no such drive; --data has '
                             f'{", ".join(sorted(known))}')
    chosen = [drive for drive in drives if drive.town in towns or drive.name in names]
    if len(chosen) == len(drives):
        raise ValueError(f'all {len(drives)} drives are held out for validation, which leaves '
                         f'none to train on')
    return chosen


def spread(frames, count):
    """Return `count` of the frames, spread evenly over the drives; all of them if count is 0."""
    if count > len(frames):
        raise ValueError(f'--frames asks for {count}, but there are {len(frames)}')
    return [frames[i] for i in np.linspace(0, len(frames) - 1, count).astype(int)] \
        if count else frames


def select(frames, names):
    """
    Return the frames of these names, in the order of the frames.

    names: drive/name, as Frame.id, or the name alone if only one drive has it. Raise ValueError
    if there are no names, or one of them is not a frame's or is that of several.
    """
    if not names:
        raise ValueError('--only names no frames; write one name a line, without .png')
    wanted = set(names)
    found = Counter(name for f in frames for name in (f.id, f.name) if name in wanted)
    if missing := wanted - set(found):
        raise ValueError(f'{len(missing)} of {len(wanted)} frames asked for are not in '
                         f'{frames[0].image.parent} or another drive of --data, such as '
                         f'{min(missing)}.png')
    if found.most_common(1)[0][1] > 1:
        raise ValueError(f'several drives have a frame {found.most_common(1)[0][0]}; write '
                         f'DRIVE/NAME')
    return [f for f in frames if f.id in wanted or f.name in wanted]


def split(paths, recipe, extra=()):
    """
    Split the drives at the paths as the recipe says; return (training, validation, data).

    Whole drives if the recipe names towns or drives, else stretches of every drive.
    extra: paths of more drives, of which nothing is held out. data: what a run keeps of it in its
    data.json. Raise ValueError if the drives will not do.
    """
    drives = find_drives([*paths, *extra], recipe.scheme)
    extras = {drive.name for drive in find_drives(extra, recipe.scheme)}
    whole = recipe.val_town or recipe.val_drive
    chosen = held_out([drive for drive in drives if drive.name not in extras], recipe.val_town,
                      recipe.val_drive) if whole else []
    training, validation = [], []
    for drive in drives:
        frames = find_frames(drive)
        if drive.name in extras:
            training.extend(frames)
            continue
        if whole:
            (validation if drive in chosen else training).extend(frames)
            continue
        try:
            parts = split_by_stretches(frames, recipe.val_fraction, recipe.val_stretches,
                                       recipe.val_gap)
        except ValueError as error:
            mend = ', or hold out whole drives by --val-drive or --val-town'
            raise ValueError(f'{drive.folder}: {error}'
                             f'{mend if len(drives) > 1 else ""}') from error
        training += parts[0]
        validation += parts[1]
    training = spread(training, recipe.frames)
    counts = [Counter(f.drive.name for f in part) for part in (training, validation)]
    return training, validation, {
        'drives': {d.name: {'scheme': d.scheme, 'town': d.town,
                            'training_frames': counts[0][d.name],
                            'validation_frames': counts[1][d.name]} for d in drives},
        'training_frames': len(training), 'validation_frames': len(validation)}


def check_same(run, data):
    """Raise ValueError unless a run has trained on such data; see split()."""
    path = run / 'data.json'
    try:
        before = {**json.loads(path.read_text()).get('drives', {})}
    except (AttributeError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f'{path} does not tell what the run was trained on: {error}; start a new '
                         f'run by --name') from error
    for name in sorted({*before, *data['drives']}):
        then, now = (json.dumps(d.get(name)) for d in (before, data['drives']))
        if then != now:
            raise ValueError(f'{run} was trained on other data than --data gives: of the drive '
                             f'{name} it was {then}, but now it is {now}')
