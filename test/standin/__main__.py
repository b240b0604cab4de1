"""Run the stand-in until Ctrl-C: cd test && python -m standin --port 2000."""
import argparse
import signal
import threading

from standin import faults
from standin.server import StandIn
from standin.world import TOWNS


def main():
    """Run the command."""
    parser = argparse.ArgumentParser(prog='python -m standin', description=__doc__,
                                     epilog=faults.__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--port', type=int, default=2000, help='for RPC; 0: a free one (2000)')
    parser.add_argument('--town', choices=TOWNS, default=TOWNS[0], help='the town at first')
    parser.add_argument('--version', default='0.9.16', help='what it says it is (0.9.16)')
    parser.add_argument('--fault', action='append', default=[], metavar='RULE',
                        help='misbehave; repeatable, see below')
    args = parser.parse_args()
    try:
        server = StandIn(args.fault, args.version, args.town, args.port)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    end = threading.Event()
    # Not by sigwait: the signal may go to a thread of a library, which does not block it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end.set())
    with server:
        print(f'a stand-in for CARLA {args.version} on port {server.port}', flush=True)
        end.wait()


if __name__ == '__main__':
    main()
