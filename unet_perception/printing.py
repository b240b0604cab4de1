"""Printing where stdout does not take everything: the work of a command is done all the same."""
from contextlib import contextmanager
import os
import sys


def escape_names():
    """Print what stdout's encoding lacks, as in the name of a folder, by escapes from now on."""
    if hasattr(sys.stdout, 'reconfigure'):  # not a notebook's, and None where it is closed
        sys.stdout.reconfigure(errors='backslashreplace')


@contextmanager
def report():
    """Let a `with` block print what was done; end it quietly if stdout is full or closed."""
    try:
        yield
        print(end='', flush=True)
    except (OSError, SystemExit):  # the latter is what rich makes of a closed pipe
        # Python prints what is left when it ends, and would fail then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
