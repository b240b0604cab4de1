"""
Properties that hold for whatever comes: hypothesis makes up 2,650 cases.

Images, manifests, palettes, tables of classes and bags, right, wrong and nearly right: no other
error than the one that is promised, no hang, no output of a wrong size.
"""
import array
import hashlib
import json

from conftest import DRIVE
import cv2
from hypothesis import given, HealthCheck, settings, strategies as st
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from unet_perception import bags, classes, labels
from unet_perception.images import CHANNELS, ImageError, to_message, to_picture
from unet_perception.model import BundleError, open_bundle
from unet_perception.recording import open_recording
from unet_perception.segmenter import resize_image, resize_labels

SMALL = st.integers(0, 40)
UINT32 = st.integers(0, 2**32 - 1) | SMALL
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner,
                                                                max_size=4), max_leaves=8)


def cases(count):
    """Run so many cases, the same ones each time: what CI finds, everybody finds."""
    return settings(max_examples=count, deadline=None, derandomize=True, database=None,
                    suppress_health_check=[HealthCheck.function_scoped_fixture])


@cases(500)
@given(height=UINT32, width=UINT32, step=UINT32, encoding=st.sampled_from(sorted(CHANNELS))
       | st.text(max_size=12), data=st.binary(max_size=4000), big=st.integers(0, 255))
def test_any_image_is_read_or_refused(height, width, step, encoding, data, big):
    message = Image(height=height, width=width, step=step, encoding=encoding, is_bigendian=big,
                    data=array.array('B', data))
    try:
        picture = to_picture(message)
    except ImageError:
        return
    assert picture.pixels.shape[:2] == (height, width) and len(data) == step * height
    assert picture.to_rgb().shape == (height, width, 3)


@cases(300)
@given(height=st.integers(1, 30), width=st.integers(1, 30), padding=st.integers(0, 9),
       encoding=st.sampled_from(sorted(CHANNELS)), seed=st.integers(0, 2**32 - 1))
def test_an_image_that_fits_is_read_as_it_is(height, width, padding, encoding, seed):
    channels = CHANNELS[encoding]
    rows = np.random.default_rng(seed).integers(
        0, 256, (height, width * channels + padding)).astype(np.uint8)
    picture = to_picture(Image(height=height, width=width, encoding=encoding, step=rows.shape[1],
                               data=array.array('B', rows.tobytes())))
    sent = rows[:, :width * channels].reshape(picture.pixels.shape)
    np.testing.assert_array_equal(picture.pixels, sent)
    back = to_message(picture.pixels, encoding, Header())
    assert bytes(back.data) == sent.tobytes() and back.step == width * channels


@cases(300)
@given(extension=st.sampled_from(['.jpg', '.png']), height=st.integers(1, 24),
       width=st.integers(1, 24), at=st.integers(0, 10**6), put=st.binary(max_size=6),
       cut=st.integers(0, 400))
def test_any_compressed_image_is_read_or_refused(extension, height, width, at, put, cut):
    data = bytearray(cv2.imencode(extension, np.full((height, width, 3), 99, np.uint8))[1])
    at %= len(data)
    data[at:at + len(put)] = put
    try:
        picture = to_picture(CompressedImage(format='jpeg', data=bytes(data[:len(data) - cut])))
    except ImageError:
        return
    assert picture.pixels.ndim == 3 and picture.to_rgb().shape == picture.pixels.shape


@cases(200)
@given(from_=st.tuples(st.integers(1, 300), st.integers(1, 300)),
       to=st.tuples(st.integers(1, 200), st.integers(1, 200)),
       rule=st.sampled_from(['auto', 'area', 'nearest']), channels=st.sampled_from([3, 4]))
def test_pictures_of_any_size_get_to_the_networks_and_back(from_, to, rule, channels):
    inner = resize_image(np.full((*from_, channels), 77, np.uint8), *to, rule)
    assert inner.shape == (*to, channels) and (inner == 77).all()
    outer = resize_labels(np.full(to, 5, np.uint8), *from_)
    assert outer.shape == from_ and (outer == 5).all()


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    """Return the folder and the manifest of a bundle whose files are a few bytes."""
    folder, files = tmp_path_factory.mktemp('tiny'), {}
    for runtime in ('keras', 'openvino', 'openvino_weights'):
        (folder / runtime).write_text(runtime)
        files[runtime] = {'name': runtime,
                          'sha256': hashlib.sha256(runtime.encode()).hexdigest()}
    return folder, {
        'format': 1, 'name': 'tiny', 'scheme': 'own', 'files': files, 'resize': 'area',
        'input': {'height': 32, 'width': 64, 'color': 'rgb', 'range': [0, 255]},
        'precisions': {'f32': {'mean_iou': 0.5}},
        'classes': [{'id': i, 'name': name, 'color': [i, 0, 255]}
                    for i, name in enumerate(('Unlabeled', 'Road'))]}


def paths(value, here=()):
    """Yield the path of every value in nested lists and dicts."""
    yield here
    for key in value if isinstance(value, dict) else range(
            len(value) if isinstance(value, list) else 0):
        yield from paths(value[key], (*here, key))


@cases(500)
@given(data=st.data(), new=JSON, remove=st.booleans())
def test_any_manifest_is_read_or_refused(tiny, data, new, remove):
    folder, manifest = tiny
    manifest = json.loads(json.dumps(manifest))
    *above, last = data.draw(st.sampled_from(list(paths(manifest))[1:]))
    place = manifest
    for key in above:
        place = place[key]
    if remove:
        del place[last]
    else:
        place[last] = new
    (folder / 'manifest.json').write_text(json.dumps(manifest))
    try:
        bundle = open_bundle(folder)
    except BundleError:
        return
    assert 1 <= len(bundle.names) == len(bundle.colors) <= 255
    assert bundle.height > 0 < bundle.width and isinstance(bundle.name, str)
    assert all(path.parent == folder for path in bundle.files.values())


@cases(300)
@given(scheme=st.sampled_from(sorted(labels.SCHEMES)), seed=st.integers(0, 2**32 - 1),
       alien=st.booleans())
def test_a_palette_is_read_back_or_refused(scheme, seed, alien):
    rng = np.random.default_rng(seed)
    kinds = labels.SCHEMES[scheme].colors
    tags = rng.integers(0, len(kinds), (6, 9)).astype(np.uint8)
    rgb = np.array(kinds, np.uint8)[tags]
    if alien:
        rgb[rng.integers(6), rng.integers(9)] = color = rng.integers(0, 256, 3)
        if tuple(int(c) for c in color) not in {*kinds, (255, 255, 255)}:
            with pytest.raises(ValueError, match='outside the palette'):
                labels.colors_to_tags(rgb, scheme)
            return
    again = np.array([*kinds, *[(255,) * 3] * (256 - len(kinds))], np.uint8)[
        labels.colors_to_tags(rgb, scheme)]
    np.testing.assert_array_equal(again, rgb)


@cases(250)
@given(st.text(max_size=40) | st.lists(st.sampled_from(
    ['Road', 'RoadLine', 'Car', 'Drivable=Road+RoadLine', 'Sky', '', '=', 'X=', 'Unlabeled']),
    max_size=5).map(','.join))
def test_any_table_of_classes_is_read_or_refused(text):
    try:
        table = classes.parse_classes(text)
    except ValueError:
        return
    assert len(table.names) == len(table.colors) == len(table.parts)
    assert classes.parse_classes(str(table)) == table
    for scheme in labels.SCHEMES:
        ids = classes.lookup(table, scheme)
        assert ids.shape == (256,) and set(ids) <= {*range(len(table.names)), 255}


@pytest.fixture(scope='module')
def small_bags(tmp_path_factory):
    """Return the files of two bags of a few messages, by their ending."""
    folder, found = tmp_path_factory.mktemp('bags'), {}
    messages = [m for m, _ in zip(bags.read_messages(DRIVE), range(8))]
    for storage, ending in (('mcap', '.mcap'), ('sqlite3', '.db3')):
        with bags.new_bag(folder / storage, storage, compressed=storage == 'mcap') as writer:
            known = {m.topic: m.type for m in messages}
            connections = {topic: writer.add_connection(topic, kind, typestore=bags.typestore())
                           for topic, kind in known.items()}
            for message in messages:
                writer.write(connections[message.topic], message.time, message.data)
        found[ending] = next((folder / storage).glob(f'*{ending}')).read_bytes()
    return folder, found


@cases(300)
@given(ending=st.sampled_from(['.mcap', '.db3']), at=st.floats(0, 1),
       put=st.binary(min_size=1, max_size=12), cut=st.floats(0, 0.5) | st.just(0.0))
def test_any_bag_is_read_or_refused(small_bags, ending, at, put, cut):
    folder, found = small_bags
    data, path = bytearray(found[ending]), folder / f'case{ending}'
    at = int(at * len(data))
    data[at:at + len(put)] = put
    path.write_bytes(data[:len(data) - int(cut * len(data))])
    for read in (lambda: list(bags.read_messages(path)), lambda: _recorded(path)):
        try:
            messages = read()
        except bags.BagError:
            continue
        for message in messages:
            if message.type == bags.IMAGE:
                try:
                    _, picture = bags.read_picture(message, bags.typestore())
                except (bags.BagError, ImageError):
                    continue
                assert picture.to_rgb().ndim == 3


def _recorded(path):
    with open_recording(path) as recording:
        return list(recording.messages())
