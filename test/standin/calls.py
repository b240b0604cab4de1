"""The stand-in's RPCs: each method is named as its call and returns what the call's value is."""
from standin import blueprints, navigation, street, wire
from standin.world import SpawnError, TOWNS

NAVIGATION = 'Carla/Maps/Nav/street.bin'
# Of rpc::Command, by their places in CARLA's list of them.
DESTROY, VEHICLE_CONTROL, WALKER_CONTROL, TRANSFORM, WALKER_STATE = 1, 2, 4, 6, 7


class Calls:
    """
    CARLA's calls on a World; their arguments and values are in the order of the wire.

    version: what the server says it is. streams: streams.Streams.
    """

    def __init__(self, world, streams, version):
        self._world, self._streams, self._version = world, streams, version

    def version(self):
        return self._version

    def get_episode_info(self):
        return [self._world.episode, [wire.token(wire.EPISODE_STREAM, self._streams.port)]]

    def get_sensor_token(self, stream):
        return [wire.token(stream, self._streams.port)]

    def get_episode_settings(self):
        return self._world.settings

    def set_episode_settings(self, settings):
        self._world.settings = settings
        return self._world.frame

    def tick_cue(self):
        self._world.tick()
        self._streams.send(self._world)
        return self._world.frame

    def load_new_episode(self, town, reset_settings=True, *_):
        self._world.load(town, reset_settings)

    def get_available_maps(self):
        return [f'/Game/Carla/Maps/{town}' for town in TOWNS]

    def get_map_info(self):
        return self._world.map_info()

    def get_map_data(self):
        return street.opendrive(self._world.town)

    def get_required_files(self, folder, *_):
        return [NAVIGATION] if folder == 'Nav' else []

    def request_file(self, name):
        return navigation.mesh()

    def get_weather_parameters(self):
        return self._world.weather

    def set_weather_parameters(self, weather):
        self._world.weather = weather

    def get_actor_definitions(self):
        return blueprints.definitions()

    def spawn_actor(self, description, transform):
        return self._described(self._world.spawn(description, transform))

    def spawn_actor_with_parent(self, description, transform, parent, *_):
        return self._described(self._world.spawn(description, transform, parent))

    def destroy_actor(self, number):
        return self._world.destroy(number)

    def get_actors_by_id(self, numbers):
        return [self._described(self._world.actors[number]) for number in numbers
                if number in self._world.actors]

    def get_actor_bounding_box(self, number):
        return self._world.actors[number].bounds

    def get_spectator(self):
        return [1, 0, [99, 'spectator', []], wire.NO_BOUNDS, b'', b'']

    def apply_batch(self, commands, tick):
        answers = []
        for (kind, values), in commands:
            actor = self._world.actors.get(values[0])
            if kind == DESTROY:
                self._world.destroy(values[0])
            elif actor is not None:
                self._command(actor, kind, values[1:])
            answers.append([[1, values[0]]])
        if tick:
            self.tick_cue()
        return answers

    def apply_control_to_vehicle(self, number, control):
        self._command(self._world.actors[number], VEHICLE_CONTROL, [control])

    def apply_control_to_walker(self, number, control):
        self._command(self._world.actors[number], WALKER_CONTROL, [control])

    def set_actor_transform(self, number, transform):
        self._command(self._world.actors[number], TRANSFORM, [transform])

    def _command(self, actor, kind, values):
        if kind == VEHICLE_CONTROL:
            actor.control = values[0][:3]
        elif kind == WALKER_CONTROL:
            direction, speed, _ = values[0]
            actor.velocity = [speed * part for part in direction]
        elif kind in (TRANSFORM, WALKER_STATE):
            actor.transform = [*values[0][0], *values[0][1]]

    def _described(self, actor):
        return wire.actor(actor, self._streams.port)

    def is_traffic_manager_running(self, port):
        return port in self._world.traffic_managers

    def get_traffic_manager_running(self, port):
        return self._world.traffic_managers.get(port, ['', 0])

    def add_traffic_manager_running(self, address):
        self._world.traffic_managers[address[1]] = address
        return True

    def destroy_traffic_manager(self, port):
        return self._world.traffic_managers.pop(port, None) is not None

    def _nothing(self, *_):
        return []

    query_lights_state = get_vehicle_light_states = _nothing
    get_group_traffic_lights = get_light_boxes = _nothing

    def _ignored(self, *_):
        return None

    reset_all_traffic_lights = freeze_all_traffic_lights = set_actor_simulate_physics = _ignored
    set_actor_collisions = set_actor_autopilot = set_vehicle_light_state = _ignored
    set_actor_target_velocity = enable_actor_constant_velocity = update_lights_state = _ignored


def answer(calls, name, args):
    """Return the body of the answer to a call: a value, nothing, or an error's text."""
    call = getattr(calls, name, None) if not name.startswith('_') else None
    if call is None:
        return error(f'the stand-in has no call {name}')
    try:
        value = call(*args)
    except (SpawnError, KeyError) as problem:
        return error(str(problem))
    if name == 'apply_batch':
        return value
    return [[False]] if value is None else [[1, value]]


def error(text):
    """Return the body of an answer that is an error."""
    return [[0, [text]]]
