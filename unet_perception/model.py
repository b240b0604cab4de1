"""
The model bundle: a folder that holds a trained network and all that is needed to use it.

manifest.json names the classes, the input size, how a camera image gets there, and the network's
files with their SHA-256. The network itself takes pixels 0..255 (float32 RGB) and gives logits.
"""
from dataclasses import dataclass
import hashlib
import json
from pathlib import Path

from unet_perception.classes import ClassTable
from unet_perception.files import read_file
from unet_perception.share import shipped

FORMAT = 1
MANIFEST = 'manifest.json'
RESIZE_RULES = ('auto', 'area', 'nearest')
SCHEMES = ('B', 'own')  # what the ids of the classes follow: labels.py, or the manifest alone
MOST_SIDE = 4096  # pixels of a network's input
MOST_OF_MANIFEST, MOST_OF_FILE = 2**20, 2**30  # bytes
MOST_LETTERS = 100  # of a name


class BundleError(ValueError):
    """A model bundle that cannot be used; the message names the file and both values."""


@dataclass(frozen=True)
class Bundle:
    """
    An opened and verified bundle.

    classes: the ClassTable; names, colors: class name and (R, G, B) by id.
    height, width: size of the network input, pixels.
    resize: how a camera image gets to that size, one of RESIZE_RULES; see segmenter.resize_image.
    files: path of each runtime's file by name: 'keras', 'openvino', 'openvino_weights', and
    maybe 'openvino_int8', 'openvino_int8_weights'.
    mean_iou: measured on the validation frames, by precision ('f32', 'bf16', 'int8').
    digest: first 12 hex digits of the SHA-256 over the manifest, to tell bundles apart.
    """

    path: Path
    name: str
    classes: ClassTable
    height: int
    width: int
    resize: str
    files: dict
    mean_iou: dict
    digest: str

    @property
    def names(self):
        """Return the class names by id."""
        return self.classes.names

    @property
    def colors(self):
        """Return the classes' colours (R, G, B) by id."""
        return self.classes.colors


def sha256(path):
    """Return the SHA-256 of a file, in hex."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def open_bundle(path):
    """
    Open a bundle and verify every file in it.

    path: the bundle's folder, or the name of a bundle that ships with the package.
    Raise BundleError with a sentence that names the file and the values that do not fit.
    """
    folder = find_bundle(path)
    raw = _read(folder / MANIFEST, MOST_OF_MANIFEST)
    try:
        manifest = json.loads(raw)
        version = manifest['format']
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BundleError(f'{folder / MANIFEST} is not a bundle manifest: {error!r}') from error
    if version != FORMAT:
        raise BundleError(f'{folder / MANIFEST} has format version {version}, but this version '
                          f'of unet_perception reads {FORMAT}; export the model again')
    try:
        return _parse(folder, manifest, hashlib.sha256(raw).hexdigest()[:12])
    except KeyError as error:
        raise BundleError(f'{folder / MANIFEST} lacks {error}') from error
    except (TypeError, AttributeError) as error:
        raise BundleError(f'{folder / MANIFEST} is not laid out as a manifest: {error}') from error


def is_name(text):
    """Tell whether a bundle or a class may be called so."""
    return isinstance(text, str) and text.isprintable() and 0 < len(text) <= MOST_LETTERS


def find_bundle(path):
    """Return the folder of a bundle given by path or by the name of a shipped one."""
    folder = Path(path)
    places = [folder, *(shipped('models', path) if folder.name == str(path) else ())]
    for place in places:
        if place.is_dir():
            return place
    raise BundleError('no model bundle at ' + ', nor at '.join(str(p.absolute()) for p in places))


def _parse(folder, manifest, digest):
    classes = manifest['classes']
    ids = [c['id'] for c in classes]
    if ids != list(range(len(ids))) or not 1 <= len(ids) <= 255:
        raise BundleError(f'{folder / MANIFEST} has class ids {ids}, but they must be 0, 1, 2, '
                          f'... and at most 254, because 255 means no label')
    for key, value, expected in (
            ('scheme', manifest['scheme'], SCHEMES),
            ('input color', manifest['input']['color'], ('rgb',)),
            ('input range', manifest['input']['range'], ([0, 255],))):
        if value not in expected:
            raise BundleError(f'{folder / MANIFEST} has {key} {value!r}, but this version of '
                              f'unet_perception runs networks with '
                              f'{" or ".join(map(repr, expected))}')
    for text in (manifest['name'], *(c['name'] for c in classes)):
        if not is_name(text):
            raise BundleError(f'{folder / MANIFEST} has a name of the model or of a class that is '
                              f'no text of 1 to {MOST_LETTERS} letters: {text!r:.{MOST_LETTERS}}')
    if not all(isinstance(side, int) and not isinstance(side, bool) and 0 < side <= MOST_SIDE
               for side in (manifest['input']['height'], manifest['input']['width'])):
        raise BundleError(f'{folder / MANIFEST} has input {manifest["input"]}, but height and '
                          f'width must be whole numbers from 1 to {MOST_SIDE}')
    if any(len(c['color']) != 3 or not all(v in range(256) for v in c['color']) for c in classes):
        raise BundleError(f'{folder / MANIFEST} has a class colour that is not three numbers from '
                          f'0 to 255')
    needed = {'keras', 'openvino', 'openvino_weights'}
    if 'openvino_int8' in manifest['files']:
        needed.add('openvino_int8_weights')
    missing = needed - set(manifest['files'])
    if missing:
        raise BundleError(f'{folder / MANIFEST} names no file for {", ".join(sorted(missing))}')
    if manifest['resize'] not in RESIZE_RULES:
        raise BundleError(f'{folder / MANIFEST} has resize rule {manifest["resize"]!r}, but this '
                          f'version knows {", ".join(RESIZE_RULES)}')
    mean_iou = {p: v['mean_iou'] for p, v in manifest.get('precisions', {}).items()}
    # Neither NaN nor infinity, and no whole number too large to reckon with.
    if not all(isinstance(v, (int, float)) and 0 <= v <= 1 for v in mean_iou.values()):
        raise BundleError(f'{folder / MANIFEST} has a mean_iou that is no number from 0 to 1: '
                          f'{mean_iou!r:.{MOST_LETTERS}}')
    parts = [c.get('parts', [c['name']]) for c in classes]
    for of in parts:
        if not (isinstance(of, list) and of and all(map(is_name, of))):
            raise BundleError(f'{folder / MANIFEST} has parts of a class that are no list of '
                              f'names: {of!r:.{MOST_LETTERS}}')
    files = {}
    for runtime, entry in manifest['files'].items():
        path = folder / entry['name']
        if Path(entry['name']).name != entry['name']:
            raise BundleError(f'{folder / MANIFEST} names the file {entry["name"]!r}, which is '
                              "not in the bundle's own folder")
        found = hashlib.sha256(_read(path, MOST_OF_FILE)).hexdigest()
        if found != entry['sha256']:
            raise BundleError(f'{path} has SHA-256 {found}, but the manifest says '
                              f'{entry["sha256"]}; the file is damaged or from another bundle')
        files[runtime] = path
    table = ClassTable(*zip(*((c['name'], tuple(c['color']), tuple(of))
                              for c, of in zip(classes, parts))))
    return Bundle(folder, manifest['name'], table, manifest['input']['height'],
                  manifest['input']['width'], manifest['resize'], files,
                  mean_iou, digest)


def _read(path, most):
    try:
        return read_file(path, most)
    except ValueError as error:
        raise BundleError(str(error)) from error
