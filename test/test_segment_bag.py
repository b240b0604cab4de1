"""The segment_bag command: what goes in is all there, and beside it what the node would say."""
import os
import re
import resource
import signal
import sqlite3
import sys
import threading
import time

from conftest import CAMERA, DRIVE, printing_into, SEMANTIC
import cv2
import numpy as np
import pytest
from rosbags.interfaces import (Qos, QosDurability, QosHistory, QosLiveliness, QosReliability,
                                QosTime)
from rosbags.rosbag2 import Reader, StoragePlugin, Writer
from rosbags.typesys import get_types_from_msg

from unet_perception import bags, segment_bag
from unet_perception.labels import colorize, NAMES
from unet_perception.model import open_bundle
from unet_perception.segmenter import Segmenter

FRAMES = 10
MASK = f'{CAMERA}/segmentation/mask'
LATCHED = Qos(QosHistory.KEEP_LAST, 1, QosReliability.RELIABLE, QosDurability.TRANSIENT_LOCAL,
              QosTime(1, 2), QosTime(3, 4), QosLiveliness.AUTOMATIC, QosTime(5, 6), False)
STATUS = 'carla_msgs/msg/CarlaStatus'


@pytest.fixture(scope='module')
def segmented(recorded):
    """Return the Segmentations that the shipped model gives of the first frames, by stamp."""
    segmenter = Segmenter(open_bundle('carla-fast'))
    return {stamp: segmenter(image) for stamp, image, _ in recorded[:FRAMES]}


def write_drive_bag(path, plugin=StoragePlugin.MCAP, more=(), frames=FRAMES):
    """
    Write the first frames of the drive, a latched topic of a type of its own and an empty one.

    more: further Messages, put where their times belong.
    """
    store, connections = bags.typestore(), {}
    store.register(get_types_from_msg('uint64 frame\n# and more', STATUS))
    messages = [*list(bags.read_messages(DRIVE))[:4 * frames], *more,
                bags.Message('/carla/status', STATUS, 1_020_000_000, b'\0\1\0\0' + bytes(8))]
    with Writer(path, version=8, storage_plugin=plugin) as writer:
        writer.add_connection('/lidar', 'sensor_msgs/msg/PointCloud2', typestore=store)
        connections['/carla/status'] = writer.add_connection(
            '/carla/status', STATUS, typestore=store, offered_qos_profiles=[LATCHED])
        for m in sorted(messages, key=lambda m: m.time):
            if m.topic not in connections:
                connections[m.topic] = writer.add_connection(m.topic, m.type, typestore=store)
            writer.write(connections[m.topic], m.time, m.data)
    return path


def image_message(message, **changes):
    """Return a recorded image with some fields changed."""
    store = bags.typestore()
    image = store.deserialize_cdr(message.data, message.type)
    for name, value in changes.items():
        setattr(image, name, value)
    return message._replace(data=bytes(store.serialize_cdr(image, message.type)))


def pictures(bag, topic):
    """Return (time, stamp, pixels) of each image of a topic."""
    read = ((m.time, bags.read_picture(m, bags.typestore()))
            for m in bags.read_messages(bag, [topic]))
    return [(time, bags.stamp_ns(header), picture.pixels) for time, (header, picture) in read]


def run(bag, out, *arguments):
    return segment_bag.main([str(bag), '--out', str(out), *arguments])


@pytest.mark.parametrize('plugin, arguments, storage', [
    (StoragePlugin.MCAP, [], 'mcap'), (StoragePlugin.SQLITE3, [], 'sqlite3'),
    (StoragePlugin.MCAP, ['--storage', 'sqlite3', '--compression', 'zstd'], 'sqlite3'),
    (StoragePlugin.SQLITE3, ['--storage', 'mcap', '--compression', 'zstd'], 'mcap')])
def test_all_is_kept_and_masks_are_added(
        tmp_path, segmented, capsys, plugin, arguments, storage):
    bag, out = write_drive_bag(tmp_path / 'bag', plugin), tmp_path / 'out'
    before = {path.name: path.read_bytes() for path in bag.iterdir()}
    assert run(bag, out, *arguments) == 0
    assert before == {path.name: path.read_bytes() for path in bag.iterdir()}
    said = capsys.readouterr()
    assert f'{FRAMES} frames in' in said.out and 'frames/s' in said.out
    assert 'times as fast as they were recorded (0.5 s)' in said.out and 'warning' not in said.err
    assert {path.name for path in out.iterdir()} == {
        'metadata.yaml', 'out.mcap' if storage == 'mcap' else 'out.db3'}
    messages = list(bags.read_messages(out))
    assert [m for m in messages if m.topic != MASK] == list(bags.read_messages(bag))
    assert [m.time for m in messages] == sorted(m.time for m in messages)
    with Reader(bag) as old, Reader(out) as new:
        kept = {c.topic: c for c in new.connections}
        assert len(kept) == len(old.connections) + 1
        for c in old.connections:
            assert kept[c.topic][1:-1] == c[1:-1]  # all but number and owner
        assert kept['/carla/status'].ext.offered_qos_profiles == [LATCHED]
        assert kept['/lidar'].msgcount == 0
    times = {m.time for m in bags.read_messages(bag, [f'{CAMERA}/image'])}
    masks = pictures(out, MASK)
    assert {time for time, *_ in masks} == times and len(masks) == FRAMES
    for _, stamp, mask in masks:
        np.testing.assert_array_equal(mask, segmented[stamp].labels)
    assert {m.data[:38] for m in bags.read_messages(out, [MASK])} == {  # the whole header
        m.data[:38] for m in bags.read_messages(out, [f'{CAMERA}/image'])}


def test_all_outputs_and_class_groups(tmp_path, recorded, segmented):
    bag, out = write_drive_bag(tmp_path / 'bag'), tmp_path / 'out'
    assert run(bag, out, '--outputs', 'mask,confidence,color,overlay,camera_info,label_info',
               '--threshold', '0.9', '--group', 'drivable=Road,RoadLine',
               '--group', 'plants=Vegetation') == 0
    images = {stamp: image for stamp, image, _ in recorded}
    made = {name: {stamp: pixels for _, stamp, pixels in pictures(
        out, f'{CAMERA}/segmentation/{name}')} for name in (
            'mask', 'confidence', 'color', 'overlay', 'drivable', 'plants')}
    assert all(len(of) == FRAMES for of in made.values())
    for stamp, expected in segmented.items():
        sure = expected.confidence >= 0.9 * 255
        mask = made['mask'][stamp]
        assert 0.02 < np.mean(~sure) < 0.6
        np.testing.assert_array_equal(mask, np.where(sure, expected.labels, 255))
        np.testing.assert_array_equal(made['confidence'][stamp], expected.confidence)
        np.testing.assert_array_equal(made['color'][stamp], colorize(mask))
        np.testing.assert_array_equal(made['overlay'][stamp], cv2.addWeighted(
            colorize(mask), 0.5, images[stamp], 0.5, 0))
        np.testing.assert_array_equal(made['drivable'][stamp],
                                      np.where((mask == 6) | (mask == 7), 255, 0))
        np.testing.assert_array_equal(made['plants'][stamp], np.where(mask == 9, 255, 0))
    infos = [[m.data for m in bags.read_messages(out, [f'{CAMERA}/{name}camera_info'])]
             for name in ('', 'segmentation/')]
    assert infos[0] == infos[1] and len(infos[0]) == FRAMES
    topic = f'{CAMERA}/segmentation/label_info'
    only, = bags.read_messages(out, [topic])
    info = bags.contents(out)[1].deserialize_cdr(only.data, only.type)
    assert [(c.class_id, c.class_name) for c in info.class_map] == list(enumerate(NAMES))
    assert info.threshold == np.float32(0.9) and only.time == 10**9
    with Reader(out) as reader:
        told, = (c for c in reader.connections if c.topic == topic)
    assert [(qos.durability, qos.depth) for qos in told.ext.offered_qos_profiles] == [
        (QosDurability.TRANSIENT_LOCAL, 1)]
    # The hash that ROS 2 generates from vision_msgs itself.
    assert told.digest == ('RIHS01_3d37df4015cdf660cc851c51897f2acd'
                           '957e1ca6205ba0a99aebffb9406b0783')


def test_several_cameras_one_by_its_topic(tmp_path, segmented):
    bag, out = write_drive_bag(tmp_path / 'bag'), tmp_path / 'out'
    assert run(bag, out, '--camera', CAMERA + '/', '--camera', f'{SEMANTIC}/image') == 0
    assert len(pictures(out, f'{SEMANTIC}/segmentation/mask')) == FRAMES
    for _, stamp, mask in pictures(out, MASK):  # two cameras' images are in one batch
        np.testing.assert_array_equal(mask, segmented[stamp].labels)


def test_compressed_images(tmp_path, recorded, segmented):
    """PNG loses nothing, so its masks are those of the raw images; beside them one of no image."""
    store, kind = bags.typestore(), 'sensor_msgs/msg/CompressedImage'
    topic, messages = '/front/image/compressed', []
    for m in list(bags.read_messages(DRIVE, [f'{CAMERA}/image']))[:FRAMES]:
        header, picture = bags.read_picture(m, store)
        data = cv2.imencode('.png', cv2.cvtColor(picture.to_rgb(), cv2.COLOR_RGB2BGR))[1]
        for png in (data, data[:50]):
            image = store.types[kind](header=header, format='bgra8; png compressed', data=png)
            messages.append(bags.Message(topic, kind, m.time,
                                         bytes(store.serialize_cdr(image, kind))))
    bags.write_messages(tmp_path / 'bag', messages)
    assert run(tmp_path / 'bag', tmp_path / 'out', '--camera', '/front') == 3
    masks = pictures(tmp_path / 'out', '/front/segmentation/mask')
    assert [stamp for _, stamp, _ in masks] == [stamp for stamp, *_ in recorded[:FRAMES]]
    for _, stamp, mask in masks:
        np.testing.assert_array_equal(mask, segmented[stamp].labels)
    assert list(bags.read_messages(tmp_path / 'out', [topic])) == messages


def test_images_of_other_sizes_and_encodings_and_equal_stamps(tmp_path, recorded):
    first = next(bags.read_messages(DRIVE, [f'{CAMERA}/image']))
    rgb = recorded[0][1]
    more = [image_message(first, encoding='mono8', step=160, data=rgb[..., 0].reshape(-1)),
            image_message(first, encoding='rgb8', width=90, step=270, height=80,
                          data=np.ascontiguousarray(rgb[:, :90]).reshape(-1))]
    bag = write_drive_bag(tmp_path / 'bag', more=more, frames=1)
    assert run(bag, tmp_path / 'out') == 0
    masks = pictures(tmp_path / 'out', MASK)
    assert [(stamp, mask.shape) for _, stamp, mask in masks] == [
        (10**9, (80, 160)), (10**9, (80, 160)), (10**9, (80, 90))]
    assert (masks[0][2] != masks[1][2]).any()


def test_images_that_cannot_be_read_are_kept_and_counted(tmp_path, segmented, capsys):
    first = next(bags.read_messages(DRIVE, [f'{CAMERA}/image']))
    more = [image_message(first, encoding='16UC1')._replace(time=first.time + 1),
            first._replace(data=first.data[:99], time=first.time + 2)]
    bag = write_drive_bag(tmp_path / 'bag', more=more)
    assert run(bag, tmp_path / 'out') == 3
    assert f'warning: 2 images of {CAMERA}/image could not be read and have no outputs; the ' \
           f"first: encoding '16UC1' is not supported" in capsys.readouterr().err
    assert len(pictures(tmp_path / 'out', MASK)) == FRAMES
    messages = [m for m in bags.read_messages(tmp_path / 'out') if m.topic != MASK]
    assert messages == list(bags.read_messages(bag))


def test_a_recorder_that_was_killed(tmp_path, segmented, capsys):
    """No metadata.yaml, and an mcap that ends inside a chunk."""
    bag = write_drive_bag(tmp_path / 'bag')
    (bag / 'metadata.yaml').unlink()
    os.truncate(bag / 'bag.mcap', 300_000)
    assert run(bag, tmp_path / 'out') == 3
    err = capsys.readouterr().err
    assert 'warning: ' in err and 'bag.mcap breaks off: ' in err
    messages = list(bags.read_messages(tmp_path / 'out'))
    kept = [m for m in messages if m.topic != MASK]
    assert f'read up to the break at {kept[-1].time / 1e9:.3f} s, {len(kept)} messages' in err
    whole = write_drive_bag(tmp_path / 'whole')
    assert kept == list(bags.read_messages(whole))[:len(kept)]
    frames = sum(m.topic == f'{CAMERA}/image' for m in kept)
    assert 1 < frames < FRAMES and len(messages) - len(kept) == frames
    with Reader(tmp_path / 'out') as reader:
        assert any(c.ext.offered_qos_profiles == [LATCHED] for c in reader.connections)


def test_a_bag_of_humble_with_a_type_that_nobody_defines(tmp_path):
    """sqlite3 of schema 3 holds no message definitions."""
    bag, out = write_drive_bag(tmp_path / 'bag', StoragePlugin.SQLITE3, frames=2), tmp_path / 'out'
    with sqlite3.connect(bag / 'bag.db3') as database:
        database.execute('UPDATE schema SET schema_version = 3')
        database.execute('DROP TABLE message_definitions')
    assert run(bag, out, '--storage', 'mcap') == 0
    there = list(bags.read_messages(out))
    assert [m for m in there if m.topic != MASK] == list(bags.read_messages(bag))
    assert bags.contents(out)[0]['/carla/status'] == STATUS


def test_outputs_of_an_earlier_run_are_made_anew(tmp_path, segmented, capsys):
    bag = write_drive_bag(tmp_path / 'bag')
    old, = list(bags.read_messages(bag, [f'{CAMERA}/image']))[:1]
    more = [old._replace(topic=MASK), old._replace(topic=f'{CAMERA}/segmentation/overlay')]
    bag = write_drive_bag(tmp_path / 'again', more=more)
    assert run(bag, tmp_path / 'out') == 0
    assert f'left out: {MASK}, which is made anew' in capsys.readouterr().out
    assert len(pictures(tmp_path / 'out', MASK)) == FRAMES
    assert f'{CAMERA}/segmentation/overlay' not in bags.contents(tmp_path / 'out')[0]


@pytest.mark.parametrize('arguments, message', [
    (['--camera', '/hero'], 'no images of the camera /hero .* images of /carla/ego_vehicle/rgb'),
    (['--camera', '/lidar'], 'no images of the camera /lidar'),
    (['--camera', CAMERA, '--camera', f'{CAMERA}/image_rect'], 'would both go to'),
    (['--group', 'sea=Water,Ship'], 'groups.sea has Ship, but model carla-fast knows Unlabeled'),
    (['--group', 'mask=Road'], 'groups.mask cannot name a topic'),
    (['--outputs', 'mask,depth'], "outputs is 'depth', but must be one of mask, confidence"),
    (['--model', 'no-such'], 'no model bundle'), (['--device', 'gpu'], 'device is gpu')])
def test_what_does_not_fit_is_refused_before_anything_is_written(
        tmp_path, capsys, arguments, message):
    first = next(bags.read_messages(DRIVE, [f'{CAMERA}/image']))
    bag = write_drive_bag(tmp_path / 'bag', frames=1,
                          more=[first._replace(topic=f'{CAMERA}/image_rect')])
    assert run(bag, tmp_path / 'out', *arguments) == 1
    err = capsys.readouterr().err
    assert re.fullmatch(f'error: .*{message}.*\n', err)
    assert [path.name for path in tmp_path.iterdir()] == ['bag']


@pytest.mark.parametrize('arguments', [
    ['--group', 'Road'], ['--group', 'drivable='], ['--threshold', '1.5'],
    ['--threshold', 'nan'], ['--storage', 'csv']])
def test_wrong_arguments_are_refused(tmp_path, arguments):
    with pytest.raises(SystemExit, match='2'):
        run(DRIVE, tmp_path / 'out', *arguments)


def test_it_never_overwrites_and_takes_a_name_beside_the_bag(tmp_path, monkeypatch, capsys):
    bag = write_drive_bag(tmp_path / 'bag', frames=1)
    monkeypatch.chdir(bag)
    assert segment_bag.main(['.']) == 0
    assert (tmp_path / 'bag_segmented' / 'bag_segmented.mcap').is_file()
    assert segment_bag.main([str(bag)]) == 1
    assert 'bag_segmented exists already' in capsys.readouterr().err


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, capsys, storage):
    bag, limits = write_drive_bag(tmp_path / 'bag'), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, limits[1]))
    try:
        assert run(bag, tmp_path / 'out', '--storage', storage) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f'error: {tmp_path / "out"} is not written: ')
    assert [path.name for path in tmp_path.iterdir()] == ['bag']


def test_a_time_that_sqlite3_does_not_hold_is_one_line(tmp_path, capsys):
    late = bags.Message('/carla/status', STATUS, 2**63, b'\0\1\0\0' + bytes(8))
    bag = write_drive_bag(tmp_path / 'bag', more=[late], frames=1)
    assert run(bag, tmp_path / 'out', '--storage', 'sqlite3') == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f'error: {tmp_path / "out"} is not written: a message has a time of 2^')
    assert [path.name for path in tmp_path.iterdir()] == ['bag']
    assert run(bag, tmp_path / 'out') == 0


@pytest.mark.parametrize('path', ['/dev/full', '/dev/null', ''])
def test_a_report_that_cannot_be_printed_is_no_failure(tmp_path, path):
    """Nor is a name that stdout has no letters for."""
    bag = write_drive_bag(tmp_path / 'fahrt_ä', frames=1)
    done = printing_into(path, [sys.executable, '-m', 'unet_perception.segment_bag', str(bag)])
    assert done.returncode == 0 and 'error' not in done.stderr.lower(), done.stderr
    assert MASK in bags.contents(tmp_path / 'fahrt_ä_segmented')[0]


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing(tmp_path, capsys, number):
    def stop():
        while not list(tmp_path.glob('.out.*/out/*')):
            time.sleep(0.001)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=stop)
    thread.start()
    assert run(DRIVE, tmp_path / 'out') == 130
    thread.join()
    assert capsys.readouterr().err.splitlines()[-1] == 'stopped; nothing was written'
    assert list(tmp_path.iterdir()) == []
