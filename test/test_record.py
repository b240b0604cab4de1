"""train.record against the stand-in server: drives, faults, every way out."""
from contextlib import contextmanager
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

from conftest import ROOT
import cv2
import numpy as np
import psutil
import pytest
from standin import scene
from standin.calls import Calls
from standin.render import Light, render
from standin.server import StandIn
from standin.world import SETTINGS, WEATHER

from train.record import parse
from train.record_messages import About
from train.record_plan import plan
from train.recording import Recording
from train.streets.camera import rotation, View
from unet_perception.carla_cameras import Lens
from unet_perception.carla_versions import scheme_of

FEW = ('--size', '80x60', '--vehicles', '2', '--walkers', '2', '--warmup', '3', '--timeout', '2',
       '--sensor-timeout', '0.5')
DRIVE = 'Town01_ClearNoon'
ABOUT = About('0.9.16', '0.9.16', 'Town01', ('Town01', 'Town02'), {
    'Default': {}, 'ClearNoon': {'sun_altitude_angle': 45, 'wetness': 0},
    'WetNoon': {'sun_altitude_angle': 45, 'wetness': 50}})


@contextmanager
def recorder(server, tmp_path, *args, frames=4, **env):
    """Start train.record in a process group of its own."""
    process = subprocess.Popen(
        [sys.executable, '-m', 'train.record', '--host', '127.0.0.1', '--port', str(server.port),
         '--out', str(tmp_path / 'drives'), '--frames', str(frames), *FEW, *args],
        cwd=ROOT, env={**os.environ, 'HOME': str(tmp_path), 'COLUMNS': '1000', **env}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def record(server, tmp_path, *args, **options):
    """Run train.record; return its exit code, what it printed and its errors."""
    with recorder(server, tmp_path, *args, **options) as process:
        out, errors = process.communicate(timeout=60)
    return process.returncode, out, errors


def manifest(tmp_path, name=DRIVE):
    return json.loads((tmp_path / 'drives' / name / 'drive.json').read_text())


def pictures(tmp_path, name=DRIVE):
    """Return the names of the files of a drive, RGB and masks."""
    return [sorted(p.name for p in (tmp_path / 'drives' / name / folder).iterdir())
            for folder in ('CameraRGB', 'CameraMask')]


def left_as_found(world):
    """Return whether a world has its settings and weather back and none of the actors."""
    with world.lock:
        return (world.settings == SETTINGS and not world.actors
                and np.allclose(world.weather, WEATHER))


def wait_for_frames(tmp_path, number):
    path = tmp_path / 'drives' / DRIVE / 'drive.json'
    for _ in range(600):
        if path.exists() and len(json.loads(path.read_text())['frames']) >= number:
            return
        time.sleep(0.05)
    raise TimeoutError(f'{path} has not got {number} frames')


def check_pictures(tmp_path, name, light):
    """
    Check that both pictures of each frame of a drive without traffic are of that frame.

    They are rendered again; the frame's number seeds the noise.
    """
    folder, drive = tmp_path / 'drives' / name, manifest(tmp_path, name)
    for frame in drive['frames']:
        turn = rotation(*frame['rotation'])
        view = View(80, 60, 90.0, np.array(frame['location']) + turn @ (2, 0, 2), turn)
        image, tags = render(view, scene.ground(drive['town']), scene.furniture(drive['town']),
                             light, frame['frame'])
        there, mask = (cv2.imread(str(folder / sub / f'{frame["name"]}.png'), cv2.IMREAD_UNCHANGED)
                       for sub in ('CameraRGB', 'CameraMask'))
        assert mask.shape == (60, 80) and (mask == tags).mean() > 0.995  # places are rounded
        assert (there[..., ::-1] == image).all(2).mean() > 0.99


def test_a_recorded_drive_is_what_the_server_showed(tmp_path):
    with StandIn() as server:
        code, out, errors = record(server, tmp_path, '--vehicles', '0', '--walkers', '0',
                                   '--town', 'Town02', '--weather', 'HardRainNoon@20', frames=6)
        assert (code, errors) == (0, '') and left_as_found(server.world)
    assert 'labels by tag scheme C (CARLA 0.9.14 to 0.9.16)' in out and '6 of 6 frames' in out
    name = 'Town02_HardRainNoon_sun20'
    drive = manifest(tmp_path, name)
    assert drive['complete'] and drive['format_version'] == 1 and drive['scheme'] == 'C'
    assert drive['client_version'] == drive['server_version'] == '0.9.16'
    assert (drive['town'], drive['seed'], drive['fixed_delta_seconds']) == ('Town02', 0, 0.05)
    weather = drive['weather']['parameters']
    assert weather['precipitation'] == 100 and weather['sun_altitude_angle'] == 20
    assert drive['camera'] == {'width': 80, 'height': 60, 'fov': 90.0, 'pose': {
        'x': 2.0, 'y': 0.0, 'z': 2.0, 'pitch': 0.0, 'yaw': 0.0, 'roll': 0.0}}
    assert pictures(tmp_path, name) == [[f'{n:06d}.png' for n in range(6)]] * 2
    check_pictures(tmp_path, name, Light(20, weather['fog_density'], 100))
    places = np.array([frame['location'] for frame in drive['frames']])
    assert (np.linalg.norm(np.diff(places, axis=0), axis=1) > 2.99).all()
    frames = np.array([frame['frame'] for frame in drive['frames']])
    times = np.array([frame['timestamp'] for frame in drive['frames']])
    np.testing.assert_allclose(np.diff(times), 0.05 * np.diff(frames), atol=1e-4)


def test_train_fit_takes_the_drive(tmp_path):
    pytest.importorskip('tensorflow', reason='train/ needs TensorFlow')
    from train.check import check_frames, labelled_share
    from train.drive import find_frames, open_drive
    with StandIn() as server:
        assert record(server, tmp_path)[0] == 0
    drive = open_drive(tmp_path / 'drives' / DRIVE)
    assert drive.scheme == 'C' and drive.town == 'Town01'  # as its manifest says
    frames = find_frames(drive)
    assert len(frames) == 4
    check_frames(frames)
    assert all(labelled_share(frame) == 1 for frame in frames)


def test_both_cameras_and_the_traffic_are_set_up_by_the_book(tmp_path):
    with StandIn() as server:
        assert record(server, tmp_path)[0] == 0
        kinds = [actor.kind for actor in server.world.spawned]
        rgb, semantic = (next(a for a in server.world.spawned if a.kind == f'sensor.camera.{kind}')
                         for kind in ('rgb', 'semantic_segmentation'))
        ego = next(a for a in server.world.spawned if a.attributes.get('role_name') == 'hero')
    assert rgb.relative == semantic.relative == [2.0, 0.0, 2.0, 0.0, 0.0, 0.0]
    assert rgb.parent == semantic.parent == ego.id and ego.kind == 'vehicle.tesla.model3'
    shared = {**semantic.attributes, 'role_name': 'rgb_front'}
    assert shared.items() <= rgb.attributes.items()
    assert float(rgb.attributes['sensor_tick']) == 0 and rgb.attributes['image_size_x'] == '80'
    for name in ('lens_k', 'lens_kcube', 'lens_x_size', 'lens_y_size', 'motion_blur_intensity'):
        assert float(rgb.attributes[name]) == 0
    assert sum(kind.startswith('vehicle.') for kind in kinds) == 3  # two and the ego vehicle
    assert sum(kind.startswith('walker.') for kind in kinds) == 2
    assert kinds.count('controller.ai.walker') == 2


def test_an_interrupted_recording_goes_on_where_it_was(tmp_path):
    with StandIn() as server:
        with recorder(server, tmp_path, frames=500) as process:
            wait_for_frames(tmp_path, 3)
            os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C in a terminal
            _, errors = process.communicate(timeout=20)
        assert process.returncode == 130 and 'the same command goes on' in errors
        assert left_as_found(server.world)
        before = manifest(tmp_path)
        there = len(before['frames'])
        assert there >= 3 and not before['complete']
        assert pictures(tmp_path) == [[f'{n:06d}.png' for n in range(there)]] * 2
        folder = tmp_path / 'drives' / DRIVE
        (folder / 'CameraMask' / f'{there:06d}.png').write_bytes(b'half')  # as if it was killed
        (folder / 'CameraRGB' / f'{there:06d}.partial').write_bytes(b'half')
        times = {p: p.stat().st_mtime_ns for p in folder.glob('*/000000.png')}
        ticks = server.calls['tick_cue']
        code, out, _ = record(server, tmp_path, frames=there)
        assert code == 0 and 'is complete' in out and server.calls['tick_cue'] == ticks
        assert manifest(tmp_path)['complete']
        assert pictures(tmp_path) == [[f'{n:06d}.png' for n in range(there)]] * 2
        code, out, errors = record(server, tmp_path, frames=there + 3)
        assert (code, errors) == (0, '')
        after = manifest(tmp_path)
        assert after['complete'] and after['frames'][:there] == before['frames']
        assert pictures(tmp_path) == [[f'{n:06d}.png' for n in range(there + 3)]] * 2
        assert times == {p: p.stat().st_mtime_ns for p in times}
        starts = (before['frames'][0], after['frames'][there])
        assert np.linalg.norm(np.subtract(*(frame['location'] for frame in starts))) > 3
        code, _, errors = record(server, tmp_path, '--fov', '60', '--seed', '7', frames=99)
        assert code == 1 and 'seed was 0, now 7; camera was' in errors
        assert manifest(tmp_path) == after


@pytest.mark.parametrize('signals', [(signal.SIGTERM,), (signal.SIGINT, signal.SIGINT)])
def test_a_signal_ends_it_cleanly(tmp_path, signals):
    with StandIn() as server, recorder(server, tmp_path, frames=500) as process:
        wait_for_frames(tmp_path, 1)
        for number in signals:
            process.send_signal(number)
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 130 and errors.count('\n') == 1
        assert left_as_found(server.world)


@pytest.mark.parametrize('victim', ['recorder', 'client'])
def test_killing_a_process_leaves_nothing_behind(tmp_path, victim):
    """After kill -9 what is left of the two processes tidies up; a client's recording goes on."""
    with StandIn() as server, recorder(server, tmp_path, frames=40) as process:
        wait_for_frames(tmp_path, 1)
        client, = [c for c in psutil.Process(process.pid).children()
                   if 'spawn_main' in ' '.join(c.cmdline())]
        (client if victim == 'client' else process).kill()
        out, _ = process.communicate(timeout=40)
        if victim == 'client':
            assert process.returncode == 0 and 'SIGKILL; going on from frame' in out
            assert len(manifest(tmp_path)['frames']) == 40
        else:
            psutil.wait_procs([client], timeout=20)
        assert left_as_found(server.world)


def test_kill_9_of_all_processes_again_and_again_loses_no_frame(tmp_path):
    names = []
    for there in (1, 4, 9):
        with StandIn() as server, recorder(server, tmp_path, frames=60) as process:
            wait_for_frames(tmp_path, there)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        assert names == [frame['name'] for frame in manifest(tmp_path)['frames']][:len(names)]
        names = [frame['name'] for frame in manifest(tmp_path)['frames']]
        assert there <= len(names) < 60
        for path in (tmp_path / 'drives' / DRIVE).glob('*/*.png'):
            assert cv2.imread(str(path), cv2.IMREAD_UNCHANGED).shape[:2] == (60, 80)
    with StandIn() as server:
        assert record(server, tmp_path, frames=len(names) + 3)[0] == 0
    assert manifest(tmp_path)['complete']
    assert pictures(tmp_path) == [[f'{n:06d}.png' for n in range(len(names) + 3)]] * 2


def test_pictures_that_are_lost_or_late_pair_with_no_others(tmp_path):
    # Far apart: a camera that the client subscribes to some ticks late counts fewer pictures, and
    # of a frame without the first camera's picture the second's is not asked for.
    with StandIn(['drop:rgb:30', 'delay:rgb:40:0.8', 'delay:semantic:45-55:0.02',
                  'swap:semantic:62', 'swap:rgb:71']) as server:
        code, out, errors = record(server, tmp_path, '--vehicles', '0', '--walkers', '0',
                                   '--distance', '0.3', frames=60)
        assert (code, errors) == (0, '') and left_as_found(server.world)
    lost = re.findall(r'left out: the (\w+) camera sent no picture of frame', out)
    assert lost.count('rgb') >= 3 and lost.count('semantic') >= 1  # more on a busy machine
    weather = manifest(tmp_path)['weather']['parameters']
    check_pictures(tmp_path, DRIVE, Light(weather['sun_altitude_angle'], weather['fog_density']))


# rules, exit code, what is said, frames of 4 (None: any number)
FAULTS = [
    ('drop:semantic:40-', 1, r'3 frames in a row are not whole: the semantic camera sent no '
                             r'picture of frame \d+ within 0.5 s', None),
    ('size:rgb:40-', 1, 'the rgb camera sent a picture of 40x60 in 9600 bytes, but was asked for '
                        '80x60', None),
    ('short:rgb:40', 0, "CARLA's client died in the tick after frame .*; going on from", 4),
    ('short:semantic:2-', 1, r"CARLA's client died in .*: SIG", 0),
    ('alien:semantic:40-', 1, 'tag 77 is outside scheme C', None),
    ('error:tick_cue:40', 1, 'the tick after frame .* failed at the CARLA server .*: told', None),
    ('hang:tick_cue:40', 1, 'the tick after frame .* time-out of 2000ms', None),
    ('error:apply_batch:2', 0, "CARLA's client died in .*bad_cast.*; going on from frame 0", 4),
    ('error:apply_batch:2-', 1, "CARLA's client died in .*bad_cast", 0),
    ('close:tick_cue:40', 1, '(died in|the tick after).*time-out of 2000ms', None),
    ('error:spawn_actor:1-', 1, r'the ego vehicle at none of \d+ spawn points.*told to', 0),
    ('error:spawn_actor_with_parent:3', 1, 'the server spawns no sensor.camera.rgb: told to', 0),
    ('hang:spawn_actor:3', 1, 'spawning .* failed .*time-out', 0),
    ('error:set_episode_settings:1', 1, 'setting synchronous mode failed', 0),
    ('error:spawn_actor:1-3 error:get_available_maps:1 error:set_weather_parameters:1 '
     'error:set_episode_settings:2 error:destroy_actor:3', 0, 'did not take the weather', 4),
    ('cut:rgb:40 delay:state:60:0.3', 0, 'left out: the rgb camera', 4),
    ('drop:state:60-', 1, '(died in|failed at).*time-out of 2000ms', None),
    ('error:version:1', 1, 'connecting failed .*told to answer version', 0)]


@pytest.mark.parametrize('rules, code, said, frames', FAULTS, ids=[rule for rule, *_ in FAULTS])
def test_a_fault_is_borne_or_named_and_leaves_nothing_behind(tmp_path, rules, code, said, frames):
    with StandIn(rules.split()) as server:
        result, out, errors = record(server, tmp_path)
        assert result == code, out + errors
        assert re.search(said, out + errors), out + errors
        assert 'Traceback' not in errors and errors.count('\n') == code
        assert left_as_found(server.world)
    if (tmp_path / 'drives' / DRIVE).exists():
        there = manifest(tmp_path)
        assert there['complete'] == (code == 0)
        names = [f'{n:06d}.png' for n in range(len(there['frames']))]
        assert pictures(tmp_path) == [names, names]
        assert frames in (None, len(names))
    else:
        assert not frames


@pytest.mark.parametrize('fault', ['die', 'freeze'])
def test_a_lost_server_is_named_with_what_stays_behind(tmp_path, fault):
    with StandIn([f'{fault}:tick_cue:40']) as server:
        code, _, errors = record(server, tmp_path, '--timeout', '1')
        assert code == 1 and 'time-out of 1000ms while waiting for the simulator' in errors
        assert 'not put back at the server: the settings' in errors
        assert 'the weather, 9 actors; if it still runs, restart it' in errors
        code, _, errors = record(server, tmp_path, '--timeout', '1')
        assert code == 1 and errors.startswith('error: connecting failed at the CARLA server')


def test_a_weather_that_takes_its_time_is_back_before_the_process_ends(tmp_path, monkeypatch):
    """The client of CARLA does not wait for it; here it is the last thing that is put back."""
    at_once, taken = Calls.set_weather_parameters, []

    def late(calls, weather):
        time.sleep(1)
        at_once(calls, weather)
        taken.append(weather)

    monkeypatch.setattr(Calls, 'set_weather_parameters', late)
    with StandIn(['error:set_episode_settings:1']) as server:
        assert record(server, tmp_path, '--weather', 'HardRainNoon')[0] == 1
        assert len(taken) == 2 and left_as_found(server.world)


def test_a_server_that_a_dead_client_left_waiting_is_taken_over(tmp_path):
    with StandIn() as server:
        server.world.settings = [True, False, [True, 0.1], *SETTINGS[3:]]
        code, out, _ = record(server, tmp_path)
        assert code == 0 and 'left by a client that is gone' in out
        assert left_as_found(server.world)


def test_a_server_that_another_client_ticks_is_left_alone(tmp_path):
    with StandIn() as server:
        settings = [True, False, [True, 0.1], *SETTINGS[3:]]
        server.world.settings = list(settings)
        end = threading.Event()
        ticking = threading.Thread(target=lambda: [server.tick() for _ in iter(
            lambda: end.wait(0.05), True)])
        ticking.start()
        code, _, errors = record(server, tmp_path)
        end.set()
        ticking.join()
        assert code == 1 and 'another client ticks it' in errors
        assert server.world.settings == settings and not server.world.spawned


def test_an_ego_vehicle_that_stands_is_started_elsewhere_and_then_given_up(tmp_path):
    with StandIn() as server:
        code, out, errors = record(server, tmp_path, '--distance', '100', '--stuck', '1')
        assert code == 1 and 'started at 5 places, it did not go 100 m within 1 s' in errors
        assert out.count('has stood for 1 s; going on elsewhere') == 5
        assert left_as_found(server.world)


def test_an_ego_vehicle_that_vanishes_is_replaced(tmp_path):
    with StandIn() as server, recorder(server, tmp_path, frames=12) as process:
        wait_for_frames(tmp_path, 2)
        with server.world.lock:
            ego, = [a.id for a in server.world.actors.values()
                    if a.attributes.get('role_name') == 'hero']
            server.world.destroy(ego)
        out, errors = process.communicate(timeout=40)
        assert process.returncode == 0, errors
        assert 'the ego vehicle is gone' in out and left_as_found(server.world)


@pytest.mark.parametrize('args, why', [
    ('--town Town99', 'the server has no Town99; it has Town01, Town02'),
    ('--weather Nice', 'Nice is no weather of the carla package; it has ClearNoon, Default, Wet'),
    ('--weather WetNoon@x', "x is not the sun's altitude"),
    ('--weather WetNoon@91', 'must be from -90 to 90 degrees'),
    ('--scheme B', 'but a CARLA 0.9.16 server paints its labels by scheme C')])
def test_what_the_server_does_not_have_is_refused(tmp_path, args, why):
    with pytest.raises(ValueError, match=why):
        plan(ABOUT, parse(['--out', str(tmp_path / 'drives'), *args.split()]), None)
    assert not (tmp_path / 'drives').exists()


def test_each_town_is_recorded_in_each_weather(tmp_path):
    jobs = plan(ABOUT, parse(['--out', str(tmp_path), *'--town Town02 --town Town01 --weather all '
                              '--weather WetNoon@-5 --size 64x48 --pose 1,0,2'.split()]), None)
    assert [job.folder for job in jobs] == [
        f'{tmp_path}/{town}_{weather}' for town in ('Town02', 'Town01')
        for weather in ('ClearNoon', 'WetNoon', 'WetNoon_sun-5')]
    assert jobs[2].settings['weather'] == {'name': 'WetNoon@-5', 'parameters': {
        'sun_altitude_angle': -5, 'wetness': 50}}
    assert jobs[0].lens == Lens(64, 48, 90.0, (1, 0, 2, 0, 0, 0))


@pytest.mark.parametrize('args', [
    '--size 64', '--size 0x4', '--pose 1,2', '--fov 180', '--frames 0', '--distance 0'])
def test_numbers_that_make_no_sense_are_refused(args, capsys):
    with pytest.raises(SystemExit):
        parse(['--out', 'x', *args.split()])
    assert f'argument {args.split()[0]}' in capsys.readouterr().err


def test_a_version_that_tells_no_scheme_needs_one_named(tmp_path):
    with StandIn(version='0.9.99') as server:
        code, _, errors = record(server, tmp_path)
        assert code == 1 and "version '0.9.99'" in errors and 'give --scheme' in errors
        code, out, _ = record(server, tmp_path, '--scheme', 'D')
        assert code == 0 and 'labels by tag scheme D' in out
        assert 'note: the carla package is 0.9.16; if it fails, pip install carla==0.9.99' in out
        assert manifest(tmp_path)['scheme'] == 'D'


def test_a_missing_carla_package_is_named(tmp_path):
    (tmp_path / 'carla.py').write_text('raise ImportError')
    with StandIn() as server:
        code, _, errors = record(server, tmp_path, PYTHONPATH=str(tmp_path))
    assert code == 1 and 'the carla package is not installed; install' in errors


@pytest.mark.parametrize('version, scheme', [
    ('0.8.4', 'A'), ('0.9.9', 'A'), ('0.9.9.4', 'A'), ('0.9.10', 'B'), ('0.9.10.1', 'B'),
    ('0.9.13', 'B'), ('0.9.14', 'C'), ('0.9.15-dirty', 'C'), ('0.9.16', 'C'), ('0.9.17', None),
    ('0.10.0', 'D'), ('0.11.0', None), ('1.0', None), ('abcdef', None)])
def test_the_version_tells_the_scheme(version, scheme):
    assert scheme_of(version) == scheme


def test_folders_that_hold_something_else_are_refused(tmp_path):
    settings, pixels = {'scheme': 'C', 'seed': 0}, np.zeros((4, 6, 3), np.uint8)
    (tmp_path / 'other').mkdir()
    (tmp_path / 'other' / 'thesis.txt').write_text('')
    with pytest.raises(ValueError, match='other is there already and holds no drive.json'):
        Recording(tmp_path / 'other', settings)
    drive = Recording(tmp_path / 'drive', settings)
    assert not (tmp_path / 'drive').exists()
    drive.add(pixels, pixels[..., 0] + 1, frame=5)
    with pytest.raises(ValueError, match='tag 29 is outside scheme C'):
        drive.add(pixels, pixels[..., 0] + 29)
    drive.finish()
    drive.add(pixels, pixels[..., 0], frame=7)
    again = Recording(tmp_path / 'drive', settings)
    assert not again.complete and len(again.frames) == 2
    assert again.frames[:1] == [{'name': '000000', 'frame': 5}] and again.pixels[7] == 24
    (tmp_path / 'drive' / 'CameraMask' / '000000.png').unlink()
    with pytest.raises(ValueError, match='lacks 1 of its files, .*CameraMask/000000.png'):
        Recording(tmp_path / 'drive', settings)
    path = tmp_path / 'drive' / 'drive.json'
    for text, why in (('{', 'is no manifest'), ('[]', 'is no manifest'), ('{}', 'is no manifest'),
                      ('{"frames": [], "complete": true, "classes": {}}', 'format version 1')):
        path.write_text(text)
        with pytest.raises(ValueError, match=why):
            Recording(tmp_path / 'drive', settings)
