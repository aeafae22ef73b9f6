"""A stand-in for MMCV's compiled operators, for tests on the upstream stack.

Upstream MMSegmentation imports operators that mmcv-lite does not have, and
compiling mmcv takes longer than the tests. None of our code calls one. With
``MMSEG_WSSS_STUB_OPS=1`` an empty ``mmcv._ext`` is put in their place, in the
tests' own process only.
"""

import importlib.machinery
import sys
import types


def install() -> None:
    """Register the empty module."""

    class Stub(types.ModuleType):
        def __getattr__(self, name):
            if name.startswith('__'):
                raise AttributeError(name)
            return lambda *args, **kwargs: None

    stub = Stub('mmcv._ext')
    stub.__spec__ = importlib.machinery.ModuleSpec('mmcv._ext', loader=None)
    sys.modules['mmcv._ext'] = stub
