"""TFNetwork: the step in TensorFlow, one graph for each plan."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.convert import to_tensor
from fastestimator_lite.backend.tensorflow.learning import NOT_FINITE
from fastestimator_lite.backend.tensorflow.model import build_optimizer
from fastestimator_lite.network.base import BaseNetwork, Step
from fastestimator_lite.network.minibatches import MinibatchWork, Work
from fastestimator_lite.network.plan import NetworkPlan
from fastestimator_lite.network.several import CallSize, Stack
from fastestimator_lite.util.errors import ConfigError, DataError, NonFiniteError


class TFNetwork(BaseNetwork):
    """A network whose models are Keras models on TensorFlow; see `BaseNetwork`."""

    framework = "tf"

    def make_step(self, plan: NetworkPlan) -> TFStep:
        return TFStep(plan)


class TFStep(Step):
    """One step in TensorFlow.

    Args:
        plan: The plan.
    """

    def __init__(self, plan: NetworkPlan) -> None:
        super().__init__(plan)
        self._reads = sorted(plan.input_keys())
        retained = [op.fe_retain_graph() for _, op in plan.ops]
        self._taped, self._persistent = any(one is not None for one in retained), any(retained)
        self._made = plan.kept_keys()
        # code of others may branch on tensors, which autograph turns into graph branches; ours does not need that
        foreign = any(
            not type(op).__module__.startswith("fastestimator_lite.") or type(op).__name__ == "LambdaOp"
            for op in (*(part for _, op in plan.ops for part in op.parts()), *(slicer for _, slicer in plan.slicers))
        )
        self._autograph = foreign
        self._graphs: dict[tuple[Any, ...], Any] = {}  # one for each set of shapes; a smaller last batch has its own
        self._loops: dict[tuple[Any, ...], Any] = {}  # the same for several steps
        self._call_size = CallSize()
        with tf.device("CPU:0"):
            self._place = tf.Variable(0, trainable=False)  # steps that the last loop finished
        self._epoch = tf.Variable(1, trainable=False, dtype=tf.int64)
        self._ready = False
        self._watched: list[dict[str, Any]] | None = None  # where a search for NaN keeps what ops write
        self._work: Work = MinibatchWork(self._run_ops, plan) if plan.slicers else self._run_ops

    def begin(self, epoch: int) -> None:
        super().begin(epoch)
        self._epoch.assign(epoch)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        tensors = self._tensors(batch)
        read = {key: tensors[key] for key in self._reads}  # sorted, so that a signature has one spelling
        tensors.update(self._run(read))
        return self.finish(tensors)

    def _run(self, read: dict[str, Any]) -> dict[str, Any]:
        if not self._ready:
            self._prepare(read)
        try:
            return self._work(read, False) if self.eager else self._graph_for(read)(read)
        except tf.errors.InvalidArgumentError as err:
            raise self._told(err, read) from None

    def _told(self, err: tf.errors.InvalidArgumentError, read: dict[str, Any]) -> Exception:
        """What is behind an error that came out of a graph."""
        if NOT_FINITE in str(err):
            return self._explained(str(err), read)
        self._work(read, True)  # op by op, where an op can say what is wrong
        return err

    # ---- several steps in one call

    @property
    def takes_several(self) -> bool:
        return bool(self._reads) and not self.eager and not self.plan.pops

    @property
    def steps_per_call(self) -> int:
        return self._call_size.number

    def took(self, seconds: float) -> None:
        self._call_size.add(seconds)

    def many(self, batches: Iterable[dict[str, Any]], most: int) -> None:
        self.reached = 0
        stack: Stack | None = None
        for batch in batches:
            arrays = _arrays(batch, self._reads)
            if arrays is None:
                if stack is not None:
                    self._run_stack(stack)
                    stack = None
                self.reached += 1
                self._run(self._tensors({key: batch[key] for key in self._reads}))
                continue
            if stack is not None and not stack.takes(arrays):
                self._run_stack(stack)
                stack = None
            if stack is None:
                stack = Stack(arrays, most)
            stack.add(arrays)
        if stack is not None:
            self._run_stack(stack)

    def _run_stack(self, stack: Stack) -> None:
        """A step on each batch of a stack."""
        begun = self.reached
        first = self._stacked(stack.batch(0))
        if stack.count == 1:
            self.reached += 1
            self._run(first)
            return
        if not self._ready:
            self._prepare(first)
        loop, stacked = self._loop_for(first), self._stacked(stack.arrays())
        try:
            loop(stacked)
        except BaseException as err:
            place = min(int(self._place.numpy()), stack.count - 1)
            self.reached = begun + place + 1
            if isinstance(err, tf.errors.InvalidArgumentError):
                raise self._told(err, self._stacked(stack.batch(place))) from None
            raise
        self.reached = begun + stack.count

    def _stacked(self, arrays: Sequence[np.ndarray]) -> dict[str, Any]:
        return {key: tf.convert_to_tensor(array) for key, array in zip(self._reads, arrays, strict=True)}

    def _loop_for(self, batch: dict[str, Any]) -> Any:
        """The graph that works on a stack of batches like this one, by the graph for one."""
        signature = _signature(batch)
        if signature not in self._loops:
            step = self._graph_for(batch)

            def loop(stacked: dict[str, Any]) -> None:
                count = tf.shape(stacked[self._reads[0]])[0]

                def body(place: Any) -> tuple[Any]:
                    step({key: value[place] for key, value in stacked.items()})
                    with tf.control_dependencies([_last_call()]):  # else the count may run ahead of the work
                        self._place.assign(place + 1)
                    return (place + 1,)

                self._place.assign(0)
                tf.while_loop(lambda place: place < count, body, (tf.constant(0),), parallel_iterations=1)

            specs = {key: tf.TensorSpec((None, *value.shape), value.dtype) for key, value in batch.items()}
            self._loops[signature] = tf.function(loop, autograph=False).get_concrete_function(specs)
        return self._loops[signature]

    def dry(self, batch: dict[str, Any]) -> dict[str, Any]:
        tensors = self._tensors(batch)
        tensors.update(self._work({key: tensors[key] for key in self._reads}, True))
        return self.finish(tensors)

    def _graph_for(self, batch: dict[str, Any]) -> Any:
        """The traced graph for the shapes of a batch."""
        try:
            signature = _signature(batch)
        except AttributeError:  # an op reads text, which comes as a list; a graph takes tensors only
            return lambda read: self._work(read, False)
        try:
            return self._graphs[signature]
        except KeyError:
            specs = {key: tf.TensorSpec(value.shape, value.dtype) for key, value in batch.items()}
            graph = tf.function(lambda read: self._work(read, False), autograph=self._autograph).get_concrete_function(
                specs
            )
            self._graphs[signature] = graph
            return graph

    def _run_ops(self, batch: dict[str, Any], dry: bool) -> dict[str, Any]:
        store = dict(batch)
        state: dict[str, Any] = {
            "mode": self.plan.mode,
            "epoch": self._epoch,
            "warmup": dry,
            "tape": None,
            "deferred": {},
        }
        variables = self._statistics() if self._skips else []
        with tf.GradientTape(persistent=self._persistent) if self._taped else contextlib.nullcontext() as tape:
            state["tape"] = tape
            self.run(store, state)
        if state.get("good"):
            good = tf.reduce_all(tf.stack(state["good"]))
            for variable, value in variables:
                variable.assign(tf.where(good, variable.value, value))
        if self._watched is not None:
            self._watched.append(store)
        return {key: store[key] for key in self._made}

    def _statistics(self) -> list[tuple[Any, Any]]:
        """What a forward pass may change, such as BatchNorm's statistics, with its value now."""
        models = {model for _, op in self.plan.ops for model in op.get_fe_models()}
        variables = {id(one): one for model in models for one in model.non_trainable_variables}
        floats = [one for one in variables.values() if tf.as_dtype(one.dtype).is_floating]
        return [(one, tf.identity(one.value)) for one in floats]

    def _explained(self, text: str, read: dict[str, Any]) -> NonFiniteError:
        """What is behind a failed check; the ops run on the batch once more, and nothing is trained."""
        loss = next(op.loss_name for op in self.plan.updates if f"{NOT_FINITE} {op.loss_name};" in text)
        name = next(card_of(op.model).name for op in self.plan.updates if op.loss_name == loss)
        err = NonFiniteError(f"the loss {loss!r} of model {name!r}, or a gradient of it, is NaN or infinite")
        self._watched = []
        try:
            self._work(read, True)
            return next(
                (told for told in (self.located(err, store) for store in self._watched) if told is not err), err
            )
        except (ConfigError, DataError) as cause:  # an op found its input wanting
            err.__cause__ = cause
            return err
        finally:
            self._watched = None

    def _prepare(self, batch: dict[str, Any]) -> None:
        """Create what creates variables before the graph is traced: unbuilt models, and the optimizers' slots."""
        models = {model for _, op in self.plan.ops for model in op.get_fe_models()}
        if any(not model.built for model in models):
            self._work(batch, True)
        for op in self.plan.updates:
            build_optimizer(card_of(op.model).current_optimizer, op.model)
        self._ready = True

    def _tensors(self, batch: dict[str, Any]) -> dict[str, Any]:
        tensors = {}
        for key, value in batch.items():
            if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
                value = tf.convert_to_tensor(value)
            elif not isinstance(value, tf.Tensor):
                value = to_tensor(value, "tf")
            tensors[key] = value
        return tensors


def _last_call() -> tf.Operation:
    """The graph that was called last in the graph at hand."""
    operations = tf.compat.v1.get_default_graph().get_operations()
    return next(one for one in reversed(operations) if one.type.endswith("PartitionedCall"))


def _signature(batch: dict[str, Any]) -> tuple[Any, ...]:
    return tuple((key, value.shape, value.dtype) for key, value in batch.items())


def _arrays(batch: dict[str, Any], keys: Sequence[str]) -> list[np.ndarray] | None:
    """Values of a batch as arrays, without copies where they lie in memory here; None if not all are numbers."""
    arrays = []
    for key in keys:
        value = batch[key]
        array = value.numpy() if isinstance(value, tf.Tensor) else value
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "biufc":
            return None
        arrays.append(array)
    return arrays
