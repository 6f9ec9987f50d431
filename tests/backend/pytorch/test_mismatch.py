"""What is said when a CUDA device gives up; the device is pretended."""

import pytest

torch = pytest.importorskip("torch")

from fastestimator_lite.backend.pytorch.mismatch import device_assert  # noqa: E402

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
