"""The stand-in's actors: what they are, how they move, what they look like."""
from dataclasses import dataclass, field

import numpy as np
from standin import scene, street, wire
from standin.blueprints import VEHICLES
from train.streets.camera import rotation

ACCELERATION, BRAKING, DRAG = 5.0, 9.0, 0.05  # m/s² at full throttle and brake; 1/s
STEERING = np.radians(45)  # the wheels' angle at full steering
RIDDEN = (scene.MOTORCYCLE, scene.BICYCLE)


@dataclass
class Actor:
    """
    An actor of the episode.

    description: as RPC has it, [number, type, [[attribute, kind, value]]]. transform: x y z (m)
    pitch yaw roll (degrees), in the world. relative: the same, seen from the parent.
    control: throttle, steer (0 to 1, -1 to 1), brake. velocity: m/s. stream: 0 for none.
    """

    id: int  # noqa: A003
    description: list
    transform: list
    parent: int = 0
    relative: list | None = None
    stream: int = 0
    control: list = field(default_factory=lambda: [0.0, 0.0, 0.0])
    velocity: list = field(default_factory=lambda: [0.0, 0.0, 0.0])
    speed: float = 0.0
    speed_limit: float = street.SPEED

    @property
    def kind(self):
        """Return the type, such as vehicle.tesla.model3."""
        return self.description[1]

    @property
    def attributes(self):
        """Return the attributes' values by name, as text."""
        return {name: value for name, _, value in self.description[2]}

    @property
    def tag(self):
        """Return the semantic tag, 0 for what cannot be seen."""
        if self.kind in VEHICLES:
            return VEHICLES[self.kind][0]
        return scene.PEDESTRIAN if self.kind.startswith('walker.') else scene.NONE

    @property
    def bounds(self):
        """Return the bounding box: its middle, half its sides, its rotation."""
        if self.kind in VEHICLES:
            half = list(VEHICLES[self.kind][1:4])
        elif self.kind.startswith('walker.'):
            half = [0.3, 0.3, 0.9]
        else:
            return wire.NO_BOUNDS
        return [[0.0, 0.0, half[2]], half, [0.0, 0.0, 0.0]]

    def move(self, delta, parent=None):
        """Go on for delta seconds; with a parent, stay where it is seen from there."""
        if parent is not None:
            turn = rotation(*parent.transform[3:])
            place = np.array(parent.transform[:3]) + turn @ self.relative[:3]
            angles = np.add(parent.transform[3:], self.relative[3:])  # exact for yaw alone
            self.transform = [float(value) for value in (*place, *angles)]
        elif self.kind.startswith('vehicle.'):
            self._drive(delta)
        elif self.kind.startswith('walker.'):
            self.transform[:2] = np.add(self.transform[:2],
                                        np.multiply(self.velocity[:2], delta)).tolist()

    def _drive(self, delta):
        """Move as a bicycle does whose wheels do not slip."""
        throttle, steer, brake = self.control
        self.speed += delta * (ACCELERATION * throttle - BRAKING * brake - DRAG * self.speed)
        self.speed = max(0.0, self.speed)
        yaw = np.radians(self.transform[4])
        turn = self.speed * np.tan(steer * STEERING) / (2 * self.bounds[1][0])
        self.velocity = [float(self.speed * np.cos(yaw)), float(self.speed * np.sin(yaw)), 0.0]
        self.transform[0] += delta * self.velocity[0]
        self.transform[1] += delta * self.velocity[1]
        self.transform[2] = 0.0
        self.transform[4] += float(delta * np.degrees(turn))

    def rows(self):
        """Return rows for scene.boxes(): a body and what is on it."""
        (x, y, z), yaw = self.transform[:3], self.transform[4]
        length, width, height = (2 * side for side in self.bounds[1])
        if self.tag == scene.PEDESTRIAN:
            z = 0.0  # a walker's own place is its middle or its feet, by the call that set it
            return [(x, y, yaw, z, 0.3, 0.5, 1.5, self.tag, False),
                    (x, y, yaw, z + 1.45, 0.25, 0.25, 0.35, self.tag, True)]
        if self.tag in RIDDEN:
            return [(x, y, yaw, z, length, width, height, self.tag, False),
                    (x, y, yaw, z + 0.8 * height, 0.4, 0.5, 1.0, scene.RIDER, False)]
        if self.tag == scene.CAR:
            cabin = np.radians(yaw)
            x2, y2 = x - 0.3 * np.cos(cabin), y - 0.3 * np.sin(cabin)
            return [(x, y, yaw, z + 0.2, length, width, 0.6 * height, self.tag, False),
                    (x2, y2, yaw, z + 0.7 * height, 0.5 * length, 0.85 * width, 0.45 * height,
                     self.tag, False)]
        return [(x, y, yaw, z + 0.3, length, width, height, self.tag, False)]
