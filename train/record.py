"""
Record drives from a running CARLA, labelled and ready for train.fit.

    python -m train.record --out DRIVES --town Town03 --town Town05 --weather all --frames 500

One drive for each town and weather goes to DRIVES/TOWN_WEATHER: CameraRGB/, CameraMask/ (CARLA's
raw tags) and drive.json, which says how it was recorded. The server is driven in synchronous mode;
it gets its settings back, and loses what was spawned, however the recording ends. A recording that
was stopped or broke goes on with the same command; drives that are complete are left as they are.

The carla package must be there, best of the server's version: pip install carla==0.9.16
"""
import argparse
from pathlib import Path
import sys

from train.commands import run, writable
from unet_perception.arguments import at_least, number, picture_size

INTERRUPTED = 130  # as a shell has it for Ctrl-C
FRUITLESS = 2  # deaths of the client in a row that bring no frame


def main(args=None):
    """Run the command; return its exit code."""
    return run(_record, parse(args))


def parse(args):
    """Return the arguments of a command line, by name."""
    from unet_perception.labels import scheme_help, SCHEMES
    parser = argparse.ArgumentParser(prog='python -m train.record', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, required=True, help='folder that the drives go to')
    what = parser.add_argument_group('what to record')
    what.add_argument('--town', action='append', metavar='TOWN',
                      help="such as Town03; repeatable (the server's present one)")
    what.add_argument('--weather', action='append', metavar='PRESET[@ALTITUDE]',
                      help="one of CARLA's presets, such as ClearNoon, or all; with the sun at "
                           'ALTITUDE degrees, as in ClearNoon@-10; repeatable (ClearNoon)')
    what.add_argument('--frames', type=at_least(1), default=500, help='of each drive (500)')
    what.add_argument('--distance', default=3.0, type=number(float, lambda v: v > 0, 'above 0'),
                      help='metres between two frames; those nearer are left out (3)')
    what.add_argument('--vehicles', type=at_least(0), default=30, help='besides the ego one (30)')
    what.add_argument('--walkers', type=at_least(0), default=30, help='pedestrians (30)')
    what.add_argument('--ego', metavar='BLUEPRINT', help="the ego vehicle (CARLA's Tesla)")
    what.add_argument('--seed', type=at_least(0), default=0, help='of traffic and places (0)')
    what.add_argument('--warmup', type=at_least(1), default=30,
                      help='ticks that are left out after each start (30)')
    what.add_argument('--stuck', default=60.0, type=number(float, lambda v: v > 0, 'above 0'),
                      help='simulated seconds that the ego vehicle may stand; then it starts '
                           'elsewhere (60)')
    camera = parser.add_argument_group('camera (both: picture and labels)')
    camera.add_argument('--size', type=picture_size(), default=(800, 600), metavar='WxH',
                        help='pixels (800x600)')
    camera.add_argument('--fov', default=90.0,
                        type=number(float, lambda v: 0 < v < 180, 'between 0 and 180'),
                        help='horizontal field of view, degrees (90)')
    camera.add_argument('--pose', type=_pose, default=(2.0, 0.0, 2.0, 0.0, 0.0, 0.0),
                        metavar='X,Y,Z[,PITCH,YAW,ROLL]',
                        help='on the vehicle: m forward, right, up; degrees (2,0,2)')
    server = parser.add_argument_group('server')
    server.add_argument('--host', default='localhost', help='(localhost)')
    server.add_argument('--port', type=at_least(1), default=2000, help='(2000)')
    seconds = number(float, lambda v: v > 0, 'above 0')
    server.add_argument('--timeout', type=seconds, default=20.0,
                        help='seconds that the server may take to answer (20)')
    server.add_argument('--load-timeout', type=seconds, default=120.0,
                        help='seconds that it may take to load a town (120)')
    server.add_argument('--sensor-timeout', type=seconds, default=5.0,
                        help='seconds that a picture may take after its tick (5)')
    server.add_argument('--scheme', choices=tuple(SCHEMES),
                        help='the tag scheme, only for a server whose version does not tell it. '
                             f'{scheme_help()}')
    return parser.parse_args(args)


def _pose(text):
    numbers = [float(part) for part in text.split(',')]
    if len(numbers) not in (3, 6):
        raise argparse.ArgumentTypeError(f'{text} is not X,Y,Z or X,Y,Z,PITCH,YAW,ROLL')
    return (*numbers, 0.0, 0.0, 0.0)[:6]


def _record(args):
    from rich.console import Console

    from train.record_messages import About
    from train.record_plan import plan
    from train.recorder import ask
    from unet_perception.carla_guard import Server, SignalGuard
    console, said = Console(), []
    server = Server(args.host, args.port, args.timeout, args.load_timeout, args.sensor_timeout)
    with SignalGuard() as guard:
        with console.status(f'connecting to {args.host}:{args.port}'):
            ended = guard.run(ask, server, server, show=said.append)
        if ended.how == 'done':
            about, = [message for message in said if isinstance(message, About)]
            jobs = plan(about, args, server)
            _tell(console, about, jobs[0].settings['scheme'])
            writable(args.out)
            for job in jobs:
                ended = _drive(guard, job, console)
                if ended.how != 'done':
                    break
    if ended.how == 'stopped':
        print('stopped; the same command goes on from here', file=sys.stderr)
        return INTERRUPTED
    if ended.how != 'done':
        raise ValueError(ended.why)
    data = jobs[0].folder if len(jobs) == 1 else args.out
    print(f'next: python -m train.fit --data {data} --name my-unet')
    return 0


def _tell(console, about, scheme):
    from unet_perception.labels import SCHEMES
    console.print(f'CARLA {about.server_version}: labels by tag scheme {scheme} '
                  f'({SCHEMES[scheme].versions})', highlight=False)
    if about.client_version != about.server_version:
        console.print(f'note: the carla package is {about.client_version}; if it fails, pip '
                      f'install carla=={about.server_version}', markup=False, highlight=False)


def _drive(guard, job, console):
    """
    Record one drive unless it is complete; return the guarded.Ended.

    CARLA's client sometimes dies, or hangs in its traffic manager (a wake-up gets lost between two
    of its threads); so a new one goes on, as long as that brings frames.
    """
    from train.record_view import View
    from train.recorder import record
    from train.recording import Recording
    from unet_perception.carla_guard import Note
    from unet_perception.guarded import Ended
    there = Recording(job.folder, job.settings)
    if len(there.frames) >= job.frames:
        if not there.complete:
            there.finish()
        console.print(f'{job.folder} is complete, with {len(there.frames)} frames')
        return Ended('done')
    title = f'{job.settings["town"]} {job.settings["weather"]["name"]}'
    now, tries = len(there.frames), 0
    with View(title, now, job.frames, console) as view:
        while True:
            before, ended = now, guard.run(record, job.server, job, show=view.show)
            now = len(Recording(job.folder, job.settings).frames)
            tries = 0 if now > before else tries + 1
            if ended.how != 'died' or tries == FRUITLESS:
                break
            view.show(Note(f'{ended.why}; going on from frame {now}'))
    console.print(f'{job.folder}: {now} of {job.frames} frames', highlight=False)
    if ended.how == 'died':
        ended = ended._replace(why=ended.why + _mismatch(job.settings))
    return ended


def _mismatch(settings):
    """Say that client and server are of different versions, if they are."""
    client, server = settings['client_version'], settings['server_version']
    return '' if client == server else (f'; the carla package is {client} and the server {server}:'
                                        f' pip install carla=={server}')


if __name__ == '__main__':
    sys.exit(main())
