"""What is said of an input that a module cannot take, and when a CUDA device gives up; the device is pretended."""

import re

import pytest

torch = pytest.importorskip("torch")

from fastestimator_lite.backend.pytorch.mismatch import device_assert, mismatch  # noqa: E402

TEXT = "CUDA error: device-side assert triggered\nCUDA kernel errors might be asynchronously reported"


@pytest.mark.parametrize("kind", [RuntimeError, torch.AcceleratorError])
def test_a_device_side_assert_is_told_with_keys_and_what_to_do(kind):
    err = kind(TEXT) if kind is RuntimeError else kind(TEXT, 710)
    told = device_assert(err, ["ce"], ["pred", "y"])
    for words in ("look at 'pred', 'y', from which 'ce' is computed", "[0, classes)", "CUDA_LAUNCH_BLOCKING=1"):
        assert words in told
    assert "look at" not in device_assert(err, [], [])


@pytest.mark.parametrize("err", [RuntimeError("CUDA out of memory"), ValueError(TEXT), KeyError("device-side assert")])
def test_other_errors_are_left_alone(err):
    assert device_assert(err, ["ce"], ["pred", "y"]) is None


@pytest.mark.parametrize(
    ("indices", "told"),
    [
        ([[1, 2], [3, 10]], "key 'words' holds the index 10, and layer 'table' .* has 10 embeddings, 0 to 9"),
        ([[1, -2], [3, 4]], "key 'words' holds the index -2, and layer 'table'"),
        ([[1.0, 2.0]], "key 'words' is float32, and layer 'table' .* takes indices"),
    ],
)
def test_what_an_embedding_cannot_take(indices, told):
    class Text(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.table = torch.nn.Embedding(10, 2)

        def forward(self, x, mask=None):
            return self.table(x)

    assert re.search(told, mismatch(Text(), {"words": torch.tensor(indices), "mask": None}))


def test_what_did_not_come_is_no_cause():
    class Scaled(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.head = torch.nn.Linear(3, 1)

        def forward(self, x, mask=None):
            return self.head(x * 2)

    told = mismatch(Scaled(), {"x": torch.ones(4, 2), "mask": None})
    assert told.startswith("what it makes of 'x' has shape (4, 2)")
