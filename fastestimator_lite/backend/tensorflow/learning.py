"""Keras 3 on TensorFlow: from a loss to a step of the optimizer, inside a graph or out of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from fastestimator_lite.backend.card import Updates, card_of
from fastestimator_lite.backend.rule import LEAST_SCALE, LossScale, UpdateRule
from fastestimator_lite.util.errors import ConfigError
from fastestimator_lite.util.log import warn

NOT_FINITE = "this loss, or a gradient of it, is NaN or infinite:"  # how a failed check is told from other errors


def parameters(model: keras.Model) -> list[Any]:
    """The variables that are trained, in the model's order."""
    return model.trainable_variables


def list_parameters(model: keras.Model) -> None:
    """Find out which variables are trained from here on.

    Raises:
        ConfigError: If the optimizer was built while one of them was frozen: it has no room for it.
    """
    card = card_of(model)
    card.trained = parameters(model)
    optimizer = card.current_optimizer
    if optimizer is None or not optimizer.built:
        return
    known = {id(variable) for variable in optimizer._trainable_variables}
    freed = [variable.path for variable in card.trained if id(variable) not in known]
    if freed:
        raise ConfigError(
            f"the variable {freed[0]!r} of model {card.name!r} was freed after its optimizer was built, which has no room for "
            f"it; free it by fe.trace.adapt.TrainableSchedule, made right after fe.build, or before the optimizer is used"
        )


def update_model(
    model: keras.Model, gradients: Sequence[Any], defer: bool, deferred: dict[str, list[Callable[[], None]]] | None
) -> None:
    card = card_of(model)
    pairs = [
        (gradient, variable)
        for gradient, variable in zip(gradients, parameters(model), strict=True)
        if gradient is not None
    ]

    def step() -> None:
        card.current_optimizer.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])
        card.updates.add()

    if defer and deferred is not None:
        deferred.setdefault(card.name, []).append(step)
    else:
        step()


class Learner:
    """What an UpdateOp does with a loss; see the torch form.

    Args:
        model: A built model with an optimizer.
        rule: What to do with the gradients.
        defer: Whether the optimizer steps at the end of the network's step.
    """

    waits = False
    is_alone = False  # it makes no difference here

    def __init__(self, model: keras.Model, rule: UpdateRule, defer: bool) -> None:
        self._model, self._rule, self._defer = model, rule, defer
        self._card = card_of(model)
        self._sums: dict[int, tf.Variable] = {}  # by place among all variables: which are trained may change
        self._parts: dict[int, tf.Variable] = {}  # whether any of the steps gathered had a gradient for it
        if rule.merge > 1:
            with tf.init_scope():
                self._steps = tf.Variable(0, trainable=False, dtype=tf.int64)
                self._samples = tf.Variable(0, trainable=False, dtype=tf.int64)

    def learn_from(self, loss: Any, state: dict[str, Any], retain_graph: bool) -> None:
        """Learn from the mean of a loss, plus the model's own regularization."""
        mean = tf.reduce_mean(loss)
        extras = self._model.losses if self._card.compiled is None else self._card.compiled.losses
        if extras:
            mean = mean + tf.add_n([tf.cast(extra, mean.dtype) for extra in extras])
        scale, tape = self._card.scale, state["tape"]
        target = mean if scale is None else mean * tf.cast(scale.value, mean.dtype)
        sources = [variable.value for variable in parameters(self._model)]
        with tape.stop_recording():
            gradients = tape.gradient(target, sources)
        if state.get("warmup"):
            if not sources:
                warn(self._rule.told_of_frozen(self._card.name))
            elif all(one is None for one in gradients):
                raise ConfigError(self._rule.told_of_detached(self._card.name))
            return
        if not sources:
            return
        if scale is not None:
            gradients = [None if one is None else tf.convert_to_tensor(one) / scale.value for one in gradients]
        samples = tf.size(loss, tf.int64) if loss.shape.rank else state.get("samples", 1)
        with tape.stop_recording():
            self._take(gradients, mean, samples, state)

    def take(self, gradients: Sequence[Any], state: dict[str, Any]) -> None:
        """Learn from gradients that somebody else made."""
        tape = state.get("tape")
        if not state.get("warmup"):
            with tape.stop_recording() if tape is not None else contextlib.nullcontext():
                self._take(list(gradients), None, state.get("samples", 1), state)

    def _take(self, gradients: list[Any], mean: Any, samples: Any, state: dict[str, Any]) -> None:
        good = self._checked(gradients, mean, state)
        if self._rule.merge > 1:
            self._gather(gradients, samples, good)

            def step() -> None:
                _when(self._steps >= self._rule.merge, lambda: self._update_merged(gradients))

        else:

            def step() -> None:
                _when(good, lambda: self._update(gradients))

        def guarded() -> None:
            with tf.control_dependencies(_here(state.get("guards", []))):
                step()

        if (self._defer or state.get("defer")) and state.get("deferred") is not None:
            state["deferred"].setdefault(self._card.name, []).append(guarded)
        else:
            guarded()

    def _update(self, gradients: Sequence[Any]) -> None:
        if self._rule.clips:
            gradients = clipped(gradients, self._rule.clip_norm, self._rule.clip_value)
        update_model(self._model, gradients, False, None)

    # ---- merging

    def _gather(self, gradients: list[Any], samples: Any, good: Any) -> None:
        places = self._places()
        known = zip(places, parameters(self._model), gradients, strict=True)
        there = [(place, variable, gradient) for place, variable, gradient in known if gradient is not None]
        with tf.init_scope():
            for place, variable, _ in there:
                if place not in self._sums:
                    self._sums[place] = tf.Variable(tf.zeros(variable.shape, variable.dtype), trainable=False)
                    self._parts[place] = tf.Variable(False, trainable=False)

        def add() -> None:
            for place, _, gradient in there:
                dense = tf.convert_to_tensor(gradient)
                self._sums[place].assign_add(dense * tf.cast(samples, dense.dtype))
                self._parts[place].assign(True)
            self._samples.assign_add(tf.cast(samples, tf.int64))

        _when(good, add)
        self._steps.assign_add(1)

    def _places(self) -> list[int]:
        known = {id(variable): place for place, variable in enumerate(self._model.variables)}
        return [known[id(variable)] for variable in parameters(self._model)]

    def _update_merged(self, gradients: Sequence[Any] | None = None) -> None:
        """Update by the mean over the samples gathered, which are forgotten.

        Args:
            gradients: Those of the step at hand, which tell what surely has a part in a graph; None outside of one.
        """
        places = self._places()
        gathered = {place for place in places if place in self._sums}

        def update(having: set[int]) -> None:
            self._update(
                [
                    self._sums[place] / tf.cast(self._samples, self._sums[place].dtype) if place in having else None
                    for place in places
                ]
            )

        if gradients is None or tf.executing_eagerly():
            having = {place for place in gathered if bool(self._parts[place].numpy())}
            _when(self._samples > 0, lambda: update(having))
        else:
            now = {place for place, one in zip(places, gradients, strict=True) if one is not None}
            others = gathered - now  # of other graphs: another data set's ops, say
            if others:
                joined = tf.reduce_any([self._parts[place].read_value() for place in sorted(others)])
                _when(tf.logical_and(self._samples > 0, joined), lambda: update(gathered))
                _when(tf.logical_and(self._samples > 0, tf.logical_not(joined)), lambda: update(now))
            else:
                _when(self._samples > 0, lambda: update(now))
        self.forget()

    def flush(self) -> None:
        """Update from what is gathered, if anything is."""
        if self._rule.merge > 1 and int(self._steps.numpy()):
            self._update_merged()

    def forget(self) -> None:
        """Drop what is gathered."""
        if self._rule.merge == 1:
            return
        for total in self._sums.values():
            total.assign(tf.zeros_like(total))
        for part in self._parts.values():
            part.assign(False)
        self._steps.assign(0)
        self._samples.assign(0)

    # ---- NaN and infinity

    def _checked(self, gradients: list[Any], mean: Any, state: dict[str, Any]) -> Any:
        """Whether to go on: True, or a tensor. Under "raise" a check joins the step's guards, which updates wait for."""
        rule, scale = self._rule, self._card.scale
        if rule.nan == "ignore" and scale is None:
            return True
        present = [gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient for gradient in gradients]
        present = [tf.cast(one, tf.float32) for one in present if one is not None]
        # the sum is finite only if all of it is, and one pass is cheaper than testing each entry
        gradients_good = tf.math.is_finite(tf.add_n([tf.constant(0.0), *(tf.reduce_sum(one) for one in present)]))
        loss_good = tf.constant(True) if mean is None else tf.math.is_finite(mean)
        good = tf.logical_and(gradients_good, loss_good)
        fatal = tf.logical_not(good)
        if scale is not None:
            # what overflows while the loss does not is the scale's fault, until the scale is tiny
            fatal = tf.logical_not(loss_good) | (tf.logical_not(gradients_good) & (scale.value < LEAST_SCALE))
        if rule.nan == "raise":
            check = tf.debugging.Assert(tf.logical_not(fatal), [f"{NOT_FINITE} {rule.loss_name};"])
            if check is not None:  # it is None outside a graph, where the error is raised by now
                state.setdefault("guards", []).append(check)
            if scale is None:
                return True
        if scale is not None:
            with tf.control_dependencies(_here(state.get("guards", []))):
                scale.note(gradients_good)
            if rule.nan == "ignore":
                return gradients_good | fatal
        if rule.nan == "skip":
            state.setdefault("good", []).append(good)
        return good

    def settle(self) -> None:
        """Nothing to do: the graph looks at its checks itself."""

    # ---- state

    def state_dict(self) -> dict[str, Any]:
        """What is gathered."""
        return {
            "steps": int(self._steps.numpy()),
            "samples": int(self._samples.numpy()),
            "sums": {str(place): total.numpy() for place, total in self._sums.items() if bool(self._parts[place])},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self.forget()
        self._steps.assign(state["steps"])
        self._samples.assign(state["samples"])
        for place, total in state["sums"].items():
            if int(place) in self._sums:  # a traced graph may hold it
                self._sums[int(place)].assign(total)
            else:
                self._sums[int(place)] = tf.Variable(total, trainable=False)
                self._parts[int(place)] = tf.Variable(False, trainable=False)
            self._parts[int(place)].assign(True)


def clipped(gradients: Sequence[Any], norm: float | None, value: float | None) -> list[Any]:
    """Gradients with no entry beyond a value and, after that, no norm of all together beyond another."""
    present = [tf.convert_to_tensor(gradient) for gradient in gradients if gradient is not None]
    if value is not None:
        present = [tf.clip_by_value(gradient, -value, value) for gradient in present]
    if norm is not None and present:
        total = tf.linalg.global_norm([tf.cast(gradient, tf.float32) for gradient in present])
        present = [gradient * tf.cast(norm / tf.maximum(total, norm), gradient.dtype) for gradient in present]
    kept = iter(present)
    return [None if gradient is None else next(kept) for gradient in gradients]


def _here(guards: Sequence[Any]) -> list[Any]:
    """The checks of the graph at hand; those inside a branch are over when the branch is."""
    if tf.executing_eagerly():
        return []
    graph = tf.compat.v1.get_default_graph()
    return [guard for guard in guards if guard.graph is graph]


def _when(condition: Any, work: Callable[[], None]) -> None:
    """Do something if a tensor says so, or at once if it is True."""
    if condition is True:
        work()
        return

    def done() -> bool:
        work()
        return True

    tf.cond(condition, done, lambda: False)


class VariableUpdates(Updates):
    """A count of updates that moves inside a traced graph too."""

    def __init__(self) -> None:
        with tf.init_scope(), tf.device("CPU:0"):  # reading it must not wait for an accelerator
            self._variable = tf.Variable(0, trainable=False, dtype=tf.int64)

    @property
    def count(self) -> int:
        return int(self._variable.numpy())

    def add(self) -> None:
        self._variable.assign_add(1)

    def set(self, count: int) -> None:
        self._variable.assign(count)


class VariableScale(LossScale):
    """A loss scale that moves inside a traced graph too."""

    def __init__(self, value: float = 65536.0) -> None:
        with tf.init_scope():
            self.value = tf.Variable(value, trainable=False, dtype=tf.float32)
            self._good = tf.Variable(0, trainable=False, dtype=tf.int64)

    def note(self, is_finite: Any) -> None:
        good = tf.where(is_finite, self._good + 1, tf.constant(0, tf.int64))
        grows = good == self.INTERVAL
        self.value.assign(tf.where(is_finite, tf.where(grows, self.value * 2, self.value), self.value / 2))
        self._good.assign(tf.where(grows, tf.constant(0, tf.int64), good))

    def state_dict(self) -> dict[str, float]:
        return {"value": float(self.value.numpy()), "good": int(self._good.numpy())}

    def load_state_dict(self, state: dict[str, float]) -> None:
        self.value.assign(state["value"])
        self._good.assign(int(state["good"]))
