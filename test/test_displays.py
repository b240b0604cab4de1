"""What CARLA, rviz2 and Foxglove are told fits together and fits the node."""
import json
import re

from conftest import CAMERA, ROOT, SEMANTIC
from unet_perception.outputs import IMAGES
import yaml

RVIZ = ROOT / 'rviz' / 'segmentation.rviz'
FOXGLOVE = ROOT / 'config' / 'foxglove.json'
OURS = {f'segmentation/{name}' for name in (*IMAGES, 'camera_info', 'diagnostics')}


def test_the_vehicle_has_a_camera_and_the_truth_for_each_of_its_pixels():
    objects = json.loads((ROOT / 'config' / 'ego_vehicle.json').read_text())['objects']
    vehicle, = [thing for thing in objects if thing['type'].startswith('vehicle.')]
    assert vehicle['id'] == CAMERA.split('/')[2]  # the bridge names topics by ids
    sensors = {sensor['id']: sensor for sensor in vehicle['sensors']}
    assert len(sensors) == len(vehicle['sensors'])
    camera, truth = (sensors[name.rpartition('/')[2]] for name in (CAMERA, SEMANTIC))
    assert camera['type'] == 'sensor.camera.rgb'
    assert truth['type'] == 'sensor.camera.semantic_segmentation'
    for key in ('spawn_point', 'image_size_x', 'image_size_y', 'fov', 'lens_k', 'lens_kcube'):
        assert camera[key] == truth[key], key
    assert (camera['image_size_x'], camera['image_size_y'], camera['fov']) == (800, 600, 90)


def test_rviz_shows_the_topics_of_whatever_camera_it_is_started_for():
    config = yaml.safe_load(RVIZ.read_text())
    displays = config['Visualization Manager']['Displays']
    topics = {display['Name']: display['Topic']['Value'] for display in displays}
    assert topics == {'Camera': 'image', 'Overlay': 'segmentation/overlay',
                      'Colours': 'segmentation/color', 'Diagnostics': 'segmentation/diagnostics'}
    assert set(topics.values()) <= OURS | {'image'}
    # Where Qt is to dock the panel of each display: it knows them by their names.
    state = bytes.fromhex(config['Window Geometry']['QMainWindow State'])
    for name in (*topics, *(panel['Name'] for panel in config['Panels'])):
        assert name.encode('utf-16-be') in state


def test_foxglove_shows_topics_that_there_are():
    layout = json.loads(FOXGLOVE.read_text())
    panels = layout['configById']
    shown = set(re.findall('"(?:first|second)": "([^"]+)"', FOXGLOVE.read_text()))
    assert shown == set(panels)
    topics = {panel['imageMode'][key] for panel in panels.values() if 'imageMode' in panel
              for key in ('imageTopic', 'calibrationTopic')}
    assert topics <= {f'{CAMERA}/{name}' for name in OURS | {'image', 'camera_info'}}
    paths = [path['value'] for panel in panels.values() for path in panel.get('paths', ())]
    for path in paths:
        assert re.fullmatch(rf'{CAMERA}/segmentation/accuracy/(miou|timely_miou)\.data|'
                            rf'/diagnostics\.status\[:\]{{hardware_id=="{CAMERA}"}}'
                            r'\.values\[:\]{key=="latency [^"]+"}\.value', path), path
