"""The stand-in's episode: its time, settings, weather and actors, and what its cameras see."""
import threading

import numpy as np
from standin import scene, street, wire
from standin.actors import Actor
from standin.render import Light, render
from train.streets.camera import rotation, View

TOWNS = ('Town01', 'Town02', 'Town03')
SETTINGS = [False, False, [False], True, 0.01, 10, 0.0, True, 3000.0, 2000.0, True]
SYNCHRONOUS, DELTA = 0, 2  # places in the settings
SUN, FOG, RAIN = 5, 6, 1  # places in the weather
WEATHER = [10.0, 0.0, 0.0, 5.0, 250.0, 45.0, 2.0, 0.75, 0.1, 0.0, 1.0, 0.03, 0.0331, 0.0]
IDLE_DELTA = 0.05  # s a tick while the settings leave it open


class SpawnError(Exception):
    """An actor cannot be spawned; the message is CARLA's."""


class World:
    """
    One episode after another, on a clock that tick() moves on.

    Take the lock to look at it or to change it. spawned: every actor that there ever was.
    """

    def __init__(self, town='Town01'):
        self.lock = threading.RLock()
        self.frame, self.time, self.episode = 100, 5.0, 1
        self.settings, self.weather = list(SETTINGS), list(WEATHER)
        self.town, self.actors, self.spawned, self.traffic_managers = town, {}, [], {}
        self._ids, self._streams = 20, wire.EPISODE_STREAM

    @property
    def delta(self):
        """Return the seconds of a tick."""
        given, *value = self.settings[DELTA]
        return value[0] if given else IDLE_DELTA

    def load(self, town, reset_settings=True):
        """Begin a new episode in a town. Raise SpawnError if there is no such town."""
        name = town.rsplit('/', 1)[-1]
        if name not in TOWNS:
            raise SpawnError(f'failed to load map {town}: map not found')
        self.town, self.episode, self.actors = name, self.episode + 1, {}
        if reset_settings:
            self.settings = list(SETTINGS)

    def spawn(self, description, transform, parent=0):
        """Add an actor; transform is relative to the parent, if there is one."""
        place = [*transform[0], *transform[1]]
        if parent and parent not in self.actors:
            raise SpawnError(f'unable to attach actor: parent actor {parent} not found')
        actor = Actor(self._ids, description, place, parent, list(place))
        if actor.tag and any(other.tag and np.hypot(*np.subtract(other.transform[:2], place[:2]))
                             < 1 + other.bounds[1][0] for other in self.actors.values()):
            raise SpawnError('Spawn failed because of collision at spawn position')
        if actor.kind in wire.SENSORS:
            self._streams += 1
            actor.stream = self._streams
        self._ids += 1
        actor.move(0.0, self.actors.get(parent))
        self.actors[actor.id] = actor
        self.spawned.append(actor)
        return actor

    def destroy(self, number):
        """Remove an actor and what is attached to it; return whether there was one."""
        for child in [a.id for a in self.actors.values() if a.parent == number]:
            self.destroy(child)
        return self.actors.pop(number, None) is not None

    def tick(self):
        """Move everything on by one frame."""
        self.frame, self.time = self.frame + 1, self.time + self.delta
        for actor in self.actors.values():
            actor.move(self.delta, self.actors.get(actor.parent))

    def look(self, camera):
        """Return what a camera sees: uint8 RGB (height, width, 3) and tags (height, width)."""
        attributes = camera.attributes
        view = View(int(attributes['image_size_x']), int(attributes['image_size_y']),
                    float(attributes['fov']), np.array(camera.transform[:3]),
                    rotation(*camera.transform[3:]))
        shown, rows = scene.furniture(self.town), []
        for actor in self.actors.values():
            if actor.tag and actor.id != camera.parent:
                rows += actor.rows()
        if rows:  # the same colours at every tick
            shown = shown + scene.boxes(rows, np.random.default_rng(0))
        light = Light(self.weather[SUN], self.weather[FOG], self.weather[RAIN])
        return render(view, scene.ground(self.town), shown, light, self.frame)

    def map_info(self):
        """Return the map's name and its recommended spawn points."""
        return [f'Carla/Maps/{self.town}', street.spawn_points()]
