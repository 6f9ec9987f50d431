import collections
import datetime
import gzip
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fastestimator_lite.dataset.pickle_dataset import PickleDataset
from fastestimator_lite.util.errors import ConfigError

pd = pytest.importorskip("pandas")


@pytest.fixture
def save(tmp_path):
    def to_file(content, protocol=pickle.DEFAULT_PROTOCOL, name="table.pkl"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol=protocol))
        return path

    return to_file


class Runs:
    """An object whose pickle calls a function."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_table_is_read(protocol, save):
    frame = pd.DataFrame({"x": [1.5, 2.0], "n": [1, 2], "s": ["a", None], "b": [True, False]}, index=[5, 7])
    frame["image"] = [np.zeros((2, 3), np.uint8), np.ones((2, 3), np.uint8)]
    data = PickleDataset(save(frame, protocol))
    assert len(data) == 2
    assert {key: (column.dtype, column.shape) for key, column in data.columns.items()} == {
        "x": (np.float64, (2,)),
        "n": (np.int64, (2,)),
        "s": (object, (2,)),
        "b": (np.bool_, (2,)),
        "image": (np.uint8, (2, 2, 3)),
    }
    assert (data[0]["x"], data[1]["n"], data[0]["s"], data[1]["image"].min()) == (1.5, 2, "a", 1)


UTC = ["2020-01-01T12", "2021-06-01T00"]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pd.Categorical(["b", "a"]), ["b", "a"]),
        (pd.Categorical(["b", None]), ["b", np.nan]),
        (pd.Categorical([7, 5]), np.array([7, 5])),
        (pd.to_datetime(["2020-01-01", None]), np.array(["2020-01-01", "NaT"], "M8[us]")),
        (pd.to_datetime(UTC).tz_localize("UTC").tz_convert(datetime.timezone.utc), np.array(UTC, "M8[us]")),
        (pd.to_timedelta([1, None]), np.array([1, "NaT"], "m8[ns]")),
        (pd.array([1, None], dtype="Int64"), [1, None]),
        (pd.array([1, 3], dtype="UInt8"), np.array([1, 3], np.uint8)),
        (pd.array([1.5, None], dtype="Float32"), [1.5, None]),
        (pd.array([True, None], dtype="boolean"), [True, None]),
        (pd.array(["a", None], dtype="string"), ["a", None]),
        ([pd.Timestamp("2020"), "text"], [np.datetime64("2020-01-01", "us"), "text"]),
        ([pd.NaT, "text"], [np.datetime64("NaT"), "text"]),
        ([pd.Timedelta(3), "text"], [np.timedelta64(3, "ns"), "text"]),
        ([pd.NA, None], [None, None]),
        ([np.float32(1), {1, 2}], [np.float32(1), {1, 2}]),
        (
            [datetime.date(2020, 1, 2), datetime.datetime(2020, 1, 2, 3)],
            [datetime.date(2020, 1, 2), datetime.datetime(2020, 1, 2, 3)],
        ),
        ([np.arange(2), [np.arange(3)]], [np.arange(2), [np.arange(3)]]),
        ([1j, b"bytes"], [1j, b"bytes"]),
        ([(1, "a"), frozenset({1})], [(1, "a"), frozenset({1})]),
        (np.array([1, 2], dtype=">i4"), np.array([1, 2], dtype=">i4")),
    ],
    ids=str,
)
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_tables_hold_what_pandas_makes(column, expected, protocol, save):
    indices = (None, list("ab"), pd.date_range("2020", periods=2), pd.MultiIndex.from_tuples([(1, 2), (1, 3)]))
    for index in indices:
        frame = pd.DataFrame({"n": [1, 2], "c": column, "m": [3, 4]}, index=index)
        data = PickleDataset(save(frame, protocol))
        assert (data.keys(), data["n"].tolist(), data["m"].tolist()) == (["n", "c", "m"], [1, 2], [3, 4])
        values = data["c"]
        if isinstance(expected, np.ndarray):
            assert values.dtype == expected.dtype
            np.testing.assert_array_equal(values, expected)
        else:
            assert values.dtype == object
            assert repr(values.tolist()) == repr(expected)


@pytest.mark.parametrize(
    "names", [["x", "y"], [5, 6], pd.Index([0.5, 1.5]), pd.RangeIndex(2), pd.Categorical(["q", "p"])]
)
def test_columns_are_named_as_in_the_table(names, save):
    frame = pd.DataFrame([[1, 2.5], [3, 4.5]], columns=names)
    data = PickleDataset(save(frame))
    assert data.keys() == [str(name) for name in names]
    assert [data[key].tolist() for key in data.keys()] == [[1, 3], [2.5, 4.5]]
    assert [data[key].dtype for key in data.keys()] == [np.int64, np.float64]


def test_tables_of_many_shapes_are_read_as_pandas_reads_them(save):
    rng = np.random.default_rng(0)
    for _ in range(20):
        columns, rows = rng.integers(1, 12), rng.integers(1, 9)
        kinds = [np.int8, np.float32, np.int64, bool, "U3", np.complex64]
        frame = pd.DataFrame(
            {f"c{i}": rng.integers(0, 100, rows).astype(kinds[rng.integers(6)]) for i in range(columns)}
        )
        frame = frame[rng.permutation(frame.columns)].iloc[rng.permutation(rows)[: max(rows - 1, 1)]]
        path = save(frame, int(rng.integers(0, 6)))
        read, trusted = PickleDataset(path), PickleDataset(path, allow_code=True)
        assert read.keys() == trusted.keys()
        for key in read.keys():
            assert read[key].dtype == trusted[key].dtype
            assert read[key].tolist() == trusted[key].tolist()


def test_arrow_strings_are_read(save):
    # as pandas 3 with pyarrow pickles a column of strings; written by hand, for pyarrow need not be here
    from fastestimator_lite.dataset.pickled import _CLASSES, _read

    def chunk(kind, length, offset, bits, ends, text):
        buffers = [
            None if bits is None else _CLASSES["py_buffer"](bits),
            _CLASSES["py_buffer"](ends),
            _CLASSES["py_buffer"](text),
        ]
        return _CLASSES["_restore_array"]((_CLASSES["type_for_alias"](kind), length, -1, offset, buffers, [], None))

    def strings(*chunks):
        piece = _CLASSES["ArrowStringArray"]()
        inner = chunks[0] if len(chunks) == 1 else _CLASSES["chunked_array"](list(chunks), None)
        piece.__setstate__({"_pa_array": inner, "_dtype": _CLASSES["StringDtype"]("pyarrow", _CLASSES["NA"])})
        return _read(piece).tolist()

    text = "a\u00e9zz".encode()
    ends = np.array([0, 1, 3, 3, 5])
    whole = chunk("large_string", 4, 0, None, ends.astype("<i8").tobytes(), text)
    part = chunk("string", 3, 1, bytes([0b1010]), ends.astype("<i4").tobytes(), text)
    assert strings(whole) == ["a", "\u00e9", "", "zz"]
    assert strings(part) == ["\u00e9", None, "zz"]
    assert strings(part, whole)[2:4] == ["zz", "a"]
    for bad in ([0, 1, 3, 3, 99], [0, 1, -5, 3, 5], [0, 1]):
        with pytest.raises(ConfigError, match="outside of the file"):
            strings(chunk("large_string", 4, 0, None, np.array(bad, "<i8").tobytes(), text))


@pytest.mark.parametrize(
    "content",
    [
        {"x": np.arange(3), "s": ["a", "b", "c"]},
        {0: {"x": 0, "s": "a"}, 1: {"x": 1, "s": "b"}, 2: {"x": 2, "s": "c"}},
        [{"x": 0, "s": "a"}, {"x": 1, "s": "b"}, {"x": 2, "s": "c"}],
        collections.OrderedDict(x=range(3), s=["a", "b", "c"]),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_plain_containers_are_read(content, protocol, save):
    data = PickleDataset(save(content, protocol))
    assert (data["x"].tolist(), data["s"].tolist()) == ([0, 1, 2], ["a", "b", "c"])


def test_a_table_of_old_pandas_and_numpy_is_read(save):
    # pandas 2.1 and numpy 1.26 named these places
    new = pickle.dumps(pd.DataFrame({"x": [1.0, 2.0]}), protocol=2)
    old = new
    for now, then in [
        ("pandas\nDataFrame", "pandas.core.frame\nDataFrame"),
        ("numpy._core.multiarray\n_reconstruct", "numpy.core.multiarray\n_reconstruct"),
        ("pandas\nRangeIndex", "pandas.core.indexes.range\nRangeIndex"),
        ("pandas\nIndex", "pandas.core.indexes.base\nIndex"),
    ]:
        assert f"c{now}\n".encode() in old
        old = old.replace(f"c{now}\n".encode(), f"c{then}\n".encode())
    assert PickleDataset(save(old))["x"].tolist() == [1.0, 2.0]


def test_a_compressed_table_is_read(tmp_path, save):
    frame = pd.DataFrame({"x": [1, 2]})
    for name in ("t.pkl.gz", "t.pkl.bz2", "t.pkl.xz"):
        frame.to_pickle(tmp_path / name)
        assert PickleDataset(tmp_path / name)["x"].tolist() == [1, 2]


# ---------------------------------------------------------------------------------------------------------- untrusted
def hostile(canary):
    touch = f"touch {canary}"
    return {
        "os.system": Runs(os.system, touch),
        "subprocess": Runs(subprocess.check_output, ["touch", str(canary)]),
        "eval": Runs(eval, f"open({str(canary)!r}, 'w')"),
        "exec": Runs(exec, f"open({str(canary)!r}, 'w')"),
        "open": Runs(open, str(canary), "w"),
        "getattr": Runs(getattr, np.ndarray, "tofile"),
        "import": Runs(__import__, "os"),
        "path": Runs(Path.touch, Path(canary)),
        "pandas reads": Runs(pd.read_pickle, str(canary)),
        "numpy loads": Runs(np.load, str(canary)),
        "runs itself": Runs(Runs, os.system, touch),
        "in a table": pd.DataFrame({"x": [Runs(os.system, touch), 1]}),
        "in an array": {"x": np.array([Runs(os.system, touch), None], dtype=object)},
    }


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("name", hostile("canary"))
def test_code_in_a_file_is_not_run(name, protocol, save, tmp_path):
    canary = tmp_path / "canary"
    path = save(hostile(canary)[name], protocol)
    with pytest.raises(ConfigError, match=r"asks for [\w.]+, which is no piece of a table; it was not run"):
        PickleDataset(path)
    assert not canary.exists()


def test_the_refused_name_is_told_and_the_way_out(save, tmp_path):
    path = save(Runs(os.system, f"touch {tmp_path / 'canary'}"))
    with pytest.raises(ConfigError, match=rf"table.pkl asks for {os.name}.system.*allow_code=True"):
        PickleDataset(path)
    with pytest.raises(ConfigError, match="holds int"):  # what os.system returned
        PickleDataset(path, allow_code=True)
    assert (tmp_path / "canary").exists()


@pytest.mark.parametrize(
    "opcodes",
    [
        b"cpandas\nDataFrame.eval\n.",
        b"\x80\x04\x8c\x06pandas\x8c\x0eDataFrame.eval\x93.",  # dotted names of protocol 4
        b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.",
        b"ibuiltins\neval\n.",
        b"(S'1'\nios\nsystem\n.",
        b"Pos.system\n.",
        b"cpandas.core.computation.eval\neval\n.",
        b"cpandas.core.frame\nsys\n.",  # a name that is there, in a room that moved
        b"\x80\x02\x82\x01.",  # a code of the extension registry, which copyreg may know
    ],
)
def test_ways_around_the_list(opcodes, save):
    with pytest.raises(ConfigError):
        PickleDataset(save(opcodes))


def test_bytes_are_decoded_by_no_codec_of_the_files_choice(save):
    for codec in ("zlib_codec", "rot13", "idna"):
        with pytest.raises(ConfigError, match=f"encoded as latin1, the file says '{codec}'"):
            PickleDataset(save(f"c_codecs\nencode\n(Vabc\nV{codec}\ntR.".encode()))


class Call:
    """An object whose pickle names anything by opcodes of its own."""

    def __init__(self, function, *args, state=None):
        self.parts = (function, args, state) if state is not None else (function, args)

    def __reduce__(self):
        return self.parts


FORGED = b"\x01" * 8  # would be taken for the address of an object
OBJECTS = Call(np.dtype, "O8", False, True, state=(3, "|", None, None, None, -1, -1, 63))
NO_OBJECTS = Call(np.dtype, "O8", False, True, state=(3, "|", None, None, None, -1, -1, 0))
HIDDEN = Call(
    np.dtype, "V8", False, True, state=(3, "|", None, ("f",), {"f": (Call(np.dtype, "O8", False, True), 0)}, 8, 1, 0)
)


@pytest.mark.parametrize(
    "value",
    [
        Call(np.ndarray, (1,), object, FORGED),
        Call(np.ndarray, (1,), "O", FORGED),
        *(
            Call(make, *args, state=state)
            for dtype in (OBJECTS, NO_OBJECTS, HIDDEN)
            for make, args, state in [
                (np._core.multiarray._reconstruct, (np.ndarray, (0,), b"b"), (1, (1,), dtype, False, FORGED)),
                (np._core.numeric._frombuffer, (FORGED, dtype, (1,), "C"), None),
                (np._core.multiarray.scalar, (dtype, FORGED), None),
            ]
        ),
        Call(
            np._core.multiarray._reconstruct,
            np.ndarray,
            (0,),
            b"b",
            state=(1, (9,), Call(np.dtype, "i8", state=(3, "<", None, None, None, -1, -1, 0)), False, FORGED),
        ),
        Call(bytearray, 10**15),
    ],
)
def test_no_object_is_made_of_bytes(value, save):
    for content in ({"x": value}, [{"x": value}], {"x": [value, value]}):
        try:
            values = PickleDataset(save(content))["x"]
        except ConfigError:
            continue
        # a scalar "of objects" is what it is said to be: bytes stay bytes
        assert set(values.tolist()) == {FORGED}
        assert value.parts[0] is np._core.multiarray.scalar


def test_pieces_cannot_be_changed_for_the_next_file(save):
    from fastestimator_lite.dataset.pickled import _CLASSES, Piece

    before = {name: dict(vars(kind)) for name, kind in [*_CLASSES.items(), ("Piece", Piece)]}
    for state in (b"}Vargs\nI1\nsb.", b"(N}Vargs\nI1\nstb."):
        with pytest.raises(ConfigError):
            PickleDataset(save(b"cpandas\nDataFrame\n" + state))
        with pytest.raises(ConfigError):
            PickleDataset(save(b"cbuiltins\nset\n" + state))
    assert {name: dict(vars(kind)) for name, kind in [*_CLASSES.items(), ("Piece", Piece)]} == before


def test_reading_a_refused_file_imports_nothing(save):
    path = save(b"cantigravity\ngeohash\n.")
    code = (
        "import sys\nfrom fastestimator_lite.dataset.pickle_dataset import PickleDataset\n"
        f"try:\n    PickleDataset({str(path)!r})\nexcept ValueError:\n    print('antigravity' in sys.modules, 'pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False False"


# ---------------------------------------------------------------------------------------------------------- what fails
@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "cannot be read: EOFError"),
        (b"not a pickle", "cannot be read: "),
        (pickle.dumps(pd.DataFrame({"x": [1, 2]}))[:-40], "cannot be read"),
        (5, "holds int: 5"),
        ([1, 2], "holds list"),
        ({}, "it holds none"),
        (np.arange(3), "holds ndarray"),
        (pd.DataFrame({"x": []}), "columns of one length, at least 1; it holds 'x': 0"),
        (pd.DataFrame(index=[1, 2]), "it holds none"),
        (pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])), "names of one level"),
        ({"x": np.zeros(2, [("a", int)])}, "not of dtype 'V8' with fields"),
        (pd.Index([1, 2]), "range|ndarray"),
        ({"x": pd.DataFrame}, "the class DataFrame is no value of a table"),
        ({"x": [1, 2], "y": [1]}, "'x': 2, 'y': 1"),
        ({0: {"x": 1}, 2: {"x": 2}}, "number 1 is missing"),
        (gzip.compress(b"x", mtime=0)[:-4], "cannot be read"),
    ],
)
def test_what_is_no_table(content, match, save):
    with pytest.raises(ConfigError, match=match):
        PickleDataset(save(content))


def test_a_missing_file(tmp_path):
    with pytest.raises(ConfigError, match=r"PickleDataset\(file_path\): there is no file"):
        PickleDataset(tmp_path / "none.pkl")


def test_the_folder_is_kept_and_the_data_set_pickles(save):
    path = save({"x": [1, 2]})
    data = pickle.loads(pickle.dumps(PickleDataset(str(path))))
    assert (data.parent_path, data.split([1])["x"].tolist()) == (str(path.parent), [2])
