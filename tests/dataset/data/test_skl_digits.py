import sys

import numpy as np
import pytest

from fastestimator_lite.dataset.data import skl_digits
from fastestimator_lite.dataset.numpy_dataset import NumpyDataset
from fastestimator_lite.util.errors import MissingDependencyError


def test_all_digits_come_in_one_data_set():
    data = skl_digits.load_data()
    assert type(data) is NumpyDataset
    assert data["x"].shape == (1797, 8, 8)
    assert (data["x"].dtype, data["y"].dtype) == (np.float64, np.int64)
    assert (data["x"].min(), data["x"].max()) == (0, 16)
    assert data["y"][:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    np.testing.assert_array_equal(data[0]["x"][0], [0, 0, 5, 13, 9, 1, 0, 0])


def test_keys_can_be_chosen_and_classes_be_split():
    data = skl_digits.load_data(image_key="image", label_key="digit")
    part = data.split(0.2, seed=0, stratify="digit")
    assert (part.keys(), len(part), len(data)) == (["image", "digit"], 360, 1437)
    assert set(np.bincount(part["digit"]).tolist()) <= {34, 35, 36, 37, 38}


def test_without_scikit_learn_the_install_line_is_given(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(MissingDependencyError, match="run: pip install scikit-learn"):
        skl_digits.load_data()
