"""NetworkPlan: what is in force in a network at a moment, and which keys that needs and gives."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from fastestimator_lite.op.tensorop.model.update import UpdateOp
from fastestimator_lite.slicer.slicer import Slicer
from fastestimator_lite.util.errors import ConfigError, MissingKeyError, suggest

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
        slicers: Slicers with their positions; none where nothing is cut.
    """

    mode: str
    ds_id: str
    ops: tuple[_Slot, ...]
    pops: tuple[_Slot, ...]
    wanted: frozenset[str] | None
    optimizers: tuple[tuple[str, Any], ...]
    baked: tuple[Any, ...] = ()
    slicers: tuple[_Slot, ...] = ()

    @property
    def identity(self) -> tuple[Any, ...]:
        """Equal for two plans that do the same work."""
        ops = tuple((slot, id(op)) for slot, op in (*self.ops, *self.pops))
        optimizers = tuple((name, id(one)) for name, one in self.optimizers)
        slicers = tuple((slot, id(slicer)) for slot, slicer in self.slicers)
        return (self.mode, self.ds_id, ops, self.wanted, optimizers, self.baked, slicers)

    @property
    def updates(self) -> list[UpdateOp]:
        """The ops that train a model."""
        return [part for _, op in self.ops for part in op.parts() if isinstance(part, UpdateOp)]

    def input_keys(self) -> set[str]:
        """Keys that the slicers cut, or that the ops read and no earlier op wrote."""
        made: set[str] = set()
        needed = {key for _, slicer in self.slicers for key in slicer.slice_inputs}
        for _, op in (*self.ops, *self.pops):
            needed.update(key for key in op.inputs if key not in made)
            made.update(op.outputs)
        return needed

    def output_keys(self) -> list[str]:
        """Keys that the ops leave behind, postprocessing included."""
        return _left_behind((*self.ops, *self.pops))

    def written_keys(self) -> list[str]:
        """Keys that the TensorOps leave behind."""
        return _left_behind(self.ops)

    def kept_keys(self) -> list[str]:
        """Keys that the TensorOps leave behind and that somebody reads: the postprocessing, or who comes after."""
        return [key for key in _left_behind(self.ops) if self._is_read(key)]

    def _is_read(self, key: str) -> bool:
        """Whether somebody reads a key after the TensorOps."""
        return self.wanted is None or key in self.wanted or any(key in op.inputs for _, op in self.pops)

    def joins(self) -> dict[str, Slicer]:
        """The slicer that joins each key that is there in minibatches and that somebody reads.

        Raises:
            ConfigError: If several slicers cut or join one key, or none joins a key that somebody reads.
        """
        cut = self._by_key("slice_inputs", "cut")
        joining = self._by_key("unslice_inputs", "join")
        made = self.kept_keys()
        lost = [key for key in made if key not in joining]
        if lost:
            readers = "" if self.wanted is not None else "; all keys are asked for"
            raise ConfigError(
                f"the Network cuts batches into minibatches{self._moment()}, and no slicer joins {', '.join(map(repr, lost))}, "
                f"which somebody reads afterwards{readers}; name {'them' if len(lost) > 1 else 'it'} in unslice, such as "
                f"MeanUnslicer({lost[0]!r})"
            )
        return {key: joining[key] for key in (*made, *(key for key in cut if key in joining and self._is_read(key)))}

    def _by_key(self, attribute: str, what: str) -> dict[str, Slicer]:
        found: dict[str, tuple[int, Slicer]] = {}
        for slot, slicer in self.slicers:
            for key in getattr(slicer, attribute):
                if key in found:
                    other, first = found[key]
                    raise ConfigError(
                        f"slicer #{other} {type(first).__name__} and slicer #{slot} {type(slicer).__name__} of the Network "
                        f"both {what} key {key!r}{self._moment()}; give it to one of them, or let them run at different "
                        f"moments (mode, ds_id)"
                    )
                found[key] = slot, slicer
        return {key: slicer for key, (_, slicer) in found.items()}

    def _moment(self) -> str:
        return f" (mode {self.mode!r}{f', ds_id {self.ds_id!r}' if self.ds_id else ''})"

    def keys_of_batch(self) -> set[str] | None:
        """Keys that a batch must bring: for the ops, and for who reads after the step; None for all."""
        if self.wanted is None:
            return None
        return self.input_keys() | (self.wanted - set(self.output_keys()))

    def check_keys(self, batch_keys: Iterable[str]) -> None:
        """Check that every slicer and every op finds its keys.

        Args:
            batch_keys: Keys of a batch.

        Raises:
            MissingKeyError: It names the slicer or op, the key, where present keys come from, and a likely fix.
        """
        origin = dict.fromkeys(batch_keys, "the Pipeline")
        for slot, slicer in self.slicers:
            for key in slicer.slice_inputs:
                if key not in origin:
                    raise MissingKeyError(
                        f"slicer #{slot} {type(slicer).__name__} of the Network cuts key {key!r}{self._moment()}, which no "
                        f"batch brings; batches are cut before any op runs, and have: "
                        f"{', '.join(map(repr, origin)) or 'none'}.{suggest(key, origin)}"
                    )
        for slot, op in (*self.ops, *self.pops):
            for key in op.inputs:
                if key not in origin:
                    name = f"{type(op).__name__}(loss_name={key!r})" if isinstance(op, UpdateOp) else type(op).__name__
                    there = ", ".join(f"{known!r} (from {source})" for known, source in origin.items())
                    raise MissingKeyError(
                        f"op #{slot} {name} of the Network needs key {key!r}{self._moment()}; at that point "
                        f"there are: {there or 'none'}.{suggest(key, origin)}"
                    )
            origin.update(dict.fromkeys(op.outputs, f"op #{slot} {type(op).__name__}"))
            for key in op.deletes:
                origin.pop(key, None)


def _left_behind(ops: Iterable[_Slot]) -> list[str]:
    made: dict[str, None] = {}
    for _, op in ops:
        made.update(dict.fromkeys(op.outputs))
        for key in op.deletes:
            made.pop(key, None)
    return list(made)
