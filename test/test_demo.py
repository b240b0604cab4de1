"""The demo, as `make demo` runs it, and what it leaves for people to look at."""
import json
import resource
import signal
import sqlite3
import subprocess
import sys
import time

from conftest import CAMERA, DRIVE, ROOT, SEMANTIC
import numpy as np
from PIL import Image
import psutil
import pytest
from rosbags.rosbag2 import Writer

from unet_perception import bags, demo, pictures


@pytest.fixture(scope='module')
def shown(tmp_path_factory):
    """Return the folder of results and what the demo printed."""
    out = tmp_path_factory.mktemp('demo') / 'out'
    done = subprocess.run([sys.executable, '-m', 'unet_perception.demo', '--out', str(out)],
                          cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return out, done.stdout


def test_the_tables_add_up(shown):
    out, printed = shown
    figures = json.loads((out / 'figures.json').read_text())
    frames = figures['frames']
    assert frames['frames in'] == 121
    assert frames['failed'] == 0
    assert sum(frames[k] for k in ('labels out', 'dropped by the node', 'failed',
                                   'never arrived')) == frames['frames in']
    assert frames['labels out'] > 60  # a shared machine may be late now and then
    p50, p95 = (frames[f'latency {p}, publish to mask (ms)'] for p in ('p50', 'p95'))
    assert 0 < p50 <= p95
    assert figures['scored'] == frames['labels out']
    assert figures['labels']['classes']['Road']['iou'] > 0.9
    for words in ('frames in', 'dropped by the node', 'never arrived', 'latency p95', 'Road',
                  'mIoU', 'sheet.png'):
        assert words in printed


def test_the_bag_holds_the_drive_and_all_outputs(shown, recorded):
    out, _ = shown
    topics = {m.topic for m in bags.read_messages(out / 'segmented')}
    assert {f'{CAMERA}/image', f'{CAMERA}/camera_info'} <= topics
    assert {f'{CAMERA}/segmentation/{n}'
            for n in ('mask', 'confidence', 'color', 'overlay')} <= topics
    truth = {stamp: truth for stamp, _, truth in recorded}
    masks = dict(bags.read_labels(out / 'segmented', f'{CAMERA}/segmentation/mask'))
    # Tag None, sky and ground alike, is no label.
    right = [np.mean((mask == truth[stamp])[truth[stamp] > 0]) for stamp, mask in masks.items()]
    assert np.mean(right) > 0.9
    assert (out / 'segmented' / 'segmented.mcap').is_file()


def test_the_legend_has_the_iou_of_classes_that_are_true():
    scores = {'Road': {'iou': 0.944, 'support': 7}, 'Sky': {'iou': 0.0, 'support': 0}}
    assert demo._caption('Road', scores) == 'Road  IoU 0.94'
    assert demo._caption('Sky', scores) == 'Sky' and demo._caption('Wall', scores) == 'Wall'


def test_the_pictures_show_something(shown):
    out, _ = shown
    sheet = np.asarray(Image.open(out / 'sheet.png'))
    assert sheet.shape[1] > 1000 and len(np.unique(sheet.reshape(-1, 3), axis=0)) > 1000
    moving = Image.open(out / 'drive.gif')
    assert moving.n_frames > 30
    assert 80 <= moving.info['duration'] <= 250  # ms: about real time


def test_a_second_run_never_overwrites(shown, capsys):
    out, _ = shown
    assert demo.main(['--out', str(out)]) == 1
    assert 'exists already' in capsys.readouterr().err


@pytest.mark.parametrize('arguments, message', [
    (['--model', 'no-such'], 'no model bundle'),
    (['--bag', '/no/such'], '/no/such'),
    (['--camera', '/lidar'], 'has no topic /lidar/image'),
    (['--scheme', 'B'], 'outside the palette of scheme B')])
def test_what_does_not_fit_is_named_before_anything_is_written(
        tmp_path, capsys, arguments, message):
    assert demo.main(['--out', str(tmp_path / 'out'), *arguments]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def image_message(topic, image, number):
    """Return a Message of an RGB image, one tenth of a second after another."""
    store = bags.typestore()
    kinds = {name: store.types[name] for name in (
        bags.IMAGE, 'std_msgs/msg/Header', 'builtin_interfaces/msg/Time')}
    header = kinds['std_msgs/msg/Header'](
        kinds['builtin_interfaces/msg/Time'](1, 100_000_000 * number), 'camera')
    height, width = image.shape[:2]
    message = kinds[bags.IMAGE](header, height, width, 'rgb8', 0, width * 3, image.reshape(-1))
    return bags.Message(topic, bags.IMAGE, 10**9 + 10**8 * number,
                        bytes(store.serialize_cdr(message, bags.IMAGE)))


def test_a_bag_made_elsewhere(recorded, tmp_path, capfd):
    """Types nobody knows, no semantic camera, masks of an earlier run, two sizes of picture."""
    store, mask = bags.typestore(), f'{CAMERA}/segmentation/mask'
    with Writer(tmp_path / 'bag', version=8) as writer:
        camera = writer.add_connection(f'{CAMERA}/image', bags.IMAGE, typestore=store)
        old = writer.add_connection(mask, bags.IMAGE, typestore=store)
        status = writer.add_connection('/carla/status', 'carla_msgs/msg/CarlaStatus',
                                       msgdef='uint64 frame', rihs01='RIHS01_' + '0' * 64)
        for i, (_, image, _) in enumerate(recorded[:8]):
            image = image[:, :120] if i % 2 else image
            writer.write(camera, 10**9 + 10**8 * i,
                         image_message(camera.topic, np.ascontiguousarray(image), i).data)
            writer.write(old, 10**9 + 10**8 * i, image_message(mask, image * 0, i).data)
            writer.write(status, 10**9 + 10**8 * i, bytes(12))
    bag = tmp_path / 'bag' / 'bag.db3'
    with sqlite3.connect(bag) as database:  # as ROS 2 Humble leaves it
        database.execute('UPDATE schema SET schema_version = 3')
        database.execute('DROP TABLE message_definitions')
    out = tmp_path / 'out'
    assert demo.main(['--bag', str(bag), '--out', str(out)]) == 0
    printed = capfd.readouterr().out
    assert f'not scored: {bag} holds no images of {SEMANTIC}/image' in printed
    assert '/carla/status (the bag does not define their types)' in printed
    assert f'{mask} (they are made anew)' in printed
    figures = json.loads((out / 'figures.json').read_text())
    assert (figures['scored'], figures['labels'], figures['frames']['frames in']) == (0, None, 8)
    assert '/carla/status' not in {m.topic for m in bags.read_messages(out / 'segmented')}
    masks = list(bags.read_labels(out / 'segmented', mask))
    assert {m.shape for _, m in masks} == {(80, 160), (80, 120)} and all(m.any() for _, m in masks)
    assert Image.open(out / 'sheet.png').width < 900  # two columns: there is no truth


def test_truth_of_another_size_is_not_scored(recorded, tmp_path, capsys):
    """The bridge's own sensors are: a camera of 800x600, a semantic camera of 400x70."""
    _, image, _ = recorded[0]
    bags.write_messages(tmp_path / 'bag', [
        image_message(f'{CAMERA}/image', image, 0),
        image_message(f'{SEMANTIC}/image', np.zeros((70, 400, 3), np.uint8), 0)])
    args = type('', (), {'bag': tmp_path / 'bag', 'semantic': SEMANTIC, 'scheme': 'A'})
    types, _ = bags.contents(args.bag)
    assert demo._truths(args, types, {10**9: (80, 160)}) == {}
    assert 'not scored: 1 frames' in (said := capsys.readouterr().out)
    assert '400x70 where the camera is 160x80' in said
    assert demo._truths(args, types, {5: (80, 160)}) == {}
    assert 'has the stamp of a camera frame' in capsys.readouterr().out


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_in_one_line_and_the_node_with_it(tmp_path, number):
    log = tmp_path / 'out' / 'node.log'
    process = subprocess.Popen(
        [sys.executable, '-m', 'unet_perception.demo', '--out', str(log.parent)], cwd=ROOT,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while not (log.exists() and 'classes' in log.read_text()):
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(2)  # into the playing
    node, = psutil.Process(process.pid).children()
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.splitlines()[-1] == 'stopped' and 'Traceback' not in err
    assert not (log.parent / 'segmented').exists()
    assert not node.is_running()


def test_kill_9_ends_the_node_too(tmp_path):
    log = tmp_path / 'log'
    script = (f'import os, pathlib, time\n'
              f'from unet_perception.replay import running_node\n'
              f'log = pathlib.Path({str(log)!r})\n'
              f'with running_node([], log) as process:\n'
              f'    print(process.pid, flush=True)\n'
              f'    while "classes" not in log.read_text(): time.sleep(0.05)\n'
              f'    os.kill(os.getpid(), 9)\n')
    done = subprocess.run([sys.executable, '-c', script], cwd=ROOT, stdout=subprocess.PIPE,
                          text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL
    give_up = time.monotonic() + 10
    while (psutil.pid_exists(node := int(done.stdout))
           and psutil.Process(node).status() != psutil.STATUS_ZOMBIE):
        assert time.monotonic() < give_up
        time.sleep(0.05)


def test_a_node_that_does_not_stop_is_killed(tmp_path, monkeypatch):
    from unet_perception import replay
    stubborn = tmp_path / 'python'
    stubborn.write_text('#!/bin/sh\ntrap "" TERM\necho up\nwhile :; do sleep 0.1; done\n')
    stubborn.chmod(0o755)
    monkeypatch.setattr(sys, 'executable', str(stubborn))
    monkeypatch.setattr(replay, 'STOP_SECONDS', 0.3)
    with replay.running_node([], tmp_path / 'log') as process:
        while 'up' not in (tmp_path / 'log').read_text():
            time.sleep(0.02)
    assert process.returncode == -signal.SIGKILL


def test_a_node_that_does_not_start_is_reported_with_what_it_printed(tmp_path):
    import rclpy

    from unet_perception.replay import private_domain, Replay, ReplayError, running_node
    log = tmp_path / 'log'
    frames = list(bags.read_messages(DRIVE, [f'{CAMERA}/image']))
    with private_domain(), running_node(['-p', 'model:=/no/such'], log) as process:
        with pytest.raises(ReplayError, match='no model bundle at /no/such'):
            Replay(CAMERA).play(frames, process, log)
    assert not rclpy.ok()


def test_a_full_disk_is_one_line(tmp_path):
    """The system allows no file of more than 2 MB, which is an error in the same place."""
    done = subprocess.run(
        [sys.executable, '-m', 'unet_perception.demo', '--out', str(tmp_path / 'out')], cwd=ROOT,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000)))
    assert done.returncode == 1 and 'Traceback' not in done.stderr
    assert f'sends cannot be kept in {tmp_path / "out"}: [Errno' in done.stderr.splitlines()[-1]


def test_the_contact_sheet_takes_any_size(tmp_path):
    rows = [[np.full((60, 90, 3), shade, np.uint8)] * 3 for shade in (0, 128)]
    pictures.contact_sheet(rows, 'abc', [('Road', (128, 64, 128))] * 5, tmp_path / 's.png')
    assert Image.open(tmp_path / 's.png').height > 500


def test_pictures_of_different_sizes_share_a_sheet_and_an_animation(tmp_path):
    rows = [[np.full((height, width, 3), 9, np.uint8)] * 2
            for height, width in ((60, 90), (600, 800), (70, 400), (1, 3000))]
    pictures.contact_sheet(rows, 'ab', [], tmp_path / 's.png')
    pictures.animation(iter(rows), 0.1, tmp_path / 'a.gif')
    assert Image.open(tmp_path / 's.png').height == 34 + 4 * (267 + 6) + 14
    assert Image.open(tmp_path / 'a.gif').size == (640, 213)
