"""
A running CARLA server as one client uses it: connect, take the clock, spawn, tick, tidy up.

What the session changes it notes as traces, and undoes at the end of its `with` block. CARLA's
client can end the whole process, since its threads throw on a bad answer; who must be sure runs
the session in a process of its own (guarded.py) and undoes from outside what that one left.
"""
from contextlib import contextmanager
import copy
import queue

from unet_perception.carla_traces import changed, destroy, Traces, undo, values

QUIET = 3.0  # s without a tick, after which nobody ticks a server in synchronous mode
TIDY = 10.0  # s that a call may take at most while tidying up
GRACE = 20.0  # s that a step may take beyond its calls


class CarlaError(RuntimeError):
    """What went wrong with a server, in a sentence for the user."""


class SpawnRefused(CarlaError):
    """The server did not spawn an actor, maybe because something is in its way."""


class NotTidy(CarlaError):
    """A session could not undo all that it had changed; its traces say what is left."""


class Session:
    """
    A connection to a server, from the start to the end of a `with` block.

    client, world: carla's. client_version, server_version: such as '0.9.16'. traces: what it has
    changed, a Traces. traffic_manager: carla's, if there is one; it is shut down at the end.

    host, port: of the server. timeout: s that each call may take. Before each call
    on_step(text, seconds) hears what goes on and how long it may take at worst; on_traces hears
    of each change of the traces. All methods raise CarlaError.
    """

    def __init__(self, host='localhost', port=2000, timeout=20.0,
                 on_step=lambda text, seconds: None, on_traces=lambda traces: None):
        self.host, self.port, self.timeout, self.traces = host, port, timeout, Traces()
        self.client_version = self.server_version = self.client = self.world = None
        self._on_step, self._on_traces = on_step, on_traces
        self._handles, self._running, self.traffic_manager = {}, {}, None
        self._ticks = self._follower = None

    def __enter__(self):
        """Connect."""
        try:
            import carla
        except ImportError as error:
            raise CarlaError("the carla package is not installed; install your server's version "
                             'of it, such as: pip install carla==0.9.16') from error
        with self.step('connecting'):
            client = carla.Client(self.host, self.port)
            client.set_timeout(self.timeout)
            self.client_version, self.server_version = (client.get_client_version(),
                                                        client.get_server_version())
            self.client, self.world = client, client.get_world()
        return self

    def __exit__(self, kind, *_):
        """Tidy up. NotTidy if that fails; but an error that is on its way goes first."""
        if self.client is None:
            return
        try:
            with self.step('tidying up', min(self.timeout, TIDY)):
                if kind is not None:
                    self.client.get_server_version()  # the server may be lost: ask it but once
                if self.traffic_manager is not None:  # first: it must not steer what is gone
                    self.traffic_manager.shut_down()
                if self._follower is not None:
                    self.world.remove_on_tick(self._follower)
                for actor in self._running.values():
                    actor.stop()
                undo(self.client, self.world, self.traces, self._note, self._handles)
        except CarlaError as error:
            if kind is None:
                raise NotTidy(str(error)) from error

    @contextmanager
    def step(self, text, timeout=None):
        """Say what goes on; raise CarlaError with it if carla fails. timeout: s of each call."""
        timeout = timeout or self.timeout
        self._on_step(text, 2 * timeout + GRACE)
        if self.client is not None:
            self.client.set_timeout(timeout)
        try:
            yield
        except CarlaError:
            raise
        except (RuntimeError, IndexError) as error:
            raise CarlaError(f'{text} failed at the CARLA server {self.host}:{self.port}: '
                             f'{error}') from error

    def town(self):
        """Return the name of the town, such as Town03."""
        with self.step('asking for the map'):
            return self.world.get_map().name.rsplit('/', 1)[-1]

    def load(self, town, timeout=120.0):
        """Load a town unless it is there already."""
        if self.town() == town:
            return
        with self.step(f'loading {town}', timeout):
            self._note(settings=self._settings_before())  # loading sets them to their defaults
            self.world = self.client.load_world(town)

    def set_weather(self, weather):
        """
        Set the weather's parameters, {name: value}; those that the server lacks are left out.

        Return those that the server did not take; it does not say so by itself.
        """
        with self.step('setting the weather'):
            self._note(weather=self.traces.weather or values(self.world.get_weather()))
            self.world.set_weather(changed(self.world.get_weather(), weather))
            there = values(self.world.get_weather())
        return [name for name, value in weather.items()
                if abs(there.get(name, value) - value) > 1e-3]

    def take_clock(self, delta):
        """
        Make the server wait for tick(), which goes on by delta seconds.

        CarlaError if another client ticks it. A synchronous mode that nobody ticks, because its
        client has died, is taken over and ends with the session; return whether that is so.
        """
        with self.step('setting synchronous mode'):
            before, taken_over = self._settings_before(), False
            if self.world.get_settings().synchronous_mode:
                self._check_nobody_ticks()
                before.update(synchronous_mode=False, fixed_delta_seconds=None)
                taken_over = True
            self._note(settings=before)
            self.world.apply_settings(changed(self.world.get_settings(), {
                'synchronous_mode': True, 'fixed_delta_seconds': delta,
                'no_rendering_mode': False}))  # or the cameras are blind
        return taken_over

    def _settings_before(self):
        return self.traces.settings or values(self.world.get_settings())

    def _check_nobody_ticks(self):
        try:
            self.world.wait_for_tick(QUIET)
        except RuntimeError:
            return
        raise CarlaError(f'the CARLA server {self.host}:{self.port} is in synchronous mode and '
                         f'another client ticks it; only one can, so end that one first')

    def spawn(self, blueprint, transform, parent=None):
        """Spawn an actor and return it; SpawnRefused if the server answers that it cannot."""
        with self.step(f'spawning {blueprint.id}'):
            try:
                actor = self.world.spawn_actor(blueprint, transform, attach_to=parent)
            except RuntimeError as error:
                if str(error).startswith('time-out'):
                    raise
                raise SpawnRefused(f'the server spawns no {blueprint.id}: {error}') from error
            self._handles[actor.id] = actor
            self._note(actors={**self.traces.actors, actor.id: actor.type_id})
        return actor

    def start(self, actor, begin, *args):
        """Call begin(*args), as actor.listen; the actor is stopped before it is destroyed."""
        with self.step(f'starting {actor.type_id}'):
            begin(*args)
            self._running[actor.id] = actor

    def remove(self, actors):
        """Destroy actors that the session has spawned."""
        for actor in sorted(actors, key=lambda actor: actor.id, reverse=True):
            with self.step(f'destroying {actor.type_id}'):
                if actor.id in self._running:
                    self._running.pop(actor.id).stop()
                destroy(self.world, actor.id, actor.type_id, actor)
                left = {**self.traces.actors}
                left.pop(actor.id)
                self._note(actors=left)

    def tick(self):
        """
        Go on to the next frame and return its carla.WorldSnapshot.

        With take_clock() the server makes it now; after follow() it comes when it comes, and none
        is left out.
        """
        with self.step(f'the tick after frame {self.world.get_snapshot().frame}'):
            if self._ticks is None:
                self.world.tick(self.timeout)
                return self.world.get_snapshot()
            try:
                return self._ticks.get(timeout=self.timeout)
            except queue.Empty:
                raise CarlaError(
                    f'the server {self.host}:{self.port} did not go on for {self.timeout:g} s; '
                    f'does the client that ticks it run?') from None

    def follow(self):
        """Leave the clock to the server, or to another client that ticks it."""
        self._ticks = queue.SimpleQueue()
        with self.step('following the ticks'):
            self._follower = self.world.on_tick(self._ticks.put)

    def _note(self, **changes):
        for name, value in changes.items():
            setattr(self.traces, name, value)
        self._on_traces(copy.deepcopy(self.traces))


def tidy_up(traces, host, port, timeout, on_traces):
    """
    Undo the traces that a session in another process has left; on_traces hears of each change.

    Raise CarlaError if the server does not let it.
    """
    with Session(host, port, min(timeout, TIDY)) as session, session.step('tidying up'):
        undo(session.client, session.world, traces, lambda: on_traces(traces), {})
