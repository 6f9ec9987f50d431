"""TFNetwork: the step in TensorFlow, one graph for each plan."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import tensorflow as tf

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.convert import to_tensor
from fastestimator_lite.backend.tensorflow.model import build_optimizer
from fastestimator_lite.network.base import BaseNetwork, Step
from fastestimator_lite.network.minibatches import MinibatchWork, Work
from fastestimator_lite.network.plan import NetworkPlan


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
        gradients = [op for _, op in plan.ops if op.fe_retain_graph() is not None]
        self._taped, self._persistent = bool(gradients), len(gradients) > 1
        self._made = plan.kept_keys()
        # code of others may branch on tensors, which autograph turns into graph branches; ours does not need that
        foreign = any(
            not type(op).__module__.startswith("fastestimator_lite.") or type(op).__name__ == "LambdaOp"
            for _, op in (*plan.ops, *plan.slicers)
        )
        self._autograph = foreign
        self._graphs: dict[tuple[Any, ...], Any] = {}  # one for each set of shapes; a smaller last batch has its own
        self._epoch = tf.Variable(1, trainable=False, dtype=tf.int64)
        self._ready = False
        self._work: Work = MinibatchWork(self._run_ops, plan) if plan.slicers else self._run_ops

    def begin(self, epoch: int) -> None:
        super().begin(epoch)
        self._epoch.assign(epoch)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        tensors = self._tensors(batch)
        read = {key: tensors[key] for key in self._reads}  # sorted, so that a signature has one spelling
        if not self._ready:
            self._prepare(read)
        outputs = self._work(read, False) if self.eager else self._graph_for(read)(read)
        tensors.update(outputs)
        return self.finish(tensors)

    def dry(self, batch: dict[str, Any]) -> dict[str, Any]:
        tensors = self._tensors(batch)
        tensors.update(self._work({key: tensors[key] for key in self._reads}, True))
        return self.finish(tensors)

    def _graph_for(self, batch: dict[str, Any]) -> Any:
        """The traced graph for the shapes of a batch."""
        signature = tuple((key, value.shape, value.dtype) for key, value in batch.items())
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
        with tf.GradientTape(persistent=self._persistent) if self._taped else contextlib.nullcontext() as tape:
            state["tape"] = tape
            self.run(store, state)
        return {key: store[key] for key in self._made}

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
