"""An unpickler that builds numbers, text, containers and arrays, no more.

A pickle may call any function it names. Admitting NumPy's own constructors
would not be enough: ``ndarray`` takes a raw buffer as object pointers, which
crashes the interpreter or worse. So their names lead to stand-ins, which
accept plain data only.
"""

from __future__ import annotations

import pickle
import re
from collections import OrderedDict
from typing import Any, BinaryIO

import numpy as np

BROKEN_PICKLE = (
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    TypeError,
    ValueError,
)
_PLAIN_DTYPE = re.compile(r'[biuf][1248]|U\d{1,4}|O[48]?')


def load_pickle(file: BinaryIO) -> Any:
    """Load a pickle of any protocol, written under Python 2 or 3.

    Args:
        file: The file, at the start of the pickle.

    Returns:
        The object; arrays in it are :class:`StandInArray`.

    Raises:
        pickle.UnpicklingError: If the pickle names a global that is not
            admitted; a broken one may raise any of ``BROKEN_PICKLE``.
    """
    return _PlainUnpickler(file, encoding='latin1').load()


class StandInArray:
    """Stands in for an array while it is read.

    Attributes:
        content: The array, or the list of objects of an object array.
    """

    def __init__(self, *ignored: Any) -> None:
        self.content: np.ndarray | list | None = None

    def __setstate__(self, state: tuple) -> None:
        """Read shape, type and data as NumPy pickles them."""
        shape, dtype, _, data = state[-4:]
        if dtype.is_object:
            if not isinstance(data, list):
                raise ValueError('an object array without a list of objects')
            self.content = data
            return
        self.content = dtype.read(data).reshape(shape)


class _StandInDType:
    """Stands in for a data type; admits numbers, text and objects."""

    def __init__(self, code: str, *ignored: Any) -> None:
        if not _PLAIN_DTYPE.fullmatch(code):
            raise ValueError(f'the data type {code!r} has no place in it')
        self.code, self.order = code, '='
        self.is_object = code.startswith('O')

    def __setstate__(self, state: tuple) -> None:
        """Read the byte order; the rest is for structured types."""
        self.order = state[1]

    def read(self, data: bytes | str) -> np.ndarray:
        """Read raw data as a flat array."""
        if self.is_object or self.order not in ('<', '>', '|', '='):
            raise ValueError('raw data of a type that is not plain')
        raw = data.encode('latin1') if isinstance(data, str) else bytes(data)
        return np.frombuffer(raw, dtype=self.order + self.code)


def _scalar(dtype: _StandInDType, data: bytes | str) -> Any:
    return dtype.read(data)[0]


# NumPy 1 and 2 write the same constructors under different module paths.
_ADMITTED = {
    ('numpy', 'ndarray'): None,  # only ever an argument of _reconstruct
    ('numpy', 'dtype'): _StandInDType,
    ('numpy.core.multiarray', '_reconstruct'): StandInArray,
    ('numpy._core.multiarray', '_reconstruct'): StandInArray,
    ('numpy.core.multiarray', 'scalar'): _scalar,
    ('numpy._core.multiarray', 'scalar'): _scalar,
    ('collections', 'OrderedDict'): OrderedDict,
    ('_codecs', 'encode'): str.encode,  # bytes in old pickle protocols
}


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in of an admitted name; raise for any other."""
        if (module, name) not in _ADMITTED:
            raise pickle.UnpicklingError(
                f"it asks for '{module}.{name}', which a label file has no "
                'business with; do not load it by other means unless you '
                'trust where it comes from'
            )
        return _ADMITTED[module, name]
