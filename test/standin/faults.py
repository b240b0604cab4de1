"""
How the stand-in misbehaves: rules such as `drop:rgb:40`, each for some calls or messages.

WHAT:WHERE:WHEN[:SECONDS]. WHERE is an RPC's name, the stream `rgb`, `semantic`, or `state` (of
the world). WHEN counts its calls or messages from 1: `40`, `40-42`, or `40-` for all from there
on. WHAT is

    for a call      error   answer with an error
                    hang    do not answer
                    freeze  do not answer this nor any later call, whoever calls
                    close   close the connection
                    die     close all connections and take no more
    for a message   drop    do not send it
                    delay   send it SECONDS later
                    swap    send it after the next one
                    short   send half its bytes
                    cut     close the stream's connections instead
    for a picture   size    send one of half the width
                    alien   send tags that CARLA 0.9.16 does not have
"""
from collections import Counter
import math
from typing import NamedTuple

CALL = ('error', 'hang', 'freeze', 'close', 'die')
MESSAGE = ('drop', 'delay', 'swap', 'short', 'cut')
WAYS = {'rgb': (*MESSAGE, 'size'), 'semantic': (*MESSAGE, 'size', 'alien'), 'state': MESSAGE}


class Fault(NamedTuple):
    """One rule; first and last count the calls or messages of `where`, both included."""

    what: str
    where: str
    first: int
    last: float
    seconds: float = 0.0


def parse(text):
    """Return the Fault that a rule's text means; ValueError names what is wrong with it."""
    try:
        what, where, when, *seconds = text.split(':')
        first, dash, last = when.partition('-')
        fault = Fault(what, where, int(first), int(last) if last else math.inf if dash
                      else int(first), *map(float, seconds))
    except (TypeError, ValueError) as error:
        raise ValueError(f'fault {text!r} is not WHAT:WHERE:WHEN[:SECONDS]: {error}') from error
    if what not in WAYS.get(where, CALL):
        raise ValueError(f'fault {text!r}: {where} cannot {what}, but '
                         f'{", ".join(WAYS.get(where, CALL))}')
    return fault


class Faults:
    """Counts what happens and says which rule, if any, holds for it."""

    def __init__(self, rules=()):
        self.rules, self.counts = [parse(rule) for rule in rules], Counter()

    def now(self, where):
        """Count one more call or message of `where`; return its Fault or None."""
        self.counts[where] += 1
        return next((rule for rule in self.rules if rule.where == where
                     and rule.first <= self.counts[where] <= rule.last), None)
