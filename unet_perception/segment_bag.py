"""
Segment the cameras of a recorded bag: a bag in, a new bag with their masks out.

    python -m unet_perception.segment_bag my_drive
    python -m unet_perception.segment_bag my_drive --camera /carla/hero/rgb --outputs mask,overlay

Without ROS, and as fast as the machine can. The new bag holds every message of the old one, byte
for byte, and behind each image, at its time and with its header, what the node would publish:

    CAMERA/segmentation/mask          mono8, class ids at camera resolution; 255: below --threshold
    CAMERA/segmentation/confidence    mono8, probability of the class x 255
    CAMERA/segmentation/color         rgb8, the classes' colours
    CAMERA/segmentation/overlay       rgb8, the colours over the camera image, with a legend
    CAMERA/segmentation/label_info    vision_msgs/LabelInfo, once, latched: names of the ids
    CAMERA/segmentation/camera_info   the camera's own
    CAMERA/segmentation/GROUP         mono8, 255 where a class of the --group is, else 0

A bag is a folder (rosbag2), or one .mcap or .db3 file. If it breaks off, as when the recorder was
killed, it is read up to the break. Images that cannot be read are kept, but get no outputs. What
is under CAMERA/segmentation/ already is left out.

Exit code: 0 all is well; 3 the new bag is whole, but the old one is broken or has images that
cannot be read, as was said; 1 nothing was written; 2 wrong arguments; 130 stopped by Ctrl-C.
"""
import argparse
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, ExitStack
import os
from pathlib import Path
import signal
import sys
import time

from rich.console import Console
from rich.progress import Progress

from unet_perception.bag_segmenter import BagSegmenter, find_cameras
from unet_perception.bags import new_bag
from unet_perception.model import open_bundle
from unet_perception.parameters import OUTPUTS, Parameters
from unet_perception.printing import escape_names, report
from unet_perception.recording import copy_topic, open_recording
from unet_perception.runtimes import DEVICES, PRECISIONS
from unet_perception.segmenter import Segmenter, UPSCALES
from unet_perception.share import MODEL

CAMERA = '/carla/ego_vehicle/rgb_front'
BATCH = 4  # images that go through the network at once
MOST_BYTES = 32_000_000  # of the messages that are handled together


def main(args=None):
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog='segment_bag', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('bag', type=Path, help='the bag to read')
    parser.add_argument('--out', type=Path, help='the new bag, a folder (BAG_segmented)')
    parser.add_argument('--camera', action='append', metavar='NAMESPACE',
                        help="a camera's namespace, with its images in NAMESPACE/image or "
                             'NAMESPACE/image/compressed, or its image topic; may be repeated '
                             f'({CAMERA})')
    parser.add_argument('--outputs', type=_names, default=('mask',), metavar='NAME,NAME',
                        help=f'what to add, of {", ".join(OUTPUTS)} (mask)')
    parser.add_argument('--group', type=_group, action='append', default=[],
                        metavar='GROUP=CLASS,CLASS',
                        help='a class group to add, such as drivable=Road,RoadLine; may be '
                             'repeated')
    parser.add_argument('--threshold', type=_share, default=0.0, metavar='0..1',
                        help='least confidence: pixels below it get 255 in the mask (0)')
    parser.add_argument('--model', default=MODEL,
                        help='a bundle: its folder or shipped name (%(default)s)')
    parser.add_argument('--device', choices=DEVICES, default='auto',
                        help='what runs the network (auto: the GPU where there is one)')
    parser.add_argument('--precision', choices=PRECISIONS, default='auto',
                        help='of the network (auto: the best that loses almost nothing)')
    parser.add_argument('--upscale', choices=UPSCALES, default='nearest',
                        help='how labels get to camera resolution (nearest); smooth is finer and '
                             'slower')
    parser.add_argument('--storage', choices=('mcap', 'sqlite3'),
                        help="format of the new bag (the old one's)")
    parser.add_argument('--compression', choices=('none', 'zstd'),
                        help='of the new bag (zstd if the old one is compressed)')
    args = parser.parse_args(args)
    escape_names()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: clean up
    try:
        return _run(args)
    except (ValueError, RuntimeError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('stopped; nothing was written', file=sys.stderr)
        return 130


def _run(args):
    bag = os.path.abspath(args.bag).removesuffix('.mcap').removesuffix('.db3')
    out = args.out or Path(f'{bag}_segmented')
    if out.exists():
        raise ValueError(f'{out} exists already; take another --out')
    parameters = Parameters(
        outputs=args.outputs, groups=dict(args.group), confidence_threshold=args.threshold)
    console = Console(stderr=True)
    with ExitStack() as stack:
        with console.status(f'opening {args.bag}'):
            recording = stack.enter_context(open_recording(args.bag))
            cameras = find_cameras(recording, args.camera or [CAMERA])
            segmenter = Segmenter(open_bundle(args.model), args.upscale, device=args.device,
                                  precision=args.precision)
            segment = BagSegmenter(segmenter, cameras, parameters)
        begin = time.perf_counter()
        compressed = (recording.compressed if args.compression is None
                      else args.compression == 'zstd')
        with new_bag(out, args.storage or recording.storage, compressed) as writer:
            _fill(writer, recording, segment, console)
        _report(out, recording, segment, time.perf_counter() - begin)
    return 3 if recording.breaks or segment.unreadable else 0


def _fill(writer, recording, segment, console):
    """Copy a Recording into a new bag's Writer, with what a BagSegmenter adds to it."""
    made = tuple(f'{camera}/segmentation/' for camera in segment.cameras.values())
    kept = {}
    for old in recording.connections:
        if old.topic.startswith(made):
            print(f'left out: {old.topic}, which is made anew')
        else:
            kept[old.topic, old.msgtype] = copy_topic(old, writer)
    connections = kept | segment.add_topics(writer)
    messages = (m for m in recording.messages() if (m.topic, m.type) in kept)
    # Reading, segmenting and writing each leave Python's lock alone for most of their time.
    with (Progress(console=console) as progress,
          closing(_ahead(_groups(messages, segment.cameras))) as groups,
          closing(_ahead((len(group), segment(group)) for group in groups)) as results):
        task = progress.add_task('segmenting', total=recording.message_count)
        for count, together in results:
            for message in together:
                writer.write(connections[message.topic, message.type], message.time, message.data)
            progress.advance(task, count)


def _groups(messages, cameras):
    """Group messages in their order, with at most BATCH images of the cameras in each group."""
    group, images, size = [], 0, 0
    for message in messages:
        group.append(message)
        images += message.topic in cameras
        size += len(message.data) + 1000  # about what Python takes for a message
        if images == BATCH or size > MOST_BYTES:
            yield group
            group, images, size = [], 0, 0
    yield group


def _ahead(items, most=2):
    """Yield what an iterable yields, up to so many items ahead in a thread of its own."""
    items, end = iter(items), object()
    with ThreadPoolExecutor(1) as thread:
        # Starts the thread. A signal just then would leave it unjoined, so it has nothing to do.
        thread.submit(int).result()
        waiting = deque(thread.submit(next, items, end) for _ in range(most))
        try:
            while (item := waiting.popleft().result()) is not end:
                waiting.append(thread.submit(next, items, end))
                yield item
        finally:
            for future in waiting:
                future.cancel()


def _report(out, recording, segment, seconds):
    line = (f'{out}: {segment.frames} frames in {seconds:.1f} s, '
            f'{segment.frames / seconds:.0f} frames/s')
    if recording.seconds:
        line += (f', {recording.seconds / seconds:.1f} times as fast as they were recorded '
                 f'({recording.seconds:.1f} s)')
    with report():
        print(line)
    for topic, count in segment.unreadable.items():
        print(f'warning: {count} images of {topic} could not be read and have no outputs; the '
              f'first: {segment.first_reason[topic]}', file=sys.stderr)
    for sentence in recording.breaks:
        print(f'warning: {sentence}', file=sys.stderr)


def _names(text):
    return tuple(text.split(','))


def _group(text):
    name, _, classes = text.partition('=')
    if not (name and classes):
        raise argparse.ArgumentTypeError(f'{text} is not of the form drivable=Road,RoadLine')
    return name, _names(classes)


def _share(text):
    if not 0 <= float(text) <= 1:
        raise argparse.ArgumentTypeError(f'{text} is not from 0 to 1')
    return float(text)


if __name__ == '__main__':
    sys.exit(main())
