"""Data sets: anything with a length that gives one sample, a dictionary, for an index."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.dataset import data as data
    from fastestimator_lite.dataset.dataset import FEDataset as FEDataset
    from fastestimator_lite.dataset.dataset import InMemoryDataset as InMemoryDataset
    from fastestimator_lite.dataset.numpy_dataset import NumpyDataset as NumpyDataset
    from fastestimator_lite.dataset.summary import DatasetSummary as DatasetSummary
    from fastestimator_lite.dataset.summary import KeySummary as KeySummary

__getattr__, __dir__, __all__ = attach(__name__, __file__)
