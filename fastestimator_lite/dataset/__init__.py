"""Data sets: anything with a length that gives one sample, a dictionary, for an index."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.dataset import data as data
    from fastestimator_lite.dataset.batch_dataset import BatchDataset as BatchDataset
    from fastestimator_lite.dataset.combined_dataset import CombinedDataset as CombinedDataset
    from fastestimator_lite.dataset.csv_dataset import CSVDataset as CSVDataset
    from fastestimator_lite.dataset.dataset import FEDataset as FEDataset
    from fastestimator_lite.dataset.dataset import InMemoryDataset as InMemoryDataset
    from fastestimator_lite.dataset.dir_dataset import DirDataset as DirDataset
    from fastestimator_lite.dataset.extend_dataset import ExtendDataset as ExtendDataset
    from fastestimator_lite.dataset.generator_dataset import GeneratorDataset as GeneratorDataset
    from fastestimator_lite.dataset.interleave_dataset import InterleaveDataset as InterleaveDataset
    from fastestimator_lite.dataset.labeled_dir_dataset import LabeledDirDataset as LabeledDirDataset
    from fastestimator_lite.dataset.numpy_dataset import NumpyDataset as NumpyDataset
    from fastestimator_lite.dataset.pickle_dataset import PickleDataset as PickleDataset
    from fastestimator_lite.dataset.siamese_dir_dataset import SiameseDirDataset as SiameseDirDataset
    from fastestimator_lite.dataset.summary import DatasetSummary as DatasetSummary
    from fastestimator_lite.dataset.summary import KeySummary as KeySummary

__getattr__, __dir__, __all__ = attach(__name__, __file__)
