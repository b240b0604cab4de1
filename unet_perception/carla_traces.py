"""
What a client has changed on a CARLA server, and how to undo it.

Plain data, so that a process can undo what another one left behind.
"""
from dataclasses import dataclass, field


@dataclass
class Traces:
    """
    What has been changed and not yet undone.

    settings, weather: as they were before, {name: value}; None if they are so still. actors:
    {id: type} of what was spawned.
    """

    settings: dict | None = None
    weather: dict | None = None
    actors: dict = field(default_factory=dict)

    def __bool__(self):
        """Return whether there is anything to undo."""
        return bool(self.settings or self.weather or self.actors)

    def __str__(self):
        """Say what there is to undo."""
        mode = ' (it is in synchronous mode and waits for a tick)'
        return ', '.join([*[f'the settings{mode}'] * bool(self.settings),
                          *['the weather'] * bool(self.weather),
                          *[f'{len(self.actors)} actors'] * bool(self.actors)]) or 'nothing'


def values(record):
    """Return the numbers and switches of a carla.WorldSettings or WeatherParameters by name."""
    found = {name: getattr(record, name) for name in dir(record) if not name.startswith('_')}
    return {name: value for name, value in found.items()
            if value is None or isinstance(value, (bool, int, float))}


def changed(record, wanted):
    """Set the values of a carla record by name, except those that it lacks; return the record."""
    for name, value in wanted.items():
        if hasattr(record, name):
            setattr(record, name, value)
    return record


def undo(client, world, traces, on_change, handles):
    """
    Undo traces, what others need most first; what is undone leaves them, then on_change().

    handles: {id: carla.Actor} of the actors that this process has spawned itself. What fails does
    not keep the rest from being undone, unless the server does not answer any more. Raise the
    first RuntimeError of carla at the end; the traces then say what is left.
    """
    def put_back(name, read, write):
        write(changed(read(), getattr(traces, name)))
        read()  # carla sends a weather and goes on; its next answer shows that the server took it
        setattr(traces, name, None)

    def clear(number, kind):
        destroy(world, number, kind, handles.get(number))
        del traces.actors[number]

    tasks = []
    if traces.settings:
        tasks.append((put_back, 'settings', world.get_settings, world.apply_settings))
    if traces.weather:
        tasks.append((put_back, 'weather', world.get_weather, world.set_weather))
    actors = sorted(traces.actors.items(), reverse=True)  # sensors before their vehicles
    first = None
    for task, *args in tasks + [(clear, *actor) for actor in actors]:
        try:
            task(*args)
            on_change()
        except RuntimeError as error:
            first = first or error
            client.get_server_version()
    if first:
        raise first


def destroy(world, number, kind, handle=None):
    """Destroy an actor of a type unless it is gone already; RuntimeError if it does not go."""
    actor = handle or world.get_actor(number)
    if actor is None or actor.type_id != kind:
        return
    try:
        if actor.destroy():
            return
    except RuntimeError:  # maybe the server has destroyed it
        pass
    if world.get_snapshot().has_actor(number):
        raise RuntimeError(f'{kind} {number} could not be destroyed')
