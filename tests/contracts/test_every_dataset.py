"""What every data set promises to the Pipeline."""

from __future__ import annotations

import copy
import pickle
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastestimator_lite import dataset as face
from fastestimator_lite.dataset.dataset import FEDataset, InMemoryDataset
from fastestimator_lite.dataset.summary import DatasetSummary, KeySummary
from fastestimator_lite.util.errors import ConfigError

pd = pytest.importorskip("pandas")

NO_DATASETS = {FEDataset, InMemoryDataset, DatasetSummary, KeySummary}
CANNOT_SPLIT = {face.CombinedDataset, face.ExtendDataset}
KINDS = sorted(
    {kind for name in face.__all__ if isinstance(kind := getattr(face, name), type)} - NO_DATASETS,
    key=lambda kind: kind.__name__,
)
each_dataset = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def count_up() -> Any:
    x = 0
    while True:
        yield {"x": x, "y": x % 2}
        x += 1


def numbered(length: int, start: int = 0) -> Any:
    return face.NumpyDataset({"x": np.arange(length) + start, "y": np.arange(length) % 2})


def files(folder: Path) -> Path:
    for name in "abcd":
        (folder / "files" / name).mkdir(parents=True)
        for number in range(3):
            (folder / "files" / name / f"{number}.png").touch()
    return folder / "files"


def table(folder: Path, write: str, name: str) -> Path:
    getattr(pd.DataFrame({"x": range(12), "y": [0, 1] * 6}), write)(folder / name)
    return folder / name


# the smallest sensible one of each
EXAMPLES: dict[type, Callable[[Path], Any]] = {
    face.BatchDataset: lambda folder: face.BatchDataset([numbered(12), numbered(9, 100)], [2, 1]),
    face.CSVDataset: lambda folder: face.CSVDataset(table(folder, "to_csv", "t.csv")),
    face.CombinedDataset: lambda folder: face.CombinedDataset([numbered(5), numbered(7, 100)]),
    face.DirDataset: lambda folder: face.DirDataset(files(folder)),
    face.ExtendDataset: lambda folder: face.ExtendDataset(numbered(5), 12),
    face.GeneratorDataset: lambda folder: face.GeneratorDataset(count_up, 12),
    face.InterleaveDataset: lambda folder: face.InterleaveDataset([numbered(12), numbered(9, 100)]),
    face.LabeledDirDataset: lambda folder: face.LabeledDirDataset(files(folder)),
    face.NumpyDataset: lambda folder: numbered(12),
    face.PickleDataset: lambda folder: face.PickleDataset(table(folder, "to_pickle", "t.pkl")),
    face.SiameseDirDataset: lambda folder: face.SiameseDirDataset(files(folder)),
}


@pytest.fixture
def data(kind, tmp_path):
    return EXAMPLES[kind](tmp_path)


def read(data: Any, index: int) -> list[dict[str, Any]]:
    """The samples for an index, with what is drawn at random fixed as the Pipeline does."""
    random.seed(index)
    np.random.seed(index)
    item = data[index]
    return item if data.gives_batches else [item]


def read_all(data: Any) -> str:
    return repr([read(data, index) for index in range(len(data))])


def test_every_dataset_has_an_example():
    assert set(KINDS) == set(EXAMPLES)


@each_dataset
def test_every_index_gives_samples_with_the_same_keys(kind, data):
    assert len(data) > 0
    keys = set()
    for index in range(len(data)):
        samples = read(data, index)
        assert isinstance(data[index] if data.gives_batches else samples, list)
        assert samples
        for sample in samples:
            assert type(sample) is dict
            keys.add(tuple(sorted(sample)))
    assert len(keys) == 1


@each_dataset
def test_indices_from_the_end_and_outside(kind, data):
    if not data.sequential:
        for index in (len(data) - 1, 0):
            random.seed(0)
            from_the_end = repr(data[index - len(data)])
            random.seed(0)
            assert from_the_end == repr(data[index])
            random.seed(0)
            assert from_the_end == repr(data[np.int64(index)])
    for index in (len(data), -len(data) - 1):
        with pytest.raises(IndexError, match=f"index {index} does not exist, {kind.__name__} has {len(data)}"):
            data[index]
    for index in (0.0, None, True):
        with pytest.raises(TypeError, match=f"{kind.__name__}.*takes an index"):
            data[index]


@each_dataset
def test_copies_are_equal_and_independent(kind, tmp_path):
    data, other = EXAMPLES[kind](tmp_path / "one"), None
    for remake in (copy.deepcopy, lambda data: pickle.loads(pickle.dumps(data)), copy.copy):
        if kind is face.GeneratorDataset and remake is copy.copy:
            continue  # a shallow copy goes on with the same generator
        data.fe_reset_ds(shuffle=True, seed=1)
        expected = read_all(copy.deepcopy(data))
        other = remake(data)
        assert type(other) is kind
        assert vars(other).keys() == vars(data).keys()
        assert read_all(other) == expected
        other.fe_reset_ds(shuffle=True, seed=2)
        assert read_all(copy.deepcopy(data)) == expected


@pytest.fixture(autouse=True)
def folders(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()


@each_dataset
def test_the_same_round_gives_the_same_samples(kind, tmp_path):
    one, two = EXAMPLES[kind](tmp_path / "one"), EXAMPLES[kind](tmp_path / "two")
    for seed in (3, 4, 3):
        for shuffle in (True, False):
            one.fe_reset_ds(shuffle=shuffle, seed=seed)
            two.fe_reset_ds(shuffle=shuffle, seed=seed)
            backwards = list(range(len(one))) if one.sequential else list(range(len(one)))[::-1]
            there = {index: repr(read(two, index)) for index in backwards}
            here = [
                repr(read(one, index)).replace(str(tmp_path / "one"), str(tmp_path / "two"))
                for index in range(len(one))
            ]
            assert here == [there[index] for index in range(len(one))]


@each_dataset
def test_gather_equals_rows(kind, data):
    if not data.columnar:
        assert not hasattr(data, "gather") or kind is face.SiameseDirDataset
        return
    indices = np.array([3, 0, len(data) - 1, 3])
    for seed in (None, 5):
        if seed is not None:
            data.fe_reset_ds(shuffle=True, seed=seed)
        batch = data.gather(indices)
        assert list(batch) == data.keys() == list(data[0])
        for key, column in batch.items():
            assert column.flags.writeable
            assert column.tolist() == [data[int(index)][key] for index in indices]
            assert data.columns[key].tolist() == [data[index][key] for index in range(len(data))]
        one_key = data.keys()[-1]
        assert list(data.gather(indices, {one_key})) == [one_key]


@each_dataset
def test_the_summary_is_true(kind, data):
    summary = data.summary()
    assert isinstance(summary, DatasetSummary)
    assert summary.num_instances == len(data)
    sample = read(data, 0)[0]
    assert list(summary.keys) == list(sample)
    for key, value in sample.items():
        assert tuple(summary.keys[key].shape) == np.shape(value)
        assert summary.keys[key].dtype == (str(value.dtype) if hasattr(value, "dtype") else type(value).__name__)
        counted = summary.keys[key].num_unique_values
        assert counted is None or counted == len({repr(read(data, index)[0][key]) for index in range(len(data))})
    assert str(data) == str(summary)
    assert data.fe_summary() == [f"{kind.__name__}: {summary}"]


def held(data: Any) -> Counter[str]:
    """All that a data set can give, however often; of pairs the left one."""
    if isinstance(data, (face.BatchDataset, face.InterleaveDataset)):
        return sum((held(part) for part in data.datasets), Counter())
    first = getattr(data, "data_key_left", "x")
    return Counter(str(data[index][first]) for index in range(len(data)))


@each_dataset
@pytest.mark.parametrize("parts", [(0.5,), (0.25, 0.25), (2,), ([1, 3],), ([3], [0])], ids=str)
def test_a_split_deals_out_every_sample_once(kind, parts, tmp_path):
    whole, data = EXAMPLES[kind](tmp_path / "one"), EXAMPLES[kind](tmp_path / "two")
    if kind in CANNOT_SPLIT:
        with pytest.raises(NotImplementedError, match=f"{kind.__name__} cannot be split"):
            data.split(*parts)
        return
    if kind is face.SiameseDirDataset and parts in [(0.25, 0.25), ([3], [0])]:
        with pytest.raises(ConfigError, match="need two classes everywhere"):
            data.split(*parts)
        return
    new = data.split(*parts, seed=0)
    new = new if isinstance(new, list) else [new]
    assert len(new) == len(parts)
    assert all(type(part) is kind for part in new)
    everything = sum((held(part) for part in [*new, data]), Counter())
    assert everything == Counter(
        {name.replace(str(tmp_path / "one"), str(tmp_path / "two")): count for name, count in held(whole).items()}
    )
    assert all(len(part) for part in new)
    for part in [*new, data]:
        assert part.summary().num_instances == len(part)


@each_dataset
def test_a_seeded_split_is_repeatable(kind, tmp_path):
    if kind in CANNOT_SPLIT:
        return
    parts = []
    for _ in range(2):
        (folder := tmp_path / f"r{len(parts)}").mkdir()
        parts.append(held(EXAMPLES[kind](folder).split(0.5, seed=7)))
    assert [name.replace("r0", "r1") for name in parts[0].elements()] == list(parts[1].elements())


@each_dataset
def test_a_pipeline_reads_it_the_same_with_and_without_workers(kind, tmp_path):
    import fastestimator_lite as fe

    size = None if kind is face.BatchDataset else 2
    runs = []
    for num_process in (0, 2):
        folder = tmp_path / f"p{num_process}"
        folder.mkdir()
        pipeline = fe.Pipeline(train_data=EXAMPLES[kind](folder), batch_size=size, num_process=num_process)
        pipeline.load_state_dict({"seed": 5})
        batches = []
        for epoch in (1, 2):
            with pipeline(mode="train", epoch=epoch) as loader:
                batches += [{key: np.asarray(value).tolist() for key, value in batch.items()} for batch in loader]
        pipeline.close()
        runs.append(repr(batches).replace(str(folder), ""))
    assert runs[0] == runs[1]
    assert len(runs[0]) > 100
