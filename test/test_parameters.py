"""The node's parameters: changed, refused, a model swapped under load."""
import json
import shutil
import time

from conftest import ROOT
import cv2
from graph import header, pixels, running_client
import numpy as np
import pytest
from rcl_interfaces.srv import SetParameters
import rclpy
from unet_perception import parameters
from unet_perception.images import to_message
from unet_perception.labels import COLORS, NAMES
from unet_perception.model import open_bundle
from unet_perception.parameters import Parameters
from unet_perception.segmenter import Segmenter
import yaml


@pytest.mark.parametrize('values, message', [
    ({'precision': 'int3'}, "precision is 'int3', but must be one of auto, f32"),
    ({'outputs': ['mask', 'depth']}, "outputs is 'depth', but must be one of mask"),
    ({'outputs': []}, 'outputs is [], but must name at least one'),
    ({'cameras': ['a', 'a']}, 'and each once'),
    ({'groups.' + 'x' * 65: ['Road']}, 'cannot name a topic'),
    ({'groups.mask': ['Road']}, 'groups.mask cannot name a topic'),
    ({'groups.a b': ['Road']}, 'groups.a b cannot name a topic'),
    ({'groups.road': 'Road'}, "groups.road is 'Road', but must be a list of class names"),
    ({'overlay_opacitty': 0.1}, "no parameter 'overlay_opacitty'; did you mean overlay_opacity?"),
    ({'confidence_threshold': float('nan')}, 'confidence_threshold is nan, but must be a number'),
    ({'grups.road': ['Road']}, 'no parameter')])
def test_what_does_not_fit_is_named(values, message):
    with pytest.raises(ValueError) as error:
        Parameters().changed(values)
    assert message in str(error.value)


def test_groups_come_and_go():
    new = Parameters().changed({'groups.road': ['Road'], 'groups.drivable': None})
    assert dict(new.groups) == {'vulnerable': ('Pedestrian',), 'vehicles': ('Vehicles',),
                                'road': ('Road',)}


def test_the_parameter_file_shows_every_parameter_with_its_default():
    given = yaml.safe_load((ROOT / 'config' / 'segmentation.yaml').read_text())
    given = given['/**/segmentation']['ros__parameters']
    groups = {f'groups.{name}': classes for name, classes in given.pop('groups').items()}
    defaults = {name: getattr(Parameters(), name) for name in parameters.NAMES}
    # Those three are arguments of the launch file, which win over it.
    assert set(given) == set(defaults) - {'cameras', 'model', 'autostart'}
    assert Parameters().changed({**given, **groups}) == Parameters()


@pytest.fixture(scope='module')
def node(tmp_path_factory):
    """Return the Client of a running node, and its log."""
    log = tmp_path_factory.mktemp('node') / 'log'
    with running_client(log, '-p', 'precision:=f32', '-p', 'overlay_legend:=false', '-p',
                        'overlay_opacitty:=0.1', '-p', 'groups.road:=[Road, RoadLine, SideWalk]',
                        outputs=('mask', 'confidence', 'overlay', 'road'), namespace='/swap') as (
                            _, client):
        client.log = log
        yield client


@pytest.fixture(scope='module')
def frame(recorded):
    return recorded[40][1]


@pytest.fixture(scope='module')
def expected(frame):
    return Segmenter(open_bundle('carla-fast'), precision='f32')(frame)


def segment(node, frame, name='mask'):
    return pixels(node.segment(to_message(frame, 'rgb8', header(1)), name))


def refused(node, name, value):
    result = node.set(name, value)
    assert not result.successful
    return result.reason


def test_below_the_confidence_threshold_the_mask_says_nothing(node, frame, expected):
    assert node.set('confidence_threshold', 0.8).successful
    mask = segment(node, frame)
    unsure = expected.confidence < 0.8 * 255
    assert 0.001 < unsure.mean() < 0.5
    np.testing.assert_array_equal(mask, np.where(unsure, 255, expected.labels))
    assert node.set('confidence_threshold', 0.0).successful
    np.testing.assert_array_equal(segment(node, frame), expected.labels)
    assert 'range' in refused(node, 'confidence_threshold', 1.5)


def test_class_groups_are_masks_for_planners(node, frame, expected):
    ids = [NAMES.index(name) for name in ('Road', 'RoadLine', 'SideWalk')]
    np.testing.assert_array_equal(segment(node, frame, 'road'),
                                  255 * np.isin(expected.labels, ids))
    assert not node.count_publishers('/swap/segmentation/drivable')  # those given stand alone
    assert node.set('groups.green', ['Vegetation']).successful
    node.listen('green')
    node.connected(['green'])
    np.testing.assert_array_equal(segment(node, frame, 'green'),
                                  255 * (expected.labels == NAMES.index('Vegetation')))
    assert node.set('groups.green', None).successful  # as `ros2 param delete` does
    node.wait(lambda: not node.count_publishers('/swap/segmentation/green'))
    assert 'groups.green has Trees, but model carla-fast knows' in refused(
        node, 'groups.green', ['Trees'])


def test_a_group_whose_topic_is_too_long_is_refused_and_others_are_not(tmp_path):
    namespace = '/' + '/'.join(letter * 60 for letter in 'abc')
    with running_client(tmp_path / 'log', namespace=namespace) as (_, client):
        assert 'cannot be a topic' in refused(client, f'groups.{"g" * 64}', ['Road'])
        assert client.set('groups.late', ['Road']).successful
        client.wait(lambda: client.count_publishers(f'{namespace}/segmentation/late'))


def test_outputs_come_and_go(node, frame):
    assert node.set('outputs', ['mask', 'overlay', 'color']).successful
    node.connected(['color'])
    segment(node, frame)
    assert not node.count_publishers('/swap/segmentation/confidence')
    assert node.set('outputs', ['mask', 'overlay', 'confidence']).successful
    node.connected(['confidence'])
    segment(node, frame, 'confidence')


def test_the_overlay_shows_the_image_the_colours_or_both(node, frame):
    assert node.set('overlay_opacity', 0.0).successful
    np.testing.assert_array_equal(segment(node, frame, 'overlay'), frame)
    assert node.set('overlay_legend', True).successful
    large = cv2.resize(frame, (400, 200))  # in small pictures it would hide too much
    assert (segment(node, large, 'overlay') != large).any()
    assert (segment(node, frame, 'overlay') == frame).all()
    assert node.set('overlay_legend', False).successful
    assert 'range' in refused(node, 'overlay_opacity', 1.5)
    assert node.set('overlay_opacity', 0.5).successful


def test_what_cannot_change_is_refused_with_a_reason(node):
    assert 'cameras cannot change while the node is active; clean it up' in refused(
        node, 'cameras', ['left'])
    assert 'image_depth cannot change' in refused(node, 'image_depth', 7)
    assert 'did you mean precision?' in refused(node, 'precission', 'f32')
    assert 'type' in refused(node, 'threads', 'many')
    assert "there is no parameter 'overlay_opacitty'; did you mean" in node.log.read_text()


def renamed(folder, **changes):
    """Return a copy of the shipped bundle with another name and other colours."""
    shutil.copytree(open_bundle('carla-fast').path, folder)
    manifest = json.loads((folder / 'manifest.json').read_text())
    manifest['name'] = 'other'
    for entry in manifest['classes']:
        entry['color'] = [255 - v for v in entry['color']]
    manifest.update(changes)
    (folder / 'manifest.json').write_text(json.dumps(manifest))
    return folder


def test_the_model_is_swapped_under_load_without_a_frame_lost(node, frame, expected,
                                                              tmp_path_factory):
    """
    At 10 Hz: every frame comes back, first all by the old model, then all by the new one.

    A machine that is busy otherwise may make it drop some, which it then counts.
    """
    other = renamed(tmp_path_factory.mktemp('bundles') / 'other')  # stays, for later tests
    color = node.listen('color')
    node.set('outputs', ['mask', 'color', 'overlay', 'confidence'])
    node.connected(['color'])
    before = node.counts()
    begin = time.perf_counter()
    for number in range(40):
        time.sleep(max(0, begin + number / 10 - time.perf_counter()))
        if number == 10:
            future = set_async(node, 'model', str(other))
        node.camera.publish(to_message(frame, 'rgb8', header(number)))
    node.wait(future.done, what='the answer')
    assert future.result().results[0].successful
    after = node.counts()
    new = {name: after[name] - before[name] for name in after}
    assert new['received'] == 40 == new['processed'] + new['dropped'], new
    assert new['dropped'] <= 4, new
    node.wait(lambda: len(color) == new['processed'], what='all frames')
    stamps = [m.header for m in color]
    assert stamps == [header(i) for i in range(40) if header(i) in stamps]
    old, other = np.array(COLORS, np.uint8), 255 - np.array(COLORS, np.uint8)
    by_old = [np.array_equal(pixels(m), old[expected.labels]) for m in color]
    by_other = [np.array_equal(pixels(m), other[expected.labels]) for m in color]
    switch = by_old.index(False)
    assert switch > 5 and all(by_old[:switch]) and all(by_other[switch:])
    assert node.network['model'] == 'other'


def set_async(node, name, value):
    service = node.create_client(SetParameters, 'segmentation/set_parameters')
    assert service.wait_for_service(10)
    return service.call_async(SetParameters.Request(
        parameters=[rclpy.Parameter(name, value=value).to_parameter_msg()]))


def test_a_model_and_more_in_one_request_all_hold(node, frame, tmp_path_factory):
    """As `ros2 param load` sends them: one after the other, before the worker sees the first."""
    other = renamed(tmp_path_factory.mktemp('bundles') / 'third', name='third')
    values = [rclpy.Parameter('model', value=str(other)),
              rclpy.Parameter('overlay_opacity', value=0.25)]
    results = node.call(SetParameters, 'set_parameters', SetParameters.Request(
        parameters=[value.to_parameter_msg() for value in values])).results
    assert all(result.successful for result in results)
    node.wait(lambda: node.network.get('model') == 'third')
    assert 'autostart holds at the start alone' in refused(node, 'autostart', False)


@pytest.mark.parametrize('changes, message', [
    ({'classes': [{'id': 0, 'name': 7, 'color': [1, 2, 3]}]}, 'is no text'),
    ({'format': 99}, 'has format version 99'),
    ({'classes': [{'id': 0, 'name': 'All', 'color': [1, 2, 3]}]}, 'gives logits of shape'),
    ({'input': {'height': 70, 'width': 70, 'color': 'rgb', 'range': [0, 255]}}, '70')])
def test_a_bad_model_leaves_the_old_one_running(node, frame, tmp_path, changes, message):
    node.counts()
    running = dict(node.network)
    assert message in refused(node, 'model', str(renamed(tmp_path / 'bad', **changes)))
    segment(node, frame)
    node.counts()
    assert node.network == running


def test_no_model_at_all_leaves_the_old_one_running(node, frame):
    assert 'no model bundle at /no/such' in refused(node, 'model', '/no/such')
    segment(node, frame)


def test_precision_and_upscale_change_as_the_model_does(node, frame):
    assert node.set('upscale', 'smooth').successful
    smooth = Segmenter(open_bundle('carla-fast'), precision='f32', upscale='smooth')(frame)
    np.testing.assert_array_equal(segment(node, frame), smooth.labels)
    assert "precision is 'int3'" in refused(node, 'precision', 'int3')
    assert node.set('upscale', 'nearest').successful
