"""The kill -9 test: whatever has the name of a whole thing is whole, at any moment."""
from contextlib import suppress
import os
import signal
import subprocess
import sys
import time

from conftest import CAMERA, DRIVE, ROOT
import numpy as np

from unet_perception import bags
from unet_perception.model import open_bundle


def killed(command, seconds, folder):
    """Run a command, kill it and all its processes after so long; return whether it was over."""
    process = subprocess.Popen([sys.executable, '-m', *command], cwd=ROOT, start_new_session=True,
                               env={**os.environ, 'HOME': str(folder)},
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return process.wait(timeout=seconds) == 0
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return False


def test_a_bag_of_segment_bag(tmp_path):
    command = ['unet_perception.segment_bag', str(DRIVE), '--out', str(tmp_path / 'out')]
    begin = time.perf_counter()
    assert killed(command, 120, tmp_path)
    whole = time.perf_counter() - begin
    found = {}
    for part in (0.5, 0.8, 0.92):
        out = tmp_path / f'out{part}'
        over = killed([*command[:-1], str(out)], part * whole, tmp_path)
        found[part] = out.exists()
        assert out.exists() or not over
        if out.exists():
            masks = [m for m in bags.read_messages(out) if m.topic.endswith('segmentation/mask')]
            assert len(masks) == 121
    assert not all(found.values()), found  # or nothing was killed in its work
    again = [*command[:-1], str(tmp_path / 'out0.5')]
    if not found[0.5]:  # what a kill has left is in nobody's way
        assert killed(again, 120, tmp_path)
        assert f'{CAMERA}/segmentation/mask' in bags.contents(tmp_path / 'out0.5')[0]


def killed_at(command, folder, moment):
    """
    Run a command, kill it when the files in a folder have changed so often; return whether it was.

    A change is another set of names and sizes, looked for all the time.
    """
    process = subprocess.Popen([sys.executable, '-m', *command], cwd=ROOT,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    before, changes = None, -1
    while process.poll() is None and changes < moment:
        time.sleep(0.001)
        with suppress(FileNotFoundError):  # it was renamed while it was looked at
            now = {(entry.path, entry.stat().st_size) for place, _, _ in os.walk(folder)
                   for entry in os.scandir(place)}
            before, changes = now, changes + (now != before)
    process.kill()
    _, error = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), error
    return process.returncode != 0


def test_checkpoints_and_a_bundle_of_fit(drive_folder, tmp_path):
    """Killed while it writes, again and again, a run goes on, and ends with a whole bundle."""
    runs, bundle = tmp_path / 'runs', tmp_path / 'models/small'
    data = ['--data', str(drive_folder), '--runs', str(runs), '--models', str(bundle.parent),
            '--calibration-frames', '0']
    new = ['--name', 'small', '--scheme', 'A', '--height', '32', '--width', '48', '--filters', '2',
           '--batch', '4', '--epochs', '2', '--frames', '8', '--val-stretches', '2',
           '--val-gap', '2']
    kills = 0
    for moment in (8, 23, 40, 10000):
        begun = (runs / 'small').exists()
        if begun:
            assert len(np.genfromtxt(runs / 'small/validation.txt', str))
        more = ['--resume', str(runs / 'small')] if begun else new
        if not killed_at(['train.fit', *data, *more], tmp_path, moment):
            break
        kills += 1
        assert not bundle.exists() or open_bundle(bundle)
    assert kills > 1
    assert open_bundle(bundle)


def test_drives_of_render(tmp_path):
    out = tmp_path / 'drives'
    command = ['train.render', '--out', str(out), '--drives', '3', '--frames', '4',
               '--size', '64x48', '--seed', '3']

    def whole():
        drives = [d for d in out.glob('rendered-*') if d.is_dir()]
        for drive in drives:
            assert (drive / 'drive.json').is_file()
            assert len(list((drive / 'CameraRGB').iterdir())) == 4
            assert len(list((drive / 'CameraMask').iterdir())) == 4
        return len(drives)

    seconds = 1.0
    for _ in range(30):  # a little later each time, until it is over
        if killed(command, seconds, tmp_path):
            break
        whole()
        seconds *= 1.5
    assert whole() == 3 and seconds > 1
