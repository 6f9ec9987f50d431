"""HadamardCode turns features into probabilities by the distance to code words, in both frameworks."""

import copy

import numpy as np
import pytest
from scipy.linalg import hadamard

from fastestimator_lite import layers
from fastestimator_lite.util.errors import ConfigError

LENGTHS = [(2, None, 16), (16, None, 16), (17, None, 32), (10, 64, 64), (4, 4, 4)]


def torch_layer(features, *arguments, **more):
    pytest.importorskip("torch")
    return layers.pytorch.HadamardCode(features, *arguments, **more)


def keras_layer(features, *arguments, **more):
    pytest.importorskip("keras")
    layer = layers.tensorflow.HadamardCode(*arguments, **more)
    layer.build([(None, size) for size in features] if isinstance(features, list) else (None, features))
    return layer


@pytest.fixture
def make_layer(tensor_framework):
    return torch_layer if tensor_framework == "torch" else keras_layer


def weights_of(layer):
    """Kernel, of shape (features, places), and bias of each head."""
    if hasattr(layer, "state_dict"):
        return [(head.weight.detach().numpy().T, head.bias.detach().numpy()) for head in layer.heads]
    return [(head.kernel.numpy(), head.bias.numpy()) for head in layer.heads]


def call(layer, *inputs):
    arrays = [np.asarray(array, np.float32) for array in inputs]
    if not hasattr(layer, "state_dict"):
        return layer(arrays if len(arrays) > 1 else arrays[0]).numpy()
    import torch

    tensors = [torch.from_numpy(array) for array in arrays]
    return layer(tensors if len(tensors) > 1 else tensors[0]).detach().numpy()


def expected(layer, inputs, n_classes, length, max_prob=0.95, power=1.0):
    """From the definition: inverse distances, and a floor under them that gives `max_prob` to a code word met exactly."""
    heads = weights_of(layer)
    answers = [array @ kernel + bias for array, (kernel, bias) in zip(inputs, heads, strict=True)]
    code = np.tanh(np.concatenate(answers, axis=-1))
    words = hadamard(length)[:n_classes, 1:]
    distances = np.abs(code[:, np.newaxis] - words).sum(-1)
    # p / (1 - p) = floor ** -power / ((n - 1) * length ** -power): any two words are `length` apart
    floor = (max_prob / (1 - max_prob) * (n_classes - 1) * length**-power) ** (-1 / power)
    weights = np.maximum(distances, floor) ** -power
    return weights / weights.sum(-1, keepdims=True)


@pytest.mark.parametrize(("n_classes", "code_length", "length"), LENGTHS)
def test_is_the_inverse_distance_to_the_words(make_layer, n_classes, code_length, length):
    layer = make_layer(5, n_classes, code_length)
    assert layer.code_length == length
    features = 3 * np.random.default_rng(0).standard_normal((4, 5))
    result = call(layer, features)
    np.testing.assert_allclose(result, expected(layer, [features], n_classes, length), rtol=1e-4)
    np.testing.assert_allclose(result.sum(-1), np.ones(4), rtol=1e-5)


@pytest.mark.parametrize(
    ("features", "places"), [([5, 3], [7, 8]), ([5, 3, 4], [5, 5, 5]), ([2] * 6, [5, 2, 2, 2, 2, 2])]
)
def test_several_inputs_share_the_places(make_layer, features, places):
    layer = make_layer(features, 10, None, 0.9, 2.0)
    assert [bias.shape[0] for _, bias in weights_of(layer)] == places
    rng = np.random.default_rng(0)
    inputs = [rng.standard_normal((2, size)) for size in features]
    np.testing.assert_allclose(call(layer, *inputs), expected(layer, inputs, 10, 16, 0.9, 2.0), rtol=1e-4)


def set_answer(layer, word):
    """Make the layer answer one code, whatever comes in."""
    saturated = 100 * np.asarray(word, np.float32)
    if hasattr(layer, "state_dict"):
        import torch

        layer.load_state_dict(
            {"heads.0.weight": torch.zeros_like(layer.heads[0].weight), "heads.0.bias": torch.from_numpy(saturated)}
        )
    else:
        layer.set_weights([np.zeros((5, len(word)), np.float32), saturated])


@pytest.mark.parametrize(("max_prob", "power"), [(0.95, 1.0), (0.7, 3.0), (0.999, 0.5)])
def test_a_word_that_is_met_has_max_prob(make_layer, max_prob, power):
    layer = make_layer(5, 6, None, max_prob, power)
    for label, word in enumerate(hadamard(16)[:6, 1:]):
        set_answer(layer, word)
        wanted = np.where(np.arange(6) == label, max_prob, (1 - max_prob) / 5)
        np.testing.assert_allclose(call(layer, np.ones((1, 5))), [wanted], rtol=1e-4)


def test_numbers_of_1_7():
    torch = pytest.importorskip("torch")
    layer = torch_layer(2, 4)
    kernel = np.linspace(-1, 1, 30, dtype=np.float32).reshape(15, 2)
    state = {"heads.0.weight": torch.from_numpy(kernel), "heads.0.bias": torch.linspace(-0.5, 0.5, 15)}
    # what 1.x stores beside its weights
    state |= {"labels": torch.zeros(4, 15), "power": torch.tensor(1.0), "eps": torch.tensor(0.28)}
    layer.load_state_dict(copy.copy(state))
    wanted = [[0.240043, 0.253319, 0.252986, 0.253652], [0.247844, 0.250187, 0.235603, 0.266366]]
    np.testing.assert_allclose(call(layer, [[0.5, -1.0], [2.0, 1.0]]), wanted, atol=1e-6)
    assert sorted(layer.state_dict()) == ["heads.0.bias", "heads.0.weight"]


def test_learns(make_layer):
    layer = make_layer(3, 4)
    features, labels = np.eye(4, 3, dtype=np.float32), np.arange(4)
    if hasattr(layer, "state_dict"):
        import torch

        optimizer = torch.optim.Adam(layer.parameters(), 0.3)
        for _ in range(30):
            loss = -torch.log(layer(torch.from_numpy(features))[labels, labels]).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    else:
        import keras
        import tensorflow as tf

        optimizer = keras.optimizers.Adam(0.3)
        for _ in range(30):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(labels, layer(features)))
            gradients = tape.gradient(loss, layer.trainable_variables)
            optimizer.apply_gradients(zip(gradients, layer.trainable_variables, strict=True))
    assert (call(layer, features)[labels, labels] > 0.8).all()


@pytest.mark.parametrize("several", [False, True])
def test_keras_stores_it(several, tmp_path):
    keras = pytest.importorskip("keras")
    inputs = [keras.Input((5,)), keras.Input((3,))]
    taken = inputs if several else inputs[:1]
    layer = layers.tensorflow.HadamardCode(10, 32, max_prob=0.8, power=2.0, name="code")
    model = keras.Model(taken, layer(taken if several else taken[0]))
    assert model.output_shape == (None, 10)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    config = again.get_layer("code").get_config()
    assert {name: config[name] for name in ("n_classes", "code_length", "max_prob", "power")} == {
        "n_classes": 10,
        "code_length": 32,
        "max_prob": 0.8,
        "power": 2.0,
    }
    rng = np.random.default_rng(0)
    features = [rng.standard_normal((2, size)).astype(np.float32) for size in (5, 3)[: len(taken)]]
    np.testing.assert_allclose(again(features), model(features), rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1,), r"HadamardCode\(n_classes\) must be >= 2"),
        ((2.5,), r"HadamardCode\(n_classes\) must be an int"),
        ((10, 8), r"HadamardCode\(code_length\) must be a power of 2 that is >= n_classes=10, got 8"),
        ((10, 20), r"HadamardCode\(code_length\) must be a power of 2"),
        ((4, None, 1.0), r"HadamardCode\(max_prob\) must be above chance, which is 1 / 4, and below 1, got 1.0"),
        ((4, None, 0.25), r"HadamardCode\(max_prob\) must be above chance"),
        ((4, None, 0.95, 0), r"HadamardCode\(power\) must be > 0, got 0"),
    ],
)
def test_arguments_are_checked(make_layer, arguments, message):
    with pytest.raises(ConfigError, match=message):
        make_layer(5, *arguments)


def test_more_inputs_than_places(make_layer):
    with pytest.raises(ConfigError, match="takes 1 to 15 inputs for code words of length 16, got 16; give a longer"):
        make_layer([2] * 16, 10)


def test_other_inputs_than_it_was_made_for():
    torch = pytest.importorskip("torch")
    with pytest.raises(ConfigError, match="was made for 1 inputs"):
        torch_layer(2, 4)([torch.rand(1, 2), torch.rand(1, 2)])
