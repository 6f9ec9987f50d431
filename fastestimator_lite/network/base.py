"""BaseNetwork: which TensorOps are in force, which keys go in and come out, and one step."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable
from typing import Any

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.convert import to_tensor
from fastestimator_lite.backend.framework import framework_of_model
from fastestimator_lite.component import When
from fastestimator_lite.op.numpyop.numpyop import NumpyOp, apply_op
from fastestimator_lite.op.op import Op
from fastestimator_lite.op.tensorop.model.update import UpdateOp
from fastestimator_lite.op.tensorop.tensorop import TensorOp
from fastestimator_lite.schedule.schedule import Scheduler, select, value_at, values_of, words_for_epoch
from fastestimator_lite.types import FilteredData
from fastestimator_lite.util.errors import CheckpointError, ConfigError, MissingKeyError, suggest
from fastestimator_lite.util.names import check_mode, filter_nones, to_list

_Slot = tuple[int, Any]


@dataclasses.dataclass(frozen=True, eq=False)
class NetworkPlan:
    """What is in force for one mode and data set.

    Attributes:
        mode: "train", "eval", "test" or "infer".
        ds_id: Data set id.
        ops: TensorOps with their positions in the list.
        pops: NumpyOps on the finished batch, with their positions.
        wanted: Keys that somebody reads after the step; None for all.
        optimizers: The optimizer in force of each model that is trained, by model name.
        baked: What a traced graph would hold fast of the models and optimizers.
    """

    mode: str
    ds_id: str
    ops: tuple[_Slot, ...]
    pops: tuple[_Slot, ...]
    wanted: frozenset[str] | None
    optimizers: tuple[tuple[str, Any], ...]
    baked: tuple[Any, ...] = ()

    @property
    def identity(self) -> tuple[Any, ...]:
        """Equal for two plans that do the same work."""
        ops = tuple((slot, id(op)) for slot, op in (*self.ops, *self.pops))
        optimizers = tuple((name, id(one)) for name, one in self.optimizers)
        return (self.mode, self.ds_id, ops, self.wanted, optimizers, self.baked)

    @property
    def updates(self) -> list[UpdateOp]:
        """The ops that train a model."""
        return [op for _, op in self.ops if isinstance(op, UpdateOp)]

    def input_keys(self) -> set[str]:
        """Keys that the ops read and no earlier op wrote."""
        made: set[str] = set()
        needed: set[str] = set()
        for _, op in (*self.ops, *self.pops):
            needed.update(key for key in op.inputs if key not in made)
            made.update(op.outputs)
        return needed

    def output_keys(self) -> list[str]:
        """Keys that the ops leave behind, postprocessing included."""
        return _left_behind((*self.ops, *self.pops))

    def kept_keys(self) -> list[str]:
        """Keys that the TensorOps leave behind and that somebody reads: the postprocessing, or who comes after."""
        made = _left_behind(self.ops)
        if self.wanted is None:
            return made
        read = {key for _, op in self.pops for key in op.inputs} | self.wanted
        return [key for key in made if key in read]

    def keys_of_batch(self) -> set[str] | None:
        """Keys that a batch must bring: for the ops, and for who reads after the step; None for all."""
        if self.wanted is None:
            return None
        return self.input_keys() | (self.wanted - set(self.output_keys()))

    def check_keys(self, batch_keys: Iterable[str]) -> None:
        """Check that every op finds its keys.

        Args:
            batch_keys: Keys of a batch.

        Raises:
            MissingKeyError: It names the op, the key, where present keys come from, and a likely fix.
        """
        origin = dict.fromkeys(batch_keys, "the Pipeline")
        for slot, op in (*self.ops, *self.pops):
            for key in op.inputs:
                if key not in origin:
                    name = f"{type(op).__name__}(loss_name={key!r})" if isinstance(op, UpdateOp) else type(op).__name__
                    there = ", ".join(f"{known!r} (from {source})" for known, source in origin.items())
                    raise MissingKeyError(
                        f"op #{slot} {name} of the Network needs key {key!r} (mode {self.mode!r}"
                        f"{f', ds_id {self.ds_id!r}' if self.ds_id else ''}); at that point there are: "
                        f"{there or 'none'}.{suggest(key, origin)}"
                    )
            origin.update(dict.fromkeys(op.outputs, f"op #{slot} {type(op).__name__}"))
            for key in op.deletes:
                origin.pop(key, None)


class BaseNetwork:
    """TensorOps and models on the device; what both frameworks share. Make one with `fe.Network`.

    Args:
        ops: TensorOps and Schedulers of TensorOps, in order.
        pops: NumpyOps, and Schedulers of them, on the finished batch.
    """

    framework: str

    def __init__(self, ops: Any, pops: Any = None) -> None:
        self.ops = filter_nones(to_list(ops))
        self.postprocessing = filter_nones(to_list(pops))
        _check_kinds(self.ops, TensorOp, "the Network", "; NumpyOps belong in the Pipeline or in pops")
        _check_kinds(self.postprocessing, NumpyOp, "the Network's pops", "")
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
        """Everything of a mode that may be a Scheduler: ops, and in training the optimizers."""
        optimizers = [card_of(model).optimizer for model in self.models] if mode == "train" else []
        return [*self.ops, *self.postprocessing, *(one for one in optimizers if isinstance(one, Scheduler))]

    def get_loss_keys(self) -> set[str]:
        """Keys of the losses that ops minimize."""
        return {key for item in self.ops for op in values_of(item) for key in op.get_fe_loss_keys()}

    def trained_models(self, when: When) -> dict[str, Any]:
        """The models that train at a moment, by name, each with its optimizer."""
        trained = {}
        for op in select(self.ops, when):
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

        run, updated = found(select(self.ops, When("train", epoch)))
        ever_run, ever_updated = found(select(self.ops, When("train")))
        return {name: name in run for name in sorted((run ^ updated) & ever_run & ever_updated)}

    def plan(self, when: When, wanted: Collection[str] | None = None) -> NetworkPlan:
        """What is in force at a moment.

        Args:
            when: Mode, epoch and ds_id.
            wanted: Keys that somebody reads after the step; None for all.

        Raises:
            ConfigError: If a model is to be trained that has no optimizer then.
        """
        ops = tuple((slot, op) for slot, item in enumerate(self.ops) for op in select([item], when))
        pops = tuple((slot, op) for slot, item in enumerate(self.postprocessing) for op in select([item], when))
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
        )

    def load(self, when: When, wanted: Collection[str] | None = None) -> Step:
        """The step for a moment; equal plans share one. Optimizers of that epoch are put in force.

        Args:
            when: Mode, epoch and ds_id.
            wanted: Keys that somebody reads after the step; None for all.
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
        step = self.load(When(mode, epoch, ds_id))
        if isinstance(data, dict):
            step.plan.check_keys(data)
            return step.dry(data)
        if callable(data):
            with data(mode=mode, epoch=epoch, ds_id=ds_id) as batches:
                return _taken(batches, step.dry, num_steps)
        return _taken(data, step.dry, num_steps)

    def begin_run(self) -> None:
        """Forget what models know of the run before: updates count from 0, and nothing scales a learning rate."""
        for model in self.models:
            card_of(model).begin_run()

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
            for place, op in enumerate(values_of(item))
            if isinstance(op, UpdateOp)
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
                home.build_optimizer(optimizer, model)
                home.load_optimizer_state(optimizer, saved["optimizers"][phase])
            card.load_state_dict(saved["card"])
        for slot, item in enumerate(self.ops):
            for place, op in enumerate(values_of(item)):
                if isinstance(op, UpdateOp):
                    op.load_state_dict(state["ops"][f"{slot}.{place}"])

    def fe_summary(self) -> list[str]:
        """One line for each part, for reports."""
        return [
            *(f"model: {card_of(model).name}" for model in self.models),
            *(f"op: {type(op).__name__}" for item in self.ops for op in values_of(item)),
        ]


class Step:
    """One step of a network under a plan.

    Args:
        plan: The plan.

    Attributes:
        epoch: Epoch in force.
        eager: Whether TensorFlow works op by op instead of by graph.
    """

    def __init__(self, plan: NetworkPlan) -> None:
        self.plan = plan
        self.calls = [_call(slot, op) for slot, op in plan.ops]
        tail = 0
        while tail < len(plan.ops) and isinstance(plan.ops[-1 - tail][1], UpdateOp):
            tail += 1
        # updates at the end wait for one another: all gradients are taken before a parameter moves
        self.head = len(self.calls) - tail if tail > 1 else len(self.calls)
        self.epoch = 1
        self.eager = False
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

    def dry(self, batch: dict[str, Any]) -> dict[str, Any]:
        """The same without moving a parameter."""
        raise NotImplementedError

    def run(self, store: dict[str, Any], state: dict[str, Any]) -> None:
        """Run the calls on a dictionary, in place."""
        for call in self.calls[: self.head]:
            call(store, state)
        if self.head < len(self.calls):
            state["defer"] = True
            for call in self.calls[self.head :]:
                call(store, state)
        for steps in state["deferred"].values():
            for step in steps:
                step()

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


def _left_behind(ops: Iterable[_Slot]) -> list[str]:
    made: dict[str, None] = {}
    for _, op in ops:
        made.update(dict.fromkeys(op.outputs))
        for key in op.deletes:
            made.pop(key, None)
    return list(made)


def _call(slot: int, op: Op) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    """An op as a function of (store, state), with reading and writing settled beforehand."""
    forward, inputs, outputs, deletes = op.forward, op.inputs, op.outputs, op.deletes  # type: ignore[attr-defined]
    single_in = inputs[0] if inputs and not op.in_list else None
    single_out = outputs[0] if outputs and not op.out_list else None

    def call(store: dict[str, Any], state: dict[str, Any]) -> None:
        data = store[single_in] if single_in is not None else [store[key] for key in inputs] if inputs else None
        try:
            values = forward(data, state)
        except Exception as err:
            _annotate(err, slot, op, data, state)
            raise
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


def _annotate(err: Exception, slot: int, op: Op, data: Any, state: dict[str, Any]) -> None:
    """Add to an error which op it came from and what the op was given."""
    values = data if op.in_list and data is not None else [data]
    given = ", ".join(f"{key} {_kind(value)}" for key, value in zip(op.inputs, values, strict=False))
    note = (
        f"in op #{slot} {type(op).__name__} of the Network (mode {state.get('mode')!r}, epoch {int(state.get('epoch', 0))}), given: "
        f"{given or 'nothing'}"
    )
    if note not in getattr(err, "__notes__", []) and hasattr(err, "add_note"):
        err.add_note(note)


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


def _check_kinds(items: list[Any], kind: type, place: str, hint: str) -> None:
    for index, item in enumerate(items):
        for op in values_of(item):
            if not isinstance(op, kind):
                raise ConfigError(
                    f"op #{index} of {place} must be a {kind.__name__}, got {type(op).__name__}: {op!r:.100}"
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
