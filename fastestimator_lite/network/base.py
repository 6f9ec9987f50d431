"""BaseNetwork: models and TensorOps, what of them is in force at a moment, and one step."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.convert import to_tensor
from fastestimator_lite.backend.framework import framework_of_model
from fastestimator_lite.component import When
from fastestimator_lite.network.plan import NetworkPlan
from fastestimator_lite.op.numpyop.numpyop import NumpyOp, apply_op
from fastestimator_lite.op.op import Op
from fastestimator_lite.op.tensorop.model.update import UpdateOp
from fastestimator_lite.op.tensorop.tensorop import TensorOp, explained
from fastestimator_lite.schedule.schedule import Scheduler, select, value_at, values_of, words_for_epoch
from fastestimator_lite.slicer.slicer import Slicer
from fastestimator_lite.types import FilteredData
from fastestimator_lite.util.errors import CheckpointError, ConfigError, NonFiniteError, suggest
from fastestimator_lite.util.names import check_mode, filter_nones, to_list


class BaseNetwork:
    """TensorOps and models on the device; what both frameworks share. Make one with `fe.Network`.

    Args:
        ops: TensorOps and Schedulers of TensorOps, in order.
        pops: NumpyOps, and Schedulers of them, on the finished batch.
        slicers: Slicers, and Schedulers of them. Where one cuts the batch, all ops run on one minibatch after the
            other.
    """

    framework: str

    def __init__(self, ops: Any, pops: Any = None, slicers: Any = None) -> None:
        self.ops = filter_nones(to_list(ops))
        self.postprocessing = filter_nones(to_list(pops))
        self.slicers = filter_nones(to_list(slicers))
        _check_kinds(self.ops, TensorOp, "op", "the Network", "; NumpyOps belong in the Pipeline or in pops")
        _check_kinds(self.postprocessing, NumpyOp, "op", "the Network's pops", "")
        _check_kinds(self.slicers, Slicer, "slicer", "the Network", "")
        _check_slicers(self.slicers, self.ops)
        self.models = _models_of(self.ops)
        self.eager = False
        self._steps: dict[tuple[Any, ...], Any] = {}
        for item in self.ops:
            for op in values_of(item):
                op.build(self.framework, self.device())

    def device(self) -> Any:
        """The device that batches go to; None where the framework decides."""
        return None

    def make_step(self, plan: NetworkPlan) -> Step:
        """The compiled step of a plan."""
        raise NotImplementedError

    def get_scheduled_items(self, mode: str) -> list[Any]:
        """Everything of a mode that may be a Scheduler: ops, slicers, and in training the optimizers."""
        optimizers = [card_of(model).optimizer for model in self.models] if mode == "train" else []
        scheduled = (one for one in optimizers if isinstance(one, Scheduler))
        return [*self.ops, *self.postprocessing, *self.slicers, *scheduled]

    def get_loss_keys(self) -> set[str]:
        """Keys of the losses that ops minimize."""
        return {key for item in self.ops for op in values_of(item) for key in op.get_fe_loss_keys()}

    def trained_models(self, when: When) -> dict[str, Any]:
        """The models that train at a moment, by name, each with its optimizer."""
        trained = {}
        for op in _parts(select(self.ops, when)):
            if isinstance(op, UpdateOp):
                card = card_of(op.model)
                trained[card.name] = value_at(card.optimizer, when.epoch or 1)
        return trained

    def out_of_step(self, epoch: int) -> dict[str, bool]:
        """The models that an epoch of training runs without updating, or updates without running.

        Args:
            epoch: Epoch, from 1.

        Returns:
            Whether it is run, by model name; only models that some op runs and some op updates are looked at.
        """

        def found(ops: Iterable[Any]) -> tuple[set[str], set[str]]:
            run = {card_of(model).name for op in ops if not isinstance(op, UpdateOp) for model in op.get_fe_models()}
            return run, {card_of(op.model).name for op in ops if isinstance(op, UpdateOp)}

        run, updated = found(_parts(select(self.ops, When("train", epoch))))
        ever_run, ever_updated = found(_parts(select(self.ops, When("train"))))
        return {name: name in run for name in sorted((run ^ updated) & ever_run & ever_updated)}

    def plan(self, when: When, wanted: Collection[str] | None = None) -> NetworkPlan:
        """What is in force at a moment.

        Args:
            when: Mode, epoch and ds_id.
            wanted: Keys that somebody reads after the step; None for all.

        Raises:
            ConfigError: If a model is to be trained that has no optimizer then.
        """
        ops, pops, slicers = (_in_force(items, when) for items in (self.ops, self.postprocessing, self.slicers))
        if not any(slicer.slice_inputs for _, slicer in slicers):
            slicers = ()  # nothing is cut, so there is nothing to join
        optimizers = self.trained_models(when) if when.mode == "train" else {}
        for name, optimizer in optimizers.items():
            if optimizer is None:
                raise ConfigError(
                    f"the model {name!r} is trained at epoch {when.epoch}, where its optimizer schedule has no "
                    f"value; give it one from epoch 1 on, or schedule the UpdateOp as well"
                )
        baked = tuple(
            framework_of_model(model).baked(model, optimizers[card_of(model).name])
            for model in self.models
            if card_of(model).name in optimizers
        )
        return NetworkPlan(
            when.mode or "infer",
            when.ds_id or "",
            ops,
            pops,
            None if wanted is None else frozenset(wanted),
            tuple(sorted(optimizers.items())),
            baked,
            slicers,
        )

    def load(self, when: When, wanted: Collection[str] | None = None) -> Step:
        """The step for a moment; equal plans share one. Optimizers of that epoch are put in force.

        Args:
            when: Mode, epoch and ds_id.
            wanted: Keys that somebody reads after the step; None for all.

        Raises:
            ConfigError: See `plan`, and `NetworkPlan.joins`.
        """
        self.set_optimizers(when.epoch or 1)
        plan = self.plan(when, wanted)
        identity = plan.identity
        if identity not in self._steps:
            self._steps[identity] = self.make_step(plan)
        step = self._steps[identity]
        step.eager = self.eager
        step.begin(when.epoch or 1)
        return step

    def set_optimizers(self, epoch: int) -> None:
        """Put each model's optimizer of an epoch in force."""
        for model in self.models:
            card = card_of(model)
            chosen = value_at(card.optimizer, epoch)
            if chosen is not None:
                card.current_optimizer = chosen

    def transform(self, data: Any, mode: str, epoch: int = 1, ds_id: str = "", num_steps: int | None = None) -> Any:
        """Run the ops without training.

        Args:
            data: One batch as a dictionary; a list of batches, or anything that `with data(mode, epoch, ds_id)` makes
                batches from, such as a Pipeline.
            mode: "train", "eval", "test" or "infer".
            epoch: Epoch whose ops to use, from 1.
            ds_id: Data set id whose ops to use.
            num_steps: Most batches to take; None for all.

        Returns:
            For a dictionary, a dictionary of what went in and what came out; else a list of those.
        """
        check_mode(mode, "Network.transform")
        with self.undisturbed():
            step = self.load(When(mode, epoch, ds_id))

            def work(batch: dict[str, Any]) -> dict[str, Any]:
                step.plan.check_keys(batch)
                return step.dry(batch)

            if isinstance(data, dict):
                return work(data)
            if callable(data):
                with data(mode=mode, epoch=epoch, ds_id=ds_id) as batches:
                    return _taken(batches, work, num_steps)
            return _taken(data, work, num_steps)

    @contextlib.contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Leave a run under way as it is: the optimizers in force, the epoch, what ops know of their place in its step."""
        epochs = [(step, step.epoch) for step in self._steps.values()]
        optimizers = [(card_of(model), card_of(model).current_optimizer) for model in self.models]
        takers = [(op, op.fe_retain_graph()) for item in self.ops for op in _parts(values_of(item))]
        alone = [(op, op.is_alone) for op in self._updates()]
        try:
            yield
        finally:
            for card, optimizer in optimizers:
                card.current_optimizer = optimizer
            for step, epoch in epochs:
                if step.epoch != epoch:
                    step.begin(epoch)
            for op, retains in takers:
                if retains is not None:
                    op.fe_retain_graph(retains)
            for op, is_alone in alone:
                op.set_alone(is_alone)

    def begin_run(self) -> None:
        """Forget what models know of the run before: updates count from 0, and nothing scales a learning rate."""
        for model in self.models:
            card_of(model).begin_run()
        for op in self._updates():
            op.begin_run()

    def end_epoch(self) -> None:
        """Update from gradients that an epoch of training left to be merged."""
        for op in self._updates():
            op.end_epoch()

    def _updates(self) -> list[UpdateOp]:
        """The ops that train a model, at any time."""
        return [op for item in self.ops for op in _parts(values_of(item)) if isinstance(op, UpdateOp)]

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs: weights and all optimizers of each model, and what ops keep between steps."""
        models = {}
        for model in self.models:
            home, card = framework_of_model(model), card_of(model)
            optimizers = {phase: home.optimizer_state(one) for phase, one in card.optimizers().items()}
            models[card.name] = {
                "weights": home.model_state(model),
                "optimizers": optimizers,
                "card": card.state_dict(),
            }
        ops = {
            f"{slot}.{place}": op.state_dict()
            for slot, item in enumerate(self.ops)
            for place, op in enumerate(_parts(values_of(item)))
        }
        return {"models": models, "ops": ops}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken.

        Args:
            state: What `state_dict` gave, of a network with the same models and ops.

        Raises:
            CheckpointError: If it is of other models.
        """
        names = [card_of(model).name for model in self.models]
        if sorted(names) != sorted(state["models"]):
            raise CheckpointError(
                f"the state holds the models {sorted(state['models'])}, the Network has {sorted(names)}"
            )
        for model in self.models:
            home, card = framework_of_model(model), card_of(model)
            saved = state["models"][card.name]
            home.load_model_state(model, saved["weights"])
            for phase, optimizer in card.optimizers().items():
                home.load_optimizer_state(optimizer, model, saved["optimizers"][phase])
            card.load_state_dict(saved["card"])
        for slot, item in enumerate(self.ops):
            for place, op in enumerate(_parts(values_of(item))):
                op.load_state_dict(state["ops"].get(f"{slot}.{place}", {}))

    def fe_summary(self) -> list[str]:
        """One line for each part, for reports."""
        return [
            *(f"model: {card_of(model).name}" for model in self.models),
            *(f"op: {type(op).__name__}" for item in self.ops for op in values_of(item)),
            *(f"slicer: {type(slicer).__name__}" for item in self.slicers for slicer in values_of(item)),
        ]


class Step:
    """One step of a network under a plan.

    Args:
        plan: The plan.

    Attributes:
        epoch: Epoch in force.
        eager: Whether TensorFlow works op by op instead of by graph.
        reached: Number of steps that the last `many` began.
    """

    reached = 0

    def __init__(self, plan: NetworkPlan) -> None:
        self.plan = plan
        self.calls = [_call(self, slot, op) for slot, op in plan.ops]
        tail = 0
        while tail < len(plan.ops) and isinstance(plan.ops[-1 - tail][1], UpdateOp):
            tail += 1
        # updates at the end wait for one another: all gradients are taken before a parameter moves
        self.head = len(self.calls) - tail if tail > 1 else len(self.calls)
        self.epoch = 1
        self.eager = False
        self._merges = any(op.merge_grad > 1 for op in plan.updates)
        self._skips = any(op.nan == "skip" for op in plan.updates)
        self._set_retained()

    def _set_retained(self) -> None:
        """All ops that take gradients keep the graph for the next one, except the last."""
        last = True
        for _, op in reversed(self.plan.ops):
            if op.fe_retain_graph() is not None:
                op.fe_retain_graph(not last)
                last = False

    def begin(self, epoch: int) -> None:
        """Get ready for an epoch; a parameter that was frozen or freed since the last one counts from here on."""
        self.epoch = epoch
        for op in self.plan.updates:
            op.list_parameters()
        self._set_retained()

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Run the ops on a batch and train what is to be trained.

        Args:
            batch: Arrays or tensors with a leading batch axis.

        Returns:
            The batch as tensors, together with the wanted outputs.
        """
        raise NotImplementedError

    @property
    def takes_several(self) -> bool:
        """Whether there is `many`."""
        return False

    @property
    def steps_per_call(self) -> int:
        """How many steps are worth one call of the framework; 1 where a call costs little, or nobody knows yet."""
        return 1

    def many(self, batches: Iterable[dict[str, Any]], most: int) -> None:
        """Run a step on each batch, several in one call of the framework; nobody sees what comes out.

        Args:
            batches: The batches.
            most: How many there are at most.
        """
        raise NotImplementedError

    def took(self, seconds: float) -> None:
        """Hear how long a call for one step took.

        Args:
            seconds: The time, without the traces.
        """

    def dry(self, batch: dict[str, Any]) -> dict[str, Any]:
        """The same without moving a parameter."""
        raise NotImplementedError

    def run(self, store: dict[str, Any], state: dict[str, Any]) -> None:
        """Run the calls on a dictionary, in place, and then the updates that waited."""
        self.run_ops(store, state)
        self.run_deferred(state)

    def run_ops(self, store: dict[str, Any], state: dict[str, Any]) -> None:
        """Run the calls on a dictionary, in place."""
        if self._merges:
            state["samples"] = _num_samples(store, self.plan)
        try:
            for call in self.calls[: self.head]:
                call(store, state)
            if self.head < len(self.calls):
                state["defer"] = True
                for call in self.calls[self.head :]:
                    call(store, state)
        except NonFiniteError as err:
            raise self.located(err, store) from None

    def run_deferred(self, state: dict[str, Any]) -> None:
        """Run the updates that waited."""
        for steps in state["deferred"].values():
            for step in steps:
                step()

    @property
    def waits(self) -> bool:
        """Whether checks of losses and gradients are looked at later, by `settle`."""
        return any(op.waits for op in self.plan.updates)

    def settle(self) -> None:
        """Look at the checks of losses and gradients that an accelerator was not waited for.

        Raises:
            NonFiniteError: If one failed.
        """
        for op in self.plan.updates:
            op.settle()

    def explain(self, err: Exception) -> None:
        """Add to an error what is known of it beyond what it says."""

    def located(self, err: NonFiniteError, store: dict[str, Any]) -> NonFiniteError:
        """An error that also names the first tensor that is not finite, and the samples in which it is not.

        Args:
            err: What was found.
            store: The batch, and what the ops wrote, in order.
        """
        for key, value in store.items():
            array = to_tensor(value, "np") if getattr(value, "dtype", None) is not None else np.zeros(0)
            bad = ~np.isfinite(array) if array.dtype.kind in "fc" else np.zeros(0, bool)
            if not bad.any():
                continue
            writer = next((f"op #{slot} {type(op).__name__}" for slot, op in self.plan.ops if key in op.outputs), None)
            rows = np.flatnonzero(bad.reshape(len(bad), -1).any(1)).tolist() if bad.ndim else []
            word = "NaN" if np.isnan(array).any() else "infinite"
            where = f" in {_counted_off('sample', rows)} of the batch (from 0)" if rows else ""
            found = NonFiniteError(
                f"{err}. The first tensor that is not finite is {key!r} (from {writer or 'the Pipeline'}), {word}{where}"
            )
            found.rows = rows
            return found
        return err

    def finish(self, store: dict[str, Any]) -> dict[str, Any]:
        """Run the postprocessing ops."""
        if not self.plan.pops:
            return store
        arrays = to_tensor(store, "np")
        state = {"mode": self.plan.mode, "epoch": self.epoch, "ds_id": self.plan.ds_id}
        for slot, op in self.plan.pops:
            if isinstance(apply_op(op, arrays, state, True), FilteredData):
                raise ConfigError(
                    f"op #{slot} {type(op).__name__} of the Network's pops filtered a batch; filter in the Pipeline"
                )
        return arrays


def _call(step: Step, slot: int, op: Op) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    """An op as a function of (store, state), with reading and writing settled beforehand."""
    forward, inputs, outputs, deletes = op.forward, op.inputs, op.outputs, op.deletes  # type: ignore[attr-defined]
    single_in = inputs[0] if inputs and not op.in_list else None
    single_out = outputs[0] if outputs and not op.out_list else None

    def call(store: dict[str, Any], state: dict[str, Any]) -> None:
        data = store[single_in] if single_in is not None else [store[key] for key in inputs] if inputs else None
        try:
            if state["warmup"]:
                op.check(data)  # type: ignore[attr-defined]
            values = forward(data, state)
        except Exception as err:
            better = explained(err, op, data)
            _annotate(better, slot, op, data, step)
            if better is err:
                raise
            raise better from err
        if single_out is not None and values is not None:
            store[single_out] = values
        elif outputs:
            if values is None or len(values) != len(outputs):
                count = "None" if values is None else f"{len(values)} values"
                raise ConfigError(
                    f"op #{slot} {type(op).__name__} of the Network returned {count} for its outputs "
                    f"{outputs} (mode {state.get('mode')!r})"
                )
            store.update(zip(outputs, values, strict=True))
        for key in deletes:
            store.pop(key, None)

    return call


def _annotate(err: Exception, slot: int, op: Op, data: Any, step: Step) -> None:
    """Add to an error which op it came from and what the op was given."""
    values = data if op.in_list and data is not None else [data]
    given = ", ".join(f"{key} {_kind(value)}" for key, value in zip(op.inputs, values, strict=False))
    note = (
        f"in op #{slot} {type(op).__name__} of the Network (mode {step.plan.mode!r}, epoch {step.epoch}), given: "
        f"{given or 'nothing'}"
    )
    if note not in getattr(err, "__notes__", []) and hasattr(err, "add_note"):
        err.add_note(note)


def _parts(ops: Iterable[Any]) -> list[Any]:
    """Ops, with those that run other ops replaced by these."""
    return [part for op in ops for part in op.parts()]


def _num_samples(store: dict[str, Any], plan: NetworkPlan) -> Any:
    """Samples in a batch, or in the minibatch that slicers cut from it."""
    cut = [key for _, slicer in plan.slicers for key in slicer.slice_inputs]
    for key in (*cut, *store):
        shape: Any = getattr(store.get(key), "shape", ())
        if len(shape) and shape[0] is not None:
            return int(shape[0])
    return 1


def _counted_off(noun: str, numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:8])) + (f", ... ({len(numbers)} in all)" if len(numbers) > 8 else "")
    return f"{noun}{'s' * (len(numbers) > 1)} {shown}"


def _kind(value: Any) -> str:
    """Type and shape of a value, for a message."""
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        return type(value).__name__
    return f"{getattr(dtype, 'name', str(dtype).removeprefix('torch.'))} {tuple(value.shape)}"


def _taken(batches: Iterable[dict[str, Any]], work: Callable[[dict[str, Any]], Any], limit: int | None) -> list[Any]:
    results: list[Any] = []
    for batch in batches:
        if limit is not None and len(results) >= limit:
            break
        results.append(work(batch))
    return results


def _in_force(items: Sequence[Any], when: When) -> tuple[tuple[int, Any], ...]:
    """What of a list takes part at a moment, with its positions."""
    return tuple((slot, part) for slot, item in enumerate(items) for part in select([item], when))


def _check_slicers(slicers: list[Any], ops: list[Any]) -> None:
    """Check that something is cut at some time, and that what is joined is cut or written at some time."""
    known = [slicer for item in slicers for slicer in values_of(item)]
    cut = {key for slicer in known for key in slicer.slice_inputs}
    if known and not cut:
        raise ConfigError(
            f"the Network's slicers ({', '.join(type(slicer).__name__ for slicer in known)}) only join; give it one "
            f"that cuts as well, such as AxisSlicer or SlidingSlicer with slice='x'"
        )
    there = cut | {key for item in ops for op in values_of(item) for key in op.outputs}
    for slot, item in enumerate(slicers):
        for slicer in values_of(item):
            for key in slicer.unslice_inputs:
                if key not in there:
                    raise ConfigError(
                        f"slicer #{slot} {type(slicer).__name__} of the Network joins key {key!r}, which no slicer cuts "
                        f"and no op writes; there are: {', '.join(map(repr, sorted(there)))}.{suggest(key, sorted(there))}"
                    )


def _check_kinds(items: list[Any], kind: type, noun: str, place: str, hint: str) -> None:
    for index, item in enumerate(items):
        for op in values_of(item):
            if not isinstance(op, kind):
                raise ConfigError(
                    f"{noun} #{index} of {place} must be a {kind.__name__}, got {type(op).__name__}: {op!r:.100}"
                    f"{words_for_epoch(item, op)}{hint}"
                )


def _models_of(ops: list[Any]) -> list[Any]:
    """The models that ops run or train, in the order in which the ops name them, each once.

    Raises:
        ConfigError: If two different models have the same name.
    """
    models: list[Any] = []
    for item in ops:
        for op in values_of(item):
            models += [model for model in op.get_fe_models() if all(model is not known for known in models)]
    names = [card_of(model).name for model in models]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(
                f"two models of the Network are called {name!r}; give each its own model_name in fe.build, so that logs "
                f"and files tell them apart"
            )
    return models
