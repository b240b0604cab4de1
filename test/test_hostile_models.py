"""A model bundle from anybody: whatever its files say, nothing runs, hangs or fills the memory."""
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import zipfile

from conftest import ROOT
import pytest
from test_model import edit

from unet_perception import keras_file
from unet_perception.model import BundleError, open_bundle
from unet_perception.segmenter import Segmenter

SHIPPED = ROOT / 'models' / 'carla-fast'


@pytest.fixture
def bundle(tmp_path):
    """Return the folder of a copy of the shipped bundle, to be spoilt."""
    return shutil.copytree(SHIPPED, tmp_path / 'bundle')


def resign(folder, runtime):
    """Let the manifest have the right SHA-256 of a file, as a hostile one would."""
    name = json.loads((folder / 'manifest.json').read_text())['files'][runtime]['name']
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    edit(folder, lambda m: m['files'][runtime].update(sha256=digest))


def pack(path, change=lambda config: None, more=(), left_out=()):
    """Write a .keras file like the shipped one, its config.json changed, with more members."""
    with (zipfile.ZipFile(SHIPPED / 'model.keras') as old,
          zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as new):
        config = json.loads(old.read('config.json'))
        change(config)
        members = {name: old.read(name) for name in old.namelist()}
        members['config.json'] = json.dumps(config)
        for name, data in members.items():
            if name not in left_out:
                new.writestr(name, data)
        for name, data in more:
            new.writestr(name, data)
    return path


def layers(config):
    """Return the layers of the inner network."""
    return next(layer for layer in config['config']['layers']
                if layer['class_name'] == 'Functional')['config']['layers']


def a_layer(config, kind):
    return next(layer for layer in layers(config) if layer['class_name'] == kind)


def make_lambda(config):
    layer = a_layer(config, 'ReLU')
    layer.update(class_name='Lambda')
    layer['config'] = {'name': layer['name'], 'function': {
        'class_name': '__lambda__', 'config': {'code': '4wEAAAA=', 'defaults': None,
                                               'closure': None}}}


def call_a_function(config):
    a_layer(config, 'ReLU').update(module='os', class_name='system', config='true')


def name_a_function(config):
    a_layer(config, 'Conv2D')['config']['kernel_initializer'] = {
        'module': 'builtins', 'class_name': 'function', 'config': 'eval',
        'registered_name': 'function'}


def register(config):
    a_layer(config, 'ReLU').update(module='my_package.layers', class_name='Mine',
                                   registered_name='my_package>Mine')


@pytest.mark.parametrize('change, named', [
    (make_lambda, 'keras.layers.Lambda'), (call_a_function, 'os.system'),
    (name_a_function, 'builtins.function'), (register, 'my_package.layers.Mine')])
def test_a_network_that_names_code_is_refused(tmp_path, change, named):
    with pytest.raises(BundleError, match=f'is made of {named}, which .* may run code'):
        keras_file.load(pack(tmp_path / 'model.keras', change))


def test_a_network_that_would_fill_the_memory_is_refused_before_it_does(tmp_path):
    def grow(config):
        for layer in layers(config):
            layer.pop('build_config', None)
            if layer['class_name'] == 'Conv2D':
                layer['config']['filters'] = 60_000
    path = pack(tmp_path / 'model.keras', grow)
    import keras  # noqa: F401
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BundleError, match='describes a network of [0-9]+ parameters'):
        keras_file.load(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


def test_what_an_older_keras_does_not_know_is_not_asked_of_it():
    """Keras 3.12 refuses arguments that are not its own; see keras_file._suit_older_keras()."""
    with zipfile.ZipFile(SHIPPED / 'model.keras') as archive:
        config = json.loads(archive.read('config.json'))
    assert 'input_axes' in json.dumps(config) and 'renorm' in json.dumps(config)
    keras_file._suit_older_keras(config)
    assert 'input_axes' not in json.dumps(config) and 'renorm' not in json.dumps(config)


@pytest.mark.parametrize('spoil, message', [
    (lambda p: p.write_bytes(b'PK\x03\x04 no zip'), 'is not a network of Keras'),
    (lambda p: p.write_bytes(p.read_bytes()[:-5000]), 'is not a network of Keras'),
    (lambda p: pack(p, more=[('../../evil.py', 'print()')]), 'evil.py.*but a network of Keras is'),
    (lambda p: pack(p, more=[('config.json', '{}')]), 'but a network of Keras is'),
    (lambda p: pack(p, left_out=['model.weights.h5']), 'but a network of Keras is'),
    (lambda p: pack(p, lambda c: c.update(filler=' ' * 2**24)), 'config.json .* at most 16777216'),
    (lambda p: pack(p, lambda c: c['config'].pop('layers')), 'is not a network of Keras'),
    (lambda p: pack(p, lambda c: c.update(class_name=['Functional'])), 'is not a network of K')])
def test_a_file_that_is_no_network_is_refused(tmp_path, spoil, message):
    path = tmp_path / 'model.keras'
    shutil.copy(SHIPPED / 'model.keras', path)
    spoil(path)
    with pytest.raises(BundleError, match=message):
        keras_file.load(path)


def test_the_runtime_looks_into_the_file_first(bundle):
    pack(bundle / 'model.keras', make_lambda)
    resign(bundle, 'keras')
    with pytest.raises(BundleError, match='Lambda'):
        Segmenter(open_bundle(bundle), runtime='keras', device='cpu')


@pytest.mark.parametrize('old, new, message', [
    # A constant that says it is larger than the file of weights, or lies behind its end.
    ('offset="0"', 'offset="99999999999"', 'not a network of input 128x192'),
    # An operation that no OpenVINO knows, and one whose library would have to be loaded.
    ('type="Concat" version="opset1"', 'type="Evil" version="extension"', 'not a network of inp'),
])
def test_a_graph_that_lies_is_refused(bundle, old, new, message):
    text = (bundle / 'model.xml').read_text()
    assert old in text
    (bundle / 'model.xml').write_text(text.replace(old, new, 1))
    resign(bundle, 'openvino')
    segmenter = None
    with pytest.raises(BundleError, match=message):
        segmenter = Segmenter(open_bundle(bundle), runtime='openvino', device='cpu')
    assert segmenter is None


def test_a_graph_with_a_huge_tensor_is_refused(bundle):
    import numpy as np
    import openvino
    from openvino import opset13 as ops
    pixels = ops.parameter([-1, 128, 192, 3], np.float32)
    tall = ops.tile(pixels, [1, 200, 200, 1])  # 2.9 billion values
    small = ops.reduce_max(tall, ops.constant([1, 2]), keep_dims=True)
    logits = ops.tile(ops.concat([small] * 7 + [small, small], 3), [1, 128, 192, 1])
    logits = ops.strided_slice(logits, [0, 0, 0, 0], [0, 0, 0, 23], [1, 1, 1, 1], [1, 1, 1, 0],
                               [1, 1, 1, 0])
    openvino.save_model(openvino.Model([logits], [pixels]), bundle / 'model.xml')
    resign(bundle, 'openvino')
    resign(bundle, 'openvino_weights')
    with pytest.raises(BundleError, match='makes a tensor of shape .*25600,38400'):
        Segmenter(open_bundle(bundle), runtime='openvino', device='cpu', precision='f32')


def test_the_weights_are_those_that_the_manifest_names(bundle):
    """For OpenVINO would else take the file beside the graph, of which nobody took the hash."""
    os.rename(bundle / 'model.bin', bundle / 'hashed.bin')
    (bundle / 'model.bin').write_bytes(b'')
    edit(bundle, lambda m: m['files']['openvino_weights'].update(name='hashed.bin'))
    segmenter = Segmenter(open_bundle(bundle), runtime='openvino', device='cpu', precision='f32')
    assert segmenter.bundle.files['openvino_weights'].name == 'hashed.bin'


@pytest.mark.parametrize('change, message', [
    (lambda m: m.update(name='x' * 101), 'no text of 1 to 100 letters'),
    (lambda m: m['classes'][4].update(name='\x1b[2J'), 'no text of 1 to 100 letters'),
    (lambda m: m['files'].pop('openvino_int8_weights'), 'no file for openvino_int8_weights'),
    (lambda m: m['files']['keras'].update(name='/etc/passwd'), "not in the bundle's own folder"),
    (lambda m: m['files']['keras'].update(name='..'), '.. is not a file'),
    (lambda m: m['files']['keras'].update(name=7), 'not laid out as a manifest'),
    *((lambda m, iou=iou: m['precisions']['int8'].update(mean_iou=iou), 'no number from 0 to 1: ')
      for iou in (10**400, float('inf'), float('nan'), -1, '0.5')),
    *((lambda m, parts=parts: m['classes'][4].update(parts=parts), 'that are no list of names: ')
      for parts in ([1, [2]], [], 'Pole', {'a': 1}))])
def test_a_hostile_manifest_is_refused(bundle, change, message):
    edit(bundle, change)
    with pytest.raises(BundleError, match=message):
        open_bundle(bundle)


@pytest.mark.parametrize('text, message', [
    ('[' * 100_000, 'is not a bundle manifest'), ('{"format": 1' + '0' * 5000 + '}', 'manifest'),
    ('\0', 'is not a bundle manifest'), (' ' * (2**20 + 1), 'at most 1048576 are read')])
def test_a_manifest_that_json_chokes_on_is_refused(bundle, text, message):
    (bundle / 'manifest.json').write_text(text)
    with pytest.raises(BundleError, match=message):
        open_bundle(bundle)


def test_files_without_an_end_are_not_read(bundle):
    """In a process of its own, which could be ended if it hung."""
    (bundle / 'model.keras').unlink()
    os.mkfifo(bundle / 'model.keras')
    code = ('import sys; from unet_perception.model import open_bundle, BundleError\n'
            'try: open_bundle(sys.argv[1])\nexcept BundleError as e: print(e)')

    def said():
        return subprocess.run([sys.executable, '-c', code, bundle], capture_output=True, text=True,
                              timeout=60, check=True).stdout
    assert 'model.keras is not a file' in said()
    (bundle / 'model.keras').unlink()
    os.symlink('/dev/zero', bundle / 'model.keras')
    assert 'model.keras is not a file' in said()
    (bundle / 'model.keras').unlink()
    with open(bundle / 'model.keras', 'wb') as file:
        file.truncate(2**40)  # takes no space
    assert 'has 1099511627776 bytes, but at most 1073741824 are read' in said()
