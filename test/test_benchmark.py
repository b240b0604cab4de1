"""The benchmark command, over a small size and few runs."""
import json
import signal
import subprocess
import sys
import time

from conftest import ROOT
from keras import layers
import numpy as np
import psutil
import pytest

from unet_perception import benchmark, keras_file
from unet_perception.compute_limit import multiply_adds
from unet_perception.model import open_bundle


def test_rows_of_all_runtimes_in_one_run(tmp_path, capsys):
    out = tmp_path / 'figures.json'
    command = ['--size', '160x120', '--repeat', '3', '--batches', '1,2', '--json', str(out)]
    assert benchmark.main(command) == 0
    figures = json.loads(out.read_text())
    rows = {(row['runtime'], row['precision']): row for row in figures['rows']}
    assert {('openvino', 'f32'), ('keras', 'f32'), ('naive node', 'f32'),
            ('notebook', 'f32')} <= set(rows)
    assert rows['openvino', 'f32']['equal labels'] == 1
    assert rows['keras', 'f32']['equal labels'] >= 0.999
    for row in rows.values():
        assert row['first label s'] > 0.1 and row['memory MB'] > 50
        for times in row['batches'].values():
            assert 0 < times['p50'] <= times['p95'] <= times['p99']
    assert set(rows['openvino', 'f32']['stages']) == {'prepare', 'network', 'labels', 'message'}
    assert 1 < figures['limit']['GMAC'] < 1.2  # half of the plain U-Net's
    printed = capsys.readouterr().out
    assert 'notebook' in printed and 'stages of a frame' in printed
    assert benchmark.main(command) == 1
    assert 'exists already' in capsys.readouterr().err


def test_multiply_adds_are_those_of_the_keras_network():
    """Convolutions: weights x output places; transposed ones: weights x input places."""
    bundle = open_bundle('carla-fast')
    total = 0
    for layer in keras_file.load(bundle.files['keras'])._flatten_layers():
        if isinstance(layer, layers.Conv2DTranspose):
            total += layer.kernel.shape.num_elements() * np.prod(layer.input.shape[1:3])
        elif isinstance(layer, (layers.Conv2D, layers.DepthwiseConv2D)):
            total += layer.kernel.shape.num_elements() * np.prod(layer.output.shape[1:3])
    assert multiply_adds(bundle) == total


def test_the_whole_node_over_dds(tmp_path):
    out = tmp_path / 'node.json'
    assert benchmark.main(['--node', '--size', '160x120', '--rate', '10', '--seconds', '2',
                           '--cameras', '2', '--json', str(out)]) == 0
    figures = json.loads(out.read_text())
    assert figures['frames published'] == 40
    assert 20 < figures['masks received'] <= 40
    assert figures['masks received'] + figures['frames without mask'] == 40
    assert 0 < figures['p50 publish to mask (ms)'] <= figures['p99 (ms)']
    assert figures['CPU time a frame (ms)'] > 0


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_in_one_line_and_the_node_with_it(number):
    process = subprocess.Popen([sys.executable, '-m', 'unet_perception.benchmark', '--node'],
                               cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               text=True)
    while not (started := psutil.Process(process.pid).children()):
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(1)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.splitlines()[-1] == 'stopped' and 'Traceback' not in err
    assert not started[0].is_running()


@pytest.mark.parametrize('arguments', [
    ['--size', '800'], ['--size', '0x5'], ['--batches', '0'], ['--repeat', '0'], ['--rate', '0'],
    ['--rate', 'nan'], ['--cameras', '0'], ['--seconds', '-1'], ['--seconds', 'inf']])
def test_bad_arguments_are_refused(arguments):
    with pytest.raises(SystemExit, match='2'):
        benchmark.main(arguments)
