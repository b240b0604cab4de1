"""The package builds and installs in each of the ways that its users have."""
import os
from pathlib import Path
import shutil
import subprocess
import sys

import pytest

ROOT = Path(__file__).resolve().parent.parent
NAME = 'unet_perception'
SHARED = ('models', 'launch', 'config', 'rviz', 'demo')


def run(*command, cwd, **env):
    """Run a command away from any sourced ROS 2 and return what it printed; fail if it fails."""
    clean = {key: value for key, value in os.environ.items()
             if key not in ('PYTHONPATH', 'AMENT_PREFIX_PATH', 'COLCON_PREFIX_PATH')}
    done = subprocess.run([str(part) for part in command], cwd=cwd, env={**clean, **env},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, f'{command} in {cwd} failed:\n{done.stdout}'
    return done.stdout.strip()


@pytest.fixture
def source(tmp_path):
    """Copy what git would commit into a workspace, so that no build leaves a trace here."""
    copy = tmp_path / 'src' / NAME
    for name in run('git', 'ls-files', '-co', '--exclude-standard', cwd=ROOT).splitlines():
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    return copy


def assert_shared(source, share):
    """Check that share/ holds the package, and every file of the source's data folders."""
    assert (share / 'ament_index/resource_index/packages' / NAME).is_file()
    files = [file.relative_to(source) for folder in SHARED
             for file in (source / folder).rglob('*') if file.is_file()]
    assert any(file.match('models/*/manifest.json') for file in files), 'no model to install'
    for file in [Path('package.xml'), *files]:
        installed = share / NAME / file
        assert installed.is_file(), f'{file} is not installed'
        assert installed.read_bytes() == (source / file).read_bytes()


def assert_scripts(folder):
    """Check that the package's commands are in the folder, to run."""
    for name in ('segmentation_node', 'accuracy_monitor', 'diagnostics_image', 'segment_bag',
                 'carla_cameras', 'demo', 'benchmark'):
        assert os.access(folder / name, os.X_OK), f'{folder / name} is not there to run'


@pytest.mark.parametrize('symlink', [False, True], ids=['copy', 'symlink'])
def test_colcon_build(source, symlink):
    """Colcon builds a package that ROS 2 finds by its name and runs; symlinks lead to src/."""
    workspace = source.parent.parent
    run(Path(sys.executable).with_name('colcon'), 'build',
        *(['--symlink-install'] if symlink else []), cwd=workspace)

    prefix = workspace / 'install' / NAME
    assert_scripts(prefix / 'lib' / NAME)
    assert_shared(source, prefix / 'share')
    assert not [*prefix.rglob('train')]

    def sourced(*command):
        return run('sh', '-c', '. install/setup.sh; "$@"', 'sh', *command, cwd=workspace)

    imported = sourced(sys.executable, '-c', f'import {NAME}; print({NAME}.__file__)')
    assert Path(imported).resolve().is_relative_to(source if symlink else prefix)
    share = sourced(sys.executable, '-c', 'from ament_index_python import packages; '
                    f'print(packages.get_package_share_directory("{NAME}"))')
    assert share == str(prefix / 'share' / NAME)
    assert 'usage' in sourced(prefix / 'lib' / NAME / 'demo', '--help')


@pytest.mark.parametrize('editable', [False, True], ids=['install', 'editable'])
def test_pip_install(source, tmp_path, editable):
    """Pip installs the package; an editable install imports it from the checkout."""
    prefix = tmp_path / 'venv'
    run(sys.executable, '-m', 'venv', '--without-pip', prefix, cwd=tmp_path)
    run(sys.executable, '-m', 'pip', 'install', '--prefix', prefix, '--ignore-installed',
        '--no-deps', '--no-build-isolation', *(['-e'] if editable else []), source, cwd=tmp_path)

    assert_scripts(prefix / 'bin')
    imported = run(prefix / 'bin/python', '-c', f'import {NAME}; print({NAME}.__file__)',
                   cwd=tmp_path)
    assert Path(imported).is_relative_to(source if editable else prefix)
    assert not [*prefix.rglob('train')]
    found = run(prefix / 'bin/python', '-c', 'from unet_perception.share import shipped; '
                'print(shipped("models", "carla-fast")[0])', cwd=tmp_path)
    assert Path(found).is_relative_to(source if editable else prefix)
    if not editable:  # an editable install has its data in the checkout
        assert_shared(source, prefix / 'share')
