"""Model bundles: the shipped ones open, a damaged or foreign one is refused by name."""
import json
import re
import shutil

from conftest import ROOT
import cv2
import pytest

from train.scores import Scores
from unet_perception import labels
from unet_perception.model import BundleError, open_bundle
from unet_perception.segmenter import Segmenter

SHIPPED = ROOT / 'models' / 'carla-fast'


@pytest.fixture
def bundle(tmp_path):
    """Return the folder of a copy of the shipped bundle, to be spoilt."""
    return shutil.copytree(SHIPPED, tmp_path / 'bundle')


def edit(folder, change):
    manifest = json.loads((folder / 'manifest.json').read_text())
    change(manifest)
    (folder / 'manifest.json').write_text(json.dumps(manifest))


def test_the_shipped_bundle_opens_by_name_and_by_path():
    by_name, by_path = open_bundle('carla-fast'), open_bundle(SHIPPED)
    assert by_name.digest == by_path.digest
    assert by_name.names == labels.NAMES and by_name.colors == labels.COLORS
    assert (by_name.height, by_name.width) == (128, 192)
    assert set(by_name.files) == {'keras', 'openvino', 'openvino_weights', 'openvino_int8',
                                  'openvino_int8_weights'}
    assert by_name.mean_iou['f32'] - by_name.mean_iou['int8'] < 0.005


@pytest.mark.parametrize('name', ['carla-fast', 'carla-accurate'])
def test_a_shipped_bundle_has_a_card_and_its_pictures(name):
    folder = ROOT / 'models' / name
    card = (folder / 'README.md').read_text()
    assert 'Marcus Loo Vergara' in card and 'python -m train.evaluate' in card
    bundle = open_bundle(name)
    assert bundle.names == labels.NAMES and bundle.mean_iou['f32'] > 0.45
    figure = f"{bundle.mean_iou['f32']:.3f}"  # measured by the export: a stale card is found
    assert f'**{figure}**' in card
    assert f'| {name} | {figure} |' in (ROOT / 'README.md').read_text()
    for picture in set(re.findall(r'`([a-z_]+[.]png)`', card)):
        assert cv2.imread(str(folder / picture)) is not None


def test_the_accurate_bundle_is_the_more_accurate(recorded):
    """On the recorded drive, which neither has trained on: in all, and in its road lines."""
    figures = {}
    for name in ('carla-fast', 'carla-accurate'):
        segmenter, scores = Segmenter(open_bundle(name), precision='f32'), Scores(labels.NAMES)
        for _, image, tags in recorded[::4]:
            scores.add(labels.tags_to_labels(tags, 'A'), segmenter(image))
        figures[name] = scores.figures()
    fast, accurate = figures.values()
    assert accurate['mean_iou'] > fast['mean_iou']
    assert accurate['classes']['RoadLine']['iou'] > fast['classes']['RoadLine']['iou'] + 0.05


def test_a_missing_bundle_is_named(tmp_path):
    with pytest.raises(BundleError, match='no model bundle at .*no-such.*nor at .*models/no-such'):
        open_bundle('no-such')
    with pytest.raises(BundleError, match='manifest.json cannot be read: No such file'):
        open_bundle(tmp_path)


@pytest.mark.parametrize('name', ['model.xml', 'model.bin', 'model.keras', 'model_int8.bin'])
def test_a_damaged_or_missing_file_is_named(bundle, name):
    data = bytearray((bundle / name).read_bytes())
    data[len(data) // 2] ^= 1
    (bundle / name).write_bytes(data)
    with pytest.raises(BundleError, match=rf'{name} has SHA-256 \w+, but the manifest says \w+'):
        open_bundle(bundle)
    (bundle / name).unlink()
    with pytest.raises(BundleError, match=f'{name} cannot be read: No such file'):
        open_bundle(bundle)


@pytest.mark.parametrize('change, message', [
    (lambda m: m.update(format=2), 'format version 2, but .* reads 1'),
    (lambda m: m.pop('format'), 'not a bundle manifest'),
    (lambda m: m.pop('input'), "lacks 'input'"),
    (lambda m: m.update(scheme='C'), "scheme 'C', but .* 'B'"),
    (lambda m: m['input'].update(color='bgr'), "input color 'bgr', but .* 'rgb'"),
    (lambda m: m['input'].update(range=[0, 1]), r'input range \[0, 1\]'),
    (lambda m: m['input'].update(height=0), 'whole numbers from 1 to'),
    (lambda m: m['classes'][2].update(color=[0, 0, 300]), 'class colour'),
    (lambda m: m['files'].pop('openvino'), 'no file for openvino'),
    (lambda m: m.update(files=[]), 'no file for keras'),
    (lambda m: m.update(classes=3), 'not laid out as a manifest'),
    (lambda m: m.update(resize='lanczos'), "resize rule 'lanczos'.*auto, area, nearest"),
    (lambda m: m['classes'].pop(3), r'class ids \[0, 1, 2, 4'),
    (lambda m: m['files']['keras'].update(name='../model.keras'), r"'\.\./model\.keras'.*own")])
def test_a_manifest_that_does_not_fit_is_refused(bundle, change, message):
    edit(bundle, change)
    with pytest.raises(BundleError, match=message):
        open_bundle(bundle)


def test_a_manifest_that_is_no_json_is_refused(bundle):
    (bundle / 'manifest.json').write_text('model: yes')
    with pytest.raises(BundleError, match='not a bundle manifest'):
        open_bundle(bundle)


@pytest.mark.parametrize('height', [97, 112])
def test_an_input_size_that_is_not_the_networks_is_refused(bundle, height):
    edit(bundle, lambda m: m['input'].update(height=height))
    with pytest.raises(BundleError, match=r'model.xml (is not a network of input 97|gives logits)'
                       if height == 97 else 'model.xml'):
        Segmenter(open_bundle(bundle), precision='f32')


def test_a_wrong_class_count_is_refused_with_both_values(bundle):
    edit(bundle, lambda m: m['classes'].pop())
    with pytest.raises(BundleError, match=r'\[1, 128, 192, 23\].*\[1, 128, 192, 22\]'):
        Segmenter(open_bundle(bundle), precision='f32')
