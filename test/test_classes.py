"""Class tables of a network's own."""
import numpy as np
import pytest

from unet_perception import classes, labels
from unet_perception.classes import ALL, lookup, parse_classes

OWN = 'Drivable=Road+RoadLine,Pedestrian,Car,Truck'


@pytest.mark.parametrize('scheme', labels.SCHEMES)
def test_the_23_labels_are_the_schemes_own(scheme):
    tags = np.arange(len(labels.SCHEMES[scheme].labels), dtype=np.uint8)
    np.testing.assert_array_equal(lookup(ALL, scheme)[tags], labels.tags_to_labels(tags, scheme))
    assert np.all(lookup(ALL, scheme)[len(tags):] == 255)
    assert (str(ALL), parse_classes('')) == ('', ALL)


def test_classes_are_chosen_merged_and_told_apart():
    table = parse_classes(f' {OWN}'.replace(',', ', '))
    assert table.names == ('Unlabeled', 'Drivable', 'Pedestrian', 'Car', 'Truck')
    assert table.colors[1] == (128, 64, 128) and table.colors[4] == (0, 0, 70)
    assert str(table) == OWN
    names = ['-' if i == 255 else table.names[i] for i in lookup(table, 'C')[:20]]
    assert names == ['Unlabeled', 'Drivable', *['Unlabeled'] * 10, 'Pedestrian', 'Pedestrian',
                     'Car', 'Truck', *['Unlabeled'] * 4]


def test_what_a_scheme_does_not_tell_apart_is_left_out():
    old = lookup(parse_classes(OWN), 'A')
    assert (old[7], old[9], old[10]) == (1, 0, 255)  # Road, Vegetation, Vehicles: of which kind?
    assert lookup(parse_classes('Vehicles'), 'A')[10] == 1
    assert lookup(parse_classes('Vehicles,Bus'), 'A')[10] == 255
    assert list(lookup(parse_classes('Vehicles,Bus'), 'C')[14:18]) == [1, 1, 2, 1]
    # None hides sky and ground, so it is the rest only where nobody asks for these.
    assert old[0] == 0 and lookup(parse_classes('Road,Sky'), 'A')[0] == 255
    assert classes.label_of('Rock') == 'Terrain' and classes.label_of('Sky') == 'Sky'


@pytest.mark.parametrize('text, message', [
    ('Raod', "'Raod' is none of .* mean Road"), ('Road,Road', 'class Road comes twice'),
    ('A=Road,B=Road', 'part Road comes twice'), ('a b=Road', "'a b' is no name"),
    ('Road,,Sky', "'' is no name"), ('Unlabeled=Sky', 'class Unlabeled comes twice')])
def test_tables_that_make_no_sense_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse_classes(text)
