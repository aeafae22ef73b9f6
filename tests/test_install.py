"""Installing: wheel, sdist, editable install, and what import says."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
import setuptools

ROOT = Path(__file__).parents[1]
SOURCES = ('mmseg_wsss', 'configs', 'tools', 'setup.py', 'pyproject.toml')
SOURCES += ('MANIFEST.in', 'model-index.yml', 'LICENSE', 'README.md')
PIP = ['-m', 'pip', '--disable-pip-version-check', '-q']
OFFLINE = ['--no-deps', '--no-build-isolation', '--no-index']


def run(*command, cwd=None, **env):
    """Run Python in a clean environment; return (exit code, output)."""
    keep = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'}
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=cwd,
        env=keep | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout


@pytest.fixture(scope='module')
def project(tmp_path_factory):
    """A copy of the sources, so that building leaves this tree alone."""
    project = tmp_path_factory.mktemp('project')
    ignore = shutil.ignore_patterns('__pycache__', '.mim')
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, project / name, ignore=ignore)
        elif (ROOT / name).is_file():
            shutil.copy(ROOT / name, project)
    (project / 'configs' / 'probe.py').write_text('a = 1\n')
    (project / 'tools' / 'probe.sh').write_text('true\n')
    return project


@pytest.fixture(scope='module')
def editable(project, tmp_path_factory):
    """An environment with the editable install: its Python."""
    home = tmp_path_factory.mktemp('environment')
    venv.create(home / 'env', symlinks=True)
    python = home / 'env' / 'bin' / 'python'
    builder = home / 'builder'
    builder.mkdir()
    packages = Path(setuptools.__file__).parents[1]
    for source in (
        *packages.glob('setuptools*'),
        packages / '_distutils_hack',
    ):
        (builder / source.name).symlink_to(source)
    (site,) = home.glob('env/lib/python*/site-packages')
    (site / 'builder.pth').write_text(str(builder))
    install = ['--python', python, 'install', *OFFLINE, '-e', project]
    code, output = run(*PIP, *install)
    assert code == 0, output
    return python


@pytest.fixture(scope='module')
def wheel(project, editable):
    """A wheel, built where an editable install and an old build lie about."""
    old = project / 'build' / 'lib' / 'mmseg_wsss' / '.mim' / 'configs'
    old.mkdir(parents=True)
    (old / 'removed.py').touch()
    code, output = run(*PIP, 'wheel', *OFFLINE, '-w', 'out', '.', cwd=project)
    assert code == 0, output
    (file,) = (project / 'out').glob('mmseg_wsss-*.whl')
    return zipfile.ZipFile(file)


class TestWheel:
    def test_carries_configs_tools_and_index(self, project, wheel):
        names = {n for n in wheel.namelist() if '.dist-info/' not in n}
        carried = [project / 'model-index.yml']
        carried += project.glob('configs/**/*.*')
        carried += project.glob('tools/**/*.*')
        expected = {
            f'mmseg_wsss/.mim/{file.relative_to(project)}'
            for file in carried
            if file.is_file()
        }
        assert 'mmseg_wsss/.mim/configs/probe.py' in expected
        assert {n for n in names if '/.mim/' in n} == expected

    def test_carries_the_package_and_nothing_else(self, wheel):
        names = [n for n in wheel.namelist() if '.dist-info/' not in n]
        assert 'mmseg_wsss/models/losses/__init__.py' in names
        page = {'page.html.j2', 'macros.html.j2', 'page.css'}
        assert {f'mmseg_wsss/workflow/report/{n}' for n in page} <= {*names}
        assert all(n.startswith('mmseg_wsss/') for n in names)
        assert not [n for n in names if n.endswith('.pyc')]
        assert len(names) == len(set(names))

    def test_requires_neither_stack(self, wheel):
        (name,) = [n for n in wheel.namelist() if n.endswith('/METADATA')]
        metadata = Parser().parsestr(wheel.read(name).decode())
        always = [
            line
            for line in metadata.get_all('Requires-Dist')
            if 'extra ==' not in line
        ]
        assert sorted(always) == [
            'jinja2>=3',
            'matplotlib>=3.7',
            'numpy',
            'pillow',
            'torch>=2.1',
        ]
        extras = {
            'onedl',
            'openmmlab',
            'clip',
            'crf',
            'timm',
            'onnx',
            'weights',
            'dev',
        }
        assert set(metadata.get_all('Provides-Extra')) == extras
        onedl = [
            line
            for line in metadata.get_all('Requires-Dist')
            if 'extra ==' in line and 'onedl' in line.split('extra ==')[1]
        ]
        assert any(line.startswith('torchvision') for line in onedl)
        pythons = set(metadata['Requires-Python'].split(','))
        assert pythons == {'>=3.10', '<3.13'}


def test_sdist_has_what_a_build_needs(project):
    build = 'from setuptools import build_meta; build_meta.build_sdist("out")'
    code, output = run('-c', build, cwd=project)
    assert code == 0, output
    (file,) = (project / 'out').glob('mmseg_wsss-*.tar.gz')
    with tarfile.open(file) as archive:
        names = {n.partition('/')[2] for n in archive.getnames()}
    assert names >= {'setup.py', 'pyproject.toml', 'model-index.yml'}
    assert names >= {'configs/probe.py', 'tools/probe.sh', 'LICENSE'}
    assert not [n for n in names if '.mim' in n]


def test_editable_mim_folder_follows_the_sources(project, editable):
    find = 'from importlib.util import find_spec as f;'
    find += 'print(f("mmseg_wsss").origin)'
    done = subprocess.run(
        [editable, '-c', find],
        capture_output=True,
        text=True,
        check=True,
        cwd=project.parent,
        env={k: v for k, v in os.environ.items() if k != 'PYTHONPATH'},
    )
    mim = Path(done.stdout.strip()).parent / '.mim'
    assert (mim / 'model-index.yml').is_file()
    assert (mim / 'tools' / 'probe.sh').is_file()
    (project / 'configs' / 'probe.py').write_text('a = 2\n')
    assert (mim / 'configs' / 'probe.py').read_text() == 'a = 2\n'


class TestImport:
    def test_is_quiet(self):
        code, output = run('-c', 'import mmseg_wsss', PYTHONPATH=str(ROOT))
        # What torch 2.4 says of an import of MMEngine's no filter stops.
        known = r'.*zero_optimizer.py:\d+: DeprecationWarning: .*\n.*\n'
        assert (code, re.sub(known, '', output)) == (0, '')

    def test_without_a_stack(self):
        """-S hides every installed package, torch included."""
        code, output = run(
            '-S', '-c', 'import mmseg_wsss', PYTHONPATH=str(ROOT)
        )
        assert code == 1
        assert output.count('Traceback') == 1, output
        assert 'ImportError: mmseg_wsss needs MMEngine, MMCV and' in output
        assert 'Found: none.' in output
        assert 'pip install "mmseg_wsss[onedl]"' in output
        assert 'pip install "mmseg_wsss[openmmlab]"' in output

    def test_with_an_old_stack(self, tmp_path):
        packages = {
            'mmengine': ('mmengine', '0.7.4'),
            'mmcv': ('mmcv-full', '1.7.1'),
            'mmseg': ('mmsegmentation', '0.30.0'),
        }
        for module, (name, version) in packages.items():
            (tmp_path / module).mkdir()
            (tmp_path / module / '__init__.py').write_text('1 / 0\n')
            info = tmp_path / f'{name.replace("-", "_")}-{version}.dist-info'
            info.mkdir()
            (info / 'METADATA').write_text(
                f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n'
            )
        path = os.pathsep.join([str(ROOT), str(tmp_path)])
        code, output = run('-S', '-c', 'import mmseg_wsss', PYTHONPATH=path)
        assert code == 1
        assert 'mmengine>=0.10.0 (0.7.4)' in output
        assert 'mmcv>=2.0.0 (1.7.1)' in output
        assert 'mmseg>=1.2.0 (0.30.0)' in output
        assert 'ZeroDivisionError' not in output
