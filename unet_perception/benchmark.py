"""
Measure which runtime and precision is best on this machine.

    python -m unet_perception.benchmark
    python -m unet_perception.benchmark --node --size 800x600 --rate 30

Without --node: every runtime and precision that is there, each in a process of its own, from a
bgra8 picture of --size to its mask: start-up to the first label, latency and frames per second by
batch, memory, and the share of labels that equal those of OpenVINO in f32; the stages of a frame;
and the network's time against the limit by operations. Where Keras is installed, two ways that
people come from are rows of the same run: the notebook's predict() per frame, and a naive node.

With --node: the whole node in its own process over DDS, at a given camera size, rate and count.
"""
import argparse
from importlib.util import find_spec
import json
from math import inf
from pathlib import Path
import signal
import subprocess
import sys
import tempfile
import time

import numpy as np
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import track
from rich.table import Table

from unet_perception.arguments import at_least, number, picture_size
from unet_perception.compute_limit import compute_limits
from unet_perception.model import open_bundle
from unet_perception.openvino_runtime import precisions
from unet_perception.segmenter import UPSCALES
from unet_perception.share import MODEL


def main(args=None):
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog='benchmark', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--model', default=MODEL,
                        help='a bundle: its folder or shipped name (%(default)s)')
    parser.add_argument('--size', type=picture_size(), default=(800, 600), metavar='WxH',
                        help='size of the camera pictures (800x600)')
    parser.add_argument('--batches', type=_batches, default=[1, 4], metavar='N,N',
                        help='how many pictures at once (1,4)')
    parser.add_argument('--upscale', choices=UPSCALES, default='nearest',
                        help='how labels get to camera resolution (nearest)')
    parser.add_argument('--repeat', type=at_least(1), default=100,
                        help='runs of each row (100)')
    parser.add_argument('--json', type=Path, help='a new file for all figures')
    node = parser.add_argument_group('the whole node')
    node.add_argument('--node', action='store_true', help='measure the whole node over DDS')
    above_0 = number(float, lambda value: 0 < value < inf, 'finite and above 0')
    node.add_argument('--rate', type=above_0, default=30, help='frames a second and camera (30)')
    node.add_argument('--cameras', type=at_least(1), default=1, help='number of cameras (1)')
    node.add_argument('--seconds', type=above_0, default=10, help='how long to play (10)')
    node.add_argument('--precision', default='auto', help='as the node takes it (auto)')
    args = parser.parse_args(args)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: stop what was started
    try:
        if args.json and args.json.exists():
            raise ValueError(f'{args.json} exists already; take another --json')
        if args.node:
            from unet_perception.benchmark_node import measure_node, print_node
            figures = measure_node(args)
            print_node(figures)
        else:
            figures = _measure(args)
            _print(figures)
        if args.json:
            args.json.write_text(json.dumps(figures, indent=1) + '\n')
    except (ValueError, RuntimeError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('stopped', file=sys.stderr)
        return 130
    return 0


def _measure(args):
    bundle = open_bundle(args.model)
    rows = [('openvino', p) for p in precisions(bundle)]
    if find_spec('keras'):
        rows += [('keras', 'f32'), ('naive node', 'f32'), ('notebook', 'f32')]
    figures = {'model': bundle.name, 'machine': _machine(), 'size': list(args.size), 'rows': []}
    with tempfile.TemporaryDirectory() as folder:
        for runtime, precision in track(rows, 'measuring'):
            task = {'model': str(bundle.path), 'size': args.size, 'batches': args.batches,
                    'repeat': args.repeat, 'upscale': args.upscale, 'runtime': runtime,
                    'precision': precision,
                    'labels': f'{folder}/{runtime}-{precision}.npy', 'started': time.time()}
            done = subprocess.run(
                [sys.executable, '-m', 'unet_perception.benchmark_row', json.dumps(task)],
                capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f'{runtime} in {precision} failed:\n{done.stderr[-2000:]}')
            row = json.loads(done.stdout.splitlines()[-1])
            row['equal labels'] = float(np.mean(np.load(task['labels'])
                                                == np.load(f'{folder}/openvino-f32.npy')))
            figures['rows'].append({'runtime': runtime, 'precision': precision, **row})
    figures['limit'] = compute_limits(bundle)
    return figures


def _machine():
    """Name the processor and its cores, for figures that are passed on."""
    import openvino
    import psutil
    name = openvino.Core().get_property('CPU', 'FULL_DEVICE_NAME')
    return f'{name}, {psutil.cpu_count()} cores'


def _print(figures):
    width, height = figures['size']
    table = Table(box=SIMPLE, title=f'{figures["model"]}, bgra8 {width}x{height} to mask, on '
                                    f'{figures["machine"]}')
    for column in ('runtime', 'start', 'MB', 'equal', 'n', 'p50', 'p95', 'p99', 'fps'):
        table.add_column(column, justify='left' if column == 'runtime' else 'right', no_wrap=True)
    for row in figures['rows']:
        about = (_name(row), f'{row["first label s"]:.1f}', f'{row["memory MB"]:.0f}',
                 f'{row["equal labels"]:.2%}')
        for size, times in row['batches'].items():
            table.add_row(*about, size, *(f'{times[p]:.1f}' for p in ('p50', 'p95', 'p99')),
                          f'{1000 * int(size) / times["p50"]:.0f}')
            about = ('',) * 4
    Console().print(table, 'start: seconds from the start of the process to the first label. '
                    'equal: labels equal to the first row. n: pictures at once; p50 to p99: ms '
                    'for all n. fps: pictures a second.\n')
    limit = figures['limit']
    stages = Table(box=SIMPLE, title='stages of a frame, median ms')
    for column in ('runtime', 'prepare', 'network', 'labels', 'message', 'rest',
                   'net/limit'):
        stages.add_column(column, justify='left' if column == 'runtime' else 'right', no_wrap=True)
    for row in figures['rows']:
        if times := row.get('stages'):
            stages.add_row(
                _name(row), *(f'{t:.2f}' for t in times.values()),
                f'{sum(times.values()) - times["network"]:.2f}',
                f'{times["network"] / limit[row["precision"] + " ms"]:.1f}')
    Console().print(stages, f'limit: {limit["GMAC"]:.2f} GMAC a frame, at '
                    f'{limit["f32 GMAC per second"]:.0f} GMAC/s in f32 (a matrix product, '
                    f'measured now), twice that in bf16, four times in int8. '
                    f'rest: all but the network.')


def _name(row):
    device = '' if row['device'] == 'CPU' else f' on {row["device"]}'
    return f'{row["runtime"]} {row["precision"]}{device}'


def _batches(text):
    sizes = [int(size) for size in text.split(',')]
    if min(sizes) < 1:
        raise argparse.ArgumentTypeError(f'{text} are not sizes of at least 1')
    return sizes


if __name__ == '__main__':
    sys.exit(main())
