"""Play a recorded drive through the segmentation node and show what it made of it.

    python -m unet_perception.demo
    python -m unet_perception.demo --bag my_drive --scheme B --model models/my-unet

The node runs in a process of its own; images and masks go over DDS, in real time, as in the car.
Into a new folder below demo_output/ come

    sheet.png        camera | predicted labels | truth, with the IoU of each class
    drive.gif        the same, moving
    segmented/       a bag (mcap) with the drive and all outputs, for rviz2 and Foxglove
    figures.json     all figures of the printed tables

Truth comes from the bag's semantic camera, painted with the palette of --scheme as CARLA's ROS
bridge does; frames without a partner of the same stamp are shown but not scored.
"""
import argparse
import json
import sys
from datetime import datetime
from pathlib import Path

import numpy as np

from unet_perception import bags, metrics
from unet_perception.labels import IGNORE, SCHEMES, colorize, scheme_help
from unet_perception.model import open_bundle
from unet_perception.pictures import animation, contact_sheet
from unet_perception.share import shipped

DRIVE = 'town07_drive'


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
    parser.add_argument('--model', default='town07-unet',
                        help='a bundle: its folder or shipped name (%(default)s)')
    parser.add_argument('--out', type=Path,
                        help='a new folder for the results (demo_output/<date and time>)')
    args = parser.parse_args(args)
    try:
        return _run(args)
    except (ValueError, RuntimeError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1


def _run(args):
    from unet_perception.replay import Replay, private_domain, running_node
    out = args.out or Path('demo_output', datetime.now().strftime('%Y-%m-%d_%H-%M-%S'))
    if out.exists():
        raise ValueError(f'{out} exists already; take another --out')
    bundle = open_bundle(args.model)
    camera = f'{args.camera}/image'
    images = dict(bags.read_images(args.bag, camera))
    truths = dict(bags.read_palette_labels(args.bag, f'{args.semantic}/image', args.scheme))
    drive = list(bags.read_messages(args.bag))
    played = [m for m in drive if m.topic in (camera, f'{args.camera}/camera_info')]
    out.mkdir(parents=True)
    log = out / 'node.log'
    seconds = (played[-1].time - played[0].time) / 1e9
    print(f'playing {len(images)} frames of {args.bag} ({seconds:.0f} s) through model '
          f'{bundle.name}; the node prints to {log}')
    with private_domain(), running_node(
            ['-r', f'__ns:={args.camera}', '-p', f'model:={bundle.path}'], log) as process:
        replay = Replay(args.camera)
        replay.play(played, process, log)
    bags.write_messages(out / 'segmented', sorted(drive + replay.recorded, key=lambda m: m.time))
    masks = dict(bags.read_labels(out / 'segmented', f'{args.camera}/segmentation/mask'))
    figures = _figures(bundle, images, masks, truths, replay)
    (out / 'figures.json').write_text(json.dumps(figures, indent=1) + '\n')
    _draw(out, bundle, images, masks, truths, figures)
    _print_frames(figures['frames'])
    if figures['scored']:
        metrics.print_table(figures['labels'])
    print(f'Look at {out / "sheet.png"} and {out / "drive.gif"};\n'
          f'open {out / "segmented"} with `ros2 bag play` and rviz2, or its .mcap in Foxglove;\n'
          f'all figures are in {out / "figures.json"}')
    return 0


def _figures(bundle, images, masks, truths, replay):
    matrix = np.zeros((len(bundle.names), len(bundle.names) + 1), np.int64)
    scored = [stamp for stamp in masks if stamp in truths]
    for stamp in scored:
        matrix += metrics.confusion_matrix(truths[stamp], masks[stamp], len(bundle.names))
    latencies = [1000 * s for s in replay.latencies.values()] or [float('nan')]
    p50, p95 = np.percentile(latencies, (50, 95))
    return {
        'model': bundle.name, 'manifest': bundle.digest,
        'frames': {'frames in': len(images), 'labels out': len(masks),
                   'dropped by the node': int(replay.diagnostics.get('dropped', 0)),
                   'failed': int(replay.diagnostics.get('failed', 0)),
                   'latency p50, publish to mask (ms)': round(p50, 1),
                   'latency p95, publish to mask (ms)': round(p95, 1)},
        'scored': len(scored),
        'labels': metrics.summary(matrix, bundle.names) if scored else None,
    }


def _draw(out, bundle, images, masks, truths, figures):
    nothing = {stamp: np.full(mask.shape, IGNORE, np.uint8) for stamp, mask in masks.items()}
    rows = {stamp: (images[stamp], colorize(masks[stamp], bundle.colors),
                    colorize({**nothing, **truths}[stamp])) for stamp in sorted(masks)}
    shown = [list(rows)[i] for i in np.linspace(0, len(rows) - 1, min(6, len(rows))).astype(int)]
    present = np.unique([masks[s] for s in shown] + [truths[s] for s in shown if s in truths])
    iou = (figures['labels'] or {'classes': {}})['classes']
    legend = [(f'{bundle.names[i]}  IoU {iou[bundle.names[i]]["iou"]:.2f}'
               if bundle.names[i] in iou else bundle.names[i], bundle.colors[i])
              for i in present if i != IGNORE]
    contact_sheet([rows[s] for s in shown], ('camera', 'predicted labels', 'truth'), legend,
                  out / 'sheet.png')
    stamps = list(rows)[::2]  # half the frames, shown twice as long: half the file
    animation([rows[s] for s in stamps], (stamps[-1] - stamps[0]) / 1e9 / max(1, len(stamps) - 1),
              out / 'drive.gif')


def _print_frames(figures):
    from rich.console import Console
    from rich.table import Table
    table = Table(title='the node', show_header=False)
    for name, value in figures.items():
        table.add_row(name, str(value))
    Console().print(table)


if __name__ == '__main__':
    sys.exit(main())
