"""Data sets of many drives: finding them, splitting them, checking their files only once."""
import json
import os
import shutil

from conftest import DRIVE, frames_of, write_drive
import numpy as np
import pytest

from train import check, dataset, drive, evaluate, fit, split
from train.check import check_frames
from train.recipe import Recipe
from unet_perception.labels import SCHEMES
from unet_perception.model import open_bundle

SMALL = ['--height', '32', '--width', '48', '--filters', '2', '--batch', '4', '--epochs', '1',
         '--calibration-frames', '0']


def make(folder, frames, scheme='A', **more):
    """Write a drive with a manifest."""
    write_drive(folder, frames)
    (folder / 'drive.json').write_text(json.dumps(
        {'format_version': 1, 'scheme': scheme, **more}))
    return folder


def blank(count, tag=7):
    return [(np.zeros((8, 12, 3), np.uint8), np.full((8, 12), tag, np.uint8))] * count


@pytest.fixture(scope='module')
def recordings(recorded, tmp_path_factory):
    """Return a folder of four drives of 20 real frames in three towns."""
    folder = tmp_path_factory.mktemp('recordings')
    real = [frame[1:] for frame in recorded]
    for start, (name, town) in enumerate([
            ('Town01/clear', 'Town01'), ('Town01/rain', '/Game/Carla/Maps/Town01_Opt'),
            ('other/night', 'Town02'), ('dawn', 'Town07')]):
        make(folder / name, real[30 * start:30 * start + 20], town=town,
             weather={'name': name.split('/')[-1], 'parameters': {}})
    (folder / '.dawn.x' / 'dawn' / 'CameraRGB').mkdir(parents=True)  # is being extracted
    return folder


def test_drives_are_found_at_any_depth_in_one_order(recordings):
    found = drive.find_drives([recordings])
    assert [(d.name, d.town, d.weather) for d in found] == [
        ('clear', 'Town01', 'clear'), ('dawn', 'Town07', 'dawn'), ('night', 'Town02', 'night'),
        ('rain', 'Town01', 'rain')]
    parts = [recordings / name for name in ('other', 'dawn', 'Town01')]
    assert drive.find_drives(parts) == found
    assert drive.find_drives([recordings], 'A') == found
    with pytest.raises(ValueError, match='names .*dawn twice'):
        drive.find_drives([recordings, recordings / 'other' / '..' / 'dawn'])
    with pytest.raises(ValueError, match='CameraRGB is not there, nor a drive in a folder below'):
        drive.find_drives([recordings / 'nope'])


def test_a_scheme_is_named_once(recordings, drive_folder):
    with pytest.raises(ValueError, match=r'--scheme is B, but .*clear/drive.json says A'):
        drive.find_drives([recordings], 'B')
    with pytest.raises(ValueError, match='has no drive.json that names .* name it by --scheme'):
        drive.find_drives([recordings, drive_folder])
    assert {d.scheme for d in drive.find_drives([recordings, drive_folder], 'A')} == {'A'}


@pytest.mark.parametrize('text, message', [
    ('nonsense', 'is not the manifest of a drive'), ('[]', 'is not the manifest of a drive'),
    ('{"format_version": 2, "scheme": "A"}', 'is of format version 2'),
    ('{"format_version": 1, "scheme": "Z"}', "the scheme is 'Z', but must be one of A:"),
    ('{"format_version": 1}', 'is not the manifest of a drive'),
    ('[' * 100_000, 'is not the manifest of a drive'),
    ('{"format_version": 1, "scheme": []}', r'the scheme is \[\], but must be one of A:'),
    ('{"format_version": 1, "scheme": "A", "town": 5}', 'town is 5, but must be a text'),
    (r'{"format_version": 1, "scheme": "A", "town": "\ud800"}', r"town is '\\ud800', but must"),
    ('{"format_version": 1, "scheme": "A", "weather": "rain"}', "weather is 'rain', but must"),
    ('{"format_version": 1, "scheme": "A", "weather": {"name": []}}', "the weather's name is"),
    ('{"format_version": 1, "scheme": "A", "complete": "no"}', "complete is 'no', but must be")])
def test_a_manifest_that_cannot_be_read(tmp_path, text, message):
    make(tmp_path / 'd', blank(1))
    (tmp_path / 'd/drive.json').write_text(text)
    with pytest.raises(ValueError, match=f'd/drive.json.*{message}'):
        drive.find_drives([tmp_path], 'A')


def test_a_path_that_is_no_text_is_refused(tmp_path):
    """For OpenCV ended the process at it, and TensorFlow named no file."""
    folder = make(tmp_path / 'd', blank(2))
    odd = folder / 'CameraRGB' / os.fsdecode(b'0\xff.png')
    (folder / 'CameraRGB/00001.png').rename(odd)
    (folder / 'CameraMask/00001.png').rename(folder / 'CameraMask' / odd.name)
    with pytest.raises(ValueError, match=r"CameraRGB/0\\xff' is no text in UTF-8"):
        frames_of(folder, None)
    folder.rename(tmp_path / os.fsdecode(b'n\xff'))
    with pytest.raises(ValueError, match=r"n\\xff' is no text in UTF-8; rename it"):
        drive.find_drives([tmp_path])


def test_a_tree_deeper_than_recursion_goes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(1200):  # os.makedirs() is recursive, too
        os.mkdir('d')
        os.chdir('d')
    os.mkdir('CameraRGB')
    try:
        found, = drive.find_drives([tmp_path], 'A')
        assert found.folder == tmp_path.joinpath(*['d'] * 1200)
    finally:
        os.removedirs('/'.join([str(tmp_path), *['d'] * 1200, 'CameraRGB']))


def test_two_drives_of_one_name_are_refused(tmp_path):
    for town in ('a', 'b'):
        make(tmp_path / town / 'drive', blank(1))
    with pytest.raises(ValueError, match='b/drive and .*a/drive are both called drive; rename'):
        drive.find_drives([tmp_path])


def test_half_a_frame_is_no_error_where_a_recording_broke_off(tmp_path):
    for complete in (True, False):
        folder = make(tmp_path / str(complete), blank(3), complete=complete)
        (folder / 'CameraMask/00002.png').unlink()
    with pytest.raises(ValueError, match='00002.png is missing'):
        frames_of(tmp_path / 'True', None)
    assert [f.name for f in frames_of(tmp_path / 'False', None)] == ['00000', '00001']


@pytest.mark.parametrize('settings, held_out', [
    ({'val_town': ('Town01',)}, {'clear', 'rain'}), ({'val_drive': ('rain',)}, {'rain'}),
    ({'val_town': ('Carla/Maps/Town02_Opt',)}, {'night'}),
    ({'val_drive': ('dawn',), 'val_town': ('Town02',)}, {'dawn', 'night'})])
def test_whole_drives_are_held_out(recordings, settings, held_out):
    training, validation, data = split.split([recordings], Recipe(**settings))
    assert {f.drive.name for f in validation} == held_out
    assert {f.drive.name for f in training} == {'clear', 'rain', 'night', 'dawn'} - held_out
    assert len(training) + len(validation) == 80
    assert sum(d['validation_frames'] for d in data['drives'].values()) == 20 * len(held_out)
    assert data['drives']['rain']['town'] == 'Town01'


@pytest.mark.parametrize('settings, message', [
    ({'val_town': ('Town1',)}, '--val-town Town1: there is no such drive; --data has Town01, Tow'),
    ({'val_drive': ('Rain', 'dawn')}, '--val-drive Rain: there is no such drive; --data has clea'),
    ({'val_town': ('Town01', 'Town02', 'Town07')}, 'all 4 drives are held out')])
def test_a_split_that_cannot_be_is_refused(recordings, settings, message):
    with pytest.raises(ValueError, match=message):
        split.split([recordings], Recipe(**settings))


def test_a_town_must_be_known_to_be_held_out(recordings, drive_folder):
    with pytest.raises(ValueError, match='has no drive.json that names it; hold out whole drives'):
        split.split([recordings, drive_folder], Recipe(scheme='A', val_town=('Town01',)))


def test_without_a_word_stretches_of_every_drive_are_held_out(recordings):
    recipe = Recipe(val_stretches=2, val_gap=1, val_fraction=0.2)
    training, validation, _ = split.split([recordings], recipe)
    assert len(validation) == 4 * 4 and len(training) == 4 * (20 - 4 - 4)
    for name in ('clear', 'dawn', 'night', 'rain'):
        ours, held = ([int(f.name) for f in part if f.drive.name == name]
                      for part in (training, validation))
        assert min(abs(a - b) for a in ours for b in held) == 2
    with pytest.raises(ValueError, match='clear: 20 frames .* or hold out whole drives by --val-'):
        split.split([recordings], Recipe())


def test_of_extra_drives_nothing_is_held_out(recordings, tmp_path):
    """They may be too short for stretches, and their towns may be unknown."""
    make(tmp_path / 'more/short', blank(3), scheme='B')
    for recipe, names in ((Recipe(val_stretches=2, val_gap=1, val_fraction=0.2), None),
                          (Recipe(val_town=('Town02',)), {'night'})):
        training, validation, data = split.split([recordings], recipe, [tmp_path / 'more'])
        assert sum(f.drive.name == 'short' for f in training) == 3
        held = {f.drive.name for f in validation}
        assert 'short' not in held and (names is None or held == names)
        assert data['drives']['short']['training_frames'] == 3
    with pytest.raises(ValueError, match='--val-drive short: there is no such drive'):
        split.split([recordings], Recipe(val_drive=('short',)), [tmp_path / 'more'])


def test_frames_are_told_apart_by_their_drives(recordings):
    frames = [f for d in drive.find_drives([recordings]) for f in drive.find_frames(d)]
    assert [f.id for f in split.select(frames, ['rain/00003', 'clear/00003'])] == [
        'clear/00003', 'rain/00003']
    with pytest.raises(ValueError, match='several drives have a frame 00003; write DRIVE/NAME'):
        split.select(frames, ['00003'])
    assert split.select(frames[:20], ['00003']) == frames[3:4]
    with pytest.raises(ValueError, match='1 of 2 frames .* such as rain/99.png'):
        split.select(frames, ['rain/00003', 'rain/99'])


def test_drives_of_several_schemes_train_together(recorded, tmp_path):
    """The same frames in the tags of two CARLA versions give the same labels."""
    real = [frame[1:] for frame in recorded[:8]]
    tag_of = {label: tag for tag, label in reversed(list(enumerate(SCHEMES['C'].labels)))}
    tag_of[0] = 255  # None of the old version is no label
    renumbered = [(image, np.vectorize(tag_of.get)(tags).astype(np.uint8)) for image, tags in real]
    make(tmp_path / 'a', real)
    make(tmp_path / 'c', renumbered, scheme='C')
    check_frames(frames_of(tmp_path / 'c', None))
    with pytest.raises(ValueError, match='outside scheme A'):
        shutil.copytree(tmp_path / 'c', tmp_path / 'wrong')
        (tmp_path / 'wrong/drive.json').unlink()
        check_frames(frames_of(tmp_path / 'wrong', 'A'))
    frames = [f for d in drive.find_drives([tmp_path / 'a', tmp_path / 'c'])
              for f in drive.find_frames(d)]
    recipe = Recipe(height=32, width=48, batch=8, epochs=1, augment='none')
    (_, ours), (_, theirs) = dataset.validation_batches(frames, recipe).as_numpy_iterator()
    np.testing.assert_array_equal(ours, theirs)
    assert len(np.unique(ours)) > 4
    for a, c in zip(frames[:8], frames[8:]):
        np.testing.assert_array_equal(dataset.load(a)[1], dataset.load(c)[1])


def test_files_are_read_once_and_again_when_they_change(tmp_path, monkeypatch):
    frames = frames_of(make(tmp_path / 'd', blank(6)), None)
    read = []
    share = check.labelled_share
    monkeypatch.setattr(check, 'labelled_share', lambda f: (read.append(f.name), share(f))[1])
    check_frames(frames[:4])
    check_frames(frames)
    assert sorted(read) == [f.name for f in frames]
    os.utime(frames[2].mask, ns=(1, 1))
    check_frames(frames)
    assert read[6:] == ['00002']
    frames[3].image.write_bytes(b'')
    for _ in range(2):  # what is bad is not kept
        with pytest.raises(ValueError, match='1 bad .*(?s:.*)00003.png is not a whole PNG'):
            check_frames(frames)
    assert read[7:] == ['00003'] * 2


def test_checking_does_without_a_place_to_remember(tmp_path, monkeypatch):
    frames = frames_of(make(tmp_path / 'd', blank(2)), None)
    (tmp_path / 'file').write_text('')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'file'))
    check_frames(frames)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('XDG_CACHE_HOME', 'relative')
    check_frames(frames)
    assert not (tmp_path / 'relative').exists()
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    check_frames(frames)
    kept, = (tmp_path / 'cache/unet_perception/checked').iterdir()
    whole = kept.read_text()
    for damaged in ('{"format": 1, "scheme": "A", "frames": {"00000": 3}}', whole[:50], '[]'):
        kept.write_text(damaged)
        check_frames(frames)
        assert kept.read_text() == whole
    assert sorted(p.name for p in (tmp_path / 'd').iterdir()) == [
        'CameraMask', 'CameraRGB', 'drive.json']


def test_damage_is_found_by_the_checksums(tmp_path, recorded):
    """Wherever a byte changes, and wherever the file ends."""
    frame, = frames_of(make(tmp_path / 'd', [recorded[0][1:]]), None)
    whole = frame.image.read_bytes()
    check_frames([frame])
    for place in np.linspace(0, len(whole) - 1, 50).astype(int):
        damaged = bytearray(whole)
        damaged[place] ^= 16
        for data in (bytes(damaged), whole[:place]):
            frame.image.write_bytes(data)
            with pytest.raises(ValueError, match='00000.png'):
                check_frames([frame])


def test_training_on_drives_and_validating_on_another(recordings, tmp_path, capsys):
    places = ['--runs', str(tmp_path / 'runs'), '--models', str(tmp_path / 'models')]
    assert fit.main(['--data', str(recordings / 'Town01'), str(recordings / 'dawn'), '--name', 'x',
                     '--val-town', 'Town07', *SMALL, *places]) == 0
    printed = capsys.readouterr().out
    assert '40 training frames, 20 validation frames' in printed
    names = (tmp_path / 'models/x/validation.txt').read_text().split()
    assert names == [f'dawn/{n:05d}' for n in range(20)]
    bundle = open_bundle(tmp_path / 'models/x')
    manifest = json.loads((bundle.path / 'manifest.json').read_text())
    assert manifest['training']['recipe']['val_town'] == ['Town07']
    assert manifest['training']['data']['drives']['dawn'] == {
        'scheme': 'A', 'town': 'Town07', 'training_frames': 0, 'validation_frames': 20}
    line = next(line for line in printed.splitlines() if 'train.evaluate' in line)
    flags = line.split('train.evaluate ')[1].replace('evaluation/x', str(tmp_path / 'e')).split()
    assert '--scheme' not in flags
    assert evaluate.main(flags) == 0
    assert json.loads((tmp_path / 'e/evaluation.json').read_text())['mean_iou'] == (
        manifest['validation']['mean_iou'])
    shutil.rmtree(tmp_path / 'models')
    resume = ['--resume', str(tmp_path / 'runs/x'), '--models', str(tmp_path / 'models')]
    assert fit.main(['--data', str(recordings), *resume]) == 1
    assert 'of the drive night it was null, but now' in capsys.readouterr().err
    there = ['--data', str(recordings / 'dawn'), '--data', str(recordings / 'Town01'), *resume]
    assert fit.main([*there, '--val-town', 'Town01']) == 1
    assert "--val-town ('Town01',) (the run has ('Town07',))" in capsys.readouterr().err
    assert fit.main([*there, '--val-town', 'Town07']) == 0


def test_the_shipped_drive_is_no_folder_of_drives():
    with pytest.raises(ValueError, match='CameraRGB is not there'):
        drive.find_drives([DRIVE], 'A')
