"""ReadMat."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.io import savemat

from fastestimator_lite.op.numpyop.multivariate import ReadMat
from fastestimator_lite.op.numpyop.numpyop import apply_op
from fastestimator_lite.util.errors import ConfigError, DataError

STATE = {"mode": "train", "epoch": 1}
MATRIX = np.arange(6.0).reshape(2, 3)


@pytest.fixture
def folder(tmp_path):
    savemat(tmp_path / "a.mat", {"matrix": MATRIX, "count": 3, "word": "text"})
    savemat(tmp_path / "old.mat", {"matrix": MATRIX}, format="4")
    (tmp_path / "text.mat").write_text("hello, I am no matrix, but long enough to be one. " * 9)
    (tmp_path / "empty.mat").touch()
    return tmp_path


def read(folder, name, *arguments, **more):
    return ReadMat("p", *arguments, parent_path=folder, **more).forward(name, STATE)


def test_variables_are_those_of_the_outputs(folder):
    matrix, count = read(folder, "a.mat", ["matrix", "count"])
    np.testing.assert_array_equal(matrix, MATRIX)
    np.testing.assert_array_equal(count, [[3]])


def test_variables_may_have_other_names_than_the_outputs(folder):
    op = ReadMat("p", ["x", "w"], mat_keys=["matrix", "word"], parent_path=str(folder))
    data = {"p": "a.mat"}
    apply_op(op, data, STATE, batched=False)
    assert op.outputs == ["x", "w"]
    np.testing.assert_array_equal(data["x"], MATRIX)
    assert data["w"] == ["text"]


@pytest.mark.parametrize("name", ["a.mat", "a", "old.mat"])
def test_one_variable_and_the_ending(folder, name):
    (matrix,) = read(folder, name, "x", "matrix")
    np.testing.assert_array_equal(matrix, MATRIX)


def test_the_key_may_be_a_list_and_the_path_whole(folder):
    op = ReadMat(["p"], "matrix")
    np.testing.assert_array_equal(op.forward([folder / "a.mat"], STATE)[0], MATRIX)


def test_batches_of_files(folder):
    (stacked,) = ReadMat("p", "matrix", parent_path=folder).forward_batch(["a.mat", "old.mat"], STATE)
    np.testing.assert_array_equal(stacked, [MATRIX, MATRIX])


def test_missing_variable_is_named_with_those_that_are_there(folder):
    with pytest.raises(DataError, match=r"no variable 'matrx' in '.*a\.mat', which has .*'count'.* mean 'matrix'"):
        read(folder, "a.mat", "matrx")


def test_missing_file(folder):
    with pytest.raises(FileNotFoundError, match=r"ReadMat: '.*nowhere\.mat' does not exist; parent_path"):
        read(folder, "nowhere.mat", "x")
    (folder / "sub.mat").mkdir()
    with pytest.raises(FileNotFoundError, match=r"ReadMat: '.*sub\.mat' is a folder"):
        read(folder, "sub.mat", "x")


@pytest.mark.parametrize("name", ["text.mat", "empty.mat"])
def test_file_that_is_no_matrix(folder, name):
    with pytest.raises(DataError, match=rf"ReadMat: '.*{name}' is not a MATLAB file"):
        read(folder, name, "x")


def test_files_of_matlab_7_3_are_told_apart(folder):
    head = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    (folder / "new.mat").write_bytes(head + bytes(400))
    with pytest.raises(DataError, match=r"MATLAB 7.3, which scipy cannot read; save it with '-v7'"):
        read(folder, "new.mat", "x")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["a", "b"], "x"), "inputs.* one key"),
        (("a", ["x", "y"], "m"), r"mat_keys \['m'\] and outputs \['x', 'y'\]"),
    ],
)
def test_keys_are_counted(arguments, message):
    with pytest.raises(ConfigError, match=message):
        ReadMat(*arguments)
