"""WideResidualNetwork has the weights of FastEstimator 1.7, does the same with them, and takes depths of 6 * n + 4."""

import numpy as np
import pytest

from fastestimator_lite import architecture
from fastestimator_lite.util.errors import ConfigError

SIZES = [  # depth, classes, how wide; how many weights FastEstimator 1.7 learns then, PyTorch and TensorFlow alike,
    (10, 7, 1, 77_655, 78_135),  # and how many its TensorFlow form holds
    (16, 10, 2, 691_674, 693_498),
    (22, 3, 2, 1_078_739, 1_081_459),
    (40, 100, 4, 8_972_340, 8_983_124),
]


@pytest.mark.parametrize(("depth", "classes", "widen_factor", "learned", "held"), SIZES)
def test_torch(number_of_weights, depth, classes, widen_factor, learned, held):
    torch = pytest.importorskip("torch")
    model = architecture.pytorch.WideResidualNetwork(depth, classes, widen_factor)
    assert number_of_weights(model)[0] == learned
    with torch.no_grad():
        assert model(torch.rand(2, 3, 12, 8)).shape == (2, classes)


@pytest.mark.parametrize(("depth", "classes", "widen_factor", "learned", "held"), SIZES)
def test_tensorflow(number_of_weights, depth, classes, widen_factor, learned, held):
    pytest.importorskip("tensorflow")
    model = architecture.tensorflow.WideResidualNetwork((12, 8, 3), depth, widen_factor, classes=classes)
    assert number_of_weights(model) == (learned, held)
    assert model.output_shape == (None, classes)


def test_defaults(number_of_weights):
    pytest.importorskip("torch")
    pytest.importorskip("tensorflow")
    assert number_of_weights(architecture.pytorch.WideResidualNetwork())[0] == 36_479_194
    assert number_of_weights(architecture.tensorflow.WideResidualNetwork((32, 32, 3))) == (36_479_194, 36_497_146)
    assert number_of_weights(architecture.tensorflow.WideResidualNetwork((28, 28, 1), 10, 1))[0] == 77_562


@pytest.mark.parametrize(
    ("depth", "widen_factor", "wanted"),
    [
        (10, 1, [0.104835, 0.228339, 0.063267, 0.28176, 0.326676, -0.232024, 0.108149]),
        (16, 2, [0.438752, 2.913891, -1.35902, -1.48736, 3.041866, -2.541422, 4.044642]),
    ],
)
def test_torch_gives_the_scores_of_1_7(answer, depth, widen_factor, wanted):
    pytest.importorskip("torch")
    result = answer(architecture.pytorch.WideResidualNetwork(depth, 5, widen_factor), 16, 24, 3)
    np.testing.assert_allclose(result, wanted, rtol=1e-3)


def test_tensorflow_gives_the_probabilities_of_1_7(answer):
    pytest.importorskip("tensorflow")
    model = architecture.tensorflow.WideResidualNetwork((16, 24, 3), 10, 1, classes=5)
    wanted = [0.2, 0.31166, 0.812345, 0.014617, 0.001479, 0.161938, 0.009621]
    np.testing.assert_allclose(answer(model, 16, 24, 3), wanted, rtol=1e-3)
    assert {getattr(layer, "momentum", None) for layer in model.layers} == {None, 0.9}


def test_torch_drops_features_in_training_alone():
    torch = pytest.importorskip("torch")
    model = architecture.pytorch.WideResidualNetwork(10, 5, 1, dropout=0.5)
    images = torch.rand(2, 3, 8, 8)
    with torch.no_grad():
        assert not torch.equal(model(images), model(images))
        model.eval()
        assert torch.equal(model(images), model(images))


def test_tensorflow_drops_features_and_ends_in_an_activation():
    pytest.importorskip("tensorflow")
    make = architecture.tensorflow.WideResidualNetwork
    rates = [layer.rate for layer in make((8, 8, 3), 16, 1, 0.3).layers if "dropout" in layer.name]
    assert rates == [0.3] * 6
    images = np.random.default_rng(0).random((2, 8, 8, 3))
    scores, chances = make((8, 8, 3), 10, 1, activation=None), make((8, 8, 3), 10, 1, activation="sigmoid")
    chances.set_weights(scores.get_weights())
    np.testing.assert_allclose(chances(images), 1 / (1 + np.exp(-scores(images).numpy())), rtol=1e-4)


@pytest.mark.parametrize(("depth", "near"), [(4, 10), (9, 10), (11, 10), (14, 16), (30, 28)])
def test_depths_that_cannot_be_built(depth, near):
    pytest.importorskip("torch")
    pytest.importorskip("tensorflow")
    message = rf"WideResidualNetwork\(depth\) must be 6 \* n \+ 4 .* got {depth}; the nearest is {near}"
    with pytest.raises(ConfigError, match=message):
        architecture.pytorch.WideResidualNetwork(depth)
    with pytest.raises(ConfigError, match=message):
        architecture.tensorflow.WideResidualNetwork((32, 32, 3), depth)


def test_images_too_small():
    pytest.importorskip("tensorflow")
    with pytest.raises(ConfigError, match=r"WideResidualNetwork\(input_shape\) .* at least 4 pixels .* \(3, 32, 3\)"):
        architecture.tensorflow.WideResidualNetwork((3, 32, 3))
