"""Score a model bundle on recorded frames, at the frames' own resolution.

    python -m train.evaluate --model models/NAME --data DRIVE --scheme A --out evaluation/NAME

runs the bundle as the node runs it (OpenVINO, labels brought back to camera resolution), prints
IoU per class, and writes evaluation.json, confusion.png and panel.png.
"""
import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np


def evaluate(segmenter, frames, scheme):
    """Label every frame and compare with its mask.

    frames: list of dataset.Frame. Return the confusion matrix, int64 (n, n + 1); see
    metrics.confusion_matrix.
    """
    from rich.progress import track

    from train import dataset
    from unet_perception.metrics import confusion_matrix
    n_classes = len(segmenter.bundle.names)
    matrix = np.zeros((n_classes, n_classes + 1), np.int64)
    for frame in track(frames, 'evaluating'):
        image, truth = (t.numpy() for t in dataset.read_frame(*map(str, frame), scheme))
        matrix += confusion_matrix(truth, segmenter(image).labels, n_classes)
    return matrix


def main(args=None):
    """Run the command; return its exit code."""
    from unet_perception.labels import SCHEMES, scheme_help
    from unet_perception.runtimes import PRECISIONS
    parser = argparse.ArgumentParser(prog='python -m train.evaluate', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--model', required=True, help='a bundle: its folder or shipped name')
    parser.add_argument('--data', type=Path, required=True, help='the drive to score on')
    parser.add_argument('--scheme', choices=tuple(SCHEMES), default='B',
                        help=f"the masks' tag scheme (B). {scheme_help()}")
    parser.add_argument('--only', type=Path, metavar='FILE',
                        help='score only the frames named in FILE, one a line, without .png; '
                             'train.fit writes validation.txt of this form')
    parser.add_argument('--precision', choices=PRECISIONS, default='f32',
                        help="of OpenVINO's arithmetic (f32, as in the bundle's own figures)")
    parser.add_argument('--out', type=Path, required=True, help='a new folder for the results')
    args = parser.parse_args(args)
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    try:
        return _run(args)
    except ValueError as error:
        print(f'error: {error}', file=sys.stderr)
        return 1


def _run(args):
    from train import dataset, plots
    from unet_perception import metrics
    from unet_perception.model import open_bundle
    from unet_perception.segmenter import Segmenter
    if args.out.exists():
        raise ValueError(f'{args.out} exists already; take another --out')
    segmenter = Segmenter(open_bundle(args.model), runtime='openvino', device='cpu',
                          precision=args.precision)
    frames = dataset.find_frames(args.data)
    if args.only:
        frames = dataset.select(frames, args.only.read_text().split())
    dataset.check_frames(frames, args.scheme)
    matrix = evaluate(segmenter, frames, args.scheme)
    figures = {'model': segmenter.bundle.name, 'manifest': segmenter.bundle.digest,
               'precision': segmenter.runtime.precision, 'frames': len(frames),
               **metrics.summary(matrix, segmenter.bundle.names)}
    args.out.mkdir(parents=True)
    (args.out / 'evaluation.json').write_text(json.dumps(figures, indent=1) + '\n')
    plots.confusion_png(matrix, args.out / 'confusion.png')
    shown = [[t.numpy() for t in dataset.read_frame(*map(str, frame), args.scheme)]
             for frame in dataset.spread(frames, min(5, len(frames)))]
    plots.prediction_panel(*zip(*shown), [segmenter(image).labels for image, _ in shown],
                           args.out / 'panel.png')
    metrics.print_table(figures)
    print(f'wrote evaluation.json, confusion.png and panel.png to {args.out}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
