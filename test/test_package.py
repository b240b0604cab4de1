"""package.xml is valid and names what the code imports, by keys that rosdep knows."""
import ast
import sys

from catkin_pkg.package import parse_package
from conftest import ROOT
import pytest

KEYS = {'cv2': 'python3-opencv', 'numpy': 'python3-numpy', 'PIL': 'python3-pil',
        'psutil': 'python3-psutil', 'pytest': 'python3-pytest', 'rich': 'python3-rich',
        'yaml': 'python3-yaml', 'catkin_pkg': 'python3-catkin-pkg-modules'}
# Not for rosdep: our own, what pip brings, and what a test skips without.
OTHERS = {'unet_perception', 'train', 'conftest', 'golden', 'graph', 'soak', 'standin', 'test_fit',
          'test_hostile_files', 'test_model', 'carla', 'hypothesis', 'keras', 'lz4', 'matplotlib',
          'mcap', 'msgpack', 'onnxruntime', 'openvino', 'rosbags', 'tensorflow', 'zstandard'}
# Not imported, but started.
STARTED = {'ros2bag', 'ros2launch', 'rosbag2_storage_mcap', 'rviz2'}


def imported(*folders):
    """Return the rosdep keys of what the Python files of some folders import."""
    names = set()
    for file in (file for folder in folders for file in (ROOT / folder).glob('*.py')):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split('.')[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(node.module.split('.')[0])
    return {KEYS.get(name, name) for name in names - OTHERS - sys.stdlib_module_names}


@pytest.fixture(scope='module')
def package():
    return parse_package(ROOT / 'package.xml')


def test_it_is_valid():
    warnings = []
    package = parse_package(ROOT / 'package.xml', warnings=warnings)
    package.validate(warnings=warnings)
    assert not warnings
    assert package.package_format == 3 and package.get_build_type() == 'ament_python'


def test_it_is_the_package_that_setup_py_installs(package):
    setup = (ROOT / 'setup.py').read_text()
    assert f"NAME = '{package.name}'" in setup and f"version='{package.version}'" in setup
    assert f"license='{package.licenses[0]}'" in setup
    assert package.description.strip() in setup


def test_it_names_what_the_code_needs(package):
    needed = imported('unet_perception', 'launch')
    assert {depend.name for depend in package.exec_depends} == needed | STARTED
    # One may be imported in a way that ast does not see, by pytest.importorskip().
    tested = {depend.name for depend in package.test_depends}
    assert imported('test') - needed - STARTED <= tested
