"""The stand-in for a CARLA server: its street, its pictures, its faults, and the wheel's view."""
import os
import signal
import subprocess
import sys

import carla
from conftest import ROOT
import numpy as np
import pytest
from standin import faults, scene, street
from standin.render import Light, render
from standin.server import StandIn
from train.streets.camera import rotation, View


def test_the_street_closes_and_carla_reads_it_as_two_lanes():
    start, end = (np.array(street.place(s, 0)) for s in (0, street.LENGTH - 1e-6))
    np.testing.assert_allclose(start[:2], end[:2], atol=1e-3)
    road = carla.Map('Town01', street.opendrive('Town01'))
    for location, (_, yaw, _) in street.spawn_points():
        waypoint = road.get_waypoint(carla.Location(*location))
        assert waypoint.transform.location.distance(carla.Location(*location)) < 0.35
        assert np.cos(np.radians(waypoint.transform.rotation.yaw - yaw)) > 0.999
    assert len(road.get_topology()) == 4  # two lanes in two halves, each going on in the other


def test_rotations_are_carlas():
    for angles in ((0, 0, 0), (10, 40, 0), (-30, 200, 25), (5, -90, -60)):
        matrix = carla.Transform(carla.Location(), carla.Rotation(*angles)).get_matrix()
        np.testing.assert_allclose(rotation(*angles), np.array(matrix)[:3, :3], atol=1e-6)


def look(boxes, light=Light(), width=160, height=120, pitch=0.0, at=(-40, 56.75, 2.0)):
    view = View(width, height, 90.0, np.array(at), rotation(pitch, 0, 0))
    return render(view, scene.ground('Town01'), boxes, light)


def test_a_box_is_where_a_pinhole_camera_sees_it():
    """4 m wide and 3 m high, 20 m in front of a camera that is 2 m high: f is 80 pixels."""
    box = scene.boxes([(-19, 56.75, 0, 0, 2, 4, 3, scene.BUS, False)], np.random.default_rng(0))
    rows, columns = np.nonzero(look(box)[1] == scene.BUS)
    assert abs(columns.min() - (80 - 80 * 2 / 20)) <= 1
    assert abs(columns.max() - (80 + 80 * 2 / 20)) <= 1
    assert abs(rows.min() - (60 - 80 * 1 / 20)) <= 1
    assert abs(rows.max() - (60 + 80 * 2 / 20)) <= 1


def test_the_ground_is_where_a_pinhole_camera_sees_it():
    nothing = scene.boxes([], np.random.default_rng(0))
    _, tags = look(nothing)
    assert (tags[:60] == scene.SKY).all() and not (tags[60:] == scene.SKY).any()
    ground = scene.ground('Town01')
    for u, v in ((80, 100), (20, 90), (150, 75), (80, 119), (40, 110)):
        depth = 2.0 * 80 / (v + 0.5 - 60)
        x, y = -40 + depth, 56.75 + depth * (u + 0.5 - 80) / 80
        column, row = np.round((np.array([x, y]) - ground.origin) / scene.CELL).astype(int)
        assert tags[v, u] in ground.tags[row - 1:row + 2, column - 1:column + 2]


def test_pictures_and_tags_are_of_the_same_parts():
    """A class's pixels have its colours, but for shade and noise; so one is not shifted."""
    rgb, tags = look(scene.furniture('Town01'))
    assert len(np.unique(tags)) >= 10
    for tag, color in ((scene.ROAD, 90), (scene.ROAD_LINE, 213)):
        seen = rgb[tags == tag].mean(1)
        assert len(seen) > 50 and np.abs(seen - color).max() < 25
    night, _ = look(scene.furniture('Town01'), Light(altitude=-30))
    fog, again = look(scene.furniture('Town01'), Light(fog=100))
    assert night.mean() < rgb.mean() / 3 and fog[40:80].std() < rgb[40:80].std() / 1.2
    np.testing.assert_array_equal(tags, again)


def test_towns_differ_and_stay_the_same():
    first, second = (scene.furniture(town).center for town in ('Town01', 'Town02'))
    assert first.shape != second.shape or not np.allclose(first, second)
    np.testing.assert_array_equal(scene.furniture.__wrapped__('Town01').center, first)


def test_a_camera_close_to_a_wall_sees_it():
    """Its corners are behind the camera: they must be cut off, not turned over."""
    wall = scene.boxes([(-39, 59.75, 0, 0, 40, 4, 3, scene.WALL, False)], np.random.default_rng(0))
    _, tags = look(wall)
    assert (tags[30:100, 140:] == scene.WALL).all() and not (tags[:, :70] == scene.WALL).any()


@pytest.mark.parametrize('text, why', [
    ('drop:rgb', 'not WHAT:WHERE:WHEN'), ('drop:rgb:x', 'invalid literal'),
    ('drop:tick_cue:1', 'tick_cue cannot drop'), ('hang:rgb:1', 'rgb cannot hang')])
def test_rules_that_make_no_sense_are_refused(text, why):
    with pytest.raises(ValueError, match=why):
        faults.parse(text)


def test_rules_hold_for_the_calls_they_name():
    rules = faults.Faults(['error:a:2-3', 'hang:b:2-', 'close:a:5'])
    assert [bool(rules.now('a')) for _ in range(6)] == [False, True, True, False, True, False]
    assert [bool(rules.now('b')) for _ in range(4)] == [False, True, True, True]


CLIENT = """
import sys, carla
client = carla.Client('127.0.0.1', int(sys.argv[1]))
client.set_timeout(5.0)
world = client.get_world()
first = world.wait_for_tick(2.0).frame  # asynchronous: it goes on by itself
assert world.wait_for_tick(2.0).frame > first
world = client.load_world('Town02')
settings = world.get_settings()
settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
world.apply_settings(settings)
manager = client.get_trafficmanager(int(sys.argv[2]))
manager.set_synchronous_mode(True)
car, = world.get_blueprint_library().filter('vehicle.audi.tt')
town = world.get_map()
places = [town.get_waypoint(carla.Location(x, y)).transform for x, y in %s]
for place in places:
    place.location.z = 0.3
cars = [world.spawn_actor(car, place) for place in places]
assert world.try_spawn_actor(car, places[0]) is None  # something is in the way
world.tick()  # the manager forgets what is not in the newest frame
for vehicle in cars:
    vehicle.set_autopilot(True, int(sys.argv[2]))
before = world.get_snapshot().timestamp.elapsed_seconds
frames = [world.tick() for _ in range(200)]
snapshot = world.get_snapshot()
assert frames == list(range(frames[0], frames[0] + 200)) and snapshot.frame == frames[-1]
assert abs(snapshot.timestamp.elapsed_seconds - before - 10) < 0.01
for vehicle in cars:
    there = snapshot.find(vehicle.id)
    place = there.get_transform().location
    print(there.get_velocity().length(), place.x, place.y)
manager.shut_down()
"""


def free_port():
    with StandIn() as unused:
        return unused.port


def test_the_wheel_loads_a_town_and_drives_over_its_seams(tmp_path):
    """Both ways over both places where the halves meet, and on along the lanes' middles."""
    starts = [(s, t) for s in (0, street.LENGTH / 2) for t in (1.75, -1.75)]
    places = [tuple(map(float, street.place(s - 20 * np.sign(t), t)[:2])) for s, t in starts]
    with StandIn() as server:
        done = subprocess.run(
            [sys.executable, '-c', CLIENT % places, str(server.port), str(free_port())],
            env={**os.environ, 'HOME': str(tmp_path)}, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert server.world.town == 'Town02' and not server.world.traffic_managers
    ends = np.array([line.split() for line in done.stdout.splitlines()], float)
    assert (np.abs(ends[:, 0] - 8.3) < 0.5).all()
    for (s, t), (_, *end) in zip(starts, ends):
        along = s + np.sign(t) * np.arange(20, 70, 0.1)
        away = np.hypot(*np.subtract(np.stack(street.place(along, t)[:2], -1), end).T)
        assert away.min() < 0.5


def test_it_runs_by_itself():
    process = subprocess.Popen([sys.executable, '-m', 'standin', '--port', '0'], text=True,
                               cwd=ROOT / 'test', stdout=subprocess.PIPE)
    assert process.stdout.readline().startswith('a stand-in for CARLA 0.9.16 on port ')
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
