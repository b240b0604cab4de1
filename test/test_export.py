"""Bundles and their int8 network from a small trained run; ONNX of it and of the shipped model."""
import json
from pathlib import Path
import shutil

from conftest import frames_of, ROOT
import keras
import numpy as np
import onnxruntime
import pytest

from train import bundle as bundles
from train import export, fit, networks, precisions, resize, to_onnx
from train.recipe import Recipe
from unet_perception import keras_file
from unet_perception.model import open_bundle
from unet_perception.segmenter import resize_image, Segmenter

SMALL = ['--scheme', 'A', '--height', '32', '--width', '48', '--filters', '4', '--batch', '2',
         '--epochs', '2', '--val-stretches', '2', '--val-gap', '2', '--val-fraction', '0.2',
         '--learning-rate', '0.01']
INT8 = {'openvino_int8', 'openvino_int8_weights'}


@pytest.fixture(scope='module')
def trained(drive_folder, tmp_path_factory):
    """Return the folder with runs/small and models/small of a run of train.fit."""
    folder = tmp_path_factory.mktemp('trained')
    assert fit.main(['--data', str(drive_folder), '--runs', str(folder / 'runs'), '--models',
                     str(folder / 'models'), '--name', 'small', *SMALL,
                     '--calibration-frames', '12']) == 0
    return folder


def manifest(bundle):
    return json.loads((bundle / 'manifest.json').read_text())


def test_int8_labels_are_mostly_those_of_f32(trained, recorded):
    bundle = open_bundle(trained / 'models/small')
    assert INT8 < set(bundle.files)
    ours = {p: Segmenter(bundle, runtime='openvino', precision=p) for p in ('f32', 'int8')}
    labels = {p: np.stack([segmenter(image).labels for _, image, _ in recorded[::6]])
              for p, segmenter in ours.items()}
    assert 0.9 < np.mean(labels['f32'] == labels['int8']) < 1
    assert len(np.unique(labels['f32'])) > 1


def test_int8_weights_are_small_and_run_in_any_batch(trained):
    import openvino
    files = open_bundle(trained / 'models/small').files
    assert (files['openvino_int8_weights'].stat().st_size
            < 0.7 * files['openvino_weights'].stat().st_size)
    network = openvino.Core().read_model(files['openvino_int8'])
    assert network.input(0).partial_shape.to_string() == '[?,32,48,3]'
    assert 'FakeQuantize' in {op.get_type_name() for op in network.get_ops()}


def test_every_precision_is_measured(trained):
    found = manifest(trained / 'models/small')
    assert {'f32', 'int8'} <= set(found['precisions']) <= {'f32', 'bf16', 'int8'}
    assert found['precisions']['f32'] == {'mean_iou': found['validation']['mean_iou'],
                                          'equal_labels': 1.0}
    for row in found['precisions'].values():
        assert row['mean_iou'] == pytest.approx(found['validation']['mean_iou'], abs=0.05)
        assert 0.9 < row['equal_labels'] <= 1
    assert found['training']['calibration_frames'] == 12
    assert 'nncf' in found['training']['versions']


def test_the_confidence_is_calibrated_on_the_validation_frames(trained):
    found = manifest(trained / 'models/small')['calibration']
    assert set(found) == {'temperature', 'ece_before', 'ece_after', 'pixels'}
    assert 0.1 <= found['temperature'] <= 10 and 0 < found['ece_after'] < 1
    assert found['pixels'] == 2000 * len((trained / 'runs/small/validation.txt')
                                         .read_text().split())


def test_openvino_labels_as_deeplab_does(recorded, tmp_path):
    """It has layers that the other networks lack."""
    import openvino
    network = networks.build(Recipe(network='deeplabv3plus', height=32, width=48, filters=4))
    bundles._save_openvino(network, tmp_path / 'model.xml')
    pixels = np.float32([resize_image(image, 32, 48, 'area') for _, image, _ in recorded[::30]])
    theirs = network.predict_on_batch(pixels)
    ours = openvino.Core().compile_model(
        tmp_path / 'model.xml', 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})(pixels)[0]
    np.testing.assert_allclose(ours, theirs, atol=5e-3)
    assert np.mean(ours.argmax(-1) == theirs.argmax(-1)) > 0.99


def test_export_does_what_fit_does(trained, drive_folder, tmp_path, monkeypatch):
    """The same int8 network and figures; calibrated on training frames alone."""
    calibrated = []
    write_int8 = precisions.write_int8
    monkeypatch.setattr(precisions, 'write_int8', lambda xml, frames, *more: (
        calibrated.extend(f.image.stem for f in frames), write_int8(xml, frames, *more)))
    run = trained / 'runs/small'
    assert export.main([str(run), '--models', str(tmp_path), '--data', str(drive_folder),
                        '--calibration-frames', '12']) == 0
    first, again = manifest(trained / 'models/small'), manifest(tmp_path / 'small')
    assert again['precisions'] == first['precisions']
    assert again['validation'] == first['validation']
    held_out = [Path(line).name for line in (run / 'validation.txt').read_text().split()]
    assert len(set(calibrated)) == 12 and not set(calibrated) & set(held_out)
    gap = min(abs(int(a) - int(b)) for a in calibrated for b in held_out)
    assert gap > 2  # as in --val-gap 2


def test_at_another_size_it_is_measured_on_the_frames_that_its_run_held_out(
        trained, drive_folder, tmp_path):
    old = trained / 'models/small'
    assert resize.main([str(old), '--height', '48', '--width', '64', '--models', str(tmp_path),
                        '--name', 'larger', '--data', str(drive_folder), '--scheme', 'A']) == 0
    first, again = manifest(old), manifest(tmp_path / 'larger')
    assert again['validation']['pixels'] == first['validation']['pixels']
    assert again['validation']['mean_iou'] != first['validation']['mean_iou']
    assert 'f32' in again['precisions'] and 'int8' not in again['precisions']
    assert first['training']['calibration_frames'] == 12  # of the int8 network, which is not here
    assert again['training']['calibration_frames'] == 0
    assert not INT8 & set(open_bundle(tmp_path / 'larger').files)


def test_without_the_drive_there_is_no_int8(
        trained, drive_folder, tmp_path, capsys, monkeypatch):
    files = open_bundle(trained / 'models/small').files
    monkeypatch.setattr(bundles, '_save_openvino', lambda network, xml: (  # the same, but quick
        shutil.copy(files['openvino'], xml),
        shutil.copy(files['openvino_weights'], xml.with_suffix('.bin'))))
    assert export.main([str(trained / 'runs/small'), '--models', str(tmp_path)]) == 0
    assert 'no int8 network and no figures: they need --data' in capsys.readouterr().out
    assert 'precisions' not in manifest(tmp_path / 'small')
    bundle = open_bundle(tmp_path / 'small')
    assert not INT8 & set(bundle.files)
    _, measured = precisions.measure(bundle, frames_of(drive_folder)[:3])
    assert 'f32' in measured and 'int8' not in measured


def test_a_bundle_is_not_there_before_its_figures(trained, drive_folder, tmp_path, monkeypatch):
    def killed(*args):
        raise KeyboardInterrupt

    command = [str(trained / 'runs/small'), '--models', str(tmp_path), '--data',
               str(drive_folder), '--calibration-frames', '0']
    with monkeypatch.context() as patch:
        patch.setattr(precisions, 'measure', killed)
        assert export.main(command) == 130
    assert not (tmp_path / 'small').exists()
    keras.config.set_dtype_policy('mixed_bfloat16')
    monkeypatch.chdir(trained / 'runs/small')
    try:
        assert export.main(['.', *command[1:]]) == 0
        assert keras.config.dtype_policy().name == 'mixed_bfloat16'  # the caller's, as before
    finally:
        keras.config.set_dtype_policy('float32')
    assert 'f32' in manifest(tmp_path / 'small')['precisions']


def test_calibration_frames_by_default(drive_folder):
    frames = frames_of(drive_folder)
    assert precisions.calibration_frames(frames) == frames
    assert precisions.calibration_frames(frames, 0) == []
    many = precisions.calibration_frames(frames * 20)
    assert len(many) == 300 and many[0] == frames[0] and many[-1] == frames[-1]


def test_what_cannot_work_is_refused_before_anything_is_written(
        trained, drive_folder, tmp_path, capsys):
    run, models, data = str(trained / 'runs/small'), ['--models', str(tmp_path / 'm')], [
        '--data', str(drive_folder)]

    def error(command, *args):
        with pytest.raises(SystemExit) as end:  # what the parser refuses, raises
            raise SystemExit(command.main([*models, *args]))
        assert end.value.code in (1, 2)
        assert list(tmp_path.iterdir()) == []
        return capsys.readouterr().err

    too_many = '--calibration-frames asks for 999, but there are 41 training frames'
    assert too_many in error(export, run, *data, '--calibration-frames', '999')
    assert too_many in error(fit, *data, '--name', 'x', '--runs', str(tmp_path / 'r'), *SMALL,
                             '--calibration-frames', '999')
    assert '-1 is not at least 0' in error(export, run, *data, '--calibration-frames', '-1')
    assert '--calibration-frames needs --data' in error(export, run, '--calibration-frames', '9')
    assert 'CameraRGB is not there' in error(export, run, '--data', str(tmp_path))
    assert 'either --onnx' in error(export, run, *data, '--onnx', str(tmp_path / 'x.onnx'))
    (trained / 'runs/small/data.json').rename(trained / 'kept.json')
    (trained / 'runs/small/data.json').write_text('{"drive": "other"}\n')
    try:
        assert 'was trained on other data than --data gives: of the drive drive' in error(
            export, run, *data)
    finally:
        (trained / 'kept.json').rename(trained / 'runs/small/data.json')


@pytest.mark.parametrize('which', ['small', 'shipped'])
def test_onnx_labels_as_keras_does(which, trained, recorded, tmp_path, capsys):
    folder = {'small': trained / 'models/small', 'shipped': ROOT / 'models/carla-fast'}[which]
    bundle, file = open_bundle(folder), tmp_path / 'x.onnx'
    assert export.main([str(folder), '--onnx', str(file)]) == 0
    assert '% of the pixels of random images as Keras does' in capsys.readouterr().out
    session = onnxruntime.InferenceSession(file)
    (pixels,), (logits,) = session.get_inputs(), session.get_outputs()
    size = [bundle.height, bundle.width]
    assert (pixels.name, pixels.shape, pixels.type) == ('pixels', ['batch', *size, 3],
                                                        'tensor(float)')
    assert (logits.name, logits.shape) == ('logits', ['batch', *size, len(bundle.names)])
    assert session.get_modelmeta().custom_metadata_map == {
        'bundle': bundle.name, 'manifest': bundle.digest, 'classes': ','.join(bundle.names),
        'resize': bundle.resize}
    network = keras_file.load(bundle.files['keras'])
    images = np.float32([resize_image(image, *size, bundle.resize)
                         for _, image, _ in recorded[::24]])
    ours, theirs = session.run(None, {'pixels': images})[0], network.predict_on_batch(images)
    np.testing.assert_allclose(ours, theirs, atol=1e-3)
    assert np.mean(ours.argmax(-1) == theirs.argmax(-1)) >= 0.9999


@pytest.mark.parametrize('name, size', [('fcn', 32), ('unet2015', 100)])
def test_the_baselines_become_onnx_and_another_network_is_noticed(name, size):
    network, other = (networks.camera_network(name, size, size, n_filters=2) for _ in range(2))
    model = to_onnx.convert(network, {})
    assert to_onnx.equal_labels(network, model) >= 0.9999
    assert to_onnx.equal_labels(other, model) < 0.9


def test_onnx_is_not_written_where_it_should_not_be(trained, tmp_path, capsys, monkeypatch):
    bundle, file = str(trained / 'models/small'), tmp_path / 'x.onnx'
    assert export.main([bundle, '--onnx', str(tmp_path / 'none/x.onnx')]) == 1
    assert 'none is not there; make the folder' in capsys.readouterr().err
    assert export.main([str(tmp_path / 'none'), '--onnx', str(file)]) == 1
    assert 'no model bundle at' in capsys.readouterr().err
    with monkeypatch.context() as patch:
        patch.setattr(to_onnx, 'equal_labels', lambda network, model: 0.9)
        assert export.main([bundle, '--onnx', str(file)]) == 1
        assert 'only 90.000% of the pixels' in capsys.readouterr().err
    assert not file.exists()
    file.write_text('mine')
    assert export.main([bundle, '--onnx', str(file)]) == 1
    assert 'x.onnx exists already' in capsys.readouterr().err
    assert file.read_text() == 'mine'
