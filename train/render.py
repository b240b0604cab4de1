"""
Render drives through made-up streets that look like CARLA's, with exact labels.

    python -m train.render --out DRIVES --drives 40 --frames 100

Each frame is another street, weather, camera and time of day, which (seed, drive, frame) alone
decide. Drives go to DRIVES/rendered-SEED-N: CameraRGB/, CameraMask/ (labels 0 to 22) and
drive.json. They are meant to be trained on beside recorded ones, which vary far less.

A drive takes its name only when it is whole. The same command goes on where it was stopped.
"""
import argparse
import json
from pathlib import Path
import shutil
import sys

from train.commands import run, writable
from unet_perception.arguments import at_least, picture_size

SIZES = ((400, 300), (448, 252), (320, 240), (448, 224), (384, 256), (320, 160), (512, 288))
MARKER = '.rendering'  # in a folder whose drives are not all there


def main(args=None):
    """Run the command; return its exit code."""
    return run(_render, parse(args))


def parse(args):
    """Return the arguments of a command line, by name."""
    parser = argparse.ArgumentParser(prog='python -m train.render', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, required=True, help='a new folder for the drives')
    parser.add_argument('--drives', type=at_least(1), default=40, help='how many (40)')
    parser.add_argument('--frames', type=at_least(1), default=100, help='of each drive (100)')
    parser.add_argument('--size', type=picture_size(32), metavar='WxH',
                        help='pixels (several sizes, drive by drive)')
    parser.add_argument('--seed', type=at_least(0), default=0,
                        help='another one gives other streets (0)')
    parser.add_argument('--jobs', type=at_least(1), default=1,
                        help='processes, each at a drive of its own (1)')
    return parser.parse_args(args)


def _render(args):
    from rich.progress import MofNCompleteColumn, Progress
    _begin(args)
    jobs = [(args.out, args.seed, drive, args.frames, args.size or SIZES[drive % len(SIZES)])
            for drive in range(args.drives) if not _folder(args.out, args.seed, drive).exists()]
    before = (args.drives - len(jobs)) * args.frames
    with Progress(*Progress.get_default_columns(), MofNCompleteColumn()) as progress:
        task = progress.add_task('rendering', total=args.drives * args.frames, completed=before)
        for frames in map(_drive, jobs) if args.jobs == 1 else _beside(jobs, args.jobs):
            progress.advance(task, frames)
    (args.out / MARKER).unlink()
    print(f'next: python -m train.fit --data {args.out} RECORDED --name my-unet')
    return 0


def _folder(out, seed, drive):
    return out / f'rendered-{seed}-{drive:03d}'  # another seed, another name: one run takes both


def _begin(args):
    """Make the folder, or see that it is one that the same command was stopped at."""
    wanted = {'drives': args.drives, 'frames': args.frames, 'seed': args.seed,
              'size': args.size and list(args.size)}
    marker = args.out / MARKER
    if args.out.exists() and any(args.out.iterdir()):
        if not marker.is_file():
            raise ValueError(f'{args.out} exists already; take another --out')
        try:
            there = json.loads(marker.read_text())
        except ValueError:
            there = None  # stopped as it began
        if there != wanted:
            raise ValueError(f'{args.out} was begun with {there}, not {wanted}; give the same '
                             f'options to go on with it, or take another --out')
    writable(args.out)
    marker.write_text(json.dumps(wanted))
    for partial in args.out.glob('.rendered-*'):
        shutil.rmtree(partial)


def _beside(jobs, count):
    """Render in so many processes; yield what _drive() returns, in any order."""
    from concurrent.futures import as_completed, ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import active_children, get_context
    # Not forked: a process that OpenCV has threads in may hang when it is.
    with ProcessPoolExecutor(count, get_context('spawn'), _alone) as pool:
        try:
            for done in as_completed([pool.submit(_drive, job) for job in jobs]):
                yield done.result()
        except BrokenProcessPool as error:
            raise ValueError('one of the processes was killed, as the system does when memory '
                             'runs out; the same command goes on where this one stopped, and '
                             'fewer --jobs need less memory') from error
        finally:  # after Ctrl-C, without waiting for drives that are half done
            for process in active_children():
                process.terminate()


def _alone():
    """Use one core, end with the parent, and leave Ctrl-C to it."""
    import signal

    import cv2

    from unet_perception.children import ending_with_parent
    ending_with_parent()()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)


def _drive(job):
    """Write a drive under a hidden name, then give it its own; return how many frames."""
    from train.recording import Recording
    from train.streets.frame import render
    out, seed, drive, frames, size = job
    folder = _folder(out, seed, drive)
    partial = folder.with_name(f'.{folder.name}')
    recording = Recording(partial, {
        'scheme': 'B', 'town': folder.name, 'weather': {'name': 'mixed'},
        'seed': seed, 'drive': drive, 'camera': {'width': size[0], 'height': size[1]}})
    for frame in range(frames):
        picture, labels, drawn = render(seed, drive, frame, size)
        recording.add(picture[..., ::-1], labels, **drawn)
    recording.finish()
    partial.rename(folder)
    return frames


if __name__ == '__main__':
    sys.exit(main())
