"""
Write recorded frames as a bag, just as CARLA's ROS bridge would have published them.

    python -m train.to_bag --data DRIVE --only names.txt --out my_drive

The bag (rosbag2, mcap) has the camera and the semantic camera as bgra8 images (the latter painted
with the scheme's palette, white where there is no label), and camera_info for both. So a drive can
be played through the node.
"""
import argparse
from pathlib import Path
import sys

import numpy as np

from train.commands import add_scheme, run
from unet_perception.arguments import number

CAMERA, SEMANTIC = 'rgb_front', 'semantic_segmentation_front'  # CARLA's ROS bridge's defaults


def bridge_messages(frames, rate, fov):
    """
    Stream the Messages of the frames, stamped 1/rate seconds apart from 1 s on.

    frames: list of Frame, of one drive. rate: Hz. fov: horizontal field of view, degrees.
    """
    from rich.progress import track

    from train import dataset
    from unet_perception.bags import Message, typestore
    from unet_perception.labels import get_scheme
    store = typestore()
    palette = np.full((256, 3), 255, np.uint8)  # white is no label
    colors = get_scheme(frames[0].drive.scheme).colors
    palette[:len(colors)] = colors
    for index, frame in enumerate(track(frames, 'writing')):
        time = 1_000_000_000 + round(index * 1e9 / rate)
        image = dataset.read_image(str(frame.image)).numpy()
        tags = dataset.read_tags(str(frame.mask)).numpy()
        for sensor, rgb in ((CAMERA, image), (SEMANTIC, palette[tags])):
            header = _header(store, time, f'ego_vehicle/{sensor}')
            for name, message in (('image', _bgra8(store, header, rgb)),
                                  ('camera_info', _camera_info(store, header, rgb, fov))):
                yield Message(f'/carla/ego_vehicle/{sensor}/{name}', message.__msgtype__, time,
                              bytes(store.serialize_cdr(message, message.__msgtype__)))


def _header(store, time, frame_id):
    stamp = store.types['builtin_interfaces/msg/Time'](time // 10**9, time % 10**9)
    return store.types['std_msgs/msg/Header'](stamp, frame_id)


def _bgra8(store, header, rgb):
    bgra = np.dstack([rgb[..., ::-1], np.full(rgb.shape[:2], 255, np.uint8)])
    return store.types['sensor_msgs/msg/Image'](
        header=header, height=rgb.shape[0], width=rgb.shape[1], encoding='bgra8', is_bigendian=0,
        step=4 * rgb.shape[1], data=bgra.reshape(-1))


def _camera_info(store, header, rgb, fov):
    """Fill in a pinhole camera as CARLA's ROS bridge does."""
    height, width = rgb.shape[:2]
    f, cx, cy = width / (2 * np.tan(np.radians(fov) / 2)), width / 2, height / 2
    region = store.types['sensor_msgs/msg/RegionOfInterest'](0, 0, 0, 0, False)
    return store.types['sensor_msgs/msg/CameraInfo'](
        header=header, height=height, width=width, distortion_model='plumb_bob',
        d=np.zeros(5), k=np.array([f, 0, cx, 0, f, cy, 0, 0, 1.0]), r=np.eye(3).reshape(-1),
        p=np.array([f, 0, cx, 0, 0, f, cy, 0, 0, 0, 1.0, 0]), binning_x=0, binning_y=0, roi=region)


def main(args=None):
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog='python -m train.to_bag', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--data', type=Path, required=True, help='the drive to write')
    add_scheme(parser)
    parser.add_argument('--only', type=Path, metavar='FILE',
                        help='write only the frames named in FILE, one a line, without .png')
    parser.add_argument('--out', type=Path, required=True, help='the new bag')
    parser.add_argument('--rate', default=20.0,
                        type=number(float, lambda v: 0.01 <= v <= 1000, 'from 0.01 to 1000'),
                        help='frames per second (20)')
    parser.add_argument('--fov', default=90.0,
                        type=number(float, lambda v: 0 < v < 180, 'between 0 and 180'),
                        help="horizontal field of view in degrees, for camera_info (90, CARLA's "
                             'default)')
    return run(_run, parser.parse_args(args))


def _run(args):
    from train.check import check_frames
    from train.drive import find_frames, open_drive
    from train.split import select
    from unet_perception.bags import write_messages
    if args.out.exists():
        raise ValueError(f'{args.out} exists already; take another --out')
    frames = find_frames(open_drive(args.data, args.scheme))
    if args.only:
        frames = select(frames, args.only.read_text().split())
    check_frames(frames)
    write_messages(args.out, bridge_messages(frames, args.rate, args.fov))
    print(f'wrote {len(frames)} frames to {args.out}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
