"""Run a node as a process of its own: arguments in, exit code out, a clean end in between."""
import argparse
import os
import signal
import sys
import threading

import rclpy
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor


LONGEST_END = 4.0  # s from the signal to the end of the process, at most


def run(prog, description, make, start=None, args=None):
    """
    Make a node and serve it until SIGINT or SIGTERM; return the exit code.

    prog, description: for --help. make: called without arguments, returns the node. start: called
    with the node before it is served. Their ValueError or rclpy's ParameterException ends the
    process with its sentence and exit code 1.
    args: the command line, with the program's name first; None for this process's.
    """
    parser = argparse.ArgumentParser(prog=prog, description=description,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    try:
        parser.parse_args(rclpy.utilities.remove_ros_args(args or sys.argv)[1:])
        # rclpy's own handler ends the spinning, of SIGINT as of SIGTERM. Python's, which it calls
        # too, would raise KeyboardInterrupt anywhere: in rclpy's C++ it becomes a RuntimeError.
        signal.signal(signal.SIGINT, lambda number, frame: None)
        rclpy.init(args=args)
        # Before the node: rclpy cannot build one cleanly once a signal has come.
        executor = SingleThreadedExecutor()
    except RuntimeError as error:  # ROS arguments that are no good
        print(f'error: {error}', file=sys.stderr)
        return 1
    node, over = None, threading.Event()
    threading.Thread(target=_end_in_time, args=(over,), daemon=True).start()
    try:
        node = make()
        if start:
            start(node)
        rclpy.spin(node, executor)
    except ExternalShutdownException:
        pass
    except (ValueError, ParameterException) as error:
        if rclpy.ok():
            rclpy.logging.get_logger(prog).fatal(str(error))
            return 1
    except RuntimeError:
        if rclpy.ok():
            raise
        # A signal came while the node was starting.
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # an impatient second Ctrl-C
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
        over.set()
    return 0


def _end_in_time(over):
    """End the process if it is not over soon after a signal: no import can be interrupted."""
    while rclpy.ok():
        if over.wait(0.2):
            return
    if not over.wait(LONGEST_END):
        os._exit(0)
