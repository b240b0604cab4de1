"""Which drives a train.record command asks for, checked against what the server says it is."""
from train.record_messages import Job
from train.recording import Recording
from unet_perception.carla_cameras import Lens
from unet_perception.carla_versions import scheme_of
from unet_perception.labels import scheme_help, SCHEMES

DELTA = 0.05  # s a tick
POSE = ('x', 'y', 'z', 'pitch', 'yaw', 'roll')


def tag_scheme(version, given):
    """
    Return the tag scheme of a server. given: what the user says, or None.

    Raise ValueError if the version does not tell it and the user neither, or if both differ.
    """
    known = scheme_of(version)
    if known and given and known != given:
        raise ValueError(f'--scheme is {given}, but a CARLA {version} server paints its labels by '
                         f'scheme {known} ({SCHEMES[known].versions}); leave --scheme out')
    if not (known or given):
        raise ValueError(f'the server is of version {version!r}, of which the tag scheme is not '
                         f'known; find out by which it paints its labels and give --scheme '
                         f'({scheme_help()})')
    return known or given


def plan(about, args, server):
    """
    Return a list of record_messages.Job, one for each town and weather.

    about: record_messages.About. args: of the command. server: carla_guard.Server. Raise
    ValueError if something is not to be had at the server, or does not go with the drives that are
    there already.
    """
    scheme = tag_scheme(about.server_version, args.scheme)
    towns = list(dict.fromkeys(args.town or [about.town]))
    unknown = [town for town in towns if about.towns and town not in about.towns]
    if unknown:
        raise ValueError(f'the server has no {", ".join(unknown)}; '
                         f'it has {", ".join(about.towns)}')
    lens = Lens(*args.size, args.fov, args.pose)
    jobs = []
    for town in towns:
        for name, parameters in _weathers(args.weather or ['ClearNoon'], about.weathers).items():
            settings = {
                'client_version': about.client_version, 'server_version': about.server_version,
                'scheme': scheme, 'town': town,
                'weather': {'name': name, 'parameters': parameters}, 'seed': args.seed,
                'fixed_delta_seconds': DELTA, 'distance': args.distance,
                'vehicles': args.vehicles, 'walkers': args.walkers, 'ego': args.ego,
                'camera': {'width': lens.width, 'height': lens.height, 'fov': lens.fov,
                           'pose': dict(zip(POSE, lens.pose))}}
            folder = args.out / f'{town}_{name}'.replace('@', '_sun')
            Recording(folder, settings)  # refuses what it could not go on with
            jobs.append(Job(server, str(folder), settings, lens, args.frames, args.warmup,
                            args.stuck, args.ego))
    return jobs


def _weathers(wanted, presets):
    """Return {name: parameters} of the weathers; ValueError names one that is none."""
    found = {}
    for text in wanted:
        name, _, altitude = text.partition('@')
        names = sorted(set(presets) - {'Default'}) if name == 'all' else [name]
        for preset in names:
            if preset not in presets:
                raise ValueError(f'{preset} is no weather of the carla package; it has '
                                 f'{", ".join(sorted(presets))}')
            sun = {}
            if altitude:
                try:
                    sun = {'sun_altitude_angle': float(altitude)}
                except ValueError:
                    raise ValueError(f"--weather {text}: {altitude} is not the sun's altitude "
                                     f'in degrees, from -90 to 90') from None
                if not -90 <= sun['sun_altitude_angle'] <= 90:
                    raise ValueError(f"--weather {text}: the sun's altitude must be from -90 to "
                                     f'90 degrees')
            found[f'{preset}@{altitude}' if altitude else preset] = {**presets[preset], **sun}
    return found
