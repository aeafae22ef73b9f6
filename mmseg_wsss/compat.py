"""The one place that knows which OpenMMLab stack is installed.

Two stacks share the import names ``mmengine``, ``mmcv`` and ``mmseg``: the
upstream packages (``openmmlab``) and their maintained successors
(``onedl-*``). Everything in which they differ for us is settled here, so that
no other module has to ask. Nothing heavy is imported before a function needs
it: this module loads without torch and without either stack.
"""

import contextlib
import importlib
import importlib.metadata
import importlib.util
import io
import os
import pickle
import re
import sys
import traceback
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmengine.config import Config
    from torch import nn

_MINIMUM = {'mmengine': '0.10.0', 'mmcv': '2.0.0', 'mmseg': '1.2.0'}
_UNTESTED = {
    'onedl': {'mmengine': '1', 'mmcv': '3', 'mmseg': '2'},
    'openmmlab': {'mmengine': '1', 'mmcv': '2.2', 'mmseg': '2'},
}
_DISTRIBUTIONS = {
    'mmengine': ('onedl-mmengine', 'mmengine', 'mmengine-lite'),
    'mmcv': ('onedl-mmcv', 'mmcv', 'mmcv-lite', 'mmcv-full'),
    'mmseg': ('onedl-mmsegmentation', 'mmsegmentation'),
}
_INSTALL = (
    'Install one of the two stacks:\n'
    '  pip install "mmseg_wsss[onedl]"      (OneDL, maintained)\n'
    '  pip install "mmseg_wsss[openmmlab]"  (upstream OpenMMLab)\n'
    'or, in a clone, pip install -e ".[onedl]" or ".[openmmlab]"'
)
_CHATTER = (
    'Could not import OneDL',
    'Fail to import ``MultiScaleDeformableAttention``',
)


# ------------------------------------------------------------ which stack
def _release(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: '2.1.0rc4' -> (2, 1, 0)."""
    numbers = re.match(r'\d+(\.\d+)*', version)
    return tuple(int(n) for n in numbers[0].split('.')) if numbers else ()


def _installed_version(module: str) -> str | None:
    """Return the version of an importable module, None where there is none.

    The packages' metadata is asked before the module itself: importing
    ``mmcv`` takes two seconds.
    """
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:  # a leftover folder has no origin
        return None
    for name in _DISTRIBUTIONS[module]:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(name)
    return str(importlib.import_module(module).__version__)


def stack_name() -> str:
    """Return the installed stack: ``'onedl'`` or ``'openmmlab'``."""
    mmengine = importlib.import_module('mmengine')
    return 'openmmlab' if hasattr(mmengine, 'version_info') else 'onedl'


def share_cpu() -> None:
    """Set that OpenMP's threads sleep while they wait, unless it is set.

    Threads that spin take the CPU from other processes. It holds for torch
    if it is imported later, and for child processes.
    """
    os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')


def check_stack() -> None:
    """Check that MMEngine, MMCV and MMSegmentation are there and recent.

    A version newer than those we know is only warned about.

    Raises:
        ImportError: If one of the three is missing, too old, or refused by
            MMSegmentation itself. The message names what was found and the
            commands that install either stack.
    """
    found = {module: _installed_version(module) for module in _MINIMUM}
    wrong = [
        f'{module}>={least} ({found[module] or "not installed"})'
        for module, least in _MINIMUM.items()
        if _release(found[module] or '') < _release(least)
    ]
    if wrong:
        names = ', '.join(f'{m} {v}' for m, v in found.items() if v) or 'none'
        raise ImportError(
            'mmseg_wsss needs MMEngine, MMCV and MMSegmentation 1.x. Missing '
            f'or too old: {", ".join(wrong)}. Found: {names}.\n{_INSTALL}'
        )
    stack = stack_name()
    for module, limit in _UNTESTED[stack].items():
        if _release(found[module]) >= _release(limit):
            warnings.warn(
                f'mmseg_wsss is not tested with {module} {found[module]} on '
                f'the {stack} stack (expected below {limit}).',
                stacklevel=2,
            )
    try:
        importlib.import_module('mmseg')
    except AssertionError as error:  # upstream asserts its range of mmcv
        raise ImportError(
            f'MMSegmentation {found["mmseg"]} refuses MMCV {found["mmcv"]}: '
            f'{error}\n{_INSTALL}'
        ) from error


# ---------------------------------------------------------- quiet imports
class _ChatterFilter(io.TextIOBase):
    """Pass text on to a stream, except the lines known to be chatter."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.line = ''

    def write(self, text: str) -> int:
        *lines, self.line = (self.line + text).split('\n')
        for line in lines:
            self._pass_on(line + '\n')
        return len(text)

    def finish(self) -> None:
        """Write a last line that has no line break."""
        self._pass_on(self.line)
        self.line = ''

    def _pass_on(self, text: str) -> None:
        if text and not text.startswith(_CHATTER):
            self.stream.write(text)

    def flush(self) -> None:
        self.stream.flush()


@contextlib.contextmanager
def quiet_import() -> Iterator[None]:
    """Silence what OneDL says while it is imported.

    Its data sets print 'Could not import OneDL' and MMCV without compiled
    operators warns about ``MultiScaleDeformableAttention``. Only these lines
    are dropped; other output, warnings and every error come through.
    """
    out = _ChatterFilter(sys.stdout)
    with warnings.catch_warnings(), contextlib.redirect_stdout(out):
        for start in _CHATTER:
            warnings.filterwarnings('ignore', re.escape(start))
        try:
            yield
        finally:
            out.finish()


# ------------------------------------------------------------- checkpoints
def allow_resume() -> None:
    """Allow ``torch.load`` to read the checkpoints that MMEngine writes.

    From torch 2.6 on, ``torch.load`` refuses every name that it does not
    know, and a checkpoint of MMEngine holds numpy scalars and
    ``HistoryBuffer`` with its methods: resuming fails on the upstream stack.
    The names are added to torch's safe ones, those of numpy under both
    numpy 1's and numpy 2's module. ``getattr``, with which pickle finds the
    methods, is allowed on ``HistoryBuffer`` only. Older torch reads such
    files anyway; there this does nothing.
    """
    import numpy as np
    import torch

    if _release(torch.__version__) < (2, 6):
        return
    from mmengine.logging import HistoryBuffer

    codes = np.typecodes['AllInteger'] + np.typecodes['AllFloat'] + '?US'
    safe = [HistoryBuffer, np.ndarray, np.dtype]
    safe += {type(np.dtype(code)) for code in codes}
    safe.append((_history_method, 'builtins.getattr'))
    for function in (
        np.zeros(1).__reduce__()[0],  # numpy's _reconstruct
        np.float64(1).__reduce__()[0],  # numpy's scalar
    ):
        for core in ('numpy.core', 'numpy._core'):
            safe.append((function, f'{core}.multiarray.{function.__name__}'))
    torch.serialization.add_safe_globals(safe)


def _history_method(owner: Any, name: str) -> Any:
    """Replace ``getattr`` while a checkpoint is read."""
    from mmengine.logging import HistoryBuffer

    if owner is not HistoryBuffer or name.startswith('_'):
        raise pickle.UnpicklingError(f'getattr({owner!r}, {name!r}) refused')
    return getattr(owner, name)


# ------------------------------------------------------------------ configs
def register_config_scopes() -> None:
    """Support ``mmseg::`` and ``mmseg_wsss::`` in ``_base_``.

    MMEngine maps a scope to the name of a distribution, and OneDL's differ.
    A dotted module is no distribution, so MMEngine falls back to the folder
    that the module lies in; this holds for wheels, editable installs and
    plain checkouts alike, on both stacks.
    """
    from mmengine.config.utils import MODULE2PACKAGE

    MODULE2PACKAGE['mmseg'] = 'mmseg.version'
    MODULE2PACKAGE['mmseg_wsss'] = 'mmseg_wsss.version'


def load_config(
    path: str | os.PathLike, import_modules: bool = True
) -> 'Config':
    """Read a config whose ``_base_`` may use ``mmseg_wsss::``.

    MMEngine marks what comes from ``mmseg_wsss::`` with a scope of that name.
    Our modules live in MMSegmentation's registries, so the mark is rewritten
    to ``mmseg``.

    Args:
        path: The config file.
        import_modules: Whether its ``custom_imports`` are imported. Defaults
            to True.

    Returns:
        The config.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it uses ``mmseg_wsss::`` in a clone that is not
            installed, or cannot be evaluated; with file and line.
    """
    from mmengine.config import Config

    register_config_scopes()
    if not os.path.isfile(path):
        raise FileNotFoundError(f'there is no config {path}')
    try:
        cfg = Config.fromfile(path, import_custom_modules=import_modules)
    except FileNotFoundError as error:
        index = os.path.join('mmseg_wsss', '.mim', 'model-index.yml')
        if index not in str(error):
            raise
        raise ValueError(
            f'{path} uses mmseg_wsss:: configs, but this clone of mmseg_wsss '
            'is not installed: run "pip install -e ." in it'
        ) from error
    except (OSError, ImportError):
        raise
    except Exception as error:  # a config is code of any kind
        raise ValueError(_config_error(error, path)) from error
    for node in walk_dicts(cfg._cfg_dict):
        if node.get('_scope_') == 'mmseg_wsss':
            node['_scope_'] = 'mmseg'
    # YAPF needs seconds for long paths, each time the config is written or
    # logged, and fromfile(format_python_code=False) does not switch it off.
    object.__setattr__(cfg, '_format_python_code', False)
    return cfg


def _config_error(error: Exception, path: str | os.PathLike) -> str:
    """Return in which file and line of a config an error is, and what it is.

    MMEngine parses a copy of each file, in calls of ``_file2dict``.
    """
    file, number = str(path), getattr(error, 'lineno', None)
    for frame, line in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_name == '_file2dict':
            file = frame.f_locals.get('filename', file)
        elif frame.f_code.co_filename == file:
            number = line
    where = f'{file}, line {number}' if number else file
    text = getattr(error, 'msg', None) or error
    return f'{where}: {type(error).__name__}: {text}'


def walk_dicts(node: Any) -> Iterator[dict]:
    """Yield every dict inside nested dicts, lists and tuples."""
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, (list, tuple)):
        for item in node:
            yield from walk_dicts(item)


def type_name(settings: Mapping) -> str:
    """Return the type of settings without its scope.

    Args:
        settings: A transform, hook, ... of a config. Its ``type`` is a name,
            as ``'mmseg.LoadAnnotations'``, or in configs of MMEngine's new
            style the class itself.

    Returns:
        The name, ``'LoadAnnotations'``; ``''`` without ``type``.
    """
    kind = settings.get('type') or ''
    return getattr(kind, '__name__', str(kind)).rpartition('.')[2]


def is_type(settings: Mapping, name: str) -> bool:
    """Return whether settings are of a type, see :func:`type_name`."""
    return type_name(settings) == name


def find_steps(config: Any, name: str) -> list[dict]:
    """Return the settings of all transforms of one type.

    Args:
        config: A pipeline, or any other part of a config. Nested transforms,
            such as those of TestTimeAug, are found too.
        name: The type without scope, see :func:`type_name`.

    Returns:
        The settings themselves, not copies, in their order.
    """
    return [node for node in walk_dicts(config) if is_type(node, name)]


# ------------------------------------------------------------------- models
def unwrap(model: 'nn.Module', keep_tta: bool = False) -> 'nn.Module':
    """Return the segmentor inside distributed and test-time wrappers.

    Args:
        model: What the Runner trains or tests.
        keep_tta: Stop at a test-time-augmentation model.
    """
    from mmengine.model import BaseTTAModel, is_model_wrapper

    while is_model_wrapper(model) or (
        isinstance(model, BaseTTAModel) and not keep_tta
    ):
        model = model.module
    return model
