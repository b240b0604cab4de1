"""
Compare model bundles on the same recorded frames, by accuracy and by speed.

    python -m train.compare --models A B --data DRIVE [DRIVE ...] --only FILE --out comparison/NAME

runs each bundle as the node runs it (OpenVINO on the CPU) and prints one table: size and
operations of the network, what it was trained on, mIoU, IoU per class, boundary IoU, calibration
error, and the latency from a camera picture of the frames' size to its labels. Writes
comparison.json, comparison.md (the table, for a README) and comparison.png (IoU by class, and
frames with what each model makes of them). No model should have trained on the frames: name
held-out ones by --only.
"""
import argparse
import json
from pathlib import Path
import sys

from train.commands import run, whole, writable
from train.evaluate import add_frames, evaluate, find_scored
from unet_perception.arguments import at_least


def main(args=None):
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog='python -m train.compare', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--models', nargs='+', action='extend', required=True, metavar='MODEL',
                        help='the bundles: folders or shipped names')
    add_frames(parser)
    parser.add_argument('--panel', type=at_least(1), default=4, metavar='N',
                        help='how many frames to draw (4)')
    parser.add_argument('--repeat', type=at_least(1), default=100, metavar='N',
                        help='pictures to time each model by (100)')
    parser.add_argument('--out', type=Path, required=True, help='a new folder for the results')
    return run(_run, parser.parse_args(args))


def _run(args):
    from train import compare_report
    from train.compare_speed import latencies
    from unet_perception.printing import report
    from unet_perception.segmenter import Segmenter
    if args.out.exists():
        raise ValueError(f'{args.out} exists already; take another --out')
    writable(args.out.parent)
    bundles = open_bundles(args.models)
    frames = find_scored(args)
    segmenters = {name: Segmenter(bundle, runtime='openvino', device='cpu', precision='f32')
                  for name, bundle in bundles.items()}
    figures = {'frames': len(frames),
               'models': {name: about(bundle, frames) for name, bundle in bundles.items()}}
    for name, segmenter in segmenters.items():
        figures['models'][name] |= evaluate(segmenter, frames, f'evaluating {name}').figures()
    size, times = latencies(list(bundles.values()), frames, args.repeat)
    figures['picture'] = f'{size[1]}x{size[0]}'
    for name, of_model in zip(bundles, times):
        figures['models'][name]['latency_ms'] = of_model
    rows = compare_report.rows(figures)
    with whole(args.out) as out:
        out.mkdir()
        (out / 'comparison.json').write_text(json.dumps(figures, indent=1) + '\n')
        (out / 'comparison.md').write_text(compare_report.markdown(figures, rows))
        compare_report.draw(figures, segmenters, frames, args.panel, out / 'comparison.png')
    with report():
        compare_report.print_rows(figures, rows)
        print(f'wrote comparison.json, comparison.md and comparison.png to {args.out}')
    return 0


def open_bundles(paths):
    """
    Open bundles; return them by name.

    Raise ValueError if two have one name, or if they do not tell the same classes apart: their
    figures would be those of different tasks.
    """
    from unet_perception.model import open_bundle
    bundles = {}
    for path in paths:
        bundle = open_bundle(path)
        if bundle.name in bundles:
            raise ValueError(f'{bundle.path} and {bundles[bundle.name].path} are both named '
                             f'{bundle.name}; a name must stand for one model')
        bundles[bundle.name] = bundle
    first = next(iter(bundles.values()))
    for bundle in bundles.values():
        if bundle.classes != first.classes:
            raise ValueError(f'{bundle.path} has the classes {", ".join(bundle.names)}, but '
                             f'{first.path} has {", ".join(first.names)}; compare models of the '
                             f'same classes')
    return bundles


def about(bundle, frames):
    """
    Return what a bundle's network is and what it was trained on, as JSON values.

    held_out: how many of these Frames its own validation.txt names, so that it has not trained on
    them; of the others only who gives the frames knows.
    None for what the manifest does not tell, as that of an older version, or of another tool.
    Raise BundleError if it tells so in another way than train.fit.
    """
    from unet_perception import keras_file
    from unet_perception.compute_limit import multiply_adds
    from unet_perception.model import BundleError, MANIFEST
    manifest = json.loads((bundle.path / MANIFEST).read_text())
    try:
        training = manifest.get('training', {})
        recipe, count = training.get('recipe', {}), training.get('data', {}).get('training_frames')
        epochs = training.get('epochs') or recipe.get('epochs')  # a run may have been ended early
        steps = epochs * (count // recipe['batch']) if count and epochs and 'batch' in recipe \
            else None
        temperature = manifest.get('calibration', {}).get('temperature')
    except (AttributeError, TypeError, ZeroDivisionError) as error:
        raise BundleError(f'{bundle.path / MANIFEST} does not tell of the training as train.fit '
                          f'does: {error}') from error
    network = keras_file.load(bundle.files['keras'])
    file, held_out = bundle.path / 'validation.txt', None
    if file.is_file():
        names = set(file.read_text().split())
        held_out = sum(f.id in names or f.name in names for f in frames)
    return {'manifest': bundle.digest, 'network': recipe.get('network'),
            'input': f'{bundle.height}x{bundle.width}', 'parameters': network.count_params(),
            'multiply_adds': multiply_adds(bundle), 'training_frames': count, 'steps': steps,
            'held_out': held_out, 'temperature': temperature}


if __name__ == '__main__':
    sys.exit(main())
