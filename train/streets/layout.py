"""
A street: its course, the zones beside its lanes, and what lies on its ground.

A place on it is (s, t): metres along its middle from the camera, and metres to the right of it.
"""
from typing import NamedTuple

import numpy as np
from unet_perception.labels import NAMES

(BUILDING, FENCE, OTHER, PEDESTRIAN, POLE, LINE, ROAD, SIDEWALK, VEGETATION, VEHICLE, WALL, SIGN,
 SKY, GROUND, BRIDGE, RAILS, GUARD, LIGHT, STATIC, DYNAMIC, WATER, TERRAIN) = map(NAMES.index, (
     'Building', 'Fence', 'Other', 'Pedestrian', 'Pole', 'RoadLine', 'Road', 'SideWalk',
     'Vegetation', 'Vehicles', 'Wall', 'TrafficSign', 'Sky', 'Ground', 'Bridge', 'RailTrack',
     'GuardRail', 'TrafficLight', 'Static', 'Dynamic', 'Water', 'Terrain'))
START, END = -12.0, 170.0  # of what is drawn, m along the street
CURB = 0.14  # m
THEMES = {'downtown': 0.27, 'city': 0.2, 'suburb': 0.18, 'highway': 0.11, 'rural': 0.16,
          'forest': 0.08}


class Street(NamedTuple):
    """
    What a street is like; widths in m.

    curve: 1/m. lanes: to the left and right. lane: a lane's width. median: between directions.
    parking: strips for parked cars. walk: of sidewalks, 0 for none. verge: between road and
    sidewalk, or beside the road. front: from the middle to the houses' fronts, left and right.
    crossing: s of a crossing street, or None; half: half its width.
    """

    theme: str
    curve: float
    lanes: tuple
    lane: float
    median: float
    parking: float
    walk: float
    verge: float
    front: tuple
    crossing: float | None
    half: float

    @property
    def edges(self):
        """Return t of the curbs, left (negative) and right."""
        left, right = (n * self.lane + self.parking for n in self.lanes)
        return -(left + self.median / 2), right + self.median / 2

    def place(self, s, t):
        """Return x and y (m) and the direction (radians) of places; arrays or numbers."""
        s, t = np.asarray(s, float), np.asarray(t, float)
        turn = self.curve * s
        if abs(self.curve) < 1e-6:
            return s, t + 0 * s, turn
        x, y = np.sin(turn) / self.curve, (1 - np.cos(turn)) / self.curve
        return x - t * np.sin(turn), y + t * np.cos(turn), turn

    def middles(self):
        """Return t of the lanes' middles."""
        left, right = self.lanes
        return ([-(self.median / 2 + (n + 0.5) * self.lane) for n in range(left)]
                + [self.median / 2 + (n + 0.5) * self.lane for n in range(right)])

    def clear(self, s, margin=0.0):
        """Return whether s is off the crossing street."""
        return self.crossing is None or abs(s - self.crossing) > self.half + margin


def draw(rng):
    """Return a random Street."""
    theme = rng.choice(list(THEMES), p=list(THEMES.values()))
    town = theme in ('downtown', 'city', 'suburb')
    lanes = {'downtown': (1, 4), 'city': (1, 4), 'suburb': (1, 2), 'highway': (2, 5),
             'rural': (1, 2), 'forest': (1, 2)}[theme]
    right = int(rng.integers(*lanes))
    left = right if rng.random() < 0.8 else int(rng.integers(0, right + 1))
    if theme == 'suburb':
        left = right = 1
    median = 0.0
    if left and right > 1 and rng.random() < 0.35 or theme == 'highway':
        median = rng.uniform(1, 6)
    walk = rng.uniform(1.5, 5.5) if town else 0.0
    if town and rng.random() < 0.08:
        walk = 0.0
    verge = rng.uniform(0.8, 4) if not town else rng.uniform(0.6, 3) * (rng.random() < 0.35)
    curve = rng.normal(0, 0.004) if rng.random() < 0.6 else rng.normal(0, 0.016)
    crossing = None
    if rng.random() < {'highway': 0.0, 'rural': 0.3, 'forest': 0.2}.get(theme, 0.55):
        crossing = rng.uniform(8, 70)
    street = Street(theme, float(np.clip(curve, -0.03, 0.03)), (left, right),
                    rng.uniform(3.0, 3.9), median,
                    rng.uniform(2.1, 2.6) if town and rng.random() < 0.5 else 0.0, walk, verge,
                    (0.0, 0.0), crossing, rng.choice([3.5, 4, 7, 10]))
    yard = {'downtown': (0, 3), 'city': (0, 9), 'suburb': (5, 14), 'highway': (14, 45),
            'rural': (8, 35), 'forest': (10, 40)}[theme]
    front = tuple(edge + side * (walk + verge + rng.uniform(*yard))
                  for side, edge in zip((-1, 1), street.edges))
    return street._replace(front=front)
