"""
Drive the node for a long time, disturb it all the while, and see that nothing grows.

    python test/soak.py --minutes 30 --out soak

sends the recorded drive at 30 Hz, as CARLA's bridge does, while subscribers come and go,
parameters change, the model is loaded anew and the publisher restarts. Each second it reads the
node's memory, open files, threads and /diagnostics. Writes soak.json, soak.csv and soak.png; the
exit code is 1 if a limit is broken: see judge().
"""
import argparse
import csv
from itertools import cycle
import json
from pathlib import Path
import sys
import threading
import time

from conftest import CAMERA, DRIVE
from graph import running_client
import numpy as np
import psutil
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

from unet_perception import bags
from unet_perception.frame_statistics import OUTCOMES

QOS = QoSProfile(depth=10)
FIGURES = ('memory [MB]', 'files', 'threads', 'latency p50 [ms]', 'latency p95 [ms]')
MOST_GROWTH = {'memory [MB]': 0.05, 'files': 0.10, 'threads': 0.10, 'latency p50 [ms]': 0.25}


def main(args=None):
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--minutes', type=float, default=30.0, help='how long (30)')
    parser.add_argument('--rate', type=float, default=30.0, help='frames a second (30)')
    parser.add_argument('--pace', type=float, default=1.0,
                        help='how many times as often to disturb it; more for a short run (1)')
    parser.add_argument('--out', type=Path, required=True, help='a new folder for the results')
    args = parser.parse_args(args)
    args.out.mkdir(parents=True)
    sent, samples, counts, changes = soak(args)
    with open(args.out / 'soak.csv', 'w', newline='') as file:
        writer = csv.DictWriter(file, samples[0])
        writer.writeheader()
        writer.writerows(samples)
    broken = judge(samples, counts)
    figures = {'minutes': args.minutes, 'sent': sent, **counts, 'changes': changes,
               'quarters': {name: quarters(samples, name) for name in FIGURES},
               'broken': broken}
    (args.out / 'soak.json').write_text(json.dumps(figures, indent=1) + '\n')
    draw(samples, args.out / 'soak.png')
    print(json.dumps(figures, indent=1))
    return 1 if broken else 0


def soak(args):
    """Run the node; return the images sent, the samples, the node's counts and the changes."""
    images = cycle([m.data for m in bags.read_messages(DRIVE) if m.topic == f'{CAMERA}/image'])
    with running_client(args.out / 'node.log', qos=QOS) as (process, client):
        over, samples, changes = threading.Event(), [], {}
        threads = [threading.Thread(target=_sample, args=(over, process, client, samples)),
                   threading.Thread(target=_disturb, args=(over, client, changes, args.pace))]
        for thread in threads:
            thread.start()
        begin, ticks, sent = time.perf_counter(), 0, 0
        while (now := time.perf_counter() - begin) < 60 * args.minutes:
            if process.poll() is not None:
                raise RuntimeError(f'the node ended; see {args.out / "node.log"}')
            time.sleep(max(0.0, ticks / args.rate - now))
            if camera := client.camera:  # None while its publisher restarts
                camera.publish(next(images))
                sent += 1
            ticks += 1
        over.set()
        for thread in threads:
            thread.join()
        return sent, samples, client.counts(), changes


def _sample(over, process, client, samples):
    """Read what the node takes, each second."""
    of_node, begin = psutil.Process(process.pid), time.perf_counter()
    while not over.wait(1.0):
        figures = client.diagnostics
        samples.append({
            'seconds': round(time.perf_counter() - begin, 1),
            'memory [MB]': of_node.memory_info().rss / 1e6, 'files': of_node.num_fds(),
            'threads': of_node.num_threads(), 'masks': len(client.received['mask']),
            **{name: float(figures.get(name, 'nan')) for name in FIGURES[3:]},
            **{name: int(figures.get(name, 0)) for name in ('received', *OUTCOMES)}})
        client.received['mask'].clear()


def _disturb(over, client, changes, pace):
    """Do one thing after the other to the node, until it is over."""
    def subscriber():
        subscription = client.create_subscription(Image, 'segmentation/overlay', lambda _: None,
                                                  QOS)
        over.wait(2 / pace)
        client.destroy_subscription(subscription)

    def parameter():
        for name, value in (('confidence_threshold', 0.4), ('overlay_opacity', 0.7),
                            ('confidence_threshold', 0.0)):
            assert client.set(name, value).successful

    def model():
        for precision in ('f32', 'auto'):
            assert client.set('precision', precision).successful

    def publisher():
        old, client.camera = client.camera, None
        time.sleep(0.1)  # whoever is publishing with it has ended
        client.destroy_publisher(old)
        over.wait(1 / pace)
        client.camera = client.create_publisher(Image, 'image', QOS)

    for change in cycle((subscriber, parameter, subscriber, model, subscriber, publisher)):
        if over.wait(5 / pace):
            return
        change()
        changes[change.__name__] = changes.get(change.__name__, 0) + 1


def quarters(samples, name):
    """Return the medians of a figure in the four quarters of the run."""
    values = [s[name] for s in samples if not np.isnan(s[name])]
    return [round(float(np.median(part)), 2) for part in np.array_split(values, 4) if len(part)]


def judge(samples, counts):
    """
    Return a sentence for each limit that is broken.

    Every frame is accounted for; from the second quarter on, when every model and output has been
    in use, no figure grows by more than MOST_GROWTH.
    """
    broken = []
    if counts['received'] != sum(counts[name] for name in OUTCOMES):
        broken.append(f'not every frame is accounted for: {counts}')
    if counts['failed']:
        broken.append(f'{counts["failed"]} frames failed')
    for name, most in MOST_GROWTH.items():
        _, second, *_, last = quarters(samples, name)
        if last > second * (1 + most):
            broken.append(f'{name} grew from {second} to {last}')
    return broken


def draw(samples, path):
    """Plot the figures over time."""
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(4, 1, sharex=True, figsize=(9, 9), layout='constrained')
    minutes = [s['seconds'] / 60 for s in samples]
    for axis, names in zip(axes, (FIGURES[:1], FIGURES[1:3], FIGURES[3:], ('masks',))):
        for name in names:
            axis.plot(minutes, [s[name] for s in samples], label=name, linewidth=0.8)
        axis.set_ylim(bottom=0)
        axis.legend(loc='lower right')
    axes[-1].set_xlabel('minutes')
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


if __name__ == '__main__':
    sys.exit(main())
