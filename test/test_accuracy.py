"""Live scoring on images of a few pixels: what is paired with what, counted by hand."""
import cv2
import numpy as np
import pytest

from unet_perception import labels
from unet_perception.accuracy import (CLOCK, LiveAccuracy, NO_TRUTH, SCHEME, SCORED, SIZES,
                                      UNREADABLE_MASK, UNREADABLE_TRUTH)
from unet_perception.accuracy_frames import AGE, MOST
from unet_perception.accuracy_report import AccuracyReport, ERROR, WARN
from unet_perception.accuracy_window import read_tags, tag_matrix, Window
from unet_perception.images import Picture

MS = 10**6
BUILDING, ROAD, CAR = 1, 7, 10


def row(*ids):
    return np.uint8([ids])


def play(live, *events):
    """Play ('truth', stamp ms, tags) and ('mask', stamp ms, labels, clock ms) in this order."""
    for kind, stamp, pixels, *clock in events:
        if kind == 'truth':
            live.add_truth(stamp * MS, pixels)
        else:
            live.add_mask(stamp * MS, pixels, clock[0] * MS)
    return live


def miou(score):
    return score.figures()['mean_iou']


def test_a_mask_is_scored_by_the_truth_of_its_stamp_and_timely_by_that_of_its_time():
    """Truths at 100, 150, 200 ms; the mask of 100 ms comes out at 160 ms, exact and too late."""
    live = LiveAccuracy('B')
    play(live, ('truth', 100, row(7, 7, 7, 1)), ('truth', 150, row(7, 7, 1, 1)),
         ('mask', 100, row(7, 7, 7, 1), 160))
    assert miou(live.paired) == 1
    assert live.timely.figures() is None  # a truth of 155 ms might still come
    assert play(live, ('truth', 200, row(1, 1, 1, 1))).timely.counts[SCORED] == 1
    # By 150: Road is hit 2 of 2 and called once more: 2/3; Building is hit 1 of 2: 1/2.
    assert miou(live.timely) == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert miou(live.paired) == 1


def test_the_truth_of_the_very_time_settles_at_once():
    live = play(LiveAccuracy('B'), ('truth', 100, row(7)), ('truth', 150, row(1)),
                ('mask', 100, row(7), 150))
    assert live.timely.counts[SCORED] == 1 and miou(live.timely) == 0


def test_masks_may_come_before_their_truth():
    live = play(LiveAccuracy('B'), ('mask', 100, row(7, 1), 100), ('mask', 150, row(7, 1), 150))
    assert live.paired.figures() is None and len(live.paired.waiting) == 2
    play(live, ('truth', 100, row(7, 1)), ('truth', 150, row(7, 7)))
    # Both frames: Road is hit 2 of 3 true: 2/3; Building is hit 1 of 1 and called once more: 1/2.
    for score in (live.paired, live.timely):
        assert score.counts[SCORED] == 2
        assert miou(score) == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_a_mask_is_never_out_before_its_image_though_the_clock_may_come_later():
    live = play(LiveAccuracy('B'), ('truth', 100, row(7)), ('truth', 150, row(1)),
                ('mask', 150, row(1), 100))
    assert miou(live.timely) == 1


def test_below_the_threshold_is_a_miss_and_unlabelled_truth_is_not_scored():
    live = play(LiveAccuracy('B'), ('truth', 100, row(7, 7, 7, 255, 255)),
                ('mask', 100, row(7, 255, 255, 7, 255), 100))
    assert miou(live.paired) == pytest.approx(1 / 3)  # Road: hit 1 of 3
    assert live.paired.figures()['pixels'] == 3


def test_figures_are_over_the_window_and_it_may_change():
    live = LiveAccuracy('B', frames=2)
    right, wrong = row(7, 7), row(1, 1)
    for i, mask in enumerate((wrong, right, right)):
        play(live, ('truth', 100 * (i + 1), right), ('mask', 100 * (i + 1), mask, 100 * (i + 1)))
    assert miou(live.paired) == 1  # the wrong one is out
    assert live.paired.counts[SCORED] == 3 and len(live.paired.window) == 2
    live.frames = 3
    play(live, ('truth', 400, right), ('mask', 400, wrong, 400))
    assert len(live.paired.window) == 3
    assert miou(live.paired) == pytest.approx(4 / 6)  # right, right, wrong
    live.frames = 1
    play(live, ('truth', 500, right), ('mask', 500, right, 500))
    assert len(live.paired.window) == 1 and miou(live.paired) == 1


def test_tags_of_carla_0_9_14_are_mapped():
    # C: Road 1, Car 14, Truck 15, Rider 13. The truck is called a road, else all is right.
    live = play(LiveAccuracy('C', check_scheme=True), ('truth', 100, row(1, 1, 14, 15, 13)),
                ('mask', 100, row(7, 7, 10, 7, 4), 100))
    classes = live.paired.figures()['classes']
    assert {name: value['iou'] for name, value in classes.items()} == {
        'Pedestrian': 1, 'Road': pytest.approx(2 / 3), 'Vehicles': 1 / 2}


def test_other_ids_than_labels_in_a_mask_are_reported():
    live = play(LiveAccuracy('C'), ('truth', 100, row(1)), ('mask', 100, row(23), 100))
    assert live.paired.counts == {UNREADABLE_MASK: 1} and live.paired.figures() is None
    assert 'prediction to 23' in live.problems[UNREADABLE_MASK]


@pytest.mark.parametrize('used, told', [('C', 'B (CARLA 0.9.10'), ('B', 'C (CARLA 0.9.14')])
def test_tags_that_fit_but_mean_something_else_are_reported_with_the_better_scheme(used, told):
    # What is Road, Building and Vegetation by `told`; the masks know 9 of 10 pixels.
    scheme = labels.SCHEMES[told[0]]
    mask = row(*5 * [7], 1, 1, 9, 9, 9)
    tags = row(*(scheme.labels.index(label) for label in (*5 * [7], 1, 1, 9, 9, 1)))
    live = play(LiveAccuracy(used, check_scheme=True), ('truth', 100, tags),
                ('mask', 100, mask, 100))
    assert live.paired.counts == live.timely.counts == {SCHEME: 1}
    assert live.paired.figures() is None
    assert told in live.problems[SCHEME] and '90%' in live.problems[SCHEME]


def test_schemes_that_agree_alike_are_all_named():
    live = play(LiveAccuracy('B', check_scheme=True), ('truth', 100, row(1, 1, 14)),
                ('mask', 100, row(7, 7, 10), 100))
    assert 'C (CARLA 0.9.14 to 0.9.16) or D (CARLA 0.10)' in live.problems[SCHEME]


@pytest.mark.parametrize('mask', [
    row(7, 7, 7, 7, 7, 9, 9, 9, 9, 9),  # by C half is right, by B nothing: not enough
    row(7, 7, 7, 7, 7, 7, 1, 1, 1, 1, 1)])  # 6 of 11 against 5 of 11: no clear difference
def test_a_poor_model_is_no_wrong_scheme(mask):
    truth = np.full_like(mask, 1)  # Building by B, Road by C
    live = play(LiveAccuracy('B', check_scheme=True), ('truth', 100, truth),
                ('mask', 100, mask, 100))
    assert live.paired.counts == {SCORED: 1}


def test_a_scheme_without_the_tags_that_are_seen_is_not_the_better_one():
    # By B, 1 is Building, as nine masks in ten say; but B has no tag 28.
    live = play(LiveAccuracy('C', check_scheme=True), ('truth', 100, row(*9 * [1], 28)),
                ('mask', 100, row(*9 * [1], 17), 100))
    assert live.paired.counts == {SCORED: 1}


def test_palette_colours_are_not_suspected():
    """A colour has one label in all schemes that have it, whatever a poor model makes of it."""
    pairs = {(color, label) for scheme in labels.SCHEMES.values()
             for color, label in zip(scheme.colors, scheme.labels) if label < 255}
    assert len(pairs) == len({color for color, _ in pairs})
    live = play(LiveAccuracy('B'), ('truth', 100, row(1)), ('mask', 100, row(7), 100))
    assert live.paired.counts == {SCORED: 1}


def test_sizes_that_differ_are_reported():
    live = play(LiveAccuracy('B'), ('truth', 100, row(7, 7)), ('mask', 100, row(7), 100))
    assert live.paired.counts == live.timely.counts == {SIZES: 1}
    assert '2x1, but the mask 1x1' in live.problems[SIZES]


def test_a_truth_that_cannot_be_read_costs_its_mask_and_no_other():
    live = LiveAccuracy('B')
    live.add_truth(100 * MS, None, 'tag 30 is outside')
    play(live, ('mask', 100, row(7), 100), ('truth', 150, row(7)), ('mask', 150, row(7), 150))
    assert live.paired.counts == {UNREADABLE_TRUTH: 1, SCORED: 1}
    assert live.problems == {UNREADABLE_TRUTH: 'tag 30 is outside'}


def test_masks_and_truths_without_a_partner_are_counted():
    live = play(LiveAccuracy('B'), ('truth', 100, row(7)), ('mask', 125, row(7), 125),
                ('truth', 150, row(7)))
    assert live.paired.counts == {NO_TRUTH: 1}
    assert live.timely.counts == {SCORED: 1}  # by the truth of 100 ms, the newest at 125
    assert '0.125 s' in live.problems[NO_TRUTH]
    play(live, ('truth', 150 + AGE // MS, row(7)))
    assert live.truths.lost == 1  # that of 100 ms; that of 150 ms is just not too old


def test_what_waits_is_bounded_by_number_and_by_age():
    live = LiveAccuracy('B')
    for i in range(3 * MOST):  # several masks of one tick, and no truth
        live.add_mask(1, row(7), 1)
    assert len(live.paired.waiting) == len(live.timely.waiting) == MOST
    assert live.paired.counts == live.timely.counts == {NO_TRUTH: 2 * MOST}
    live.add_mask(2 + AGE, row(7), 2 + AGE)
    assert len(live.paired.waiting) == 1 and live.paired.counts == {NO_TRUTH: 3 * MOST}
    live = LiveAccuracy('B')
    for i in range(2 * MOST):
        live.add_truth(i + 1, row(7))
    assert live.truths.lost == MOST
    assert live.truths.until(MOST) is None and live.truths.until(MOST + 1).stamp == MOST + 1


@pytest.mark.parametrize('clock', [0, 100 * MS + AGE + 1, 1_700_000_000 * 10**9])
def test_without_the_cameras_clock_nothing_is_timely(clock):
    live = LiveAccuracy('B')
    live.add_truth(100 * MS, row(7))
    live.add_mask(100 * MS, row(7), clock)
    assert live.paired.counts == {SCORED: 1} and live.timely.counts == {CLOCK: 1}
    assert 'use_sim_time' in live.problems[CLOCK]


@pytest.mark.parametrize('first', ['truth', 'mask'])
def test_stamps_that_go_back_begin_a_new_window(first):
    live = play(LiveAccuracy('B'), ('truth', 7000, row(7)), ('mask', 7000, row(1), 7000),
                ('mask', 7050, row(1), 7050))
    again = [('truth', 1000, row(7)), ('mask', 1000, row(7), 1000)]
    play(live, *(again if first == 'truth' else again[::-1]))
    # The first stamp that goes back clears all; the other topic's goes back from nothing.
    assert live.restarts == 1 and 'went back to 1.000 s' in live.problems['restart']
    assert len(live.paired.window) == 1 and miou(live.paired) == miou(live.timely) == 1
    assert not live.paired.waiting and live.paired.counts[SCORED] == 2


def test_a_truth_that_comes_twice_is_told_and_left_out():
    live = play(LiveAccuracy('B'), ('truth', 100, row(7)), ('truth', 100, row(1)),
                ('truth', 50, row(1)), ('mask', 100, row(7), 100))
    assert miou(live.paired) == 1 and 'twice' in live.problems['order'] and not live.restarts


def test_both_encodings_are_read_from_every_channel_order():
    tags = np.arange(29, dtype=np.uint8)[None]
    raw = np.dstack([tags, 0 * tags + 3, 0 * tags + 5])
    painted = labels.colorize(tags, labels.SCHEMES['C'].colors)
    for encoding, code in (('rgb8', None), ('bgra8', cv2.COLOR_RGB2BGRA),
                           ('bgr8', cv2.COLOR_RGB2BGR), ('rgba8', cv2.COLOR_RGB2RGBA)):
        for label_encoding, rgb in (('tag', raw), ('palette', painted)):
            pixels = rgb if code is None else cv2.cvtColor(rgb, code)
            np.testing.assert_array_equal(
                read_tags(Picture(pixels, encoding), label_encoding, 'C'), tags)


def test_padded_rows_are_read():
    """As messages may have them: a row of 3 BGRA pixels and 5 bytes that are no pixel."""
    tags = row(7, 8, 9).repeat(2, 0)
    painted = labels.colorize(tags)[..., ::-1]
    padded = np.zeros((2, 17), np.uint8)
    pixels = np.ndarray((2, 3, 4), np.uint8, padded, strides=(17, 4, 1))
    raw = np.dstack([0 * tags, 0 * tags, tags])
    for label_encoding, image in (('palette', painted), ('tag', raw)):
        pixels[..., :3], pixels[..., 3] = image, 255
        np.testing.assert_array_equal(
            read_tags(Picture(pixels, 'bgra8'), label_encoding, 'B'), tags)


def test_an_image_of_the_other_encoding_is_refused():
    tags = row(7, 8, 9)
    raw = np.dstack([tags, 0 * tags, 0 * tags])
    with pytest.raises(ValueError, match=r'\(7, 0, 0\)'):
        read_tags(Picture(raw, 'rgb8'), 'palette', 'B')
    with pytest.raises(ValueError, match='tag 107, 128, 244 is outside scheme B'):
        read_tags(Picture(labels.colorize(tags), 'rgb8'), 'tag', 'B')


def test_a_long_window_is_exact():
    """Against one count over all of its frames."""
    from unet_perception.metrics import confusion_matrix, summary
    rng = np.random.default_rng(3)
    frames = [(rng.integers(0, 23, (5, 7)).astype(np.uint8),
               rng.integers(0, 23, (5, 7)).astype(np.uint8)) for _ in range(50)]
    window = Window('B')
    for truth, mask in frames:
        window.add(tag_matrix(truth, mask, 'B'), 20)
    last = [np.concatenate(arrays) for arrays in zip(*frames[-20:])]
    assert window.figures() == summary(confusion_matrix(*last, 23), labels.NAMES)


def test_the_report_tells_levels_and_clears_what_it_told():
    live = LiveAccuracy('B')
    report = AccuracyReport(live)
    assert report.take_findings(0.9, 0.5) == {}
    play(live, ('truth', 100, row(7, 7)), ('mask', 100, row(7, 1), 100))  # Road: 1/2
    assert report.take_findings(0.0, 0.0) == {}
    assert report.take_findings(0.9, 0.5)['miou'] == (WARN, 'mIoU 0.500 is below 0.9')
    assert report.take_findings(0.9, 0.6)['miou'][0] == ERROR
    # One of two frames is lost: WARN. All are: ERROR.
    play(live, ('truth', 150, row(7)), ('mask', 150, row(7), 150), ('truth', 200, row(7)),
         ('mask', 200, row(7, 7), 200))
    assert [level for level, _ in report.take_findings(0, 0).values()] == [WARN]
    play(live, ('truth', 250, row(7)), ('mask', 250, row(7, 7), 250))
    assert [level for level, _ in report.take_findings(0, 0).values()] == [ERROR]
    assert report.take_findings(0, 0) == {}
    values = report.values()
    assert (values['scored'], values['unscored: sizes differ'], values['waiting']) == (2, 2, 0)
    assert values['iou Road'] == round(2 / 3, 4) and values['miou'] == round(2 / 3, 4)


def test_a_scheme_that_turns_out_wrong_within_one_step_gives_no_figures():
    """Two masks wait for one truth; the second tells that the tags are B's, not C's."""
    live = LiveAccuracy('C', check_scheme=True)
    play(live, ('mask', 100, row(7), 100), ('mask', 100, row(1), 100), ('mask', 100, row(1), 100),
         ('mask', 100, row(1), 100))
    assert live.add_truth(100 * MS, row(1)) == []
    assert live.paired.counts == {SCORED: 2, SCHEME: 2} and live.paired.figures() is None
