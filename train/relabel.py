"""
Split the tag None of recordings by CARLA 0.8 to 0.9.9 into sky, ground, and pixels left out.

    python -m train.relabel --data DRIVE --out NEW --sheet sheet.png

Tags of scheme A have no class for the sky, nor for grass, soil and rock: all are 0, "None". NEW
is the same drive with tags of scheme B, as CARLA 0.9.10 and later has them. A pixel of None is now
Sky (13), Terrain (22) or, where it cannot be told, 255, which is neither trained on nor scored.
The other tags keep their numbers; the images are linked, or copied where they cannot be.

How it is told:

- geometry: a level camera has the horizon at a known row. What is smooth, as rock is not, and
  hangs together with the upper edge of the picture above it is sky for certain; what lies well
  below it is ground;
- colour: how often each colour (16 steps a channel) comes in the one and in the other, over the
  whole drive. Any other pixel of None belongs to that in which its colour is at least 20 times as
  frequent. A drive in one weather is what this needs; give drives in several weathers one by one;
- connectedness: above the horizon the ground hangs together with what is below it, or is large, as
  a hillside; a small island of its colours, such as a wire, is left out. So is the colour of the
  sky below the horizon.

--sheet draws image, old and new labels of 50 frames spread over the drive: look at it.
"""
import argparse
import json
import os
from pathlib import Path
import shutil
import sys

import cv2
import numpy as np

from train import png
from train.commands import run, whole, writable
from train.drive import find_frames, FORMAT, IMAGES, MANIFEST, MASKS, open_drive
from unet_perception.arguments import number
from unet_perception.labels import colorize, IGNORE, NAMES
from unet_perception.printing import report

SKY, TERRAIN = NAMES.index('Sky'), NAMES.index('Terrain')
STEPS = 16  # of a colour channel
CERTAIN = np.log(20)  # the ratio of frequencies from which on a colour decides
MARGIN = 0.02, 0.12  # of the picture's height, above and below the horizon; no geometry there
ROW = 5, 1  # pixels to measure smoothness in: along a row, for towards the horizon the sky fades
SMOOTH = 2.0  # grey levels; the standard deviation in these pixels that the sky stays below
ISLAND = 0.005  # of the picture's pixels; ground above the horizon that is smaller is left out


def is_surely(image, tags, horizon):
    """
    Return which pixels of None are surely sky, and which surely ground: bool (height, width).

    image: uint8 BGR (height, width, 3). tags: uint8 (height, width). horizon: its row.
    """
    none, rows = tags == 0, np.arange(len(tags))[:, None]
    above, below = (margin * len(tags) for margin in MARGIN)
    grey = image.mean(2, dtype=np.float32)
    smooth = cv2.blur(grey * grey, ROW) - cv2.blur(grey, ROW) ** 2 < SMOOTH ** 2
    _, parts = cv2.connectedComponents(
        (none & smooth & (rows < horizon - above)).astype(np.uint8))
    return (parts > 0) & np.isin(parts, parts[0]), none & (rows > horizon + below)


def colors_of(frames, horizon):
    """
    Return the log of how much likelier each colour is of the sky: float32 (STEPS,) * 3.

    frames: pairs of a BGR image and its tags, at least one; horizon: share of the height.
    Raise ValueError if no pixel of them is surely sky, or none surely ground.
    """
    counts = np.zeros((2, STEPS ** 3), np.int64)
    for image, tags in frames:
        place = _places(image)
        for count, sure in zip(counts, is_surely(image, tags, horizon * len(tags))):
            count += np.bincount(place[sure], minlength=STEPS ** 3)
    if not counts.sum(1).all():
        raise ValueError('no pixel of None is surely sky (at the upper edge), or none surely '
                         'ground (well below the horizon), so that there is nothing to go by; '
                         'check --horizon')
    # One pixel more of each colour: what was never seen decides nothing.
    sky, ground = (counts + 1) / counts.sum(1, keepdims=True)
    return np.log(sky / ground).astype(np.float32)


def _places(image):
    b, g, r = cv2.split(image // (256 // STEPS))
    return (b.astype(np.int32) * STEPS + g) * STEPS + r


def split_none(image, tags, colors, horizon):
    """
    Return labels (scheme B) of a frame with tags of scheme A: uint8 (height, width).

    image: uint8 BGR (height, width, 3). tags: uint8 (height, width), 0 to 12. colors: see
    colors_of(). horizon: share of the height.
    """
    horizon = horizon * len(tags)
    none, rows = tags == 0, np.arange(len(tags))[:, None]
    _, sure_ground = is_surely(image, tags, horizon)
    odds = colors[_places(image)]
    below = rows >= horizon
    # In the margin under the horizon, where a road goes downhill, there may still be sky.
    sky = none & (odds > CERTAIN) & (rows < horizon + MARGIN[1] * len(tags))
    ground = none & ((odds < -CERTAIN) | sure_ground & (odds < CERTAIN))
    _, parts, found, _ = cv2.connectedComponentsWithStats(ground.astype(np.uint8))
    large = found[:, cv2.CC_STAT_AREA] >= ISLAND * tags.size
    large[np.unique(parts[below & ground])] = True
    labels = np.where(none, np.uint8(IGNORE), tags)
    labels[sky] = SKY
    labels[ground & large[parts]] = TERRAIN
    return labels


def main(args=None):
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog='python -m train.relabel', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--data', type=Path, required=True, metavar='DRIVE',
                        help='a drive with tags of scheme A')
    parser.add_argument('--out', type=Path, required=True, help='the new drive')
    parser.add_argument('--horizon', default=0.5,
                        type=number(float, lambda v: 0 < v < 1, 'between 0 and 1'),
                        help="the horizon's row as a share of the height: 0.5, the middle, for a "
                             'camera that looks straight ahead (%(default)s)')
    parser.add_argument('--town', help="CARLA's map, such as Town07, if the drive does not say")
    parser.add_argument('--sheet', type=Path, metavar='PNG', help='draw 50 frames for a look')
    return run(_run, parser.parse_args(args))


def _run(args):
    for path in filter(None, (args.out, args.sheet)):
        if path.exists() or path.is_symlink():
            raise ValueError(f'{path} exists already; take another name')
    drive = open_drive(args.data, None if (args.data / MANIFEST).exists() else 'A')
    if drive.scheme != 'A':
        raise ValueError(f'{args.data} has tags of scheme {drive.scheme}; only scheme A mixes '
                         f'sky and ground')
    frames = find_frames(drive)
    writable(args.out.parent)
    with whole(args.out) as partial:
        counts = _write(partial, frames, args.horizon)
        (partial / MANIFEST).write_text(json.dumps({
            'format_version': FORMAT, 'complete': True, 'scheme': 'B',
            'town': args.town or drive.town, 'weather': {'name': drive.weather},
            'source': {'relabelled': drive.name, 'scheme': 'A', 'horizon': args.horizon}},
            indent=1) + '\n')
        if args.sheet:
            with whole(args.sheet) as picture:
                _draw_sheet(frames, partial, picture)
    none = counts[[SKY, TERRAIN, IGNORE]]
    with report():
        print(f'{args.out}: of the pixels of None {none[0] / none.sum():.1%} became Sky, '
              f'{none[1] / none.sum():.1%} Terrain, {none[2] / none.sum():.1%} are left out')
    return 0


def _write(folder, frames, horizon):
    """Write images and masks of the new drive; return the pixels of each label, int64 (256,)."""
    from rich.progress import track
    for name in (IMAGES, MASKS):
        (folder / name).mkdir(parents=True)
    colors = colors_of(map(_read, track(frames, 'learning the colours')), horizon)
    counts = np.zeros(256, np.int64)
    for frame in track(frames, 'writing'):
        labels = split_none(*_read(frame), colors, horizon)
        counts += np.bincount(labels.ravel(), minlength=256)
        # Not by imwrite, which does not tell that the disk is full.
        (folder / MASKS / f'{frame.name}.png').write_bytes(cv2.imencode('.png', labels)[1])
        image = folder / IMAGES / f'{frame.name}.png'
        try:
            os.link(frame.image, image)
        except OSError:  # another disk
            shutil.copyfile(frame.image, image)
    return counts


def _read(frame):
    """Read a Frame: BGR image and tags; ValueError names what is not a frame of scheme A."""
    image, tags, _ = png.decode_both(frame)
    if tags.max() > 12:
        raise ValueError(f'{frame.mask} has tags up to {tags.max()}, but scheme A has 0 to 12')
    return image, tags


def _draw_sheet(frames, folder, path, count=50, columns=5):
    from train.split import spread
    rows = []
    for frame in spread(frames, min(count, len(frames))):
        image, tags = _read(frame)
        labels = png.decode_tags((folder / MASKS / f'{frame.name}.png').read_bytes())
        rows.append(np.hstack([image, *(colorize(ids)[..., ::-1] for ids in (tags, labels))]))
    rows += [np.zeros_like(rows[0])] * (-len(rows) % columns)
    sheet = [np.vstack(rows[column::columns]) for column in range(columns)]
    path.write_bytes(cv2.imencode('.png', np.hstack(sheet))[1])


if __name__ == '__main__':
    sys.exit(main())
