"""
Recorded drives: find them and list their frames.

A drive is a folder with CameraRGB/ and CameraMask/, PNG files of equal names, and maybe a
drive.json, written by train.record and train.extract, that names its tag scheme and its town.
"""
import json
import os
from pathlib import Path
from typing import NamedTuple

from unet_perception.files import read_file
from unet_perception.labels import get_scheme, scheme_help, SCHEMES

MANIFEST, FORMAT = 'drive.json', 1
MOST_OF_MANIFEST = 2**28  # bytes; that of a recording lists every frame
IMAGES, MASKS = 'CameraRGB', 'CameraMask'


class Drive(NamedTuple):
    """
    A folder of recorded frames.

    name: the folder's. scheme: of its masks' tags, one of labels.SCHEMES. town, weather: None if
    unknown. complete: False for a recording that broke off.
    """

    folder: Path
    name: str
    scheme: str
    town: str | None = None
    weather: str | None = None
    complete: bool = True


class Frame(NamedTuple):
    """One recorded frame; name: of its two files, without .png."""

    drive: Drive
    name: str

    @property
    def image(self):
        """Return the path of the camera image."""
        return self.drive.folder / IMAGES / f'{self.name}.png'

    @property
    def mask(self):
        """Return the path of the mask."""
        return self.drive.folder / MASKS / f'{self.name}.png'

    @property
    def id(self):  # noqa: A003
        """Return drive/name, which tells frames of several drives apart."""
        return f'{self.drive.name}/{self.name}'


def find_drives(paths, scheme=None):
    """
    Return the Drives at the paths, each a drive or a folder with drives, sorted by name.

    scheme: of the drives without drive.json; those with one must not contradict it.
    Raise ValueError if a path holds none or is no UTF-8, a drive comes twice, two have the same
    name, or a scheme is missing or contradicted.
    """
    drives, folders = {}, set()
    for path in map(Path, paths):
        found = list(_folders(path))
        if not found:
            raise ValueError(f'{path / IMAGES} is not there, nor a drive in a folder below '
                             f'{path}; a drive has {IMAGES}/ and {MASKS}/')
        for folder in found:
            if folder.resolve() in folders:
                raise ValueError(f'--data names {folder} twice; give it once')
            folders.add(folder.resolve())
            drive = open_drive(folder, scheme)
            if drive.name in drives:
                raise ValueError(f'{folder} and {drives[drive.name].folder} are both called '
                                 f'{drive.name}; rename one')
            drives[drive.name] = drive
    return [drives[name] for name in sorted(drives)]


def _folders(path):
    waiting = [path]  # not by recursion, which a deep tree would end
    while waiting:
        path = waiting.pop()
        if (path / IMAGES).is_dir() or (path / MASKS).is_dir():
            yield path
        elif path.is_dir():
            with os.scandir(path) as entries:  # hidden ones are not whole yet
                below = sorted(e.name for e in entries if e.is_dir() and e.name[0] != '.')
            waiting += [path / name for name in reversed(below)]


def open_drive(folder, scheme=None):
    """Return the Drive in a folder; see find_drives()."""
    folder, manifest = Path(folder), {}
    for whole in (folder, folder.resolve()):
        _check_text(whole)
    path = folder / MANIFEST
    if path.exists():
        manifest = read_manifest(path)
        if scheme and scheme != manifest['scheme']:
            raise ValueError(f'--scheme is {scheme}, but {path} says {manifest["scheme"]} '
                             f'({get_scheme(manifest["scheme"]).versions}); leave --scheme out')
    elif not scheme:
        raise ValueError(f"{folder} has no {MANIFEST} that names its masks' tag scheme; name it "
                         f'by --scheme. {scheme_help()}')
    return Drive(folder, folder.resolve().name, scheme or manifest['scheme'],
                 plain_town(manifest.get('town')), (manifest.get('weather') or {}).get('name'),
                 manifest.get('complete', True))


def _check_text(path):
    """Raise ValueError if a path is no UTF-8: TensorFlow and OpenCV cannot open it."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f'{os.fsencode(path)} is no text in UTF-8; rename it') from error


def read_manifest(path):
    """Return what a drive.json says, a dict; ValueError if one of its values will not do."""
    text = read_file(path, MOST_OF_MANIFEST)
    try:
        manifest = json.loads(text)
        found, scheme = manifest['format_version'], manifest['scheme']
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f'{path} is not the manifest of a drive: {error!r}; move it away and '
                         f'give --scheme') from error
    if found != FORMAT:
        raise ValueError(f'{path} is of format version {found!r:.100}, but only {FORMAT} can be '
                         f'read')
    if scheme not in list(SCHEMES):  # it may be of any type
        raise ValueError(f'{path}: the scheme is {scheme!r:.100}, but must be one of '
                         f'{scheme_help()}')
    weather = manifest.get('weather')
    named = weather.get('name') if isinstance(weather, dict) else None
    for key, value, kind, must in (
            ('town', manifest.get('town'), str, 'a text'),
            ('weather', weather, dict, 'an object with a name'),
            ("the weather's name", named, str, 'a text'),
            ('complete', manifest.get('complete'), bool, 'true or false')):
        if not isinstance(value, kind | None) or kind is str and not (value or '').isprintable():
            raise ValueError(f'{path}: {key} is {value!r:.100}, but must be {must}')
    return manifest


def plain_town(name):
    """
    Return a map's plain name: of /Game/Carla/Maps/Town10HD_Opt, Town10HD.

    The layered maps (_Opt) show the same town, so one must not validate what the other trains.
    """
    return name.rpartition('/')[2].removesuffix('_Opt') if name else None


def find_frames(drive):
    """
    List the Frames of a Drive in the order of their names.

    Raise ValueError, naming the files, if a folder is missing or empty, a name is no UTF-8, or a
    partner is missing, unless the recording broke off, which may leave half a frame.
    """
    images, masks = drive.folder / IMAGES, drive.folder / MASKS
    for needed in (images, masks):
        if not needed.is_dir():
            raise ValueError(f'{needed} is not there; a drive has {IMAGES}/ and {MASKS}/')
    names, mask_names = _pngs(images), _pngs(masks)
    if not names:
        raise ValueError(f'{images} holds no PNG files')
    for name in names:
        _check_text(images / name)
    alone = ([f'{masks / n}.png is missing' for n in sorted(names - mask_names)]
             + [f'{images / n}.png is missing' for n in sorted(mask_names - names)])
    if alone and drive.complete:
        raise ValueError(listed(alone))
    return [Frame(drive, name) for name in sorted(names & mask_names)]


def _pngs(folder):
    return {name[:-4] for name in os.listdir(folder) if name.endswith('.png')}


def listed(problems, most=20):
    """Join what is wrong with files to the text of an error."""
    lines = [f'{len(problems)} bad file(s):', *problems[:most]]
    if len(problems) > most:
        lines.append(f'... and {len(problems) - most} more')
    return '\n  '.join(lines)
