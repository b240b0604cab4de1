"""
The recorded drive's masks as they should be, and what a run of the node is held to.

    python test/golden.py    # makes data/golden_masks.npz anew, by the shipped model in f32
"""
from pathlib import Path

import numpy as np

FILE = Path(__file__).parent / 'data' / 'golden_masks.npz'
DRIVE = Path(__file__).parent.parent / 'demo' / 'town07_drive'
CAMERA = '/carla/ego_vehicle/rgb_front'
MODEL = 'carla-fast'
AGREEMENT = 0.99  # bf16 gives 0.999, int8 0.991
# On an idle machine 0.01 s and no drops; CI's is shared, and the frames come at their own pace.
LATENCY = 0.1  # s, median
DROPPED = 0.25  # share of the frames


def golden_masks():
    """Return {stamp in ns: uint8 labels (height, width)} of the recorded drive."""
    with np.load(FILE) as arrays:
        return dict(zip(arrays['stamps'].tolist(), arrays['masks']))


def camera_messages():
    """Return the Messages of the recorded camera, in the order of time."""
    from unet_perception.bags import read_messages
    return list(read_messages(DRIVE, [f'{CAMERA}/image', f'{CAMERA}/camera_info']))


def check(replay):
    """Hold what a Replay of camera_messages() recorded against the golden masks."""
    from rclpy.serialization import deserialize_message
    from sensor_msgs.msg import Image

    from unet_perception.bags import IMAGE, stamp_ns
    golden = golden_masks()
    outputs = {}
    for message in replay.recorded:
        if message.type == IMAGE:
            name = message.topic.removeprefix(f'{CAMERA}/segmentation/')
            outputs.setdefault(name, []).append(deserialize_message(message.data, Image))
    figures = {name: int(replay.diagnostics[name])
               for name in ('received', 'processed', 'dropped', 'failed')}
    assert figures['received'] == figures['processed'] + figures['dropped'], figures
    assert figures['received'] == len(golden) and not figures['failed'], figures
    assert figures['dropped'] <= DROPPED * len(golden), figures
    arrived = list(replay.latencies)  # stamps of the masks, in the order in which they came
    assert arrived == sorted(set(arrived) & set(golden)), 'masks of other stamps, or out of order'
    assert len(arrived) == figures['processed']
    for name, encoding in (('mask', 'mono8'), ('confidence', 'mono8'), ('color', 'rgb8'),
                           ('overlay', 'rgb8')):
        images = outputs[name]
        assert sorted(stamp_ns(image.header) for image in images) == arrived, name
        for image in images:
            assert (image.height, image.width) == next(iter(golden.values())).shape
            assert image.encoding == encoding
            assert image.header.frame_id == 'ego_vehicle/rgb_front'
    equal = [np.frombuffer(image.data, np.uint8) == golden[stamp_ns(image.header)].ravel()
             for image in outputs['mask']]
    assert np.mean(equal) >= AGREEMENT, f'{np.mean(equal):.4f} of the pixels agree'
    assert np.median(list(replay.latencies.values())) < LATENCY, replay.latencies


def main():
    """Label the recorded drive without ROS and write the masks."""
    from unet_perception.bags import read_images
    from unet_perception.model import open_bundle
    from unet_perception.segmenter import Segmenter
    segmenter = Segmenter(open_bundle(MODEL), precision='f32')
    stamps, masks = zip(*((stamp, segmenter(image).labels)
                          for stamp, image in read_images(DRIVE, f'{CAMERA}/image')))
    np.savez_compressed(FILE, stamps=np.array(stamps), masks=np.array(masks))
    print(f'{FILE}: {len(masks)} masks, {FILE.stat().st_size / 1024:.0f} KiB')


if __name__ == '__main__':
    main()
