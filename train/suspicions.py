"""What in the Surveys of drives looks wrong, in sentences."""
from collections import Counter

import numpy as np

from train.survey import UPPER
from unet_perception.labels import get_scheme, IGNORE, NAMES

# Shares of a drive's pixels that no drive has been seen to reach: then the scheme is another.
MOST = {'TrafficLight': 0.03, 'TrafficSign': 0.03, 'Pedestrian': 0.1, 'Pole': 0.1,
        'RoadLine': 0.1}
LEAST_ROAD = 0.02
MOST_UNLABELED = 0.1  # where the sky has a tag of its own
MOST_NEAR_COPIES = 0.1
WITH_LIGHTS = ('Town01', 'Town02', 'Town03', 'Town04', 'Town05', 'Town10HD')
SIGN_BUG = 'CARLA 0.9.16 tags traffic lights and signs of some towns so (its issue 9356)'


def suspicions(surveys):
    """Return a list of sentences on the Surveys, each about one drive, or two."""
    return [f'{survey.drive.name}: {sentence}' for survey in surveys
            for look in (_incomplete, _files, _outside, _shares, _sign_bug, _near_copies)
            for sentence in look(survey)] + _shared_pictures(surveys)


def _incomplete(survey):
    if not survey.drive.complete:
        yield 'the recording broke off; train.record goes on with it by the same command'


def _files(survey):
    if survey.bad:
        yield f'{len(survey.bad)} frames cannot be used, such as: {survey.bad[0]}'


def _outside(survey):
    scheme = get_scheme(survey.drive.scheme)
    for tag in np.flatnonzero(survey.pixels[len(scheme.labels):]) + len(scheme.labels):
        what = 'no label' if tag == IGNORE else f'outside scheme {scheme.name}'
        yield (f'tag {tag}, {what}, is in {survey.tag_frames[tag]} frames, '
               f'{_percent(survey.pixels[tag], survey.pixels.sum())} of the pixels')


def _shares(survey):
    pixels = survey.class_pixels
    share = dict(zip(NAMES, pixels / max(1, pixels.sum())))
    ask = f'is {survey.drive.scheme} the right scheme?'
    if survey.frames and share['Road'] < LEAST_ROAD:
        yield f'only {share["Road"]:.1%} of the pixels are Road; {ask}'
    for name, most in MOST.items():
        if share[name] > most:
            yield f'{share[name]:.1%} of the pixels are {name}; {ask}'
    if (NAMES.index('Sky') in get_scheme(survey.drive.scheme).labels
            and share['Unlabeled'] > MOST_UNLABELED):
        yield (f'{share["Unlabeled"]:.1%} of the pixels are Unlabeled, though the sky has a tag '
               f'of its own; {ask}')


def _sign_bug(survey):
    labels = get_scheme(survey.drive.scheme).labels
    if len(labels) < 29:  # before CARLA 0.9.14
        return
    if survey.drive.town in WITH_LIGHTS and survey.frames and not survey.class_pixels[
            NAMES.index('TrafficLight')]:
        yield (f'TrafficLight never occurs, though {survey.drive.town} has traffic lights; '
               f'{SIGN_BUG}: look at the masks')
    for tag, name in ((12, 'Pedestrian'), (18, 'Motorcycle')):
        if survey.upper[tag] > survey.pixels[tag] / 2:
            yield (f'{_percent(survey.upper[tag], survey.pixels[tag])} of the pixels tagged '
                   f'{name} are in the upper 1/{UPPER} of the image; {SIGN_BUG}: look at them')


def _near_copies(survey):
    if survey.near_copies > MOST_NEAR_COPIES:
        yield (f'{survey.near_copies:.0%} of the frames hardly differ from the one before, as '
               f'when the car stands still; they cost time and teach little')


def _shared_pictures(surveys):
    drives = {}
    for survey in surveys:
        for picture in survey.pictures:
            drives.setdefault(picture, []).append(survey.drive.name)
    shared = Counter(tuple(names) for names in drives.values() if len(names) > 1)
    return [f'{" and ".join(names)}: {count} images are the same in each; validating on one what '
            f'the other trains on tells nothing' for names, count in shared.items()]


def _percent(part, whole):
    return f'{part / max(1, whole):.2%}'
