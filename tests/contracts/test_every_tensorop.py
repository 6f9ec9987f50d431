"""What every TensorOp promises: the same in torch and TensorFlow, op by op and in a graph, in float32 and bfloat16."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.backend.convert import to_number, to_tensor
from fastestimator_lite.op import tensorop
from fastestimator_lite.op.tensorop import augmentation, gradient, loss, meta, model
from fastestimator_lite.util.errors import ConfigError
from tests.contracts.examples_tensorop import MODEL, TENSOROP_BASES, TENSOROPS

torch = pytest.importorskip("torch")
tf = pytest.importorskip("tensorflow")

ALL = sorted(TENSOROPS, key=lambda kind: kind.__name__)
each_op = pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
each_working_op = pytest.mark.parametrize(
    "kind", [kind for kind in ALL if TENSOROPS[kind].has_forward], ids=lambda kind: kind.__name__
)
FIXED = [kind for kind in ALL if TENSOROPS[kind].has_forward and not TENSOROPS[kind].draws]
each_fixed_op = pytest.mark.parametrize("kind", FIXED, ids=lambda kind: kind.__name__)
each_drawing_op = pytest.mark.parametrize(
    "kind", [kind for kind in ALL if TENSOROPS[kind].draws], ids=lambda kind: kind.__name__
)


def small_model(framework: str) -> Any:
    """Twice a half, without a bias."""
    if framework == "torch":
        made = torch.nn.Linear(2, 1, bias=False)
        with torch.no_grad():
            made.weight.fill_(0.5)
        return fe.build(lambda: made, "sgd")
    import keras

    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer=keras.initializers.Constant(0.5))
    return fe.build(lambda: keras.Sequential([keras.layers.Input((2,)), dense]), "sgd")


def make(kind: type, framework: str = "torch", **more: Any) -> Any:
    example = TENSOROPS[kind]
    words = {
        name: small_model(framework) if value is MODEL else copy.copy(value)
        for name, value in example.arguments.items()
    }
    op = kind(*copy.deepcopy(example.args), **{**words, **more})
    op.build(framework, torch.device("cpu") if framework == "torch" else None)
    return op


def sample(kind: type, seed: int = 0) -> list[Any]:
    return TENSOROPS[kind].sample(np.random.default_rng(seed))


def turned(kind: type, value: Any, framework: str, back: bool = False) -> Any:
    """An image or a volume with its channels where the framework has them."""
    if framework == "torch" and TENSOROPS[kind].channels and np.ndim(value) > 3:
        return np.ascontiguousarray(np.moveaxis(value, 1, -1) if back else np.moveaxis(value, -1, 1))
    return value


def run(op: Any, tensors: list[Any], mode: str = "train") -> list[Any]:
    """The outputs as a list, whatever form the op takes and gives them in."""
    state = {"mode": mode, "epoch": 1, "warmup": False, "tape": None, "deferred": {}}
    result = op.forward(tensors if op.in_list else tensors[0], state)
    if not op.outputs:
        return []
    return list(result) if op.out_list else [result]


def results(kind: type, framework: str, values: list[Any], dtype: str | None = None, graph: bool = False) -> list[Any]:
    """The outputs of a new op, as arrays with channels last."""
    op = make(kind, framework)
    tensors = to_tensor([turned(kind, value, framework) for value in values], framework)
    if dtype is not None:
        cast = (lambda x: x.to(getattr(torch, dtype))) if framework == "torch" else (lambda x: tf.cast(x, dtype))
        tensors = [cast(one) if "float" in str(one.dtype) else one for one in tensors]
    if graph:
        outputs = tf.function(lambda *given: run(op, list(given)), autograph=False)(*tensors)
    else:
        outputs = run(op, tensors)
    return [turned(kind, to_number(one), framework, back=True) for one in outputs]


def gradients(kind: type, framework: str, values: list[Any]) -> list[Any]:
    """Of a weighted sum of the outputs, by each float input."""
    op = make(kind, framework)
    tensors = to_tensor([turned(kind, value, framework) for value in values], framework)
    floats = [one for one in tensors if "float" in str(one.dtype)]

    def total(outputs: list[Any]) -> Any:
        found = 0.0
        for one in outputs:
            shape = turned(kind, np.empty(one.shape), framework, back=True).shape
            weights = turned(kind, np.random.default_rng(1).normal(size=shape).astype("float32"), framework)
            if "float" in str(one.dtype):
                found = (
                    found + (one * to_tensor(np.asarray(weights), framework)).sum()
                    if framework == "torch"
                    else (found + tf.reduce_sum(one * weights))
                )
        return found

    if framework == "torch":
        for one in floats:
            one.requires_grad_()
        value = total(run(op, tensors))
        found = (
            torch.autograd.grad(value, floats, allow_unused=True)
            if torch.is_tensor(value) and value.requires_grad
            else []
        )
    else:
        with tf.GradientTape() as tape:
            tape.watch(floats)
            value = total(run(op, tensors))
        found = tape.gradient(value, floats) if tf.is_tensor(value) else []
    return [None if one is None else turned(kind, to_number(one), framework, back=True) for one in found]


def test_every_public_class_has_an_example():
    faces = (tensorop, augmentation, gradient, loss, meta, model)
    public = {
        value for face in faces for value in (getattr(face, name) for name in face.__all__) if inspect.isclass(value)
    }
    assert public - TENSOROP_BASES == set(TENSOROPS)


@each_op
def test_it_remembers_its_call_and_runs_in_the_modes_it_was_given(kind):
    op = make(kind)
    assert set(op.made_with[1]) == set(TENSOROPS[kind].arguments)
    if "mode" in inspect.signature(kind).parameters:
        other = make(kind, mode="eval", ds_id="a")
        assert (other.mode, other.ds_id) == ({"eval"}, {"a"})


@each_fixed_op
def test_it_does_what_an_independent_library_does(kind, tensor_framework):
    example, values = TENSOROPS[kind], sample(kind)
    outputs = results(kind, tensor_framework, values)
    if example.expected is None:
        assert outputs == []
        return
    expected = example.expected(*values)
    assert len(outputs) == len(expected)
    for one, other in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@each_fixed_op
def test_the_frameworks_agree(kind):
    for seed in range(3):
        values = sample(kind, seed)
        for one, other in zip(results(kind, "torch", values), results(kind, "tf", values), strict=True):
            assert one.shape == other.shape
            assert one.dtype == other.dtype
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
        for one, other in zip(gradients(kind, "torch", values), gradients(kind, "tf", values), strict=True):
            if one is None or other is None:
                assert one is other
                continue
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@each_fixed_op
def test_a_graph_does_what_happens_op_by_op(kind):
    values = sample(kind)
    for one, other in zip(results(kind, "tf", values, graph=True), results(kind, "tf", values), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)


@each_working_op
def test_it_works_in_bfloat16(kind, tensor_framework):
    if kind is model.ModelOp:
        pytest.skip("its model says what it computes in")
    values = sample(kind)
    half = results(kind, tensor_framework, values, dtype="bfloat16")
    assert all(np.isfinite(one).all() for one in half)
    if kind in FIXED and kind is not tensorop.Argmax:
        for one, other in zip(half, results(kind, tensor_framework, values), strict=True):
            np.testing.assert_allclose(one, other, rtol=0.05, atol=0.05)


@each_drawing_op
def test_it_draws_anew_each_time_and_the_same_for_a_seed(kind, tensor_framework):
    op, values = make(kind, tensor_framework), sample(kind)
    tensors = to_tensor([turned(kind, value, tensor_framework) for value in values], tensor_framework)
    work = run if tensor_framework == "torch" else lambda op, given: traced(*given)
    if tensor_framework == "tf":
        traced = tf.function(lambda *given: run(op, list(given)), autograph=False)

    def drawn() -> list[Any]:
        fe.enable_deterministic(17)
        return [[to_number(one) for one in work(op, tensors)] for _ in range(12)]

    first, second = drawn(), drawn()
    for one, other in zip(first, second, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    assert any(not np.array_equal(first[0][0], one[0]) for one in first[1:])


@each_op
def test_wrong_numbers_of_keys_are_refused(kind):
    if {"inputs", "outputs"} <= set(TENSOROPS[kind].arguments) and kind not in (
        tensorop.LambdaOp,
        model.ModelOp,
    ):
        with pytest.raises(ConfigError, match=kind.__name__):
            make(kind, outputs=["a", "b", "c"])
