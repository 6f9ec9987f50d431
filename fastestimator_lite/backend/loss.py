"""Losses: one formula each, over the primitives, for numpy, PyTorch and TensorFlow alike.

Halves (float16, bfloat16) are taken to float32 first. Probabilities are kept within [1e-7, 1 - 1e-7], as Keras does, so
that a wrong and certain answer has a large loss and no infinite one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from fastestimator_lite.backend.framework import framework_of
from fastestimator_lite.types import Array, ArrayT
from fastestimator_lite.util.errors import ConfigError, suggest

EPSILON = 1e-7
_REDUCTIONS = ("none", "sum", "mean")


def binary_crossentropy(
    y_pred: ArrayT,
    y_true: ArrayT,
    from_logits: bool = False,
    average_loss: bool = True,
    class_weights: Mapping[int, float] | None = None,
) -> ArrayT:
    """Cross entropy of yes-or-no answers.

    Args:
        y_pred: Probability of class 1 in [0, 1], or its logit if `from_logits`; shape (B, ...), float.
        y_true: 0 or 1, or a soft label in between; the shape of `y_pred` but for axes of size 1, any dtype.
        from_logits: Whether `y_pred` are logits.
        average_loss: Whether to average over the batch.
        class_weights: Factor on the loss of class 0 and of class 1, such as `{1: 2.0}`; 1.0 for a class that is not
            listed; None for no weighting. A soft label takes from both.

    Returns:
        Mean loss of the batch, in nats, a scalar; or the loss of each sample, averaged over its other axes, shape (B,).

    Raises:
        ConfigError: If the shapes differ, or `class_weights` names another class.

    Example:
        >>> import numpy as np
        >>> binary_crossentropy(np.array([[0.9], [0.2]]), np.array([1, 0]), average_loss=False).round(4)
        array([0.1054, 0.2231])
    """
    framework, y_pred, y_true = alike(y_pred, y_true)
    if from_logits:
        log_yes, log_no = framework.log_sigmoid(y_pred), framework.log_sigmoid(-y_pred)
    else:
        y_pred = framework.clip(y_pred, EPSILON, 1 - EPSILON)
        log_yes, log_no = framework.log(y_pred), framework.log(1 - y_pred)
    weight_no, weight_yes = _class_weights(class_weights, 2)
    return _per_sample(-(weight_yes * y_true * log_yes + weight_no * (1 - y_true) * log_no), average_loss)


def categorical_crossentropy(
    y_pred: ArrayT,
    y_true: ArrayT,
    from_logits: bool = False,
    average_loss: bool = True,
    class_weights: Mapping[int, float] | None = None,
) -> ArrayT:
    """Cross entropy of one class among K, with one-hot or soft labels.

    The classes are on the last axis in numpy and TensorFlow, (B, ..., K), and on axis 1 in PyTorch, (B, K, ...).

    Args:
        y_pred: Probabilities that add up to 1 over the classes, or logits if `from_logits`; float.
        y_true: Probabilities, usually one-hot; the shape of `y_pred`, any dtype.
        from_logits: Whether `y_pred` are logits.
        average_loss: Whether to average over the batch.
        class_weights: Factor on the loss of each class, by index; 1.0 for a class that is not listed; None for no
            weighting. The mean is over samples, not over weights.

    Returns:
        Mean loss of the batch, in nats, a scalar; or the loss of each sample, averaged over positions (pixels) if there
        are any, shape (B,).

    Raises:
        ConfigError: If the shapes differ, or `class_weights` names another class.

    Example:
        >>> import numpy as np
        >>> categorical_crossentropy(np.array([[0.7, 0.2, 0.1]]), np.array([[1, 0, 0]])).round(4)
        np.float64(0.3567)
    """
    framework, y_pred, y_true = alike(y_pred, y_true)
    axis = framework.CHANNEL_AXIS
    if from_logits:
        log_probs = framework.log_softmax(y_pred, axis)
    else:
        log_probs = framework.log(framework.clip(y_pred, EPSILON, 1 - EPSILON))
    if class_weights:
        weights = framework.constant(_class_weights(class_weights, y_pred.shape[axis]), y_pred)
        sizes = [1] * len(y_pred.shape)
        sizes[axis] = -1
        log_probs = log_probs * framework.reshape(weights, sizes)
    return _per_sample(-framework.reduce_sum(y_true * log_probs, axis, False), average_loss)


def sparse_categorical_crossentropy(
    y_pred: ArrayT,
    y_true: ArrayT,
    from_logits: bool = False,
    average_loss: bool = True,
    class_weights: Mapping[int, float] | None = None,
) -> ArrayT:
    """Cross entropy of one class among K, with the index of the class as label.

    The classes are on the last axis in numpy and TensorFlow, (B, ..., K), and on axis 1 in PyTorch, (B, K, ...).

    Args:
        y_pred: Probabilities that add up to 1 over the classes, or logits if `from_logits`; float.
        y_true: Index of the class in [0, K); the shape of `y_pred` without the axis of the classes, or with size 1
            there; whole numbers of any dtype.
        from_logits: Whether `y_pred` are logits.
        average_loss: Whether to average over the batch.
        class_weights: Factor on the loss of each class, by index; 1.0 for a class that is not listed; None for no
            weighting. The mean is over samples, not over weights.

    Returns:
        Mean loss of the batch, in nats, a scalar; or the loss of each sample, averaged over positions (pixels) if there
        are any, shape (B,).

    Raises:
        ConfigError: If the shapes do not fit, or `class_weights` names another class.

    Example:
        >>> import numpy as np
        >>> sparse_categorical_crossentropy(np.array([[0.7, 0.2, 0.1]]), np.array([0])).round(4)
        np.float64(0.3567)
    """
    framework = _common_framework(y_pred, y_true)
    y_pred, axis = _at_least_float32(framework, y_pred), framework.CHANNEL_AXIS
    positions = list(y_pred.shape)
    classes = positions.pop(axis)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[axis] == 1:
        y_true = framework.squeeze(y_true, axis)
    if not _same_sizes(y_true.shape, positions):
        raise ConfigError(
            f"sparse_categorical_crossentropy expects class indices of shape {_text(positions)} for "
            f"y_pred of shape {_text(y_pred.shape)}, got y_true of shape {_text(y_true.shape)}; for "
            f"one-hot labels use categorical_crossentropy"
        )
    labels = framework.cast(y_true, "int64")
    if from_logits:
        log_probs = framework.pick_class(framework.log_softmax(y_pred, axis), labels)
    else:
        log_probs = framework.log(framework.clip(framework.pick_class(y_pred, labels), EPSILON, 1 - EPSILON))
    if class_weights:
        weights = framework.constant(_class_weights(class_weights, classes), y_pred)
        log_probs = log_probs * framework.gather(weights, labels)
    return _per_sample(-log_probs, average_loss)


def mean_squared_error(y_true: ArrayT, y_pred: ArrayT, average_loss: bool = False) -> ArrayT:
    """Mean of the squared differences.

    Args:
        y_true: Shape (B, ...), any dtype.
        y_pred: The shape of `y_true` but for axes of size 1, float.
        average_loss: Whether to average over the batch.

    Returns:
        The error of each sample, averaged over its other axes, shape (B,); or the mean of the batch, a scalar.

    Raises:
        ConfigError: If the shapes differ.

    Example:
        >>> import numpy as np
        >>> mean_squared_error(np.array([[0, 1], [2, 4]]), np.array([[0.0, 0.0], [2.0, 1.0]]))
        array([0.5, 4.5])
    """
    framework, y_pred, y_true = alike(y_pred, y_true)
    if average_loss:
        return framework.mean_squared_difference(y_pred, y_true)
    difference = y_pred - y_true
    return _per_sample(difference * difference, average_loss)


def l1_loss(y_true: ArrayT, y_pred: ArrayT) -> ArrayT:
    """Mean of the absolute differences; arguments and result as for `mean_squared_error`."""
    framework, y_pred, y_true = alike(y_pred, y_true)
    return _per_sample(framework.abs(y_pred - y_true), average_loss=False)


def smooth_l1_loss(y_true: ArrayT, y_pred: ArrayT, beta: float = 1.0) -> ArrayT:
    """The absolute difference, with a parabola in place of its corner.

    Args:
        y_true: Shape (B, ...), any dtype.
        y_pred: The shape of `y_true` but for axes of size 1, float.
        beta: Difference at which the parabola ends, > 0.

    Returns:
        The loss of each sample, averaged over its other axes, shape (B,).

    Raises:
        ConfigError: If the shapes differ, or `beta` is not positive.

    Source: Girshick 2015, "Fast R-CNN", eq. 3, with `beta` as in PyTorch.
    """
    if beta <= 0:
        raise ConfigError(f"beta must be greater than 0, got {beta!r}; use l1_loss for no parabola")
    framework, y_pred, y_true = alike(y_pred, y_true)
    distance = framework.abs(y_pred - y_true)
    inner = framework.clip(distance, None, beta)  # the part under the parabola; beyond it the slope is 1
    return _per_sample(inner * inner / (2 * beta) + distance - inner, average_loss=False)


def huber(y_true: ArrayT, y_pred: ArrayT, beta: float = 1.0) -> ArrayT:
    """Half the squared difference up to `beta`, a straight line from there.

    Args:
        y_true: Shape (B, ...), any dtype.
        y_pred: The shape of `y_true` but for axes of size 1, float.
        beta: Difference at which the line begins, > 0.

    Returns:
        The loss of each sample, averaged over its other axes, shape (B,).

    Raises:
        ConfigError: If the shapes differ, or `beta` is not positive.

    Source: Huber 1964, "Robust Estimation of a Location Parameter"; `beta` times `smooth_l1_loss`.
    """
    return beta * smooth_l1_loss(y_true, y_pred, beta)


def hinge(y_true: ArrayT, y_pred: ArrayT) -> ArrayT:
    """How far a score falls short of its margin: `max(1 - y_true * y_pred, 0)`.

    Args:
        y_true: -1 or 1, shape (B, ...), any dtype.
        y_pred: Score of any size; the shape of `y_true` but for axes of size 1, float.

    Returns:
        The loss of each sample, averaged over its other axes, shape (B,).

    Raises:
        ConfigError: If the shapes differ.
    """
    framework, y_pred, y_true = alike(y_pred, y_true)
    return _per_sample(framework.clip(1 - y_true * y_pred, 0, None), average_loss=False)


def focal_loss(
    y_true: ArrayT,
    y_pred: ArrayT,
    gamma: float = 2.0,
    alpha: float | None = 0.25,
    from_logits: bool = False,
    normalize: bool = True,
    shape_reduction: str = "sum",
    sample_reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> ArrayT:
    """Cross entropy of yes-or-no answers that gives less weight to what is answered well already.

    Args:
        y_true: 0 or 1, shape (B, ...), any dtype.
        y_pred: Probability of class 1 in [0, 1], or its logit if `from_logits`; the shape of `y_true`, float.
        gamma: Focusing strength, >= 0; 0 is plain cross entropy.
        alpha: Weight of class 1, in [0, 1], class 0 has the rest; None for no weighting.
        from_logits: Whether `y_pred` are logits.
        normalize: Whether to divide the loss of each sample by its number of ones (by 1 if it has none).
        shape_reduction: "sum", "mean" or "none", over all axes but the first.
        sample_reduction: "mean", "sum" or "none", over the first axis.
        label_smoothing: Share of each label that goes to the other class, in [0, 1]: 1 becomes 1 - half of it.

    Returns:
        In nats: a scalar, or shape (B,) if `sample_reduction` is "none", or (B, ...) if both are.

    Raises:
        ConfigError: If the shapes differ, or a reduction is not known.

    Source: Lin et al. 2017, "Focal Loss for Dense Object Detection", eq. 5.
    """
    check_reduction(shape_reduction, "shape_reduction")
    check_reduction(sample_reduction, "sample_reduction")
    framework, y_pred, y_true = alike(y_pred, y_true)
    others = tuple(range(1, len(y_pred.shape)))
    ones = framework.clip(framework.reduce_sum(y_true, others, True), 1, None) if normalize else 1
    y_true = y_true * (1 - label_smoothing) + label_smoothing / 2
    if from_logits:
        log_yes, log_no = framework.log_sigmoid(y_pred), framework.log_sigmoid(-y_pred)
    else:
        y_pred = framework.clip(y_pred, EPSILON, 1 - EPSILON)
        log_yes, log_no = framework.log(y_pred), framework.log(1 - y_pred)
    yes, no = framework.exp(log_yes), framework.exp(log_no)
    missed = y_true * no + (1 - y_true) * yes  # 1 - p_t
    loss = -(y_true * log_yes + (1 - y_true) * log_no)
    if gamma:  # the derivative of 0 ** 0 is not a number
        loss = loss * framework.pow(missed, gamma)
    if alpha is not None:
        loss = loss * (alpha * y_true + (1 - alpha) * (1 - y_true))
    loss = loss / ones
    reduce = {"sum": framework.reduce_sum, "mean": framework.reduce_mean}
    if shape_reduction in reduce and others:
        loss = reduce[shape_reduction](loss, others, False)
    return reduce[sample_reduction](loss, 0, False) if sample_reduction in reduce else loss


def check_reduction(word: str, where: str) -> str:
    """The name of a reduction, if it is one.

    Raises:
        ConfigError: If it is none.
    """
    if word not in _REDUCTIONS:
        raise ConfigError(f"{where} must be one of {_REDUCTIONS}, got {word!r}.{suggest(word, _REDUCTIONS)}")
    return word


def alike(y_pred: Array, y_true: Array) -> tuple[ModuleType, Any, Any]:
    """The framework of two arrays, and both in one float dtype and one shape.

    Raises:
        ConfigError: If they are of two frameworks, or their shapes differ by more than axes of size 1.
    """
    framework = _common_framework(y_pred, y_true)
    if (
        y_pred.dtype == y_true.dtype
        and None not in y_pred.shape
        and y_pred.shape == y_true.shape
        and (framework.dtype_name(y_pred) in ("float32", "float64"))
    ):
        return framework, y_pred, y_true  # the usual case, once per step: nothing to do
    y_pred = _at_least_float32(framework, y_pred)
    y_true = framework.cast(y_true, framework.dtype_name(y_pred))
    if len(y_pred.shape) != len(y_true.shape):
        # (B,) against (B, 1) would broadcast to (B, B)
        if not _same_sizes(*([size for size in y.shape if size != 1] for y in (y_pred, y_true))):
            raise _shapes_differ(y_pred, y_true)
        y_true = framework.reshape(y_true, framework.shape(y_pred))
    elif not _same_sizes(y_pred.shape, y_true.shape):
        raise _shapes_differ(y_pred, y_true)
    return framework, y_pred, y_true


def _common_framework(y_pred: Array, y_true: Array) -> ModuleType:
    framework, other = framework_of(y_pred), framework_of(y_true)
    if framework is not other:
        raise ConfigError(
            f"y_pred and y_true must be of one framework, got {framework.NAME!r} and {other.NAME!r}; "
            f"convert with to_tensor(y_true, {framework.NAME!r})"
        )
    return framework


def _at_least_float32(framework: ModuleType, y_pred: Array) -> Any:
    return y_pred if framework.dtype_name(y_pred) in ("float32", "float64") else framework.cast(y_pred, "float32")


def _same_sizes(one: Sequence[int | None], other: Sequence[int | None]) -> bool:
    """Whether two shapes agree, as far as they are known: a TensorFlow graph has None for what it will see later."""
    if len(one) != len(other):
        return False
    return all(a == b or a is None or b is None for a, b in zip(one, other, strict=True))


def _shapes_differ(y_pred: Array, y_true: Array) -> ConfigError:
    return ConfigError(
        f"y_pred and y_true must have the same shape (but for axes of size 1), got "
        f"{_text(y_pred.shape)} and {_text(y_true.shape)}; class indices need "
        f"sparse_categorical_crossentropy"
    )


def _text(shape: Sequence[int | None]) -> str:
    return str(tuple(shape))


def _class_weights(class_weights: Mapping[int, float] | None, classes: int) -> list[float]:
    unknown = sorted(set(class_weights or ()) - set(range(classes)), key=str)
    if unknown:
        raise ConfigError(
            f"class_weights names the classes {unknown}, but y_pred has the classes 0 to {classes - 1}; "
            f"give {{class index: weight}}"
        )
    return [float((class_weights or {}).get(index, 1.0)) for index in range(classes)]


def _per_sample(loss: Any, average_loss: bool) -> Any:
    """Average over every axis but the first, and over that too if asked."""
    framework = framework_of(loss)
    if average_loss:
        return framework.reduce_mean(loss, None, False)
    others = tuple(range(1, len(loss.shape)))
    return framework.reduce_mean(loss, others, False) if others else loss
