"""The losses agree with Keras, torch and scikit-learn, and their gradients with one another."""

import numpy as np
import pytest

from fastestimator_lite.backend import loss
from fastestimator_lite.backend.convert import to_number, to_tensor
from fastestimator_lite.backend.framework import framework_of
from fastestimator_lite.util.errors import ConfigError

RNG = np.random.default_rng(17)
LOGITS = RNG.normal(size=(6, 4)).astype("float32") * 2
EXACT = np.exp(LOGITS.astype("float64")) / np.exp(LOGITS.astype("float64")).sum(1, keepdims=True)
PROBS = EXACT.astype("float32")
LABELS = np.array([0, 3, 1, 2, 2, 0])
ONE_HOT = np.eye(4, dtype="float32")[LABELS]
YES_LOGITS = LOGITS[:, :1]
YES_PROBS = (1 / (1 + np.exp(-YES_LOGITS))).astype("float32")
YES = np.array([1, 0, 0, 1, 1, 0])
IMAGE_LOGITS = RNG.normal(size=(2, 3, 5, 4)).astype("float32")  # (B, H, W, K)
IMAGE_LABELS = RNG.integers(0, 4, size=(2, 3, 5))


def values(result):
    return to_number(result)


def classes_second(framework, x):
    """Put the classes where the framework has them."""
    return np.ascontiguousarray(np.moveaxis(x, -1, 1)) if framework == "torch" else x


# ----------------------------------------------------------------------------------------- against other libraries
def test_binary_is_log_loss(framework, make):
    sklearn = pytest.importorskip("sklearn.metrics")
    expected = sklearn.log_loss(YES, YES_PROBS[:, 0].astype("float64"))
    result = loss.binary_crossentropy(make(YES_PROBS), make(YES))
    assert framework_of(result).NAME == framework
    assert values(result).shape == ()
    np.testing.assert_allclose(values(result), expected, rtol=1e-5)
    from_logits = loss.binary_crossentropy(make(YES_LOGITS), make(YES), from_logits=True)
    np.testing.assert_allclose(values(from_logits), expected, rtol=1e-5)


@pytest.mark.parametrize("ours", [loss.categorical_crossentropy, loss.sparse_categorical_crossentropy])
@pytest.mark.parametrize("from_logits", [False, True])
def test_categorical_and_sparse_are_log_loss(framework, make, ours, from_logits):
    sklearn = pytest.importorskip("sklearn.metrics")
    y_pred = make(LOGITS if from_logits else PROBS)
    y_true = make(ONE_HOT if ours is loss.categorical_crossentropy else LABELS)
    result = ours(y_pred, y_true, from_logits=from_logits)
    assert values(result).shape == ()
    np.testing.assert_allclose(values(result), sklearn.log_loss(LABELS, EXACT), rtol=1e-5)


def test_per_sample_as_keras(framework, make):
    keras = pytest.importorskip("keras")
    for ours, y_pred, y_true, theirs in [
        (loss.binary_crossentropy, YES_PROBS, YES[:, None], keras.losses.binary_crossentropy),
        (loss.categorical_crossentropy, PROBS, ONE_HOT, keras.losses.categorical_crossentropy),
        (loss.sparse_categorical_crossentropy, PROBS, LABELS, keras.losses.sparse_categorical_crossentropy),
    ]:
        result = values(ours(make(y_pred), make(y_true), average_loss=False))
        assert result.shape == (6,)
        np.testing.assert_allclose(result, np.array(theirs(y_true, y_pred)), rtol=1e-5)


def test_images_as_torch(framework, make):
    torch = pytest.importorskip("torch")
    y_pred, y_true = torch.from_numpy(np.moveaxis(IMAGE_LOGITS, -1, 1).copy()), torch.from_numpy(IMAGE_LABELS)
    expected = torch.nn.functional.cross_entropy(y_pred, y_true, reduction="none").mean((1, 2)).numpy()
    scores = make(classes_second(framework, IMAGE_LOGITS))
    sparse = loss.sparse_categorical_crossentropy(scores, make(IMAGE_LABELS), from_logits=True, average_loss=False)
    np.testing.assert_allclose(values(sparse), expected, rtol=1e-5)
    with_axis = make(classes_second(framework, IMAGE_LABELS[..., None]))
    sparse = loss.sparse_categorical_crossentropy(scores, with_axis, from_logits=True, average_loss=False)
    np.testing.assert_allclose(values(sparse), expected, rtol=1e-5)
    one_hot = make(classes_second(framework, np.eye(4, dtype="float32")[IMAGE_LABELS]))
    categorical = loss.categorical_crossentropy(scores, one_hot, from_logits=True, average_loss=False)
    np.testing.assert_allclose(values(categorical), expected, rtol=1e-5)


def test_binary_over_many_axes_is_a_mean_for_each_sample(framework, make):
    y_pred = RNG.uniform(0.01, 0.99, (2, 3, 5)).astype("float32")
    y_true = RNG.integers(0, 2, (2, 3, 5))
    expected = -np.where(y_true == 1, np.log(y_pred), np.log(1 - y_pred)).mean((1, 2))
    result = values(loss.binary_crossentropy(make(y_pred), make(y_true), average_loss=False))
    np.testing.assert_allclose(result, expected, rtol=1e-5)
    average = values(loss.binary_crossentropy(make(y_pred), make(y_true)))
    np.testing.assert_allclose(average, expected.mean(), rtol=1e-5)


# ------------------------------------------------------------------------------------------------ labels and shapes
@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "int64"])
@pytest.mark.parametrize("shape", [(6,), (6, 1)])
def test_labels_of_any_width(framework, make, dtype, shape):
    labels = make(LABELS.reshape(shape), dtype)
    expected = -np.log(PROBS[np.arange(6), LABELS])
    result = loss.sparse_categorical_crossentropy(make(PROBS), labels, average_loss=False)
    np.testing.assert_allclose(values(result), expected, rtol=1e-5)
    expected = -np.where(YES == 1, np.log(YES_PROBS[:, 0]), np.log(1 - YES_PROBS[:, 0]))
    for y_pred in (YES_PROBS, YES_PROBS[:, 0]):
        result = loss.binary_crossentropy(make(y_pred), make(YES.reshape(shape), dtype), average_loss=False)
        assert values(result).shape == (6,)
        np.testing.assert_allclose(values(result), expected, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_halves_are_computed_as_floats(tensor_framework, make, dtype):
    y_pred = framework_of(make(LOGITS)).cast(make(LOGITS), dtype)
    result = loss.sparse_categorical_crossentropy(y_pred, make(LABELS), from_logits=True)
    assert framework_of(result).dtype_name(result) == "float32"
    np.testing.assert_allclose(values(result), -np.log(PROBS[np.arange(6), LABELS]).mean(), rtol=2e-2)


def test_doubles_stay_doubles(framework, make):
    result = loss.categorical_crossentropy(make(PROBS, "float64"), make(ONE_HOT))
    assert framework_of(result).dtype_name(result) == "float64"


def test_shapes_that_do_not_fit(framework, make):
    with pytest.raises(ConfigError, match=r"expects class indices of shape \(6,\).*got y_true of shape \(6, 4\)"):
        loss.sparse_categorical_crossentropy(make(PROBS), make(ONE_HOT))
    with pytest.raises(ConfigError, match=r"got \(6, 4\) and \(6,\); class indices need sparse"):
        loss.categorical_crossentropy(make(PROBS), make(LABELS))
    with pytest.raises(ConfigError, match="same shape"):
        loss.mean_squared_error(make(ONE_HOT), make(PROBS[:, :3]))


def test_two_frameworks_at_once(tensor_framework, make):
    with pytest.raises(ConfigError, match=f"one framework, got '{tensor_framework}' and 'np'"):
        loss.binary_crossentropy(make(YES_PROBS), YES)


# --------------------------------------------------------------------------------------------------------- numerics
def test_certain_and_wrong_is_finite(framework, make):
    zeros, ones = make([[1.0, 0.0]], "float32"), make([[0.0, 1.0]], "float32")
    for result in (
        loss.categorical_crossentropy(zeros, ones),
        loss.sparse_categorical_crossentropy(zeros, make([1])),
        loss.binary_crossentropy(make([[0.0]], "float32"), make([[1]])),
        loss.binary_crossentropy(make([[1.0]], "float32"), make([[0]])),
    ):
        np.testing.assert_allclose(values(result), -np.log(1e-7), rtol=0.02)


def test_large_logits_are_exact(framework, make):
    logits = make([[200.0, -200.0, 0.0]], "float32")
    np.testing.assert_allclose(values(loss.sparse_categorical_crossentropy(logits, make([1]), from_logits=True)), 400)
    one_hot = make([[0, 1, 0]])
    np.testing.assert_allclose(values(loss.categorical_crossentropy(logits, one_hot, from_logits=True)), 400)
    yes = make([[200.0], [-200.0], [-30.0]], "float32")
    result = loss.binary_crossentropy(yes, make([[0], [1], [0]]), from_logits=True, average_loss=False)
    np.testing.assert_allclose(values(result), [200, 200, np.exp(-30.0)], rtol=1e-5)


# ---------------------------------------------------------------------------------------------------- class weights
def test_class_weights_scale_each_sample(framework, make):
    weights = {1: 3.0, 2: 0.5}
    expected = -np.log(PROBS[np.arange(6), LABELS]) * np.array([1, 1, 3, 0.5, 0.5, 1])
    sparse = loss.sparse_categorical_crossentropy(make(PROBS), make(LABELS), class_weights=weights, average_loss=False)
    np.testing.assert_allclose(values(sparse), expected, rtol=1e-5)
    categorical = loss.categorical_crossentropy(make(LOGITS), make(ONE_HOT), from_logits=True, class_weights=weights)
    np.testing.assert_allclose(values(categorical), expected.mean(), rtol=1e-5)
    binary = loss.binary_crossentropy(make(YES_PROBS), make(YES), class_weights={1: 3.0}, average_loss=False)
    plain = values(loss.binary_crossentropy(make(YES_PROBS), make(YES), average_loss=False))
    np.testing.assert_allclose(values(binary), plain * np.where(YES == 1, 3, 1), rtol=1e-5)


def test_class_weights_of_images_and_soft_labels_as_torch(framework, make):
    torch = pytest.importorskip("torch")
    soft = RNG.dirichlet(np.ones(4), size=(2, 3, 5)).astype("float32")
    second = [torch.from_numpy(np.moveaxis(x, -1, 1).copy()) for x in (IMAGE_LOGITS, soft)]
    expected = torch.nn.functional.cross_entropy(*second, weight=torch.tensor([2.0, 1.0, 1.0, 0.0]), reduction="none")
    result = loss.categorical_crossentropy(
        make(classes_second(framework, IMAGE_LOGITS)),
        make(classes_second(framework, soft)),
        from_logits=True,
        average_loss=False,
        class_weights={0: 2.0, 3: 0.0},
    )
    np.testing.assert_allclose(values(result), expected.mean((1, 2)).numpy(), rtol=1e-4)


def test_class_weights_for_a_class_that_is_not_there(framework, make):
    with pytest.raises(ConfigError, match=r"classes \[4\], but y_pred has the classes 0 to 3"):
        loss.sparse_categorical_crossentropy(make(PROBS), make(LABELS), class_weights={4: 1.0})
    with pytest.raises(ConfigError, match=r"classes \[2\], but y_pred has the classes 0 to 1"):
        loss.binary_crossentropy(make(YES_PROBS), make(YES), class_weights={2: 1.0})


# -------------------------------------------------------------------------------------------------------- gradients
def numeric_gradient(function, x):
    x = x.astype("float64")
    gradient = np.zeros_like(x)
    for index in np.ndindex(*x.shape):
        step = np.zeros_like(x)
        step[index] = 1e-5
        gradient[index] = (function(x + step).sum() - function(x - step).sum()) / 2e-5
    return gradient


@pytest.mark.parametrize(
    ("ours", "y_pred", "y_true"),
    [
        (loss.binary_crossentropy, YES_PROBS, YES),
        (lambda p, t: loss.binary_crossentropy(p, t, from_logits=True, class_weights={0: 2.0}), YES_LOGITS, YES),
        (loss.categorical_crossentropy, PROBS, ONE_HOT),
        (lambda p, t: loss.categorical_crossentropy(p, t, from_logits=True), LOGITS, ONE_HOT),
        (loss.sparse_categorical_crossentropy, PROBS, LABELS),
        (
            lambda p, t: loss.sparse_categorical_crossentropy(
                p, t, from_logits=True, average_loss=False, class_weights={2: 0.1}
            ),
            LOGITS,
            LABELS,
        ),
        (lambda p, t: loss.mean_squared_error(t, p), LOGITS, ONE_HOT),
        (lambda p, t: loss.l1_loss(t, p), LOGITS, ONE_HOT),
        (lambda p, t: loss.smooth_l1_loss(t, p, 0.5), LOGITS, ONE_HOT),
        (lambda p, t: loss.huber(t, p, 2.0), LOGITS, ONE_HOT),
        (lambda p, t: loss.hinge(t, p), LOGITS, 2 * ONE_HOT - 1),
        (lambda p, t: loss.focal_loss(t, p, from_logits=True), LOGITS, ONE_HOT),
        (lambda p, t: loss.focal_loss(t, p, gamma=0.0, alpha=None, normalize=False), PROBS, ONE_HOT),
    ],
)
def test_gradients(tensor_framework, make, gradient_of, ours, y_pred, y_true):
    truth = make(y_true)
    gradient = gradient_of(lambda x: ours(x, truth), make(y_pred))
    expected = numeric_gradient(lambda x: np.asarray(ours(x, y_true)), y_pred)  # numpy runs the same formula
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-5)


def test_gradients_are_finite_for_certain_answers(tensor_framework, make, gradient_of):
    for ours, y_pred, y_true in [
        (loss.binary_crossentropy, [[0.0], [1.0]], [[1], [0]]),
        (loss.categorical_crossentropy, [[1.0, 0.0]], [[0, 1]]),
        (lambda p, t: loss.focal_loss(t, p), [[0.0, 1.0]], [[0, 1]]),
    ]:
        truth = make(y_true)
        gradient = gradient_of(lambda x, ours=ours, truth=truth: ours(x, truth), make(y_pred, "float32"))
        assert np.isfinite(gradient).all()


def test_inside_a_tf_function():
    tf = pytest.importorskip("tensorflow")

    @tf.function(input_signature=[tf.TensorSpec([None, 4]), tf.TensorSpec([None], tf.uint8)])
    def compute(y_pred, y_true):
        yes = loss.binary_crossentropy(y_pred[:, :1], y_true > 1, average_loss=False)
        classes = loss.sparse_categorical_crossentropy(y_pred, y_true, average_loss=False, class_weights={3: 2.0})
        return yes, classes

    yes, classes = compute(to_tensor(PROBS, "tf"), to_tensor(LABELS.astype("uint8"), "tf"))
    np.testing.assert_allclose(yes, loss.binary_crossentropy(PROBS[:, 0], LABELS > 1, average_loss=False), rtol=1e-5)
    expected = loss.sparse_categorical_crossentropy(PROBS, LABELS, average_loss=False, class_weights={3: 2.0})
    np.testing.assert_allclose(classes, expected, rtol=1e-5)


# ----------------------------------------------------------------------------------------------------- other losses
def test_mean_squared_error(framework, make):
    expected = ((LOGITS - ONE_HOT) ** 2).mean(1)
    np.testing.assert_allclose(values(loss.mean_squared_error(make(ONE_HOT), make(LOGITS))), expected, rtol=1e-5)
    flat = values(loss.mean_squared_error(make(YES), make(YES_LOGITS)))
    np.testing.assert_allclose(flat, (YES_LOGITS[:, 0] - YES) ** 2, rtol=1e-5)


def test_absolute_losses_as_torch(framework, make):
    torch = pytest.importorskip("torch")
    F = torch.nn.functional
    pair = torch.from_numpy(LOGITS), torch.from_numpy(ONE_HOT)
    for ours, theirs in [
        (loss.l1_loss(make(ONE_HOT), make(LOGITS)), F.l1_loss(*pair, reduction="none")),
        (loss.smooth_l1_loss(make(ONE_HOT), make(LOGITS), 0.7), F.smooth_l1_loss(*pair, reduction="none", beta=0.7)),
        (loss.huber(make(ONE_HOT), make(LOGITS), 0.7), F.huber_loss(*pair, reduction="none", delta=0.7)),
    ]:
        np.testing.assert_allclose(values(ours), theirs.mean(1).numpy(), rtol=1e-5)
    with pytest.raises(ConfigError, match="beta must be greater than 0, got 0"):
        loss.smooth_l1_loss(make(ONE_HOT), make(LOGITS), 0)


def test_hinge(framework, make):
    y_true = make([[-1, 1, 1], [1, -1, -1]])
    y_pred = make([[0.1, 0.5, 2.0], [-1.0, -3.0, 1.0]], "float32")
    np.testing.assert_allclose(values(loss.hinge(y_true, y_pred)), [1.6 / 3, 4 / 3], rtol=1e-5)


def test_focal_loss(framework, make):
    p = np.where(ONE_HOT == 1, PROBS, 1 - PROBS)
    expected = np.where(ONE_HOT == 1, 0.25, 0.75) * (1 - p) ** 2 * -np.log(p)
    truth, probs = make(ONE_HOT), make(PROBS)
    np.testing.assert_allclose(values(loss.focal_loss(truth, probs)), expected.sum(1).mean(), rtol=1e-4)
    none = loss.focal_loss(truth, probs, shape_reduction="none", sample_reduction="none")
    np.testing.assert_allclose(values(none), expected, rtol=1e-3, atol=1e-6)
    mean = loss.focal_loss(truth, probs, shape_reduction="mean", sample_reduction="sum")
    np.testing.assert_allclose(values(mean), expected.mean(1).sum(), rtol=1e-4)
    two = make([[1, 1, 0, 0]])
    halved = values(loss.focal_loss(two, make(PROBS[:1]), normalize=True))
    np.testing.assert_allclose(halved * 2, values(loss.focal_loss(two, make(PROBS[:1]), normalize=False)), rtol=1e-5)
    smooth = loss.focal_loss(truth, probs, gamma=0, alpha=None, normalize=False, label_smoothing=0.2)
    np.testing.assert_allclose(values(smooth), (0.9 * -np.log(p) + 0.1 * -np.log(1 - p)).sum(1).mean(), rtol=1e-4)
    with pytest.raises(ConfigError, match="shape_reduction must be one of .* got 'men'. Did you mean 'mean'"):
        loss.focal_loss(truth, probs, shape_reduction="men")
