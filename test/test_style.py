"""The conventions of ament, checked with what PyPI has, and by ament's own where they are."""
import subprocess
import sys
from xml.etree import ElementTree

from conftest import ROOT
import pytest

FOLDERS = ['launch', 'test', 'train', 'unet_perception']
PYTHON = [*FOLDERS, 'setup.py']


@pytest.mark.parametrize('tool', ['flake8', 'pydocstyle'])
def test_the_code(tool):
    pytest.importorskip(tool)
    done = subprocess.run([sys.executable, '-m', tool, *PYTHON], cwd=ROOT,
                          capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ''), done.stdout + done.stderr


@pytest.mark.parametrize('name', ['package.xml', 'config/fastdds.xml'])
def test_the_xml_is_well_formed(name):
    ElementTree.parse(ROOT / name)


def test_ament_flake8(monkeypatch):
    main = pytest.importorskip('ament_flake8.main', reason='ament_flake8 comes with ROS 2')
    monkeypatch.chdir(ROOT)
    code, errors = main.main_with_errors(argv=PYTHON)
    assert code == 0, '\n'.join(errors)


def test_ament_pep257(monkeypatch):
    main = pytest.importorskip('ament_pep257.main', reason='ament_pep257 comes with ROS 2')
    monkeypatch.chdir(ROOT)
    assert main.main(argv=PYTHON) == 0


def test_ament_xmllint(monkeypatch):
    main = pytest.importorskip('ament_xmllint.main', reason='ament_xmllint comes with ROS 2')
    monkeypatch.chdir(ROOT)
    # Without package.xml: xmllint would fetch its schema; test_package.py validates that file.
    assert main.main(argv=['config']) == 0
