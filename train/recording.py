"""
A drive while it is recorded: frames and manifest, written so that a broken one can go on.

    CameraRGB/000000.png    pictures
    CameraMask/000000.png   one channel, CARLA's raw tags
    drive.json              what it is, whether it is complete, and a record of every frame

A file takes its name only when it is whole, and a frame is in the drive once the manifest says so.
"""
import json
import os
from pathlib import Path

import cv2
import numpy as np

from train.drive import FORMAT, IMAGES, MANIFEST, MASKS
from unet_perception.labels import IGNORE, NAMES, tags_to_labels

FOLDERS = (IMAGES, MASKS)


class Recording:
    """
    A drive in a folder, new or to go on with.

    settings: what all of its frames have in common, plain JSON data; among it the tag scheme.
    frames: the records of those there are, dicts. Raise ValueError if the folder holds something
    else or a drive of other settings; nothing is written before add() or finish().
    """

    def __init__(self, folder, settings):
        self.folder, self.settings = Path(folder), json.loads(json.dumps(settings))
        self.frames, self.complete = [], False
        self.pixels, self.seen = np.zeros(len(NAMES), int), np.zeros(len(NAMES), int)
        if self.folder.exists():
            self._load()
        self._lines = [json.dumps(frame) for frame in self.frames]  # of the manifest

    def _load(self):
        path = self.folder / MANIFEST
        if not path.exists():
            if any(file.suffix != '.partial' for file in self.folder.iterdir()):
                raise ValueError(f'{self.folder} is there already and holds no {MANIFEST}, so it '
                                 f'is no recording to go on with; take another --out')
            return
        try:
            there = json.loads(path.read_text())
            self.frames, self.complete = there.pop('frames'), there.pop('complete')
            for name, counts in there.pop('classes').items():
                self.pixels[NAMES.index(name)] = counts['pixels']
                self.seen[NAMES.index(name)] = counts['frames']
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f'{path} is no manifest of a recording: {error!r}; move the folder '
                             f'away or take another --out') from error
        if there.pop('format_version', None) != FORMAT:
            raise ValueError(f'{path} is not of format version {FORMAT}; take another --out')
        other = [f'{name} was {json.dumps(there.get(name))}, now {json.dumps(now)}'
                 for name, now in self.settings.items() if there.get(name) != now]
        if other:
            raise ValueError(f'{self.folder} was recorded with other settings: '
                             f'{"; ".join(other)}; give the same ones to go on with it, or take '
                             f'another --out')
        lost = [name for frame in self.frames for name in self._files(frame['name'])
                if not name.is_file()]
        if lost:
            raise ValueError(f'{self.folder} lacks {len(lost)} of its files, such as '
                             f'{lost[0]}; move the folder away or take another --out')

    def _files(self, name):
        return [self.folder / sub / f'{name}.png' for sub in FOLDERS]

    def _next(self):
        return f'{len(self.frames):06d}'

    def add(self, image, tags, **record):
        """
        Add a frame. image: uint8 (height, width, 3), B, G, R. tags: uint8 (height, width).

        record: what the manifest keeps of it. Raise ValueError on a tag outside the scheme.
        """
        labels = tags_to_labels(tags, self.settings['scheme'])
        counts = np.bincount(labels[labels != IGNORE], minlength=len(NAMES))
        name, self.complete = self._next(), False
        if not self.frames:  # files without a manifest would be somebody else's
            self.folder.mkdir(parents=True, exist_ok=True)
            self._save()
        whole = []
        for path, pixels in zip(self._files(name), (image, tags)):
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix('.partial')
            partial.write_bytes(cv2.imencode('.png', pixels)[1].tobytes())
            whole.append((partial, path))
        for partial, path in whole:
            os.replace(partial, path)
        self.frames.append({'name': name, **record})
        self._lines.append(json.dumps(self.frames[-1]))
        self.pixels += counts
        self.seen += counts > 0
        self._save()

    def finish(self):
        """Say in the manifest that the drive is complete; remove what broke as it was written."""
        for path in self._files(self._next()):
            path.unlink(missing_ok=True)
            path.with_suffix('.partial').unlink(missing_ok=True)
        self.complete = True
        self._save()

    def _save(self):
        classes = {name: {'pixels': int(pixels), 'frames': int(frames)} for name, pixels, frames
                   in zip(NAMES, self.pixels, self.seen) if frames}
        head = json.dumps({'format_version': FORMAT, 'complete': self.complete, **self.settings,
                           'classes': classes}, indent=1)
        lines = ',\n  '.join(self._lines)
        partial = self.folder / f'{MANIFEST}.partial'
        partial.write_text(f'{head[:-2]},\n "frames": [\n  {lines}\n ]\n}}\n')
        os.replace(partial, self.folder / MANIFEST)
