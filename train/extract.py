"""
Extract a drive to train on from recorded bags of a camera and a semantic camera.

    python -m train.extract BAG [BAG ...] --out DRIVE --label-encoding palette --scheme B

BAG is a folder (rosbag2), or one .mcap or .db3 file; several make one drive, so that split files
belong together. Images with equal stamps in their headers become a frame, whichever comes first
and however much later the other: CameraRGB/STAMP.png and CameraMask/STAMP.png, stamp in ns, mask
in tags; drive.json names scheme, town and source. Nothing is guessed: name by

    --label-encoding palette   what CARLA's ROS bridge sends: colours
                     tag       what CARLA's own ROS 2 interface sends: the tag in the red channel
    --scheme                   which CARLA version's tags or colours they are

Every image is held against both. Frames that do not fit are left out, counted and reported. If a
bag breaks off, as when the recorder was killed, it is read up to the break.

Exit code: 0 all is well, beside images without partner; 3 the drive is whole, but something was
left out or broken, as was said; 1 nothing was written; 2 wrong arguments; 130 stopped by Ctrl-C.
"""
import argparse
from collections import Counter
from contextlib import closing
import json
from math import inf
from pathlib import Path
import shlex
import signal
import sys

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from train.commands import run, whole, writable
from train.drive import FORMAT, IMAGES, MANIFEST, MASKS
from train.frame_files import ENCODINGS, write_frames
from train.pairing import ALONE, Bags, NONE, pair, read_stamps, TOO_SOON
from unet_perception.arguments import number
from unet_perception.labels import scheme_help, SCHEMES
from unet_perception.printing import report

CAMERA = '/carla/ego_vehicle/rgb_front'  # CARLA's ROS bridge's defaults
SEMANTIC = '/carla/ego_vehicle/semantic_segmentation_front'
FIRST = 100  # frames, of which one must be good, else there is something wrong with all of them
FINE = {*ALONE.values(), TOO_SOON}  # reasons to leave something out that are no fault
BACK = 1_000_000_000  # ns; a stamp that goes back further is of another run of the simulation


def main(args=None):
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog='python -m train.extract', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('bags', type=Path, nargs='+', metavar='BAG', help='a bag to read')
    parser.add_argument('--out', type=Path, required=True, metavar='DRIVE', help='the new drive')
    for flag, default in (('--camera', CAMERA), ('--semantic', SEMANTIC)):
        parser.add_argument(flag, default=default, metavar='NAMESPACE',
                            help='namespace with the images in image or image/compressed, or the '
                                 'image topic (%(default)s)')
    parser.add_argument('--label-encoding', choices=ENCODINGS, required=True,
                        help='what the semantic images hold')
    parser.add_argument('--scheme', choices=tuple(SCHEMES), required=True,
                        help=f'the scheme of their tags or colours. {scheme_help()}')
    seconds = number(float, lambda v: 0 <= v < inf, 'at least 0')
    parser.add_argument('--tolerance', type=seconds, default=0, metavar='SECONDS',
                        help='most that the stamps of a frame differ (0: equal stamps)')
    parser.add_argument('--every-seconds', type=seconds, default=0, metavar='SECONDS',
                        help='take frames at least so far apart, for neighbours are near-copies '
                             '(0: all)')
    parser.add_argument('--town', help="CARLA's map, such as Town07, for --val-town of train.fit")
    parser.add_argument('--weather', help='for your own records')
    args = parser.parse_args(args)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: clean up
    return run(_run, args)


def _run(args):
    out = args.out
    if out.exists() or out.is_symlink():
        raise ValueError(f'{out} exists already; take another --out')
    console = Console(stderr=True)
    with console.status('reading the stamps'):
        bags = Bags(args.bags, args.camera, args.semantic)
        stamps = read_stamps(bags)
    pairing = pair(*stamps, *(round(s * 1e9) for s in (args.tolerance, args.every_seconds)))
    writable(out.parent)
    with whole(out) as partial:
        for name in (IMAGES, MASKS):
            (partial / name).mkdir(parents=True)
        written = write_frames(_images(bags, pairing), partial, args.label_encoding, args.scheme)
        with closing(written):
            frames, faults = _count(written, pairing.frames, console)
        left_out = pairing.left_out + Counter({r: n for r, (n, _) in faults.items()})
        _write_manifest(partial, args, bags, left_out)
    return _report(out, bags, stamps, frames, left_out, faults)


def _images(bags, pairing):
    """Stream what write_frames() takes of the images that belong to a frame."""
    frames = {bags.camera: iter(pairing.camera), bags.semantic: iter(pairing.semantic)}
    for message in bags.messages():
        frame = int(next(frames[message.topic], NONE))
        if frame != NONE:
            yield frame, message, message.topic == bags.semantic


def _count(written, total, console):
    """
    Return how many frames are good, and of the others {reason: [how many, an example]}.

    Raise ValueError, with an example, if none of the first is good.
    """
    good, bad, faults = 0, 0, {}
    with Progress(console=console) as progress:
        task = progress.add_task('writing', total=total)
        for _, fault in written:
            progress.advance(task)
            if fault is None:
                good += 1
                continue
            bad += 1
            faults.setdefault(fault.reason, [0, fault.detail])[0] += 1
            if not good and bad in (FIRST, total):
                raise ValueError(f'nothing but {fault.reason} among the first {bad}: '
                                 f'{fault.detail}')
    return good, faults


def _write_manifest(folder, args, bags, left_out):
    """Write a manifest as train.record does; a frame's name is its camera image's stamp, ns."""
    names = sorted(path.stem for path in (folder / IMAGES).iterdir())
    (folder / MANIFEST).write_text(json.dumps({
        'format_version': FORMAT, 'complete': True, 'scheme': args.scheme, 'town': args.town,
        'weather': {'name': args.weather},
        'source': {'bags': [bag.resolve().name for bag in args.bags], 'camera': bags.camera,
                   'semantic': bags.semantic, 'label_encoding': args.label_encoding,
                   'tolerance': args.tolerance, 'every_seconds': args.every_seconds},
        'left_out': left_out,
        'frames': [{'name': name, 'timestamp': int(name) / 1e9} for name in names]},
        indent=1) + '\n')


def _report(out, bags, stamps, frames, left_out, faults):
    """Print what was written and left out; return the exit code."""
    table = Table(title=f'{out}: {frames} frames', show_header=False)
    table.add_row(f'images of {bags.camera}', f'{stamps[0].size}')
    table.add_row(f'images of {bags.semantic}', f'{stamps[1].size}')
    for reason, count in left_out.items():
        table.add_row(f'left out: {reason}', f'{count}')
    warnings = [f'{count} {reason}, such as: {detail}'
                for reason, (count, detail) in faults.items()]
    if jumps := int((np.diff(stamps[0][stamps[0] > NONE]) < -BACK).sum()):
        warnings.append(f'the stamps go back {jumps} times, as when the simulation starts anew; '
                        f'the runs are one drive now')
    with report():
        Console().print(table)
        print(f'next: python -m train.dataset --data {shlex.quote(str(out))}')
    for sentence in (*warnings, *bags.breaks):
        print(f'warning: {sentence}', file=sys.stderr)
    return 3 if warnings or bags.breaks or set(left_out) - FINE else 0


if __name__ == '__main__':
    sys.exit(main())
