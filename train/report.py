"""
Report what a data set of drives holds, before a network is trained on it.

    python -m train.dataset --data DRIVE [DRIVE ...] --plot dataset.png

prints each drive with its town, sizes and near-copies, each class with its share of the pixels,
the frames that show it and its share in every town, and whatever looks wrong: files that cannot be
used, tags that the scheme does not have, shares that speak for another scheme, traffic lights
tagged as pedestrians (CARLA 0.9.16), near-copies, images that are in two drives. --plot draws it.

Exit code: 0 nothing looks wrong; 3 something does, as was said; 1 the drives cannot be read.
"""
import argparse
from itertools import groupby
from pathlib import Path
import sys

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from train.commands import add_data, add_scheme, run
from train.drive import find_drives, find_frames
from train.survey import survey
from train.suspicions import suspicions
from unet_perception.labels import NAMES

MOST_TOWNS = 6  # columns of a table


def main(args=None):
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog='python -m train.dataset', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add_data(parser, 'look at')
    add_scheme(parser)
    parser.add_argument('--plot', type=Path, metavar='FILE', help='a new PNG file')
    return run(_run, parser.parse_args(args))


def _run(args):
    if args.plot and args.plot.exists():
        raise ValueError(f'{args.plot} exists already; take another --plot')
    drives = find_drives(args.data, args.scheme)
    surveys = look(drives)
    towns = by_town(surveys)
    console = Console()
    console.print(_drives_table(surveys))
    console.print(_classes_table(surveys, towns))
    if args.plot:
        from train.survey_plot import draw
        args.plot.parent.mkdir(parents=True, exist_ok=True)
        draw(surveys, towns, args.plot)
        print(f'wrote {args.plot}')
    sentences = suspicions(surveys)
    for sentence in sentences:
        print(f'warning: {sentence}', file=sys.stderr)
    return 3 if sentences else 0


def look(drives):
    """Return the Surveys of Drives, in their order, under a progress bar."""
    frames = [find_frames(drive) for drive in drives]  # refuses before the work
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task('looking at frames', total=sum(map(len, frames)))
        return [survey(drive, of_drive, lambda: progress.advance(task))
                for drive, of_drive in zip(drives, frames)]


def by_town(surveys):
    """Return the share of the pixels of each class by town, {town: float (23,)}."""
    def town(survey):
        return survey.drive.town or 'unknown'

    shares = {}
    for name, of_town in groupby(sorted(surveys, key=town), town):
        pixels = sum(survey.class_pixels for survey in of_town)
        shares[name] = pixels / max(1, pixels.sum())
    return shares


def _drives_table(surveys):
    table = Table(title='drives', caption='change: mean difference of neighbouring frames, in '
                  'grey levels of thumbnails; the median')
    for column in ('drive', 'town, weather'):
        table.add_column(column, overflow='fold')
    for column in ('scheme', 'frames', 'size', 'change', 'near-copies'):
        table.add_column(column, justify='right')
    for found in surveys:
        drive, sizes = found.drive, [f'{w}x{h}' for w, h in sorted(found.sizes)]
        table.add_row(drive.name, ', '.join(str(v) for v in (drive.town, drive.weather) if v),
                      drive.scheme, f'{found.frames:,}', ', '.join(sizes),
                      f'{np.median(found.changes):.1f}' if found.changes else '',
                      f'{found.near_copies:.1%}')
    return table


def _classes_table(surveys, towns):
    pixels = sum(found.class_pixels for found in surveys)
    frames, total = sum(f.class_frames for f in surveys), sum(f.frames for f in surveys)
    columns = towns if 1 < len(towns) <= MOST_TOWNS else {}
    never = [name for name, count in zip(NAMES, frames) if not count]
    caption = f'never: {", ".join(never) or "none"}'
    if len(towns) > MOST_TOWNS:
        caption += f'\nThe shares in {len(towns)} towns are in the --plot.'
    table = Table(title='classes', caption=caption)
    table.add_column('class')
    for column in ('pixels', 'frames', 'of all', *columns):
        table.add_column(column, justify='right')
    for label in sorted(np.flatnonzero(frames), key=lambda label: -pixels[label]):
        table.add_row(NAMES[label], _share(pixels[label] / max(1, pixels.sum())),
                      f'{frames[label]:,}', _share(frames[label] / max(1, total)),
                      *(_share(shares[label]) for shares in columns.values()))
    return table


def _share(value):
    return '-' if not value else f'{value:.2%}' if value >= 0.0001 else '<0.01%'


if __name__ == '__main__':
    sys.exit(main())
