"""
Class tables: the 23 labels, or a choice of them, merged or finer, that a network has learnt.

A table is written as the names of its classes with commas between, such as

    Drivable=Road+RoadLine,SideWalk,Pedestrian,Car,Truck

A class is one of the 23 labels, one of the kinds that only some CARLA versions tell apart (Car,
Truck, ...; labels.Scheme.finer), or a new name for several of them. All else becomes Unlabeled,
which is always class 0.
"""
import difflib
import re
from typing import NamedTuple

import numpy as np

from unet_perception.labels import CLASSES, COLORS, get_scheme, IGNORE, NAMES, SCHEMES

REST = NAMES[0]  # Unlabeled


class ClassTable(NamedTuple):
    """
    The classes of a network, by id.

    names, colors: name and (R, G, B) of each. parts: of each the names of the labels and finer
    kinds that it is made of.
    """

    names: tuple
    colors: tuple
    parts: tuple

    def __str__(self):
        """Return the table as parse_classes() takes it; '' for the 23 labels."""
        return '' if self == ALL else ','.join(
            name if parts == (name,) else f'{name}={"+".join(parts)}'
            for name, parts in zip(self.names[1:], self.parts[1:]))


ALL = ClassTable(NAMES, COLORS, tuple((name,) for name in NAMES))


def parse_classes(text):
    """
    Return the ClassTable written as text; see above. '' means the 23 labels.

    Raise ValueError on a name that is not known or comes twice.
    """
    if not text:
        return ALL
    known, names, parts = dict(CLASSES) | _finer_colors(), [REST], [(REST,)]
    for item in text.split(','):
        name, _, of = item.strip().partition('=')
        if name == REST and not of:
            continue
        if not re.fullmatch('[A-Za-z][A-Za-z0-9_]*', name):
            raise ValueError(f'--classes {text}: {name!r} is no name of a class; take letters, '
                             f'digits and _')
        names.append(name)
        parts.append(tuple(of.split('+')) if of else (name,))
    if names == [REST]:
        raise ValueError(f'--classes {text}: there is no class beside {REST}')
    used = [part for of in parts for part in of]
    for part in used:
        if part not in known:
            like = difflib.get_close_matches(part, known, 1)
            raise ValueError(f'--classes {text}: {part!r} is none of {", ".join(known)}'
                             + (f'; do you mean {like[0]}?' if like else ''))
    for kind, listed in (('class', names), ('part', used)):
        if twice := sorted({n for n in listed if listed.count(n) > 1}):
            raise ValueError(f'--classes {text}: the {kind} {", ".join(twice)} comes twice')
    return ClassTable(tuple(names), tuple(known[of[0]] for of in parts), tuple(parts))


def label_of(part):
    """Return the label that a finer kind belongs to (Vehicles of Car); a label's own name."""
    return _labels_of_finer().get(part, part)


def lookup(table, scheme):
    """
    Return the class id of every tag of a scheme: uint8 (256,), 255 where there is none.

    A tag is left out, too, where the scheme does not tell apart what the table does.
    """
    scheme = get_scheme(scheme)
    ids = {part: i for i, of in enumerate(table.parts) for part in of}
    finer = dict(scheme.finer)
    out = np.full(256, IGNORE, np.uint8)
    for tag, label in enumerate(scheme.labels):
        if label == IGNORE:  # A's None; the rest, unless the table has one of what it hides
            out[tag] = IGNORE if ids.keys() & set(NAMES[len(scheme.labels):]) else 0
            continue
        name = NAMES[label]
        asked = {part for part in ids if part != name and label_of(part) == name}
        if finer.get(tag) in asked:
            out[tag] = ids[finer[tag]]
        elif asked <= set(finer.values()):
            out[tag] = ids.get(name, 0)
    return out


def _finer_colors():
    return {name: scheme.colors[tag] for scheme in SCHEMES.values() for tag, name in scheme.finer}


def _labels_of_finer():
    return {name: NAMES[scheme.labels[tag]]
            for scheme in SCHEMES.values() for tag, name in scheme.finer}
