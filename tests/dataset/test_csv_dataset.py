import builtins
import math
import pickle

import numpy as np
import pytest

from fastestimator_lite.dataset.csv_dataset import CSVDataset
from fastestimator_lite.util.errors import ConfigError, MissingDependencyError

pytest.importorskip("pandas")


@pytest.fixture
def write(tmp_path):
    def to_file(text, name="table.csv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return to_file


@pytest.fixture
def path(write):
    return write("n,x,s,z,b\n1,1.5,a,,True\n2,,b,3,False\n3,2.5,,4,True\n")


def is_nan(value):
    return isinstance(value, float) and math.isnan(value)


def test_columns_have_types(path):
    data = CSVDataset(path)
    assert len(data) == 3
    assert data.keys() == ["n", "x", "s", "z", "b"]
    assert {key: column.dtype for key, column in data.columns.items()} == {
        "n": np.int64,
        "x": np.float64,
        "s": object,
        "z": np.float64,
        "b": np.bool_,
    }
    assert (data[0]["n"], data[0]["x"], data[0]["s"], data[2]["z"]) == (1, 1.5, "a", 4.0)
    assert data.summary().keys["n"].num_unique_values == 3
    assert data.split([0])["s"].tolist() == ["a"]


# what FastEstimator 1.7 gave for this file
@pytest.mark.parametrize(
    ("fill", "x", "s", "z"),
    [
        (None, None, None, None),
        (0, 0.0, 0, 0.0),
        ("", "", "", ""),
        ("ffill", "ffill", "ffill", "ffill"),
        ({"x": -1, "s": "none"}, -1.0, "none", math.nan),
    ],
)
def test_missing_values_are_filled(fill, x, s, z, path):
    data = CSVDataset(path, fill_na=fill)
    assert (data[1]["x"], data[2]["s"]) == (x, s)
    assert is_nan(data[0]["z"]) if is_nan(z) else data[0]["z"] == z
    assert (data[0]["x"], data[1]["z"], data[0]["s"]) == (1.5, 3.0, "a")
    assert data["x"].dtype == (np.float64 if isinstance(x, float) else object)


def test_missing_values_stay_as_pandas_has_them(path):
    data = CSVDataset(path)
    assert all(is_nan(value) for value in (data[1]["x"], data[2]["s"], data[0]["z"]))


def test_rows_are_chosen_by_the_columns_that_a_function_names(path):
    assert CSVDataset(path, include_if=lambda n: n > 1)["n"].tolist() == [2, 3]
    assert CSVDataset(path, include_if=lambda b, n, limit=2: b and n > limit)["n"].tolist() == [3]
    assert CSVDataset(path, include_if=lambda **row: row["s"] == "b")["n"].tolist() == [2]
    assert CSVDataset(path, fill_na=0, include_if=lambda z: z == 0)["n"].tolist() == [1]
    seen = []
    CSVDataset(path, include_if=lambda n, x: seen.append((n, x)) or True)
    assert [type(n) for n, _ in seen] == [np.int64] * 3  # not made a float by its neighbour


def test_pandas_gets_what_is_left(write):
    data = CSVDataset(write("n\tx\n1\t2\n3\t4\n"), delimiter="\t", usecols=["x"], dtype={"x": "float32"})
    assert data.keys() == ["x"]
    assert data["x"].dtype == np.float32
    indexed = CSVDataset(write("i,x\nq,1\nr,2\n"), index_col=0)
    assert (indexed.keys(), indexed[1]["x"]) == (["x"], 2)
    assert CSVDataset(write("5,6\n7,8\n"), header=None).keys() == ["0", "1"]
    dated = CSVDataset(write("d\n2020-01-02\n2021-01-02\n"), parse_dates=["d"])
    assert dated["d"].dtype.kind == "M"


def test_the_folder_is_kept_as_it_was_given(path, monkeypatch):
    assert CSVDataset(str(path)).parent_path == str(path.parent)
    assert CSVDataset(path).parent_path == str(path.parent)
    monkeypatch.chdir(path.parent)
    assert CSVDataset("table.csv").parent_path == ""


def test_the_data_set_survives_pickling(path):
    data = pickle.loads(pickle.dumps(CSVDataset(path)))
    assert (data[0]["s"], data.parent_path) == ("a", str(path.parent))


@pytest.mark.parametrize(
    ("text", "kwargs", "match"),
    [
        ("", {}, "is empty"),
        ("a,b\n", {}, r"has the columns \['a', 'b'\] and no rows"),
        ("a\n1\n", {"include_if": lambda a: a > 1}, "none of the 1 rows of .*table.csv is left"),
        ("alpha\n1\n", {"include_if": lambda alfa: True}, "asks for 'alfa', which is no column.*Did you mean 'alpha'"),
        ("a\n1\n", {"include_if": 5}, "include_if.*must be a function of columns"),
        ("alpha\n1\n", {"fill_na": {"alfa": 1}}, "fill_na.*'alfa' is no column.*Did you mean 'alpha'"),
        ("a\n1\n", {"chunksize": 1}, r"at once; leave out \['chunksize'\]"),
    ],
)
def test_what_gives_no_rows(text, kwargs, match, write):
    with pytest.raises(ConfigError, match=match):
        CSVDataset(write(text), **kwargs)


def test_a_missing_file_gets_a_hint(path):
    with pytest.raises(ConfigError, match="there is no file .*tabel.csv.*Did you mean 'table.csv'"):
        CSVDataset(path.parent / "tabel.csv")
    with pytest.raises(ConfigError, match="there is no file"):
        CSVDataset(path.parent)
    with pytest.raises(ConfigError, match="there is no file '/nowhere/at/all.csv'"):
        CSVDataset("/nowhere/at/all.csv")
    with pytest.raises(ConfigError, match="must be a path, got int"):
        CSVDataset(3)


def test_without_pandas_the_extra_is_named(path, monkeypatch):
    real = builtins.__import__

    def no_pandas(name, *args, **kwargs):
        if name == "pandas":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", no_pandas)
    with pytest.raises(MissingDependencyError, match=r"CSVDataset needs pandas.*fastestimator-lite\[data\]"):
        CSVDataset(path)
