"""Processes that end with the one that started them."""
import ctypes
import signal

PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>


def ending_with_parent():
    """
    Return a function that has Linux send its process SIGTERM when the parent ends, in any way.

    After kill -9 of the parent nobody else is there to stop what it started. To be called in the
    new process; the parent's thread that started it counts as the parent.
    """
    # Looked up before the fork: between that and the exec little is safe.
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
