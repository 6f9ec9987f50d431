"""Calibrate."""

from __future__ import annotations

import math
import os
import pickle

import numpy as np
import pytest

from fastestimator_lite.op.numpyop.univariate import Calibrate
from fastestimator_lite.util.errors import ConfigError

STATE = {"mode": "test", "epoch": 1}


class Scale:
    """A calibrator that can be pickled."""

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, rows):
        return rows * self.factor


def write(path, content, time):
    path.write_bytes(pickle.dumps(content))
    os.utime(path, (time, time))


def test_the_function_sees_batches():
    shapes = []

    def halve(rows):
        shapes.append(rows.shape)
        return (rows / 2).tolist()

    op = Calibrate("x", "y", halve)
    np.testing.assert_array_equal(op.forward([np.array([1.0, 2.0])], STATE)[0], [0.5, 1])
    np.testing.assert_array_equal(
        op.forward_batch([np.array([[1.0, 2.0], [3.0, 4.0]])], STATE)[0], [[0.5, 1], [1.5, 2]]
    )
    assert shapes == [(1, 2), (2, 2)]


def test_it_runs_in_test_and_infer_unless_told_otherwise():
    assert Calibrate("x", "y", np.sqrt).mode == {"test", "infer"}
    assert Calibrate("x", "y", np.sqrt, mode="eval").mode == {"eval"}


def test_a_path_is_refused_unless_pickles_are_allowed(tmp_path):
    for path in (tmp_path / "f.pkl", str(tmp_path / "f.pkl")):
        with pytest.raises(ConfigError, match=r"f\.pkl.* runs whatever code .* allow_pickle=True"):
            Calibrate("x", "y", path)


def test_a_pickled_function_is_read_when_needed_and_when_it_changes(tmp_path):
    path, rows = tmp_path / "f.pkl", np.array([1.0, 2.0])
    op = Calibrate("x", "y", str(path), allow_pickle=True)
    with pytest.raises(ConfigError, match=r"Calibrate cannot read a function from .*f\.pkl"):
        op.forward([rows], STATE)
    write(path, Scale(3), time=1)
    np.testing.assert_array_equal(op.forward([rows], STATE)[0], [3, 6])
    write(path, Scale(5), time=2)
    np.testing.assert_array_equal(op.forward([rows], STATE)[0], [5, 10])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(op)).forward([rows], STATE)[0], [5, 10])


def test_a_home_folder_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "f.pkl", Scale(3), time=1)
    op = Calibrate("x", "y", "~/f.pkl", allow_pickle=True)
    np.testing.assert_array_equal(op.forward([np.ones(2)], STATE)[0], [3, 3])


def test_files_that_hold_no_function(tmp_path):
    path = tmp_path / "f.pkl"
    op = Calibrate("x", "y", path, allow_pickle=True)
    write(path, math.pi, time=1)
    with pytest.raises(ConfigError, match="holds 3.14.*, which is no function"):
        op.forward([np.ones(2)], STATE)
    path.write_bytes(b"no pickle")
    with pytest.raises(ConfigError, match="cannot read"):
        op.forward([np.ones(2)], STATE)


def test_what_is_no_function():
    for wrong in (3, None, [np.sqrt]):
        with pytest.raises(ConfigError, match=r"Calibrate\(calibration_fn\)"):
            Calibrate("x", "y", wrong)
