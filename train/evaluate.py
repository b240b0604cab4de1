"""
Score a model bundle on recorded frames, at the frames' own resolution.

    python -m train.evaluate --model models/NAME --data DRIVE [DRIVE ...] --out evaluation/NAME

runs the bundle as the node runs it (OpenVINO, labels brought back to camera resolution), prints
IoU and boundary IoU per class, and writes evaluation.json, confusion.png, reliability.png (whether
the confidence is the share of right labels) and panel.png.
"""
import argparse
import json
from pathlib import Path
import sys

from train.commands import add_data, add_scheme, run, whole, writable


def evaluate(segmenter, frames, title='evaluating'):
    """
    Label every frame and compare with its mask; return the Scores.

    frames: list of Frame. title: of the progress bar.
    """
    from rich.progress import track

    from train import dataset
    from train.scores import Scores
    scores = Scores(segmenter.bundle.names)
    for frame in track(frames, title):
        image, truth = dataset.load(frame, segmenter.bundle.classes)
        scores.add(truth, segmenter(image))
    return scores


def add_frames(parser):
    """Add to a command which frames to score on; find_scored() takes what it gives."""
    add_data(parser, 'score on')
    add_scheme(parser)
    parser.add_argument('--only', type=Path, metavar='FILE',
                        help='score only the frames named in FILE, one a line, without .png; '
                             'train.fit writes validation.txt of this form')


def find_scored(args):
    """Return the frames that the arguments of add_frames() name, checked."""
    from train.check import check_frames
    from train.drive import find_drives, find_frames
    from train.split import select
    frames = [f for drive in find_drives(args.data, args.scheme) for f in find_frames(drive)]
    if args.only:
        frames = select(frames, args.only.read_text().split())
    check_frames(frames)
    return frames


def main(args=None):
    """Run the command; return its exit code."""
    from unet_perception.runtimes import PRECISIONS
    from unet_perception.segmenter import UPSCALES
    parser = argparse.ArgumentParser(prog='python -m train.evaluate', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--model', required=True, help='a bundle: its folder or shipped name')
    add_frames(parser)
    parser.add_argument('--precision', choices=PRECISIONS, default='f32',
                        help="of OpenVINO's arithmetic (f32, as in the bundle's own figures)")
    parser.add_argument('--upscale', choices=UPSCALES, default='nearest',
                        help='how labels get to camera resolution (nearest)')
    parser.add_argument('--out', type=Path, required=True, help='a new folder for the results')
    return run(_run, parser.parse_args(args))


def _run(args):
    from train import dataset, plots
    from train.reliability import reliability_png
    from train.split import spread
    from unet_perception import metrics
    from unet_perception.model import open_bundle
    from unet_perception.printing import report
    from unet_perception.segmenter import Segmenter
    if args.out.exists():
        raise ValueError(f'{args.out} exists already; take another --out')
    writable(args.out.parent)
    bundle = open_bundle(args.model)
    segmenter = Segmenter(bundle, runtime='openvino', device='cpu', precision=args.precision,
                          upscale=args.upscale)
    frames = find_scored(args)
    scores = evaluate(segmenter, frames)
    figures = {'model': bundle.name, 'manifest': bundle.digest,
               'precision': segmenter.runtime.precision, 'upscale': args.upscale,
               'frames': len(frames), **scores.figures()}
    shown = [dataset.load(frame, bundle.classes)
             for frame in spread(frames, min(5, len(frames)))]
    with whole(args.out) as out:
        out.mkdir()
        (out / 'evaluation.json').write_text(json.dumps(figures, indent=1) + '\n')
        plots.confusion_png(scores.matrix, bundle.names, out / 'confusion.png')
        reliability_png(scores.confidence, out / 'reliability.png')
        plots.prediction_panel(*zip(*shown), [segmenter(image).labels for image, _ in shown],
                               bundle.names, bundle.colors, out / 'panel.png')
    with report():
        metrics.print_table(figures)
        print(f'wrote evaluation.json, confusion.png, reliability.png and panel.png to {args.out}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
