"""Put vehicles and people into a scene."""
import numpy as np
from train.streets.cars import FOOT, KINDS
from train.streets.layout import PEDESTRIAN, VEHICLE
from train.streets.scene import WHOLE

_SHARES = {'sedan': .27, 'hatch': .17, 'suv': .2, 'coupe': .09, 'pickup': .06, 'van': .09,
           'truck': .07, 'bus': .05}
_PAINTS = np.array([(.97, .97, .97), (.97, .97, .97), (.72, .74, .76), (.6, .62, .64),
                    (.33, .34, .36), (.09, .09, .1), (.62, .08, .07), (.1, .2, .5), (.3, .45, .6),
                    (.2, .36, .24), (.8, .66, .12), (.75, .68, .55), (.85, .4, .1), (.4, .1, .15)])


def vehicle(scene, atlas, rng, x, y, yaw, kind=None, glow=0.0, behind=False):
    """
    Add a vehicle: its middle (of its back, if behind), direction (radians), kind (by shares).

    glow: of its lights.
    """
    name = kind or rng.choice(list(_SHARES), p=list(_SHARES.values()))
    kind = KINDS[name]
    length, width, height = np.array(kind[:3]) * rng.uniform(0.93, 1.08, 3)
    x, y = np.array([x, y]) + behind * length / 2 * np.array([np.cos(yaw), np.sin(yaw)])
    paint = _PAINTS[rng.integers(len(_PAINTS))] * rng.uniform(0.95, 1.3)
    turn = np.array([[np.cos(yaw), np.sin(yaw), 0], [-np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
    outline = np.array([(0, FOOT), *kind.outline[1:-1], (1, FOOT)])
    glass = set(kind.glass)
    half = width / 2 * (1 - 0.2 * np.clip((outline[:, 1] - kind.belt) / (1.001 - kind.belt), 0, 1)
                        * (kind.belt < 1))

    def put(corners, tile, color, fit=WHOLE, light=0.0):
        corners = (np.array(corners) - (length / 2, 0, 0)) @ turn + (x, y, 0)
        scene.quads(corners, VEHICLE, tile, color, fit=fit, glow=light, round_=0.35)

    points, polish = outline * (length, height), atlas.pick(rng, 'sheen')
    last = len(points) - 2
    for i in range(last + 1):
        (a, za), (b, zb) = points[i], points[i + 1]
        ha, hb = half[i], half[i + 1]
        what = (atlas.names[f'{name} back'][0] if i == 0 else atlas.names[f'{name} front'][0]
                if i == last else atlas.pick(rng, 'windscreen') if i in glass
                else polish)
        rising = [(a, -ha, za), (a, ha, za), (b, hb, zb), (b, -hb, zb)]
        falling = [(b, hb, zb), (b, -hb, zb), (a, -ha, za), (a, ha, za)]
        color = paint * 1.12 if what == polish else paint
        put(rising if zb >= za else falling, what, color, light=glow * (i in (0, last)))
    tile, belt = atlas.names[f'{name} side'][0], min(kind.belt, 1.0)
    left, top, right, bottom = WHOLE
    for sign in (-1, 1):
        wide, roof = sign * width / 2, sign * half.min()
        ends = (length, 0) if sign < 0 else (0, length)
        u = (right, left) if sign < 0 else (left, right)
        low = [(e, wide, z) for e, z in zip((*ends, *ends[::-1]), (0, 0, belt, belt))]
        put([(e, w, z * height) for e, w, z in low], tile, paint, (u[0], 1 - belt or top, u[1],
                                                                   bottom))
        if belt < 1:
            put([(ends[0], wide, belt * height), (ends[1], wide, belt * height),
                 (ends[1], roof, height), (ends[0], roof, height)], tile, paint,
                (u[0], top, u[1], 1 - belt))
    foot = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (length / 2, width / 2)
    scene.blots.append(foot @ turn[:2, :2] + (x, y))
    under = np.array([(0, -1, .0), (0, 1, 0), (1, 1, 0), (1, -1, 0)]) * (length, width * .48, 0)
    put(under + (0, 0, FOOT * height * 0.9), atlas.names['cloth'][0], (0.1, 0.1, 0.1))
    if glow and rng.random() < 0.8:
        ahead = np.array([length * 0.5 + 4, 0, 0.3]) @ turn + (x, y, 0)
        scene.lamps.append((ahead, (1.3, 1.2, 1.0), 4.0))


def two_wheeler(scene, atlas, rng, x, y, camera, across, motor=None):
    """Add a two-wheeler with its rider; across: whether it is seen from the side."""
    motor = rng.random() < 0.5 if motor is None else motor
    mirror = rng.random() < 0.5
    tint = np.exp(rng.normal(0, 0.2, 3))
    high = rng.uniform(1.65, 1.85)
    size = (high * 1.05, high) if across else (high * 0.5, high)
    machine = ('motorbike' if motor else 'bicycle') if across else 'bike_behind'
    person = 'rider' if across else 'rider_behind'
    scene.boards((x, y, 0), size, VEHICLE, atlas.pick(rng, machine), camera, tint, 0.7, mirror)
    if rng.random() < 0.85:
        nearer = np.array([x, y, 0.0]) * 0.998 + np.append(camera[:2], 0) * 0.002
        scene.boards(nearer, size, PEDESTRIAN, atlas.pick(rng, person), camera, tint[::-1], 0.7,
                     mirror)
    scene.blots.append(np.array([(-.5, -.2), (.5, -.2), (.5, .2), (-.5, .2)]) + (x, y))


def person(scene, atlas, rng, x, y, z, camera):
    """Add somebody on foot."""
    high = rng.uniform(1.55, 1.92) if rng.random() < 0.9 else rng.uniform(1.0, 1.4)
    scene.boards((x, y, z), (high * rng.uniform(0.36, 0.52), high), PEDESTRIAN,
                 atlas.pick(rng, 'person'), camera, np.exp(rng.normal(0, 0.15, 3)), 0.7,
                 rng.random() < 0.5)
    scene.blots.append(np.array([(-.2, -.2), (.2, -.2), (.2, .2), (-.2, .2)]) + (x, y))
