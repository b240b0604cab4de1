"""
Who drives and walks in a CARLA session: the ego vehicle, and traffic around it.

Where they start and what they are depends on the random.Random that is given, and on the server.
"""
import socket

from unet_perception.carla_session import CarlaError, SpawnRefused

EGO = 'vehicle.tesla.model3'
TRIES = 5  # places to try for each pedestrian


def start_traffic_manager(session, seed, in_step=True):
    """Start a traffic manager, in step with the session's ticks or not; return its free port."""
    with socket.socket() as probe:
        probe.bind(('', 0))
        port = probe.getsockname()[1]
    with session.step('starting the traffic manager'):
        session.traffic_manager = session.client.get_trafficmanager(port)
        session.traffic_manager.set_synchronous_mode(in_step)
        if hasattr(session.traffic_manager, 'set_random_device_seed'):
            session.traffic_manager.set_random_device_seed(seed)
    return port


def spawn_ego(session, rng, traffic_manager, kind=None, role='hero'):
    """
    Spawn the ego vehicle at a free place and let the traffic manager drive it; return it.

    Ticks the server. traffic_manager: its port; None leaves the vehicle alone. kind: blueprint;
    None for CARLA's usual car or, if there is none, any with four wheels. role: its role_name.
    Raise CarlaError if there is no such vehicle or no room.
    """
    library = _library(session)
    there = sorted(library.filter('vehicle.*'), key=lambda b: (b.id != EGO, b.id))
    kind = kind or next((b.id for b in there if _wheels(b) == 4), 'of four wheels')
    if kind not in [b.id for b in there]:
        raise CarlaError(f'the server has no vehicle {kind}; it has '
                         f'{", ".join(b.id for b in there[:5]) or "none"}')
    blueprint = library.find(kind)
    _set(blueprint, 'role_name', role)  # the traffic manager lets heroes stand; others vanish
    refusal, places = None, _places(session, rng)
    for place in places:
        try:
            ego = session.spawn(blueprint, place)
        except SpawnRefused as error:
            refusal = error
            continue
        if traffic_manager is not None:
            _drive(session, [ego], traffic_manager)
        return ego
    raise CarlaError(f'there is room for the ego vehicle at none of {len(places)} spawn points; '
                     f'take fewer vehicles ({refusal})')


def spawn_vehicles(session, rng, traffic_manager, number):
    """
    Spawn up to so many vehicles of all kinds, driven by the traffic manager; return a list.

    Ticks the server.
    """
    blueprints = sorted(_library(session).filter('vehicle.*'), key=lambda b: b.id)
    vehicles = []
    for place in _places(session, rng)[:-1] if number else []:  # one is left for the ego vehicle
        if len(vehicles) == number:
            break
        blueprint = rng.choice(blueprints)
        _choose(blueprint, rng, 'color', 'driver_id')
        _set(blueprint, 'role_name', 'autopilot')
        try:
            vehicles.append(session.spawn(blueprint, place))
        except SpawnRefused:
            pass
    _drive(session, vehicles, traffic_manager)
    return vehicles


def _drive(session, vehicles, traffic_manager):
    """Let the traffic manager drive vehicles that have just been spawned."""
    session.tick()  # it forgets a vehicle that is not in the newest frame, maybe for good
    for vehicle in vehicles:
        with session.step(f'starting {vehicle.type_id}'):
            vehicle.set_autopilot(True, traffic_manager)


def spawn_walkers(session, rng, number):
    """
    Spawn up to so many pedestrians that walk about; return a list. Ticks the server twice.

    There are none in a town without a navigation mesh.
    """
    import carla
    library = _library(session)
    blueprints = sorted(library.filter('walker.pedestrian.*'), key=lambda b: b.id)
    if not (number and blueprints and len(library.filter('controller.ai.walker'))):
        return []
    with session.step('looking for places to walk'):
        if hasattr(session.world, 'set_pedestrians_seed'):
            session.world.set_pedestrians_seed(rng.randrange(2**31))
    walkers, speeds = [], []
    for _ in range(TRIES * number):
        place = _somewhere(session)
        if place is None or len(walkers) == number:
            break
        blueprint = rng.choice(blueprints)
        _set(blueprint, 'is_invincible', 'false')
        place.z += 1.0  # a walker's place is its middle
        try:
            walkers.append(session.spawn(blueprint, carla.Transform(place)))
        except SpawnRefused:
            continue
        speeds.append(float(_choose(blueprint, rng, 'speed') or 1.4))
    session.tick()  # a controller finds its walker only in a frame
    controllers = [session.spawn(library.find('controller.ai.walker'), carla.Transform(), walker)
                   for walker in walkers]
    session.tick()
    for controller, speed in zip(controllers, speeds):
        session.start(controller, controller.start)
        with session.step('sending a pedestrian off'):
            controller.go_to_location(_somewhere(session))
            controller.set_max_speed(max(1.0, speed))
    return walkers


def _somewhere(session):
    """Return a random carla.Location to walk at, or None."""
    with session.step('looking for a place to walk'):
        return session.world.get_random_location_from_navigation()


def _library(session):
    with session.step('asking for the blueprints'):
        return session.world.get_blueprint_library()


def _places(session, rng):
    """Return the town's spawn points in random order."""
    with session.step('asking for the spawn points'):
        places = list(session.world.get_map().get_spawn_points())
    if not places:
        raise CarlaError(f'{session.town()} has no spawn points; take another town')
    rng.shuffle(places)
    return places


def _wheels(blueprint):
    return (int(blueprint.get_attribute('number_of_wheels'))
            if blueprint.has_attribute('number_of_wheels') else 4)


def _set(blueprint, name, value):
    if blueprint.has_attribute(name):
        blueprint.set_attribute(name, value)


def _choose(blueprint, rng, *names):
    """Set attributes to one of their recommended values; return the last one, or None."""
    value = None
    for name in names:
        options = (blueprint.get_attribute(name).recommended_values
                   if blueprint.has_attribute(name) else [])
        if options:
            value = rng.choice(list(options))
            if blueprint.get_attribute(name).is_modifiable:
                blueprint.set_attribute(name, value)
    return value
