"""The kill -9 test: whatever has the name of a whole thing is whole, at any moment."""
import os
import signal
import subprocess
import sys
import time

from conftest import CAMERA, DRIVE, ROOT

from unet_perception import bags


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
