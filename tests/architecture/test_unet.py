"""UNet has the weights of FastEstimator 1.7, does the same with them, and takes sizes that it can halve four times."""

import numpy as np
import pytest

from fastestimator_lite import architecture
from fastestimator_lite.util.errors import ConfigError

SIZES = [  # height, width, channels, masks, and how many weights FastEstimator 1.7 has then
    (128, 128, 1, 1, 34_512_193),
    (16, 32, 3, 2, 34_513_410),
]


@pytest.mark.parametrize(("height", "width", "channels", "masks", "weights"), SIZES)
def test_torch(number_of_weights, height, width, channels, masks, weights):
    torch = pytest.importorskip("torch")
    model = architecture.pytorch.UNet((channels, height, width), masks)
    assert number_of_weights(model) == (weights, weights)
    with torch.no_grad():
        result = model(torch.rand(1, channels, height, width))
    assert result.shape == (1, masks, height, width)
    assert ((result > 0) & (result < 1)).all()


@pytest.mark.parametrize(("height", "width", "channels", "masks", "weights"), SIZES)
def test_tensorflow(number_of_weights, height, width, channels, masks, weights):
    pytest.importorskip("tensorflow")
    model = architecture.tensorflow.UNet((height, width, channels), masks)
    assert number_of_weights(model) == (weights, weights)
    assert model.output_shape == (None, height, width, masks)


def test_torch_gives_the_numbers_of_1_7(answer):
    pytest.importorskip("torch")
    result = answer(architecture.pytorch.UNet((1, 16, 32), 2), 16, 32, 1)
    wanted = [0.577312, 0.131727, 0.453626, 0.443567, 0.51529, 0.493736, 0.503012]
    np.testing.assert_allclose(result, wanted, rtol=1e-4)


def test_tensorflow_gives_the_numbers_of_1_7(answer):
    pytest.importorskip("tensorflow")
    model = architecture.tensorflow.UNet((16, 32, 1), 2)
    wanted = [0.498419, 0.08557, 0.514646, 0.578091, 0.466237, 0.646819, 0.580254]
    np.testing.assert_allclose(answer(model, 16, 32, 1), wanted, rtol=1e-4)
    assert [layer.rate for layer in model.layers if "dropout" in layer.name] == [0.5, 0.5]


def test_first_weights_of_torch():
    pytest.importorskip("torch")
    model = architecture.pytorch.UNet()
    np.testing.assert_allclose(model.enc2.layers[0].weight.std().item(), np.sqrt(2 / (64 * 9)), rtol=0.02)
    assert not model.enc2.layers[0].bias.any()


def test_torch_takes_other_images_than_it_was_made_for():
    torch = pytest.importorskip("torch")
    model = architecture.pytorch.UNet((1, 16, 16))
    with torch.no_grad():
        assert model(torch.zeros(1, 1, 32, 16)).shape == (1, 1, 32, 16)
    with pytest.raises(ConfigError, match=r"UNet\(x\) must be .* multiples of 16, got \(1, 40, 16\)"):
        model(torch.zeros(1, 1, 40, 16))


@pytest.mark.parametrize("name", ["UNet", "AttentionUNet"])
def test_sizes_that_cannot_be_halved(name):
    pytest.importorskip("torch")
    pytest.importorskip("tensorflow")
    rule = rf"{name}\(input_size\) must be \(channels, height, width\) with height and width multiples of 16"
    with pytest.raises(ConfigError, match=rule + r", got \(1, 100, 128\); .* Resize\(96, 128\)"):
        getattr(architecture.pytorch, name)((1, 100, 128))
    with pytest.raises(ConfigError, match=rule + r", got \(1, 8, 0\); .* Resize\(16, 16\)"):
        getattr(architecture.pytorch, name)((1, 8, 0))
    with pytest.raises(ConfigError, match=r"\(height, width, channels\) with .* got \(128, 20, 1\)"):
        getattr(architecture.tensorflow, name)((128, 20, 1))
    with pytest.raises(ConfigError, match=r"got \(128, 128\)"):
        getattr(architecture.tensorflow, name)((128, 128))
