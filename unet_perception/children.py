"""Processes that end with the one that started them."""
import ctypes
import signal

PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>
_prctl = ctypes.CDLL(None).prctl  # looked up here: little is safe between fork and exec


def end_with_parent():
    """
    Have Linux send this process SIGTERM when its parent ends, however that ends.

    After kill -9 of the parent nobody else is there to stop what it started. To be called in the
    new process; the parent's thread that started it counts as the parent.
    """
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
