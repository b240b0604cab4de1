"""A frame from (seed, drive, frame) alone: picture and labels."""
import cv2
import numpy as np
from train.streets import lamps, layout, lens, painting, shading, weather
from train.streets.atlas import atlas
from train.streets.camera import rotation, View
from train.streets.furniture import Furniture
from train.streets.greens import Greens
from train.streets.houses import Houses
from train.streets.overhead import Overhead
from train.streets.pavement import Pavement
from train.streets.scene import Scene
from train.streets.vehicles import person, two_wheeler, vehicle

FINER = 2  # the scene is painted with so many times the picture's pixels a side


def render(seed, drive, frame, size, camera=None):
    """
    Return uint8 RGB (height, width, 3), uint8 labels (height, width) and a dict of what was drawn.

    size: width, height. camera: fov (degrees), pitch and height (m) by name; drawn if None.
    """
    rng = np.random.default_rng([seed, drive, frame])
    tiles, street, air = atlas(seed, drive), layout.draw(rng), weather.draw(rng)
    camera = camera or draw_camera(rng)
    view = _view(rng, street, camera, size)
    scene = scenery(rng, street, tiles, view.position, air.night)
    if rng.random() < 0.45:
        start = rng.uniform(15, 70)
        scene.incline(start, rng.uniform(max(-0.06, -0.6 * camera['height'] / start), 0.09))
    picture, labels = develop(rng, view, scene, air, tiles)
    return picture, labels, {'theme': str(street.theme), 'weather': air.name,
                             **{name: round(value, 2) for name, value in camera.items()}}


def draw_camera(rng):
    """Return a random camera: fov and pitch in degrees, height in m."""
    return {'fov': float(rng.choice([90.0, rng.uniform(60, 110)])),
            'pitch': float(rng.choice([0.0, rng.uniform(-15, 5)])),
            'height': float(rng.uniform(1.2, 2.8))}


def _view(rng, street, camera, size):
    """Return a View from a lane, mostly ahead."""
    lane = street.lanes[1] - 1 if rng.random() < 0.5 else rng.integers(0, street.lanes[1])
    first = street.median / 2 + street.lane * (lane + 0.5)
    t = first + rng.normal(0, 0.35)
    yaw = rng.normal(0, 4) if rng.random() < 0.72 else rng.uniform(-55, 55)
    return View(*size, camera['fov'], np.array([0.0, t, camera['height']]),
                rotation(camera['pitch'], yaw, rng.normal(0, 0.6)))


def scenery(rng, street, tiles, camera, night):
    """Return the Scene of a street; camera: (3,), where it is seen from."""
    scene = Scene()
    Pavement(scene, street, tiles, rng).lay()
    houses = Houses(scene, street, tiles, rng)
    houses.build()
    houses.clutter()
    Greens(scene, street, tiles, rng, camera).grow()
    Furniture(scene, street, tiles, rng).furnish(night)
    Overhead(scene, street, tiles, rng).build()
    _traffic(scene, street, tiles, rng, camera, night)
    return scene


def _traffic(scene, street, tiles, rng, camera, night):
    left, right = street.edges
    glow = 1.0 if night else 0.0
    if night and rng.random() < 0.6:  # the camera's own headlights
        for ahead, reach in ((5.0, 4.0), (12.0, 7.0)):
            color = np.array((1.1, 1.05, 0.9)) * rng.uniform(0.6, 2)
            scene.lamps.append(((ahead, camera[1], 0.5), color, reach))
    busy = rng.choice([0.1, 0.4, 0.8])
    free = 7.0  # m ahead of the camera
    if rng.random() < 0.2:  # right before the camera, as at a traffic light
        if rng.random() < 0.8:
            vehicle(scene, tiles, rng, rng.uniform(2, 6), camera[1] + rng.normal(0, 0.3),
                    rng.normal(0, 0.04), glow=glow, behind=True)
        else:
            two_wheeler(scene, tiles, rng, rng.uniform(3, 7), camera[1], camera, False)
        free = 16.0
    lanes = [(-1, n) for n in range(street.lanes[0])] + [(1, n) for n in range(street.lanes[1])]
    for side, n in lanes:
        t = side * (street.median / 2 + (n + 0.5) * street.lane)
        s = rng.uniform(-4, 25)
        while s < 120:
            s += rng.exponential(14 / busy) + 7
            if abs(t - camera[1]) < 2.2 and s < free:
                continue
            x, y, yaw = street.place(s, t + rng.normal(0, 0.2))
            turned = yaw + (np.pi if side < 0 else 0) + rng.normal(0, 0.03)
            if rng.random() < 0.12:
                two_wheeler(scene, tiles, rng, x, y, camera, False)
            else:
                vehicle(scene, tiles, rng, x, y, turned, glow=glow)
    if street.parking:
        for side, edge in ((-1, left), (1, right)):
            for s in np.arange(3 + rng.uniform(0, 5), 90, 6.3):
                if rng.random() < busy and street.clear(s, 6):
                    x, y, yaw = street.place(s, edge - side * street.parking / 2)
                    vehicle(scene, tiles, rng, x, y, yaw + np.pi * (rng.random() < 0.3))
    if street.crossing is not None:
        for _ in range(rng.integers(0, 4)):
            way = rng.choice([-1, 1])
            x, y, yaw = street.place(street.crossing + way * street.half / 2, rng.uniform(-35, 35))
            if rng.random() < 0.2:
                two_wheeler(scene, tiles, rng, x, y, camera, True)
            else:
                vehicle(scene, tiles, rng, x, y, yaw + way * np.pi / 2, glow=glow)
    if street.theme in ('suburb', 'city', 'rural', 'highway') and rng.random() < 0.3:
        _lot(scene, street, tiles, rng)
    _people(scene, street, tiles, rng, camera)


def _lot(scene, street, tiles, rng):
    """Park cars beside each other, off the street."""
    side = int(rng.integers(2))
    sign = 2 * side - 1
    inner = street.edges[side] + sign * (street.walk + street.verge)
    room = abs(street.front[side] - inner)
    if room > 6:
        t, start = inner + sign * rng.uniform(3, room - 3), rng.uniform(4, 40)
        for s in np.arange(start, start + rng.uniform(6, 45), 2.9):
            if street.clear(s, 3) and rng.random() < 0.7:
                x, y, yaw = street.place(s, t)
                vehicle(scene, tiles, rng, x, y, yaw + rng.choice([-1, 1]) * np.pi / 2)


def _people(scene, street, tiles, rng, camera):
    for side, edge in zip((-1, 1), street.edges):
        count = rng.poisson(rng.choice([1, 5, 13])) if street.walk else rng.poisson(0.5)
        for _ in range(count):
            s = rng.random() ** 2 * 60 + 2.5
            x, y, _ = street.place(s, edge + side * rng.uniform(0.3, max(street.walk, 1.5)))
            raised = 0.1 if street.walk and street.clear(s) else 0.0
            person(scene, tiles, rng, x, y, raised, camera)
    if rng.random() < (0.35 if street.walk else 0.08):
        s = street.crossing - street.half - 3 if street.crossing else rng.uniform(6, 40)
        for _ in range(rng.integers(1, 5)):
            if s > 4:
                x, y, _ = street.place(s + rng.normal(0, 1), rng.uniform(*street.edges))
                person(scene, tiles, rng, x, y, 0, camera)


def develop(rng, view, scene, air, tiles):
    """Return the uint8 picture and labels of a Scene under a Weather."""
    fine = view.finer(FINER)
    faces = scene.faces()
    table = painting.parts(fine, scene, faces)
    shown, nearness = painting.paint(fine, scene, faces, table, tiles.cover, tiles.cut)
    sky = weather.sky(view, air, tiles.clouds, rng)
    light = shading.shade(fine, scene, faces, table, shown, nearness, air, tiles, sky)
    size = view.width, view.height
    near = cv2.resize(nearness, size, interpolation=cv2.INTER_AREA)
    tags = table.tag.astype(np.uint8)[shown]
    labels = _majority(tags)
    ground = (shown < table.ground) & (shown > painting.SKY)
    ground = cv2.resize(ground.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    light = lamps.lit(view, light, near, ground, scene, air, rng)
    return lens.expose(light, air, rng), labels


def _majority(tags):
    """Return what most of each 2 by 2 pixels show; the upper left of two pairs."""
    a, b, c, d = tags[::2, ::2], tags[::2, 1::2], tags[1::2, ::2], tags[1::2, 1::2]
    first = (a == b) | (a == c) | (a == d)
    return np.where(first, a, np.where((b == c) | (b == d), b, np.where(c == d, c, a)))
