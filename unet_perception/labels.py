"""
The 23 classes of the product, and the tag schemes of every CARLA version mapped into them.

A *tag* is the id that a CARLA version writes into the red channel of its semantic camera; a
*scheme* is one version range's table of tags. A *label* is an id in 0..22, in the tags of CARLA
0.9.10 to 0.9.13 (scheme B); 255 stands for "no label". Source of the tables: CARLA's
CityScapesPalette.h and ObjectLabel.h at the versions named.
"""
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

IGNORE = 255  # no label: not scored, not trained on; in a mask: below the confidence threshold
WHITE = 0xffffff  # the colour of "no label", packed: no scheme's palette has it

# Scheme B, CARLA 0.9.10 to 0.9.13. The place in the tuple is the id; colours are R, G, B.
CLASSES = (
    ('Unlabeled', (0, 0, 0)),
    ('Building', (70, 70, 70)),
    ('Fence', (100, 40, 40)),
    ('Other', (55, 90, 80)),
    ('Pedestrian', (220, 20, 60)),
    ('Pole', (153, 153, 153)),
    ('RoadLine', (157, 234, 50)),
    ('Road', (128, 64, 128)),
    ('SideWalk', (244, 35, 232)),
    ('Vegetation', (107, 142, 35)),
    ('Vehicles', (0, 0, 142)),
    ('Wall', (102, 102, 156)),
    ('TrafficSign', (220, 220, 0)),
    ('Sky', (70, 130, 180)),
    ('Ground', (81, 0, 81)),
    ('Bridge', (150, 100, 100)),
    ('RailTrack', (230, 150, 140)),
    ('GuardRail', (180, 165, 180)),
    ('TrafficLight', (250, 170, 30)),
    ('Static', (110, 190, 160)),
    ('Dynamic', (170, 120, 50)),
    ('Water', (45, 60, 150)),
    ('Terrain', (145, 170, 100)),
)
_NO_TAG = 254  # neither a tag nor a label of any scheme
NAMES = tuple(name for name, _ in CLASSES)
COLORS = tuple(color for _, color in CLASSES)


@dataclass(frozen=True)
class Scheme:
    """
    The tags of a range of CARLA versions.

    colors: R, G, B of each tag in CARLA's CityScapesPalette, by tag id.
    labels: the label 0..22 that each tag means, by tag id; 255 where it means none of them.
    finer: (tag id, name) of tags that are but a part of what their label means.
    """

    name: str
    versions: str
    colors: tuple
    labels: tuple
    finer: tuple = ()

    def known(self):
        """Return the tags that mean a label, and those labels: two int arrays."""
        labels = np.array(self.labels)
        tags = np.flatnonzero(labels != IGNORE)
        return tags, labels[tags]


# Scheme C, CARLA 0.9.14 to 0.9.16: renumbered to follow Cityscapes, and vehicles split by kind.
_C_COLORS = (
    (0, 0, 0), (128, 64, 128), (244, 35, 232), (70, 70, 70), (102, 102, 156), (190, 153, 153),
    (153, 153, 153), (250, 170, 30), (220, 220, 0), (107, 142, 35), (152, 251, 152),
    (70, 130, 180), (220, 20, 60), (255, 0, 0), (0, 0, 142), (0, 0, 70), (0, 60, 100),
    (0, 80, 100), (0, 0, 230), (119, 11, 32), (110, 190, 160), (170, 120, 50), (55, 90, 80),
    (45, 60, 150), (157, 234, 50), (81, 0, 81), (150, 100, 100), (230, 150, 140),
    (180, 165, 180))
# Rider (13) counts as Pedestrian, Train (17) and Bicycle (19) as Vehicles: our choice. The
# other tags have one label that means the same.
_C_LABELS = (0, 7, 8, 1, 11, 2, 5, 18, 12, 9, 22, 13, 4, 4, 10, 10, 10, 10, 10, 10, 19, 20, 3,
             21, 6, 14, 15, 16, 17)
_C_FINER = ((13, 'Rider'), (14, 'Car'), (15, 'Truck'), (16, 'Bus'), (17, 'Train'),
            (18, 'Motorcycle'), (19, 'Bicycle'))
# Scheme A, CARLA 0.8 to 0.9.9: labels 1 to 12, with two colours of its own. Its tag 0, None, is
# sky, grass, soil and rock alike, which are four classes later: it is no label. train.relabel
# splits it.
_A_LABELS = (IGNORE, *range(1, 13))
_A_COLORS = (*COLORS[:2], (190, 153, 153), (250, 170, 160), *COLORS[4:13])
# The helper in CARLA 0.8's Python client painted Other and Vehicles differently.
_A_CLIENT_COLORS = (*_A_COLORS[:3], (72, 0, 90), *_A_COLORS[4:10], (0, 0, 255), *_A_COLORS[11:])

SCHEMES = {scheme.name: scheme for scheme in (
    Scheme('A', 'CARLA 0.8 to 0.9.9', _A_COLORS, _A_LABELS),
    Scheme('A-client', "CARLA 0.8's Python client", _A_CLIENT_COLORS, _A_LABELS),
    Scheme('B', 'CARLA 0.9.10 to 0.9.13', COLORS, tuple(range(23))),
    Scheme('C', 'CARLA 0.9.14 to 0.9.16', _C_COLORS, _C_LABELS, _C_FINER),
    # Rock (29) counts as Terrain: our choice.
    Scheme('D', 'CARLA 0.10', (*_C_COLORS, (180, 130, 70)), (*_C_LABELS, 22),
           (*_C_FINER, (29, 'Rock'))),
)}


def scheme_help():
    """Return one line that names every scheme and its versions, for command-line help."""
    return '; '.join(f'{s.name}: {s.versions}' for s in SCHEMES.values())


def get_scheme(name):
    """Return the Scheme of that name; ValueError names the ones there are."""
    if name not in SCHEMES:
        raise ValueError(f'tag scheme is {name!r}, but must be one of {scheme_help()}')
    return SCHEMES[name]


def tags_to_labels(tags, scheme):
    """
    Map tag ids of the named scheme to labels.

    tags: uint8 array of any shape; 255 stays 255 (ignore), and None of scheme A becomes it.
    Return a uint8 array of the same shape. Raise ValueError on a tag outside the scheme.
    """
    labels = get_scheme(scheme).labels
    table = np.full(256, _NO_TAG, np.uint8)
    table[:len(labels)] = labels
    table[IGNORE] = IGNORE
    out = table[tags]
    if (out == _NO_TAG).any():
        bad = np.unique(np.asarray(tags)[out == _NO_TAG])
        raise ValueError(f'tag {_few(bad)} is outside scheme {scheme} '
                         f'({SCHEMES[scheme].versions}), which has tags 0 to {len(labels) - 1}')
    return out


def colors_to_tags(rgb, scheme):
    """
    Decode an image painted with the named scheme's palette, by exact match.

    rgb: uint8 array (..., 3) in the order R, G, B.
    Return uint8 tags of that scheme, shape (...), 255 for white, as colorize() paints "no label".
    Raise ValueError on a colour that is not in the palette: another scheme, another channel
    order, or JPEG, which blends colours.
    """
    return packed_to_tags(_packed(np.asarray(rgb, np.uint8)), scheme)


def packed_to_tags(codes, scheme):
    """
    Decode as colors_to_tags(), from colours packed as R << 16 | G << 8 | B.

    codes: integers of any shape.
    """
    tags = _tags_of_colors(get_scheme(scheme))[codes]
    outside = tags == _NO_TAG
    if outside.any():
        wrong = codes[outside]
        some = np.unique(wrong[:1000])[:5]  # of a camera's picture, all would take long to sort
        colors = ', '.join(f'({c >> 16}, {c >> 8 & 255}, {c & 255})' for c in some)
        raise ValueError(
            f'{wrong.size} of {codes.size} pixels have a colour (R, G, B) outside the palette of '
            f'scheme {scheme} ({SCHEMES[scheme].versions}), such as {colors}')
    return tags


def colorize(labels, colors=COLORS):
    """
    Paint labels for people.

    labels: uint8 ids (height, width); ids without a colour, such as 255, become white.
    colors: R, G, B by id. Return uint8 RGB (height, width, 3).
    """
    table = np.full((256, 3), 255, np.uint8)
    table[:len(colors)] = colors
    return cv2.LUT(cv2.merge([labels] * 3), table[None])  # four times as fast as table[labels]


@lru_cache(maxsize=None)
def _tags_of_colors(scheme):
    """
    Return a table from every packed colour to its tag, or _NO_TAG if the scheme has none such.

    At 16 MB it makes one look-up a pixel of what would be a search.
    """
    table = np.full(1 << 24, _NO_TAG, np.uint8)
    table[_packed(np.array(scheme.colors, np.uint8))] = np.arange(len(scheme.colors))
    table[WHITE] = IGNORE
    return table


def _packed(rgb):
    return rgb[..., 0].astype(np.int32) << 16 | rgb[..., 1].astype(np.int32) << 8 | rgb[..., 2]


def _few(values, most=5):
    """Join the first few values for an error message."""
    shown = ', '.join(str(v) for v in values[:most])
    return shown + (f' and {len(values) - most} more' if len(values) > most else '')
