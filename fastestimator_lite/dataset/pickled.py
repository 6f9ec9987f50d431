"""Tables and arrays out of pickle files, without running anything that the files name.

A pickle file is a list of calls to make. Here no call is made but those of a few plain types (sets, slices): every other one
is written down as a `Piece`, and what numpy, pandas and pyarrow would have made of it is worked out from the pieces. Calling
the real functions would not do: numpy's trust what they are given, and make objects out of any bytes.
"""

from __future__ import annotations

import collections
import datetime
import pickle
import re
from collections.abc import Callable
from typing import IO, Any

import numpy as np

from fastestimator_lite.dataset.frame import column_of
from fastestimator_lite.util.errors import ConfigError

# Types of Python's own, which only hold what they are given and cannot be changed.
_PLAIN: dict[tuple[str, str], Any] = {
    ("builtins", "complex"): complex,
    ("builtins", "frozenset"): frozenset,
    ("builtins", "range"): range,
    ("builtins", "set"): set,
    ("builtins", "slice"): slice,
    ("__builtin__", "complex"): complex,
    ("__builtin__", "frozenset"): frozenset,
    ("__builtin__", "set"): set,
    ("__builtin__", "slice"): slice,
    ("__builtin__", "xrange"): range,
    ("collections", "OrderedDict"): collections.OrderedDict,
}
_OFFSETS = """BusinessDay Day Hour Micro Milli Minute MonthBegin MonthEnd Nano QuarterBegin QuarterEnd Second Week YearBegin
YearEnd"""
_DTYPES = """BooleanDtype CategoricalDtype DatetimeTZDtype Float32Dtype Float64Dtype Int8Dtype Int16Dtype Int32Dtype
Int64Dtype StringDtype UInt8Dtype UInt16Dtype UInt32Dtype UInt64Dtype"""
_ARRAYS = "ArrowStringArray BooleanArray DatetimeArray FloatingArray IntegerArray StringArray TimedeltaArray"
_INDICES = "CategoricalIndex DatetimeIndex Index MultiIndex RangeIndex TimedeltaIndex"
# What pandas 2 and 3, numpy 1 and 2 and pyarrow name in the pickle of a table. To each name of a module belongs a piece.
_PIECES = {
    "__builtin__": "bytearray object",
    "_codecs": "encode",
    "builtins": "bytearray object",
    "copy_reg": "_reconstructor",
    "copyreg": "_reconstructor",
    "datetime": "date datetime time timedelta timezone",
    "numpy": "dtype ndarray",
    "numpy._core.multiarray": "_reconstruct scalar",
    "numpy._core.numeric": "_frombuffer",
    "numpy.core.multiarray": "_reconstruct scalar",
    "numpy.core.numeric": "_frombuffer",
    "pandas": f"Categorical DataFrame NA {_DTYPES} {_INDICES}",
    "pandas._libs.arrays": "__pyx_unpickle_NDArrayBacked",
    "pandas._libs.internals": "_unpickle_block",
    "pandas._libs.missing": "NA",
    "pandas._libs.tslibs.nattype": "__nat_unpickle _nat_unpickle",
    "pandas._libs.tslibs.offsets": _OFFSETS,
    "pandas._libs.tslibs.timedeltas": "_timedelta_unpickle",
    "pandas._libs.tslibs.timestamps": "_unpickle_timestamp",
    "pandas.arrays": _ARRAYS,
    "pandas.core.arrays.boolean": "BooleanArray BooleanDtype",
    "pandas.core.arrays.categorical": "Categorical",
    "pandas.core.arrays.datetimes": "DatetimeArray",
    "pandas.core.arrays.floating": "FloatingArray Float32Dtype Float64Dtype",
    "pandas.core.arrays.integer": f"IntegerArray {_DTYPES}",
    "pandas.core.arrays.string_": "StringArray StringDtype",
    "pandas.core.arrays.string_arrow": "ArrowStringArray",
    "pandas.core.arrays.timedeltas": "TimedeltaArray",
    "pandas.core.dtypes.dtypes": "CategoricalDtype DatetimeTZDtype",
    "pandas.core.frame": "DataFrame",
    "pandas.core.indexes.base": "Index _new_Index",
    "pandas.core.indexes.category": "CategoricalIndex",
    "pandas.core.indexes.datetimes": "DatetimeIndex _new_DatetimeIndex",
    "pandas.core.indexes.multi": "MultiIndex",
    "pandas.core.indexes.range": "RangeIndex",
    "pandas.core.indexes.timedeltas": "TimedeltaIndex",
    "pandas.core.internals.managers": "BlockManager",
    "pyarrow.lib": "_restore_array chunked_array py_buffer type_for_alias",
}
_TIME_UNITS = {4: "D", 7: "s", 8: "ms", 9: "us", 10: "ns"}  # pandas' numbers for them


def read_pickled(file: IO[bytes], path: str) -> Any:
    """Read a pickle file.

    Args:
        file: The file, opened.
        path: Its name, for messages.

    Returns:
        What it holds: plain values and containers, numpy arrays and scalars; a DataFrame as a dictionary of its columns,
        by name. Of missing values in pandas' nullable columns becomes None, dates with a time zone are those of UTC.

    Raises:
        ConfigError: If the file names anything that does not belong to a table. A broken file raises many things.
    """
    return _read(_Reader(file, path).load())


class Piece:
    """A call that a pickle file wants made: its function is the name of the class."""

    args: tuple[Any, ...]
    state: Any

    def __new__(cls, *args: Any, **kwargs: Any) -> Piece:
        piece = super().__new__(cls)
        piece.args, piece.state = args, None
        return piece

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """All was done in `__new__`, which pickle calls alone as well."""

    def __setstate__(self, state: Any) -> None:
        self.state = state


_CLASSES: dict[str, type[Piece]] = {
    name: type(name, (Piece,), {}) for names in _PIECES.values() for name in names.split()
}


class _Reader(pickle.Unpickler):
    def __init__(self, file: IO[bytes], path: str) -> None:
        super().__init__(file)
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _PLAIN:
            return _PLAIN[module, name]
        if name in _PIECES.get(module, "").split():
            return _CLASSES[name]
        raise ConfigError(
            f"PickleDataset: {self._path} asks for {module}.{name}, which is no piece of a table; it was not run. If you "
            "trust the file like a program, PickleDataset(..., allow_code=True) reads it"
        )

    def persistent_load(self, pid: Any) -> Any:
        raise ConfigError(f"PickleDataset: {self._path} refers to something outside itself ({pid!r:.100})")


# ---- from pieces to values


def _read(value: Any) -> Any:
    """What a value stands for, whatever pieces it holds."""
    if isinstance(value, Piece):
        name = type(value).__name__
        if name == "_reconstructor" and isinstance(value.args[0], type):  # how the oldest formats make an object
            name = value.args[0].__name__
        if name not in _MAKERS:
            raise ConfigError(f"a {name} is no value of a table")
        return _MAKERS[name](value)
    if value is _CLASSES["NA"]:
        return None
    if isinstance(value, type):
        raise ConfigError(f"the class {value.__name__} is no value of a table")
    if isinstance(value, dict):
        return {_read(key): _read(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return type(value)(map(_read, value))
    return value


def _dtype(piece: Piece) -> np.dtype[Any]:
    _, byte_order, sub_dtype, names, fields, *rest = piece.state
    spec = piece.args[0]
    if (sub_dtype, names, fields) != (None, None, None) or not re.fullmatch(r"[biufcmMSUO]\d*", spec):
        raise ConfigError(f"arrays of numbers, strings and objects can be read, not of dtype {spec!r:.100} with fields")
    if spec[0] in "mM" and len(rest) > 3:
        unit, count = map(_read, rest[3][1][:2])
        spec += "" if unit == b"generic" else f"[{int(count)}{unit.decode()}]"
    return np.dtype(byte_order + spec if byte_order in ("<", ">") else spec)


def _array(content: Any, dtype: np.dtype[Any], shape: Any, order: Any) -> np.ndarray:
    if dtype.kind == "O":
        if not isinstance(content, list):
            raise ConfigError("an array of objects is kept as a list, not as bytes")
        values = np.empty(len(content), dtype=object)
        for index, item in enumerate(content):  # one by one: numpy would take a list of lists for a table
            values[index] = _read(item)
    else:
        content = _read(content)
        values = np.frombuffer(content, dtype).copy() if len(content) else np.empty(0, dtype)
    return values.reshape(tuple(shape), order=order)


def _array_of_state(piece: Piece) -> np.ndarray:
    _, shape, dtype, is_fortran, content = piece.state
    return _array(content, _dtype(dtype), shape, "F" if is_fortran else "C")


def _array_of_buffer(piece: Piece) -> np.ndarray:
    content, dtype, shape, order = piece.args
    return _array(content, _dtype(dtype), shape, order)


def _scalar(piece: Piece) -> Any:
    dtype = _dtype(piece.args[0])
    return _read(piece.args[1]) if dtype.kind == "O" else _array(piece.args[1], dtype, (1,), "C")[0]


def _table(piece: Piece) -> dict[str, np.ndarray]:
    blocks, axes = piece.state["_mgr"].args[:2]
    names = list(map(str, _read(axes[0])))
    places = np.arange(len(names))
    columns: dict[int, np.ndarray] = {}
    for block in blocks:
        values, where = _read(block.args[0]), _read(block.args[1])
        own = places[where]
        rows = [values] if values.ndim == 1 else list(values)
        columns.update({int(place): row for place, row in zip(own, rows, strict=True)})
    return {name: column_of(columns[place], name) for place, name in enumerate(names)}


def _index(piece: Piece) -> Any:
    facts = piece.args[1]
    if "data" in facts:
        return _read(facts["data"])
    if {"start", "stop", "step"} <= facts.keys():
        return range(facts["start"], facts["stop"], facts["step"])
    raise ConfigError("the columns of a table need names of one level")


def _backed(piece: Piece) -> np.ndarray:
    """Dates, strings or categories, kept as an array of numpy."""
    dtype, inner = piece.state[:2]
    values: np.ndarray = _read(inner)
    if piece.args[0] is not _CLASSES["Categorical"]:
        return values
    categories = np.asarray(_read(dtype.state["categories"]))
    chosen: np.ndarray = categories.take(np.where(values < 0, 0, values)) if len(categories) else values.astype(object)
    return _with_missing(chosen, values < 0, np.nan)


def _masked(piece: Piece) -> np.ndarray:
    return _with_missing(_read(piece.state["_data"]), _read(piece.state["_mask"]), None)


def _with_missing(values: np.ndarray, missing: np.ndarray, value: Any) -> np.ndarray:
    if not missing.any():
        return values
    filled = values.astype(object)
    filled[missing] = value
    return filled


def _arrow_strings(piece: Piece) -> np.ndarray:
    text_type = piece.state["_dtype"].args
    missing = _read(text_type[1]) if len(text_type) > 1 else None
    inner = piece.state["_pa_array"]
    chunks = inner.args[0] if isinstance(inner, _CLASSES["chunked_array"]) else [inner]
    texts = [text for chunk in chunks for text in _arrow_chunk(chunk.args[0], missing)]
    values = np.empty(len(texts), dtype=object)
    values[:] = texts
    return values


def _arrow_chunk(facts: Any, missing: Any) -> list[Any]:
    """The strings of an array of Arrow's: bits that say which are there, where each begins and ends, and the bytes.

    Source: the "Variable-size Binary Layout" of the Arrow columnar format.
    """
    kind, length, _, offset = facts[:4]
    bits, ends, content = facts[4]
    width = {"string": "<i4", "large_string": "<i8"}[kind.args[0]]
    if not length:
        return []
    text = b"" if content is None else bytes(_read(content.args[0]))
    bounds = np.frombuffer(_read(ends.args[0]), width)[offset : offset + length + 1]
    there = np.ones(length, bool)
    if bits is not None:
        there = (
            np.unpackbits(np.frombuffer(_read(bits.args[0]), np.uint8), bitorder="little")[offset : offset + length] > 0
        )
    if len(bounds) != length + 1 or len(there) != length or bounds.min() < 0 or bounds.max() > len(text):
        raise ConfigError("strings lie outside of the file")
    return [
        text[first:last].decode() if is_there else missing
        for first, last, is_there in zip(bounds[:-1].tolist(), bounds[1:].tolist(), there.tolist(), strict=True)
    ]


def _encoded(piece: Piece) -> bytes:
    """How the oldest formats hold bytes. Python's own function would look for a codec of any name."""
    text, encoding = piece.args
    if encoding != "latin1":
        raise ConfigError(f"bytes are encoded as latin1, the file says {encoding!r:.100}")
    return bytes(text.encode("latin1"))


def _bytes(piece: Piece) -> bytes:
    content = _read(piece.args[0]) if piece.args else b""
    if not isinstance(content, bytes):  # a number would ask for that much memory
        raise ConfigError(f"a bytearray is made of bytes, the file says {content!r:.100}")
    return content


def _plainly(kind: Callable[..., Any]) -> Callable[[Piece], Any]:
    return lambda piece: kind(*map(_read, piece.args))


def _time(scalar: Callable[..., Any]) -> Callable[[Piece], Any]:
    # The number of the unit comes last; before pandas 2 there was none, and nanoseconds were meant.
    return lambda piece: scalar(int(piece.args[0]), _TIME_UNITS[piece.args[-1]] if len(piece.args) in (2, 4) else "ns")


_MAKERS: dict[str, Callable[[Piece], Any]] = {
    "ArrowStringArray": _arrow_strings,
    "BooleanArray": _masked,
    "DataFrame": _table,
    "FloatingArray": _masked,
    "IntegerArray": _masked,
    "__nat_unpickle": lambda piece: np.datetime64("NaT"),
    "__pyx_unpickle_NDArrayBacked": _backed,
    "_frombuffer": _array_of_buffer,
    "_nat_unpickle": lambda piece: np.datetime64("NaT"),
    "_new_DatetimeIndex": _index,
    "_new_Index": _index,
    "_reconstruct": _array_of_state,
    "_timedelta_unpickle": _time(np.timedelta64),
    "_unpickle_timestamp": _time(np.datetime64),
    "bytearray": _bytes,
    "date": _plainly(datetime.date),
    "datetime": _plainly(datetime.datetime),
    "encode": _encoded,
    "scalar": _scalar,
    "time": _plainly(datetime.time),
    "timedelta": _plainly(datetime.timedelta),
    "timezone": _plainly(datetime.timezone),
}
