import copy
import pickle

import pytest

from fastestimator_lite.dataset.generator_dataset import GeneratorDataset
from fastestimator_lite.util.errors import ConfigError, DataError


def count_up():
    x = 0
    while True:
        yield {"x": x, "name": f"n{x}"}
        x += 1


def three():
    return ({"x": x} for x in range(3))


def test_an_index_gives_the_next_sample():
    data = GeneratorDataset(count_up(), 5)
    assert (len(data), data.sequential) == (5, True)
    assert [data[index]["x"] for index in (0, 0, 3, -1)] == [0, 1, 2, 3]
    assert [sample["x"] for sample in data] == [4, 5, 6, 7, 8]  # an epoch, and it ends


def test_the_generator_is_started_at_the_first_look():
    started = []

    def noting():
        started.append(True)
        yield {"x": 1}

    data = GeneratorDataset(noting, 1)
    assert started == []
    assert data[0] == {"x": 1}
    assert started == [True]


def test_a_look_uses_no_sample_up():
    data = GeneratorDataset(count_up, 5)
    assert data.keys() == ["x", "name"]
    assert str(data) == (
        '{"num_instances": 5, "keys": {"x": {"shape": [], "dtype": "int"}, "name": {"shape": [], "dtype": "str"}}}'
    )
    assert data[0]["x"] == 0


def test_a_generator_that_ends_says_how_much_it_gave():
    data = GeneratorDataset(three(), 5)
    with pytest.raises(DataError, match="ended after 3 samples, 5 are wanted in each epoch"):
        [data[index] for index in range(5)]
    with pytest.raises(DataError, match="ended after 3 samples"):
        data[0]


def test_only_an_index_below_the_length_is_taken():
    with pytest.raises(IndexError, match="GeneratorDataset has 5 samples"):
        GeneratorDataset(count_up, 5)[5]


def test_samples_must_be_dictionaries():
    data = GeneratorDataset(iter([{"x": 1}, (2, 3)]), 2)
    assert data[0] == {"x": 1}
    with pytest.raises(DataError, match="gave a tuple as sample 1"):
        data[1]


def test_a_split_divides_the_length_of_one_generator():
    data = GeneratorDataset(count_up(), 5)
    part, other = data.split(2, 1)
    assert [len(one) for one in (part, other, data)] == [2, 1, 2]
    assert [one[0]["x"] for one in (part, data, other, part)] == [0, 1, 2, 3]
    with pytest.raises(ConfigError, match="not known"):
        data.split(0.5, stratify="x")
    assert len(GeneratorDataset(count_up, 10).split([4, 2, 0])) == 3


@pytest.mark.parametrize(
    "remake", [copy.deepcopy, lambda data: pickle.loads(pickle.dumps(data))], ids=["copy", "pickle"]
)
def test_with_the_function_a_copy_starts_at_the_beginning(remake):
    data = GeneratorDataset(count_up, 5)
    assert [data[0]["x"], data[0]["x"]] == [0, 1]
    other = remake(data)
    assert (other[0]["x"], len(other), data[0]["x"]) == (0, 5, 2)
    with pytest.raises(TypeError, match="give it the function that makes"):
        remake(GeneratorDataset(count_up(), 5))


@pytest.mark.parametrize("generator", [5, None, [{"x": 1}], {"x": 1}])
def test_what_is_no_generator(generator):
    with pytest.raises(ConfigError, match="needs a generator of dictionaries or the function that makes one"):
        GeneratorDataset(generator, 5)


@pytest.mark.parametrize("length", [0, -1, 2.0, True, None])
def test_what_is_no_length(length):
    with pytest.raises(ConfigError, match="samples_per_epoch"):
        GeneratorDataset(count_up(), length)
