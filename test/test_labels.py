"""The class table against every row of CARLA's tag tables (data/tags.csv)."""
import csv
from pathlib import Path

import numpy as np
import pytest

from unet_perception import labels

# Scheme of each table in tags.csv.
TABLES = {
    'carla-0.8.x_to_0.9.9 (13)': 'A',
    'carla-0.8.x PythonClient labels_to_cityscapes_palette (13)': 'A-client',
    'carla-0.9.10_to_0.9.13 (23)': 'B',
    'carla-0.9.14_to_0.9.16 (29)': 'C',
    'carla-0.10 ue5-dev (30)': 'D',
}
# Tag names that are not the label's own name, singular or plural.
SAME = {'None': 'Unlabeled', 'Rider': 'Pedestrian', 'Car': 'Vehicles', 'Truck': 'Vehicles',
        'Bus': 'Vehicles', 'Train': 'Vehicles', 'Motorcycle': 'Vehicles', 'Bicycle': 'Vehicles',
        'Rock': 'Terrain', 'Sidewalks': 'SideWalk', 'Vehicles': 'Vehicles', 'Other': 'Other'}


def rows():
    with open(Path(__file__).parent / 'data' / 'tags.csv', newline='') as file:
        return [(TABLES[r['scheme']], int(r['id']), r['name'],
                 (int(r['r']), int(r['g']), int(r['b']))) for r in csv.DictReader(file)]


def test_the_tables_have_the_sizes_of_the_schemes():
    sizes = {name: len(scheme.colors) for name, scheme in labels.SCHEMES.items()}
    assert sizes == {'A': 13, 'A-client': 13, 'B': 23, 'C': 29, 'D': 30}
    assert len(rows()) == sum(sizes.values())
    assert all(len(s.labels) == len(s.colors) for s in labels.SCHEMES.values())


@pytest.mark.parametrize('scheme, tag, name, color', rows())
def test_each_row(scheme, tag, name, color):
    assert labels.SCHEMES[scheme].colors[tag] == color
    label = labels.tags_to_labels(np.uint8([tag]), scheme)[0]
    if name == 'None' and scheme[0] == 'A':  # sky, grass, soil and rock alike
        assert label == labels.IGNORE
    else:
        assert labels.NAMES[label] in (SAME.get(name), name, name.removesuffix('s'))
    pixel = np.uint8([[color]])
    np.testing.assert_array_equal(labels.colors_to_tags(pixel, scheme), [[tag]])


def test_maps_into_the_23():
    """The whole map of scheme D, in order, as the project decided it."""
    decided = [0, 7, 8, 1, 11, 2, 5, 18, 12, 9, 22, 13, 4, 4, 10, 10, 10, 10, 10, 10, 19, 20, 3,
               21, 6, 14, 15, 16, 17, 22]
    np.testing.assert_array_equal(
        labels.tags_to_labels(np.arange(30, dtype=np.uint8), 'D'), decided)
    np.testing.assert_array_equal(
        labels.tags_to_labels(np.arange(29, dtype=np.uint8), 'C'), decided[:-1])
    ids = np.arange(23, dtype=np.uint8)
    np.testing.assert_array_equal(labels.tags_to_labels(ids, 'B'), ids)
    np.testing.assert_array_equal(labels.tags_to_labels(ids[:13], 'A'), [255, *range(1, 13)])


def test_ignore_stays_ignore():
    assert labels.tags_to_labels(np.uint8([255]), 'C') == 255


@pytest.mark.parametrize('scheme, tag', [('A', 13), ('B', 23), ('C', 29), ('D', 30), ('B', 254)])
def test_a_tag_outside_the_scheme_is_named(scheme, tag):
    with pytest.raises(ValueError, match=rf'tag {tag} is outside scheme {scheme}'):
        labels.tags_to_labels(np.uint8([0, tag]), scheme)


def test_an_unknown_scheme_is_named_with_those_there_are():
    with pytest.raises(ValueError, match="'E'.*A: CARLA 0.8"):
        labels.tags_to_labels(np.uint8([0]), 'E')


def test_colours_of_another_scheme_or_order_are_refused():
    terrain_c, road = (152, 251, 152), (128, 64, 128)
    labels.colors_to_tags(np.uint8([terrain_c, road]), 'C')
    with pytest.raises(ValueError, match=r'1 of 2 pixels.*scheme B.*\(152, 251, 152\)'):
        labels.colors_to_tags(np.uint8([terrain_c, road]), 'B')
    with pytest.raises(ValueError, match=r'\(142, 0, 0\)'):
        labels.colors_to_tags(np.uint8([(142, 0, 0)]), 'B')  # Vehicles as B, G, R


@pytest.mark.parametrize('scheme', labels.SCHEMES)
def test_white_is_no_label_in_every_scheme(scheme):
    assert (255, 255, 255) not in labels.SCHEMES[scheme].colors
    assert labels.colors_to_tags(np.uint8([(255, 255, 255)]), scheme) == [255]


def test_blended_colours_are_refused():
    """What JPEG does to a palette image."""
    blended = np.uint8([(128, 64, 128), (127, 64, 129)])
    with pytest.raises(ValueError, match='outside the palette'):
        labels.colors_to_tags(blended, 'B')


def test_colorize_paints_the_palette_and_unlabelled_white():
    ids = np.uint8([[0, 22], [7, 255]])
    np.testing.assert_array_equal(
        labels.colorize(ids), [[(0, 0, 0), (145, 170, 100)], [(128, 64, 128), (255, 255, 255)]])


def test_colours_are_unique_within_each_scheme():
    for scheme in labels.SCHEMES.values():
        assert len(set(scheme.colors)) == len(scheme.colors)
