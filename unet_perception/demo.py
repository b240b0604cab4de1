"""
Play a recorded drive through the segmentation node and show what it made of it.

    python -m unet_perception.demo
    python -m unet_perception.demo --bag my_drive --scheme B --model models/my-unet

The node runs in a process of its own; images and masks go over DDS, in real time, as in the car.
Into a new folder below demo_output/ come

    sheet.png        camera | predicted labels | truth, with the IoU of each class
    drive.gif        the same, moving
    segmented/       a bag (mcap) with the drive and all outputs, for rviz2 and Foxglove
    figures.json     all figures of the printed tables

Truth comes from the bag's semantic camera, painted with the palette of --scheme as CARLA's ROS
bridge does; frames without a partner of the same stamp and size are shown but not scored.
"""
import argparse
from datetime import datetime
import heapq
import json
from pathlib import Path
import signal
import sys

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from unet_perception import bags, metrics
from unet_perception.classes import lookup
from unet_perception.labels import colorize, IGNORE, scheme_help, SCHEMES
from unet_perception.model import open_bundle
from unet_perception.pictures import animation, contact_sheet
from unet_perception.printing import escape_names
from unet_perception.share import DRIVE, MODEL, shipped


def main(args=None):
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog='demo', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--bag', type=Path, default=shipped('demo', DRIVE)[0],
                        help='a rosbag2 recording (the drive that ships with the package)')
    parser.add_argument('--camera', default='/carla/ego_vehicle/rgb_front',
                        help='namespace of the camera in the bag (%(default)s)')
    parser.add_argument('--semantic', default='/carla/ego_vehicle/semantic_segmentation_front',
                        help='namespace of the semantic camera in the bag (%(default)s)')
    parser.add_argument('--scheme', choices=tuple(SCHEMES), default='A',
                        help=f"the semantic camera's tag scheme (A). {scheme_help()}")
    parser.add_argument('--model', default=MODEL,
                        help='a bundle: its folder or shipped name (%(default)s)')
    parser.add_argument('--out', type=Path,
                        help='a new folder for the results (demo_output/<date and time>)')
    args = parser.parse_args(args)
    escape_names()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: stop the node
    try:
        return _run(args)
    except (ValueError, RuntimeError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('stopped', file=sys.stderr)
        return 130


def _run(args):
    from unet_perception.replay import private_domain, Replay, ReplayError, running_node
    out = args.out or Path('demo_output', datetime.now().strftime('%Y-%m-%d_%H-%M-%S'))
    if out.exists():
        raise ValueError(f'{out} exists already; take another --out')
    bundle = open_bundle(args.model)
    camera = f'{args.camera}/image'
    sizes = {stamp: image.shape[:2] for stamp, image in bags.read_images(args.bag, camera)}
    types, store = bags.contents(args.bag)
    ids = lookup(bundle.classes, 'B')
    truths = {stamp: ids[labels] for stamp, labels in _truths(args, types, sizes).items()}
    topics = _copied(args, types, store)
    played = {camera, f'{args.camera}/camera_info'} & set(topics)
    # All that is copied is read once, so that damage shows before anything is played.
    times = [m.time for m in bags.read_messages(args.bag, topics) if m.topic in played]
    out.mkdir(parents=True)
    log = out / 'node.log'
    print(f'playing {len(sizes)} frames of {args.bag} ({(times[-1] - times[0]) / 1e9:.0f} s) '
          f'through model {bundle.name}; the node prints to {log}')
    with private_domain(), running_node(
            ['-r', f'__ns:={args.camera}', '-p', f'model:={bundle.path}'], log) as process:
        replay = Replay(args.camera)
        with Progress(console=Console(stderr=True)) as progress:
            replay.play(progress.track(bags.read_messages(args.bag, played), len(times),
                                       description='playing'), process, log)
    if not replay.latencies:
        raise ReplayError(f'the node sent no mask for any of the {len(sizes)} frames; it printed\n'
                          + log.read_text()[-2000:])
    bags.write_messages(out / 'segmented', heapq.merge(
        bags.read_messages(args.bag, topics), replay.recorded, key=lambda m: m.time), store)
    masks = dict(bags.read_labels(out / 'segmented', f'{args.camera}/segmentation/mask'))
    figures = _figures(bundle, len(sizes), masks, truths, replay)
    (out / 'figures.json').write_text(json.dumps(figures, indent=1) + '\n')
    _draw(out, args.bag, camera, bundle, masks, truths, figures)
    _print_frames(figures['frames'])
    if figures['scored']:
        metrics.print_table(figures['labels'])
    print(f'Look at {out / "sheet.png"} and {out / "drive.gif"};\n'
          f'open {out / "segmented"} with `ros2 bag play` and rviz2, or its .mcap in Foxglove;\n'
          f'all figures are in {out / "figures.json"}')
    return 0


def _truths(args, types, sizes):
    """
    Return the labels that frames can be scored by, by stamp; say so where there are none.

    types: by topic, of the bag. sizes: (height, width) of each frame by stamp.
    """
    topic = f'{args.semantic}/image'
    if topic not in types:
        print(f'not scored: {args.bag} holds no images of {topic} (--semantic)')
        return {}
    partners = {stamp: labels for stamp, labels
                in bags.read_palette_labels(args.bag, topic, args.scheme) if stamp in sizes}
    if not partners:
        print(f'not scored: no image of {topic} has the stamp of a camera frame')
    misfits = [stamp for stamp, labels in partners.items() if labels.shape != sizes[stamp]]
    if misfits:
        (h, w), (height, width) = partners[misfits[0]].shape, sizes[misfits[0]]
        print(f'not scored: {len(misfits)} frames, whose image of {topic} is {w}x{h} where the '
              f'camera is {width}x{height}; record both in one size')
    return {stamp: labels for stamp, labels in partners.items() if labels.shape == sizes[stamp]}


def _copied(args, types, store):
    """Return the topics to copy into the new bag; say which are not, and why."""
    unknown = {topic for topic, kind in types.items() if kind not in store.fielddefs}
    # What a node made of the drive before would mix with what ours makes of it now.
    old = {topic for topic in types if topic.startswith(f'{args.camera}/segmentation/')}
    for topics, why in ((unknown, 'the bag does not define their types'),
                        (old - unknown, 'they are made anew')):
        if topics:
            print(f'left out of the new bag: {", ".join(sorted(topics))} ({why})')
    return [topic for topic in types if topic not in unknown | old]


def _figures(bundle, n_frames, masks, truths, replay):
    matrix = np.zeros((len(bundle.names), len(bundle.names) + 1), np.int64)
    scored = [stamp for stamp in masks if stamp in truths]
    for stamp in scored:
        matrix += metrics.confusion_matrix(truths[stamp], masks[stamp], len(bundle.names))
    p50, p95 = np.percentile([1000 * s for s in replay.latencies.values()], (50, 95))
    received, dropped, failed = (int(replay.diagnostics.get(name, 0))
                                 for name in ('received', 'dropped', 'failed'))
    return {
        'model': bundle.name, 'manifest': bundle.digest,
        'frames': {'frames in': n_frames, 'labels out': len(masks),
                   'dropped by the node': dropped, 'failed': failed,
                   'never arrived': n_frames - received,
                   'latency p50, publish to mask (ms)': round(p50, 1),
                   'latency p95, publish to mask (ms)': round(p95, 1)},
        'scored': len(scored),
        'labels': metrics.summary(matrix, bundle.names) if scored else None,
    }


def _draw(out, bag, camera, bundle, masks, truths, figures):
    def rows(stamps):
        """Stream camera | labels | truth, if there is any; images do not all fit into memory."""
        for stamp, image in bags.read_images(bag, camera):
            if stamp in stamps:
                nothing = np.full(image.shape[:2], IGNORE, np.uint8)
                panes = [masks[stamp], truths.get(stamp, nothing)][:len(titles) - 1]
                yield [image, *(colorize(labels, bundle.colors) for labels in panes)]

    titles = ('camera', 'predicted labels', 'truth')[:3 if truths else 2]
    stamps = sorted(masks)
    shown = {stamps[i] for i in np.linspace(0, len(stamps) - 1, 6).astype(int)}
    present = {i for s in shown for m in (masks, truths) if s in m for i in np.unique(m[s])}
    scores = (figures['labels'] or {'classes': {}})['classes']
    legend = [(_caption(bundle.names[i], scores), bundle.colors[i])
              for i in sorted(present - {IGNORE})]
    contact_sheet(list(rows(shown)), titles, legend, out / 'sheet.png')
    moving = stamps[::2]  # half the frames, shown twice as long: half the file
    animation(rows(set(moving)), (moving[-1] - moving[0]) / 1e9 / max(1, len(moving) - 1),
              out / 'drive.gif')


def _caption(name, scores):
    """Return a class with its IoU, which one that is never true has not."""
    row = scores.get(name)
    return f'{name}  IoU {row["iou"]:.2f}' if row and row['support'] else name


def _print_frames(figures):
    table = Table(title='the node', show_header=False)
    for name, value in figures.items():
        table.add_row(name, str(value))
    Console().print(table)


if __name__ == '__main__':
    sys.exit(main())
