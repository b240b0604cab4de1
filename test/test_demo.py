"""The demo, as `make demo` runs it, and what it leaves for people to look at."""
import json
import subprocess
import sys

import numpy as np
import pytest
from conftest import CAMERA, ROOT
from PIL import Image

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
    assert frames['labels out'] + frames['dropped by the node'] == 121
    assert frames['labels out'] > 60  # a shared machine may be late now and then
    p50, p95 = (frames[f'latency {p}, publish to mask (ms)'] for p in ('p50', 'p95'))
    assert 0 < p50 <= p95
    assert figures['scored'] == frames['labels out']
    assert figures['labels']['classes']['Road']['iou'] > 0.9
    for words in ('frames in', 'dropped by the node', 'latency p95', 'Road', 'mIoU', 'sheet.png'):
        assert words in printed


def test_the_bag_holds_the_drive_and_all_outputs(shown, recorded):
    out, _ = shown
    topics = {m.topic for m in bags.read_messages(out / 'segmented')}
    assert {f'{CAMERA}/image', f'{CAMERA}/camera_info'} <= topics
    assert {f'{CAMERA}/segmentation/{n}'
            for n in ('mask', 'confidence', 'color', 'overlay')} <= topics
    truth = {stamp: truth for stamp, _, truth in recorded}
    masks = dict(bags.read_labels(out / 'segmented', f'{CAMERA}/segmentation/mask'))
    right = [np.mean(mask == truth[stamp]) for stamp, mask in masks.items()]
    assert np.mean(right) > 0.9
    assert (out / 'segmented' / 'segmented.mcap').is_file()


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


def test_a_node_that_does_not_start_is_reported_with_what_it_printed(tmp_path, monkeypatch):
    import rclpy

    from unet_perception.replay import Replay, ReplayError, private_domain, running_node
    for name in ('ROS_DOMAIN_ID', 'ROS_AUTOMATIC_DISCOVERY_RANGE'):
        monkeypatch.setenv(name, 'LOCALHOST')  # put back after private_domain() sets them
    log = tmp_path / 'log'
    frames = [m for m in bags.read_messages(demo.shipped('demo', demo.DRIVE)[0])
              if m.topic == f'{CAMERA}/image']
    with private_domain(), running_node(['-p', 'model:=/no/such'], log) as process:
        with pytest.raises(ReplayError, match='no model bundle at /no/such'):
            Replay(CAMERA).play(frames, process, log)
    assert not rclpy.ok()


def test_the_contact_sheet_takes_any_size(tmp_path):
    rows = [[np.full((60, 90, 3), shade, np.uint8)] * 3 for shade in (0, 128)]
    pictures.contact_sheet(rows, 'abc', [('Road', (128, 64, 128))] * 5, tmp_path / 's.png')
    assert Image.open(tmp_path / 's.png').height > 500
