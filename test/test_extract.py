"""Bags become drives: the recorded drive itself, and bags as users have them."""
import json
import os
import resource
import signal
import subprocess
import sys
import time

from conftest import CAMERA, DRIVE, frames_of, printing_into, ROOT, SEMANTIC
import cv2
import numpy as np
import pytest

from train import extract, png
from train.check import check_frames
from train.drive import find_drives
from train.frame_files import write_frames
from train.pairing import pair
from unet_perception import bags
from unet_perception.labels import SCHEMES

PALETTE = ['--label-encoding', 'palette', '--scheme', 'A']
STORE = bags.typestore()
MS = 1_000_000


def image(topic, stamp, pixels, encoding='bgra8'):
    """Return a Message of uint8 pixels as they are to be sent."""
    header = STORE.types['std_msgs/msg/Header'](
        STORE.types['builtin_interfaces/msg/Time'](stamp // 10**9, stamp % 10**9), 'camera')
    if encoding in ('jpeg', 'png'):
        kind = 'sensor_msgs/msg/CompressedImage'
        message = STORE.types[kind](header=header, format=encoding,
                                    data=cv2.imencode(f'.{encoding}', pixels)[1].ravel())
    else:
        kind = bags.IMAGE
        height, width = pixels.shape[:2]
        message = STORE.types[kind](
            header=header, height=height, width=width, encoding=encoding, is_bigendian=0,
            step=pixels[0].size, data=np.ascontiguousarray(pixels).reshape(-1))
    return bags.Message(topic, kind, stamp, bytes(STORE.serialize_cdr(message, kind)))


def bgra(rgb):
    return np.dstack([rgb[..., ::-1], np.full(rgb.shape[:2], 255, np.uint8)])


def painted(tags, scheme='A'):
    return bgra(np.array(SCHEMES[scheme].colors, np.uint8)[tags])


@pytest.fixture(scope='module')
def frames(recorded):
    """Return ten real frames: (stamp, RGB, tags)."""
    return recorded[:20:2]


def messages(frames):
    """Return camera and semantic Messages of frames, two lists."""
    return ([image(f'{CAMERA}/image', stamp, bgra(rgb)) for stamp, rgb, _ in frames],
            [image(f'{SEMANTIC}/image', stamp, painted(tags)) for stamp, _, tags in frames])


def run(bag, out, *more):
    """Extract one bag or several; return the exit code and what was left out."""
    paths = [str(path) for path in (bag if isinstance(bag, list) else [bag])]
    code = extract.main([*paths, '--out', str(out), *more])
    if code in (0, 3):
        manifest = json.loads((out / 'drive.json').read_text())
        assert [f['name'] for f in manifest['frames']] == [f.name for f in frames_of(out, None)]
        return code, manifest['left_out']
    assert not out.exists() and not list(out.parent.glob(f'.{out.name}*'))
    return code, None


def test_the_recorded_drive_comes_out_as_it_was(recorded, tmp_path, capsys):
    out = tmp_path / 'new/drive'
    assert run(DRIVE, out, *PALETTE, '--town', 'Town07', '--weather', 'ClearNoon') == (0, {})
    assert '121 frames' in capsys.readouterr().out
    found = frames_of(out, None)
    check_frames(found)
    for frame, (stamp, rgb, tags) in zip(found, recorded, strict=True):
        assert int(frame.name) == stamp
        np.testing.assert_array_equal(cv2.imread(str(frame.image))[..., ::-1], rgb)
        np.testing.assert_array_equal(png.decode_tags(frame.mask.read_bytes()), tags)
    drive, = find_drives([tmp_path])
    assert drive[1:] == ('drive', 'A', 'Town07', 'ClearNoon', True)
    assert json.loads((out / 'drive.json').read_text())['source']['semantic'] == (
        f'{SEMANTIC}/image')
    assert os.stat(out).st_mode & 0o777 == 0o777 & ~os.umask(os.umask(0o022))


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_one_bag_in_many_files(frames, tmp_path, storage):
    """The cameras in bags of their own, and the end of one in a third."""
    camera, semantic = messages(frames)
    parts = []
    for number, part in enumerate((camera, semantic[:6], semantic[6:])):
        with bags.new_bag(tmp_path / f'{number}', storage) as writer:
            topic = writer.add_connection(part[0].topic, part[0].type, typestore=STORE)
            for message in part:
                writer.write(topic, message.time, message.data)
        parts.append(tmp_path / f'{number}')
    files = [next(part.glob(f'*.{"mcap" if storage == "mcap" else "db3"}')) for part in parts]
    for order in (parts, files[::-1]):
        out = tmp_path / f'drive_{order[0].name}'
        assert run(order, out, *PALETTE) == (0, {})
        assert len(frames_of(out, None)) == len(frames)


def test_parts_are_read_in_the_order_of_time(frames, tmp_path):
    """As a shell's * gives them: the parts of a bag 2 after 10."""
    for number, part in ((0, frames[:3]), (10, frames[6:]), (2, frames[3:6])):
        bags.write_messages(tmp_path / f'part_{number}', sum(messages(part), []))
    parts = [tmp_path / f'part_{number}' for number in (0, 10, 2)]
    assert run(parts, tmp_path / 'drive', *PALETTE) == (0, {})


def test_pairs_are_nearest_to_each_other_and_near_enough():
    """Against every combination tried."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        camera, semantic = (rng.permutation(rng.integers(0, 300, rng.integers(1, 40)))
                            for _ in range(2))
        tolerance = int(rng.integers(0, 12))
        ours, theirs = sorted(set(camera.tolist())), sorted(set(semantic.tolist()))
        expected = {}
        for stamp in ours:
            near = min(theirs, key=lambda other: (abs(other - stamp), other))
            back = min(ours, key=lambda other: (abs(other - near), other))
            if back == stamp and abs(near - stamp) <= tolerance:
                expected[stamp] = near
        if not expected:
            with pytest.raises(ValueError, match='no two belong together'):
                pair(camera, semantic, tolerance)
            continue
        found = pair(camera, semantic, tolerance)
        assert {int(f): int(semantic[found.semantic == f][0])
                for f in found.camera[found.camera >= 0]} == expected
        assert found.frames == len(expected) == np.count_nonzero(found.semantic >= 0)
        assert sum(found.left_out.values()) == camera.size + semantic.size - 2 * len(expected)


def test_stamps_that_are_only_near(frames, tmp_path, capsys):
    camera, semantic = messages(frames)
    shifted = [image(m.topic, stamp + 3 * MS, painted(tags)) for m, (stamp, _, tags)
               in zip(semantic, frames)]
    bags.write_messages(tmp_path / 'bag', sorted(camera + shifted, key=lambda m: m.time))
    assert run(tmp_path / 'bag', tmp_path / 'a', *PALETTE)[0] == 1
    assert 'the nearest stamps are 0.003 s apart; see --tolerance' in capsys.readouterr().err
    assert run(tmp_path / 'bag', tmp_path / 'a', *PALETTE, '--tolerance', '0.002')[0] == 1
    assert run(tmp_path / 'bag', tmp_path / 'b', *PALETTE, '--tolerance', '0.003') == (0, {})
    assert [int(f.name) for f in frames_of(tmp_path / 'b', None)] == [f[0] for f in frames]


def test_frames_may_be_taken_at_a_distance(frames, tmp_path):
    bags.write_messages(tmp_path / 'bag', sum(messages(frames), []))
    assert run(tmp_path / 'bag', tmp_path / 'a', *PALETTE, '--every-seconds', '0.25') == (
        0, {'frames sooner than --every-seconds': 6})
    stamps = np.array([int(f.name) for f in frames_of(tmp_path / 'a', None)])
    assert (np.diff(stamps) >= 250 * MS).all()


def test_whatever_does_not_fit_is_counted_by_its_reason(frames, tmp_path, capsys):
    camera, semantic = messages(frames)
    stamps = [stamp for stamp, _, _ in frames]
    tags = frames[0][2]
    foreign, small = painted(tags), painted(tags[::2, ::2])
    foreign[3, 4, :3] = 1, 2, 3
    jpeg = cv2.imdecode(cv2.imencode('.jpeg', painted(tags)[..., :3])[1], cv2.IMREAD_COLOR)
    semantic[1] = image(semantic[1].topic, stamps[1], foreign)
    semantic[2] = image(semantic[2].topic, stamps[2], jpeg, 'bgr8')
    semantic[3] = image(semantic[3].topic, stamps[3], small)
    camera[4] = image(camera[4].topic, stamps[4], np.zeros((4, 8), np.uint8), 'bayer_rggb8')
    camera[5] = camera[5]._replace(data=camera[5].data[:40])
    semantic += [semantic[6], semantic[6]]
    del camera[7], semantic[8]
    bags.write_messages(tmp_path / 'bag', sorted(camera + semantic, key=lambda m: m.time))
    code, left_out = run(tmp_path / 'bag', tmp_path / 'drive', *PALETTE)
    assert code == 3
    assert left_out == {
        'frames with colours outside the palette': 1,
        'frames with blended colours, as by JPEG': 1,
        'frames of two sizes': 1, 'frames whose camera image cannot be read': 1,
        'camera messages that are no image': 1, 'semantic images with a stamp that came before': 2,
        'camera images without a partner': 1, 'semantic images without a partner': 2}
    assert {int(f.name) for f in frames_of(tmp_path / 'drive', None)} == {
        stamps[0], stamps[6], stamps[9]}
    error = ' '.join(capsys.readouterr().err.split())
    assert '1 of 12800 pixels have a colour' in error and '(3, 2, 1)' in error
    assert '160x80 and 80x40; give both cameras the same size' in error
    assert "encoding 'bayer_rggb8' is not supported" in error


def test_tags_in_the_red_channel(frames, tmp_path, capsys):
    """As CARLA's own ROS 2 interface sends them, in every encoding that has a red channel."""
    camera, _ = messages(frames)
    raw = []
    for number, (stamp, _, tags) in enumerate(frames):
        red = np.dstack([tags, 0 * tags, 0 * tags])
        encoding, pixels = [('bgra8', bgra(red)), ('rgb8', red), ('mono8', tags)][number % 3]
        raw.append(image(f'{SEMANTIC}/image', stamp, pixels, encoding))
    bags.write_messages(tmp_path / 'bag', camera + raw)
    tag = ['--label-encoding', 'tag', '--scheme']
    assert run(tmp_path / 'bag', tmp_path / 'a', *tag, 'A') == (0, {})
    for frame, (_, _, tags) in zip(frames_of(tmp_path / 'a', None), frames, strict=True):
        np.testing.assert_array_equal(png.decode_tags(frame.mask.read_bytes()), tags)
    assert run(tmp_path / 'bag', tmp_path / 'b', *PALETTE)[0] == 1
    assert 'They look like plain tags: --label-encoding tag' in capsys.readouterr().err
    high = image(f'{SEMANTIC}/image', frames[0][0], np.full((80, 160), 13, np.uint8), 'mono8')
    bags.write_messages(tmp_path / 'high', [*camera, high, *raw[1:]])
    assert run(tmp_path / 'high', tmp_path / 'c', *tag, 'A') == (
        3, {'frames with tags outside the scheme': 1})
    assert run(tmp_path / 'high', tmp_path / 'd', *tag, 'B') == (0, {})


@pytest.mark.parametrize('encoding, scheme, hint', [
    ('palette', 'B', 'The colours fit --label-encoding palette and --scheme A, C, D'),
    ('tag', 'A', 'The colours fit --label-encoding palette and --scheme A, C, D'),
    ('palette', 'A-client', '--scheme A, C, D')])
def test_the_wrong_name_for_what_is_there(frames, tmp_path, capsys, encoding, scheme, hint):
    """Vehicles before a fence, which no two of the older schemes paint alike."""
    tags = np.tile(np.where(np.arange(160) < 9, np.uint8(10), np.uint8(2)), (80, 1))
    fences = [(stamp, rgb, tags) for stamp, rgb, _ in frames]
    bags.write_messages(tmp_path / 'bag', sum(messages(fences), []))
    flags = ['--label-encoding', encoding, '--scheme', scheme]
    assert run(tmp_path / 'bag', tmp_path / 'a', *flags)[0] == 1
    error = capsys.readouterr().err
    assert hint in error and 'nothing but frames with' in error


def test_colours_that_could_be_tags_are_still_colours(frames, tmp_path, capsys):
    """Vehicles are painted with a red of 0, which would be a tag."""
    vehicles = [(stamp, rgb, np.full_like(tags, 10)) for stamp, rgb, tags in frames]
    bags.write_messages(tmp_path / 'bag', sum(messages(vehicles), []))
    flags = ['--label-encoding', 'tag', '--scheme', 'A']
    assert run(tmp_path / 'bag', tmp_path / 'a', *flags)[0] == 1
    assert 'give --label-encoding palette' in capsys.readouterr().err


def test_compressed_images(frames, tmp_path, capsys):
    camera = [image(f'{CAMERA}/image/compressed', stamp, bgra(rgb)[..., :3], 'jpeg')
              for stamp, rgb, _ in frames]
    for kind, code in (('png', 0), ('jpeg', 1)):
        semantic = [image(f'{SEMANTIC}/image/compressed', stamp, painted(tags)[..., :3], kind)
                    for stamp, _, tags in frames]
        bags.write_messages(tmp_path / kind, camera + semantic)
        assert run(tmp_path / kind, tmp_path / f'drive_{kind}', *PALETTE)[0] == code
    assert 'JPEG images, which blend the colours' in capsys.readouterr().err
    frame = frames_of(tmp_path / 'drive_png', None)[0]
    np.testing.assert_array_equal(png.decode_tags(frame.mask.read_bytes()), frames[0][2])
    assert np.abs(cv2.imread(str(frame.image))[..., ::-1].astype(int) - frames[0][1]).mean() < 9


def test_a_bag_that_breaks_off_is_read_up_to_the_break(tmp_path, capsys):
    file = tmp_path / 'cut.mcap'
    whole = next(DRIVE.glob('*.mcap')).read_bytes()
    file.write_bytes(whole[:len(whole) // 2])
    assert run(file, tmp_path / 'drive', *PALETTE)[0] == 3
    assert 20 < len(frames_of(tmp_path / 'drive', None)) < 100
    assert 'read up to the break' in capsys.readouterr().err


def test_half_a_frame_is_not_left(frames, tmp_path):
    (tmp_path / 'CameraRGB').mkdir()
    camera, _ = messages(frames)
    (stamp, fault), = write_frames([(7, camera[0], False)], tmp_path, 'palette', 'A')
    assert stamp == 7 and fault.reason == 'frames that are gone'
    assert not list((tmp_path / 'CameraRGB').iterdir())


def test_a_simulation_that_starts_anew_is_said(frames, tmp_path, capsys):
    again = [(stamp % 1_000_000_000, rgb, tags) for stamp, rgb, tags in frames[:3]]
    with bags.new_bag(tmp_path / 'bag') as writer:
        topics = {}
        for time_ns, message in enumerate(sum(messages(frames), []) + sum(messages(again), [])):
            if message.topic not in topics:
                topics[message.topic] = writer.add_connection(message.topic, message.type,
                                                              typestore=STORE)
            writer.write(topics[message.topic], time_ns, message.data)
    assert run(tmp_path / 'bag', tmp_path / 'drive', *PALETTE) == (3, {})
    assert 'the stamps go back 1 times' in capsys.readouterr().err


def test_what_cannot_work_is_refused(tmp_path, capsys):
    def error(*more):
        assert run(DRIVE, tmp_path / 'drive', *more, *PALETTE)[0] == 1
        return capsys.readouterr().err

    assert f'there are some in {CAMERA}/image, {SEMANTIC}/image' in error('--semantic', '/nope')
    assert f'both name {CAMERA}/image' in error('--semantic', f'{CAMERA}/image')
    assert run(tmp_path / 'nothing', tmp_path / 'drive', *PALETTE)[0] == 1
    for make in (lambda p: p.mkdir(), lambda p: p.write_text(''), lambda p: p.symlink_to('gone')):
        path = tmp_path / 'there'
        make(path)
        assert extract.main([str(DRIVE), '--out', str(path), *PALETTE]) == 1
        assert 'there exists already' in capsys.readouterr().err
        path.rmdir() if path.is_dir() else path.unlink()


def command(bag, out):
    return [sys.executable, '-m', 'train.extract', str(bag), '--out', str(out),
            '--label-encoding', 'palette', '--scheme', 'B']


def write_lagging(path, count, height=240, width=320):
    """Write a bag whose semantic camera sends nothing until the camera is done."""
    y, x = np.mgrid[:height, :width]

    def made():
        for number in range(count):
            pixels = np.dstack([x + number, y, x + y]).astype(np.uint8)
            yield image(f'{CAMERA}/image', 50 * MS * number, bgra(pixels))._replace(time=number)
        for number in range(count):
            tags = ((x // 20 + y // 20 + number) % 23).astype(np.uint8)
            yield image(f'{SEMANTIC}/image', 50 * MS * number,
                        painted(tags, 'B'))._replace(time=count + number)

    bags.write_messages(path, made())


def test_memory_does_not_grow_with_the_bag_nor_with_the_lag_of_a_camera(tmp_path):
    """600 images of 307 kB would be 184 MB."""
    peaks = []
    for count in (60, 600):
        write_lagging(tmp_path / f'{count}', count)
        script = ('import resource, sys; from train import extract; '
                  'assert extract.main(sys.argv[1:]) == 0; '
                  'print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)')
        done = subprocess.run(
            [sys.executable, '-c', script, *command(tmp_path / f'{count}',
                                                    tmp_path / f'drive_{count}')[3:]],
            cwd=ROOT, capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout.split()[-1]))
        assert len(frames_of(tmp_path / f'drive_{count}', None)) == count
    assert peaks[1] - peaks[0] < 40, peaks


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_stop_leaves_nothing_behind(tmp_path, number):
    write_lagging(tmp_path / 'bag', 300)
    process = subprocess.Popen(command(tmp_path / 'bag', tmp_path / 'out/drive'), cwd=ROOT,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    give_up = time.time() + 60
    while not list(tmp_path.glob('out/.drive*/drive/CameraRGB/*.png')):
        assert process.poll() is None and time.time() < give_up
        time.sleep(0.01)
    process.send_signal(number)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 130, output
    assert 'stopped' in output and 'Traceback' not in output
    assert list((tmp_path / 'out').iterdir()) == []


def test_a_full_disk_leaves_nothing_behind(tmp_path):
    """The system allows no file of more than 2 kB, which is an error in the same place."""
    write_lagging(tmp_path / 'bag', 20)
    done = subprocess.run(
        command(tmp_path / 'bag', tmp_path / 'out/drive'), cwd=ROOT, capture_output=True,
        text=True, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)))
    assert done.returncode == 1 and 'Traceback' not in done.stderr
    assert 'out/drive is not written: [Errno' in done.stderr
    assert list((tmp_path / 'out').iterdir()) == []


@pytest.mark.parametrize('path', ['/dev/full', '/dev/null', ''])
def test_a_report_that_cannot_be_printed_is_no_failure(tmp_path, path):
    """Nor is a name that stdout has no letters for."""
    write_lagging(tmp_path / 'bag', 2)
    done = printing_into(path, command(tmp_path / 'bag', tmp_path / 'fahrt_ä'))
    assert done.returncode == 0 and 'error' not in done.stderr.lower(), done.stderr
    assert len(frames_of(tmp_path / 'fahrt_ä', None)) == 2


@pytest.mark.parametrize('missing', ['--label-encoding', '--scheme', '--out'])
def test_nothing_is_guessed(tmp_path, capsys, missing):
    given = {'--label-encoding': 'tag', '--scheme': 'C', '--out': str(tmp_path / 'x')}
    with pytest.raises(SystemExit):
        extract.main([str(DRIVE), *(text for flag in given if flag != missing
                                    for text in (flag, given[flag]))])
    assert missing in capsys.readouterr().err.splitlines()[-1]
