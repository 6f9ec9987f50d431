"""Op: one step of work on a dictionary of data, and how it reads and writes that dictionary."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import Any

from fastestimator_lite.component import Component
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError


class Op(Component):
    """A step of work with keys in and keys out.

    Args:
        inputs: Key or keys to read. One key given as a string reaches `forward` as the bare value, several (or a list
            of one) as a list.
        outputs: Key or keys to write. For a string `forward` returns the bare value, for a list a sequence.
        mode: When to run: "train", "eval", "test", "infer", several of them, or "!infer" for all but; None for all.
        ds_id: Data sets to run for, by id, or "!id" for all but; None for all.

    Raises:
        ConfigError: If a key, a mode or an id is not well formed.
    """

    in_list: bool
    out_list: bool

    def __init__(self, inputs: Keys = None, outputs: Keys = None, mode: Keys = None, ds_id: Keys = None) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        if self.inputs == ["*"]:
            raise ConfigError(f"{type(self).__name__}: inputs='*' is for traces; an op names its keys")
        self.in_list = not isinstance(inputs, str)
        self.out_list = not isinstance(outputs, str)

    @property
    def deletes(self) -> list[str]:
        """Keys that are gone once the op has run."""
        return []


def get_inputs_by_op(op: Op, store: MutableMapping[str, Any], copy_on_write: bool = False) -> Any:
    """Read an op's inputs.

    Args:
        op: The op.
        store: The data dictionary.
        copy_on_write: Accepted as in 1.x; the pipeline protects its data in another way (see `NumpyOp`).

    Returns:
        The bare value for a single string key, a list for several, None without inputs.

    Raises:
        KeyError: If a key is not in `store`.
    """
    if not op.inputs:
        return None
    if op.in_list:
        return [store[key] for key in op.inputs]
    return store[op.inputs[0]]


def write_outputs_by_op(op: Op, store: MutableMapping[str, Any], outputs: Any) -> None:
    """Write what an op returned.

    Args:
        op: The op.
        store: The data dictionary, changed in place.
        outputs: The bare value if the op's outputs were given as a string, else one value for each output.

    Raises:
        ConfigError: If the number of values is not the number of outputs.
    """
    if not op.out_list:
        store[op.outputs[0]] = outputs
        return
    if type(outputs) is list and len(outputs) == len(op.outputs):  # by far the usual case
        store.update(zip(op.outputs, outputs, strict=True))
        return
    if not isinstance(outputs, Sequence) and len(op.outputs) == 1 and not _is_sized_array(outputs):
        outputs = [outputs]
    sized = hasattr(outputs, "__len__")
    if not sized or len(outputs) != len(op.outputs):
        came = f"{len(outputs)} values" if sized else "None" if outputs is None else f"one {type(outputs).__name__}"
        raise ConfigError(f"{type(op).__name__}.forward returned {came} for {len(op.outputs)} outputs {op.outputs}")
    for key, value in zip(op.outputs, outputs, strict=True):
        store[key] = value


def _is_sized_array(value: Any) -> bool:
    shape = getattr(value, "shape", None)
    return shape is not None and len(shape) > 0
