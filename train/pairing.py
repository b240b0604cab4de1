"""Which images of two recorded cameras make a frame, by the stamps in their headers."""
from array import array
from collections import Counter
from typing import NamedTuple

import numpy as np

from unet_perception.bags import BagError, IMAGE, IMAGES, stamp_ns, typestore
from unet_perception.recording import open_recording

NONE = -1  # no stamp, for the message is no image; no frame, for the image is left out
JPEG = b'\xff\xd8'  # how its data begins
CAMERAS = ('camera', 'semantic')
ALONE = {camera: f'{camera} images without a partner' for camera in CAMERAS}
DUPLICATE = {camera: f'{camera} images with a stamp that came before' for camera in CAMERAS}
UNREADABLE = {camera: f'{camera} messages that are no image' for camera in CAMERAS}
TOO_SOON = 'frames sooner than --every-seconds'


class Bags:
    """
    The image topics of two cameras in one or several bags, read as often as needed.

    camera, semantic: the topics. breaks: a sentence for each place where a bag breaks off,
    complete once it was read.
    """

    def __init__(self, paths, camera, semantic):
        """
        Find the topics; raise BagError if a bag cannot be read or a camera has no images.

        camera, semantic: a camera's namespace, with its images in image or image/compressed below
        it, or its image topic.
        """
        self.breaks, there, starts = [], set(), {}
        for path in paths:
            with open_recording(path) as recording:
                there |= {c.topic for c in recording.connections if c.msgtype in IMAGES}
                starts[path] = next((message.time for message in recording.messages()), 0)
        self._paths = sorted(starts, key=starts.get)  # a shell puts part 10 before part 2
        self.camera = _topic(there, camera, '--camera')
        self.semantic = _topic(there, semantic, '--semantic')
        if self.camera == self.semantic:
            raise BagError(f'--camera and --semantic both name {self.camera}')

    def messages(self):
        """Stream the Messages of both topics, bag by bag, each up to its break."""
        for path in self._paths:
            with open_recording(path) as recording:
                for message in recording.messages():
                    if message.topic in (self.camera, self.semantic):
                        yield message
                self.breaks += [b for b in recording.breaks if b not in self.breaks]


def _topic(there, name, flag):
    name = name.rstrip('/')
    for topic in (f'{name}/image', f'{name}/image/compressed', name):
        if topic in there:
            return topic
    raise BagError(f'{flag}: there are no images in {name}/image, {name}/image/compressed or '
                   f'{name}; there are some in {", ".join(sorted(there)) or "no topic"}')


def read_stamps(bags):
    """
    Read the stamps of the images of Bags: of camera and semantic camera, int64 arrays, ns.

    They are in the bags' order; NONE stands for a message that is no image.
    Raise BagError if the semantic camera's images are JPEG, or a camera has none.
    """
    store, stamps = typestore(), {bags.camera: array('q'), bags.semantic: array('q')}
    for message in bags.messages():
        try:
            image = store.deserialize_cdr(message.data, message.type)
            stamp, start = stamp_ns(image.header), bytes(image.data[:2])
        except Exception:  # rosbags trusts the bytes, so damage may raise anything
            stamp, start = NONE, b''
        if message.topic == bags.semantic and message.type != IMAGE and start == JPEG:
            raise BagError(f'{bags.semantic} holds JPEG images, which blend the colours of the '
                           f'classes; record the raw images of that camera')
        stamps[message.topic].append(max(stamp, NONE))
    for topic, found in stamps.items():
        if not found or max(found) == NONE:
            raise BagError(f'{topic} holds no image that can be read, of {len(found)} messages')
    return [np.asarray(stamps[topic], np.int64) for topic in (bags.camera, bags.semantic)]


class Pairing(NamedTuple):
    """
    Which image belongs to which frame.

    camera, semantic: of each image its frame, int64: the stamp of the frame's camera image, ns, or
    NONE. frames: how many. left_out: how many are left out, by reason.
    """

    camera: np.ndarray
    semantic: np.ndarray
    frames: int
    left_out: Counter


def pair(camera, semantic, tolerance=0, every=0):
    """
    Pair images whose stamps are nearest to each other and within a tolerance.

    camera, semantic: int64 stamps, ns, in any order, NONE for an image without. Of images with
    equal stamps the first is taken. tolerance, every: ns; frames are at least `every` apart.
    Raise ValueError if no two belong together.
    """
    (ours, our_places), (theirs, their_places) = _distinct(camera), _distinct(semantic)
    nearest = _nearest(ours, theirs)
    both = (_nearest(theirs, ours)[nearest] == np.arange(ours.size)) & (
        abs(ours - theirs[nearest]) <= tolerance)
    if not both.any():
        raise ValueError(f'of {ours.size} and {theirs.size} images no two belong together: the '
                         f'nearest stamps are {abs(ours - theirs[nearest]).min() / 1e9:.9g} s '
                         f'apart; see --tolerance')
    kept = both.copy()
    if every:
        last = -np.inf
        for place in np.flatnonzero(both):
            kept[place] = ours[place] >= last + every
            last = ours[place] if kept[place] else last
    frames = [np.full(stamps.size, NONE) for stamps in (camera, semantic)]
    frames[0][our_places[kept]] = ours[kept]
    frames[1][their_places[nearest[kept]]] = ours[kept]
    left_out = Counter({TOO_SOON: int(both.sum() - kept.sum())})
    for name, stamps, distinct in zip(CAMERAS, (camera, semantic), (ours, theirs)):
        unreadable = int(np.count_nonzero(stamps == NONE))
        left_out[UNREADABLE[name]] = unreadable
        left_out[DUPLICATE[name]] = stamps.size - unreadable - distinct.size
        left_out[ALONE[name]] = distinct.size - int(both.sum())
    return Pairing(*frames, int(kept.sum()), +left_out)


def _distinct(stamps):
    """Return the stamps in their order, each once, and where each comes first."""
    distinct, places = np.unique(stamps, return_index=True)
    return distinct[distinct > NONE], places[distinct > NONE]


def _nearest(values, others):
    """Return the place of the nearest of the others, sorted, to each value."""
    after = np.searchsorted(others, values)
    low, high = (after - 1).clip(0), after.clip(max=others.size - 1)
    return np.where(values - others[low] <= others[high] - values, low, high)
