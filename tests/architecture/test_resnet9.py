"""ResNet9 has the weights of FastEstimator 1.7 and does the same with them."""

import numpy as np
import pytest

from fastestimator_lite import architecture
from fastestimator_lite.util.errors import ConfigError

RESIDUAL_PAIR = 2 * (256 * 256 * 9 + 256) + 2 * 2 * 256


@pytest.mark.parametrize(
    ("height", "width", "channels", "classes", "learned", "held"),
    [  # printed by FastEstimator 1.7
        (32, 32, 3, 10, 7_756_554, 7_762_058),
        (16, 24, 3, 5, 7_753_989, 7_759_493),
        (28, 28, 1, 5, 7_752_837, 7_758_341),
        (33, 33, 3, 5, 7_753_989, 7_759_493),
    ],
)
def test_torch(number_of_weights, height, width, channels, classes, learned, held):
    torch = pytest.importorskip("torch")
    model = architecture.pytorch.ResNet9((channels, height, width), classes)
    assert number_of_weights(model) == (learned, held)
    result = model(torch.rand(2, channels, height, width))
    assert result.shape == (2, classes)
    np.testing.assert_allclose(result.sum(1).detach().numpy(), np.ones(2), rtol=1e-5)


@pytest.mark.parametrize(
    ("height", "width", "channels", "classes", "learned", "held"),
    [
        (32, 32, 3, 10, 6_575_370, 6_579_850),
        (16, 24, 3, 5, 6_572_805, 6_577_285),
        (28, 28, 1, 5, 6_571_653, 6_576_133),
        (33, 33, 3, 5, 6_572_805, 6_577_285),
    ],
)
def test_tensorflow(number_of_weights, height, width, channels, classes, learned, held):
    pytest.importorskip("tensorflow")
    model = architecture.tensorflow.ResNet9((height, width, channels), classes)
    assert number_of_weights(model) == (learned, held)
    assert model.output_shape == (None, classes)
    result = model(np.random.default_rng(0).random((2, height, width, channels)))
    np.testing.assert_allclose(result.numpy().sum(1), np.ones(2), rtol=1e-5)


def test_torch_form_has_a_residual_pair_more(number_of_weights):
    pytest.importorskip("torch")
    pytest.importorskip("tensorflow")
    ours, theirs = architecture.pytorch.ResNet9(), architecture.tensorflow.ResNet9()
    assert number_of_weights(ours)[0] - number_of_weights(theirs)[0] == RESIDUAL_PAIR


def test_torch_gives_the_numbers_of_1_7(answer):
    pytest.importorskip("torch")
    result = answer(architecture.pytorch.ResNet9((3, 16, 24), 5), 16, 24, 3)
    np.testing.assert_allclose(result, [0.2, 0.291694, 0.0, 0.192663, 0.807332, 0.0, 5e-06], rtol=1e-3, atol=1e-5)


def test_tensorflow_gives_the_numbers_of_1_7(answer):
    pytest.importorskip("tensorflow")
    result = answer(architecture.tensorflow.ResNet9((16, 24, 3), 5), 16, 24, 3)
    wanted = [0.2, 0.397128, 0.000736, 2.1e-05, 0.002527, 0.99666, 5.5e-05]
    np.testing.assert_allclose(result, wanted, rtol=1e-3, atol=1e-5)


def test_statistics_of_the_batch_move_as_in_1_7():
    pytest.importorskip("torch")
    pytest.importorskip("tensorflow")
    model = architecture.pytorch.ResNet9()
    assert [model.conv0_bn.momentum, model.conv3_bn.momentum, model.residual3.conv2_bn.momentum] == [0.2, 0.2, 0.1]
    momenta = {getattr(layer, "momentum", None) for layer in architecture.tensorflow.ResNet9().layers}
    assert momenta == {None, 0.8}


def test_any_size_in_tensorflow():
    pytest.importorskip("tensorflow")
    model = architecture.tensorflow.ResNet9((None, None, 3))
    assert [tuple(model(np.zeros((1, size, 20, 3))).shape) for size in (16, 24)] == [(1, 10), (1, 10)]


def test_images_too_small():
    pytest.importorskip("torch")
    pytest.importorskip("tensorflow")
    with pytest.raises(ConfigError, match=r"at least 16 pixels each way, got \(3, 8, 32\); .*Resize\(16, 32\)"):
        architecture.pytorch.ResNet9((3, 8, 32))
    with pytest.raises(ConfigError, match=r"\(height, width, channels\) of at least 16 .* got \(32, 15, 3\)"):
        architecture.tensorflow.ResNet9((32, 15, 3))
    with pytest.raises(ConfigError, match=r"ResNet9\(input_size\) must be \(channels, height, width\)"):
        architecture.pytorch.ResNet9((32, 32))
