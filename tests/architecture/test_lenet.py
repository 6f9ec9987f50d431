"""LeNet gives probabilities, in both frameworks, for images large enough."""

import numpy as np
import pytest

from fastestimator_lite import architecture
from fastestimator_lite.util.errors import ConfigError


@pytest.mark.parametrize(("channels", "height", "width", "classes"), [(1, 28, 28, 10), (3, 32, 40, 7), (1, 18, 19, 2)])
def test_torch(channels, height, width, classes):
    torch = pytest.importorskip("torch")
    model = architecture.pytorch.LeNet((channels, height, width), classes)
    result = model(torch.rand(4, channels, height, width))
    assert result.shape == (4, classes)
    np.testing.assert_allclose(result.sum(1).detach().numpy(), np.ones(4), rtol=1e-5)
    assert (result > 0).all()


@pytest.mark.parametrize(("channels", "height", "width", "classes"), [(1, 28, 28, 10), (3, 32, 40, 7), (1, 18, 19, 2)])
def test_tensorflow(channels, height, width, classes):
    tf = pytest.importorskip("tensorflow")
    model = architecture.tensorflow.LeNet((height, width, channels), classes)
    result = model(tf.random.uniform((4, height, width, channels))).numpy()
    assert result.shape == (4, classes)
    np.testing.assert_allclose(result.sum(1), np.ones(4), rtol=1e-5)
    assert (result > 0).all()


def test_same_number_of_weights():
    pytest.importorskip("torch")
    pytest.importorskip("tensorflow")
    ours = sum(weight.numel() for weight in architecture.pytorch.LeNet().parameters())
    assert ours == architecture.tensorflow.LeNet().count_params() == 93_322


def test_images_too_small():
    pytest.importorskip("torch")
    pytest.importorskip("tensorflow")
    with pytest.raises(ConfigError, match=r"at least 18 pixels each way, got \(1, 8, 8\)"):
        architecture.pytorch.LeNet((1, 8, 8))
    with pytest.raises(ConfigError, match=r"at least 18 pixels each way, got \(28, 17, 1\)"):
        architecture.tensorflow.LeNet((28, 17, 1))
    with pytest.raises(ConfigError, match=r"\(channels, height, width\)"):
        architecture.pytorch.LeNet((28, 28))
