"""NumpyOp: a step of work on samples or batches of numpy arrays, and the ops every pipeline may need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from fastestimator_lite.backend.determinism import seed_host
from fastestimator_lite.op.op import Op, get_inputs_by_op, write_outputs_by_op
from fastestimator_lite.schedule.schedule import Scheduler, values_of, words_for_epoch
from fastestimator_lite.types import FilteredData, Keys
from fastestimator_lite.util.errors import ConfigError


class NumpyOp(Op):
    """A step of work on one sample, or on a whole batch after a `Batch` op.

    A subclass writes `forward`. What it returns must not depend on earlier calls: samples are worked on in any order
    and in several processes. An op that draws random numbers gets `reseed` called before each sample, with a seed that
    depends on the run seed, the epoch, the draw and the op alone, so that batches are the same for any number of
    workers.

    Args:
        inputs, outputs, mode, ds_id: Keys in, keys out, and when to run; see `Op`.

    Attributes:
        vectorized: Whether `forward_batch` does to a batch exactly what `forward` does to each of its rows. The
            pipeline then runs it on whole batches wherever it stands.
        draws: Whether the op draws random numbers. An op of your own may set it to False to save the reseeding.
    """

    vectorized: bool = False
    draws: bool = True

    def forward(self, data: Any, state: dict[str, Any]) -> Any:
        """Work on one sample.

        Args:
            data: The value of a single string input, or a list of values. Arrays may be read-only: an op that edits its
                input in place is run again on a copy.
            state: "mode", "epoch" and "ds_id" of the moment.

        Returns:
            One value for a string output, a sequence for a list; or a `FilteredData` to drop the sample.
        """
        return data

    def forward_batch(self, data: Any, state: dict[str, Any]) -> Any:
        """Work on a batch: `forward` on each row, stacked again.

        Args:
            data: As for `forward`, each value with a leading batch axis.
            state: As for `forward`.

        Returns:
            As `forward`, each value with a leading batch axis.
        """
        columns = data if self.in_list else [data]
        rows = zip(*columns, strict=True)
        results = [self.forward(list(row) if self.in_list else row[0], state) for row in rows]
        if any(result is None for result in results):
            return None
        if self.out_list:
            return [np.array(column) for column in zip(*results, strict=True)]
        return np.array(results)

    def reseed(self, seed: int) -> None:
        """Fix what the op will draw next.

        The base class seeds the global generators (see `seed_host`), which code of unknown kind may use; an op with a
        generator of its own overrides this.

        Args:
            seed: Any int in [0, 2**64).
        """
        seed_host(seed)


class RandomOp(NumpyOp):
    """A NumpyOp that draws from a generator of its own, `self.rng`."""

    _rng: np.random.Generator | None = None

    @property
    def rng(self) -> np.random.Generator:
        """The generator to draw from; before the first `reseed` it starts from the operating system's entropy."""
        if self._rng is None:
            self._rng = np.random.Generator(np.random.Philox())
        return self._rng

    def reseed(self, seed: int) -> None:
        # setting the state of a Philox takes a sixth of the time that building one does
        bits = self.rng.bit_generator
        bits.state = {
            "bit_generator": "Philox",
            "state": {"counter": np.zeros(4, np.uint64), "key": np.array([seed, 0], np.uint64)},
            "buffer": np.zeros(4, np.uint64),
            "buffer_pos": 4,
            "has_uint32": 0,
            "uinteger": 0,
        }

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_rng"}


class Batch(NumpyOp):
    """Where samples become batches; what follows in the list of ops works on batches.

    Without a Batch op, batching comes last.

    Args:
        batch_size: Samples in a batch, an int >= 1 or a Scheduler of ints; None for the Pipeline's.
        drop_last: Whether a last batch with fewer samples is left out.
        pad_value: Fills arrays of unequal shapes up to the largest of the batch; None makes unequal shapes an error.
        collate_fn: Turns a list of sample dictionaries into a batch dictionary; None stacks arrays.
        mode, ds_id: When to run; see `Op`. At most one Batch op may run at any moment.

    Raises:
        ConfigError: If `batch_size` is not a positive int, or both `pad_value` and `collate_fn` are given.
    """

    draws = False

    def __init__(
        self,
        batch_size: int | Scheduler[int] | None = None,
        drop_last: bool = False,
        pad_value: float | None = None,
        collate_fn: Callable[[list[dict[str, Any]]], dict[str, Any]] | None = None,
        mode: Keys = None,
        ds_id: Keys = None,
    ) -> None:
        super().__init__(mode=mode, ds_id=ds_id)
        for size in values_of(batch_size):
            check_batch_size(size, f"Batch(batch_size){words_for_epoch(batch_size, size)}")
        if pad_value is not None and collate_fn is not None:
            raise ConfigError("Batch: pad_value and collate_fn cannot both be given; pad inside collate_fn")
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.pad_value = pad_value
        self.collate_fn = collate_fn


class Delete(NumpyOp):
    """Forget keys, so that they are not carried further.

    Args:
        keys: Key or keys to delete.
        mode, ds_id: When to run; see `Op`.
    """

    vectorized = True
    draws = False

    def __init__(self, keys: str | Sequence[str], mode: Keys = None, ds_id: Keys = None) -> None:
        super().__init__(inputs=keys, mode=mode, ds_id=ds_id)

    @property
    def deletes(self) -> list[str]:
        return self.inputs

    def forward(self, data: Any, state: dict[str, Any]) -> None:
        return None

    def forward_batch(self, data: Any, state: dict[str, Any]) -> None:
        return None


class LambdaOp(NumpyOp):
    """Run a function as an op.

    Args:
        fn: Takes the value of each input as an argument of its own and returns one value for each output.
        inputs, outputs, mode, ds_id: Keys in, keys out, and when to run; see `Op`.
    """

    def __init__(
        self, fn: Callable[..., Any], inputs: Keys = None, outputs: Keys = None, mode: Keys = None, ds_id: Keys = None
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        if not callable(fn):
            raise ConfigError(f"LambdaOp(fn) must be a function, got {fn!r}")
        self.fn = fn

    def set_rua_level(self, magnitude_coef: float) -> None:
        """Accept the level of a surrounding RUA; a function has no level.

        Args:
            magnitude_coef: Level in [0, 1], not used.
        """

    def forward(self, data: Any, state: dict[str, Any]) -> Any:
        if not self.inputs:
            return self.fn()
        return self.fn(*data) if self.in_list else self.fn(data)


class RemoveIf(NumpyOp):
    """Drop the samples for which a function says so.

    Args:
        fn: Takes the value of each input as an argument of its own; true drops the sample. After a `Batch` op it sees
            batches, and true drops the batch.
        replacement: Whether, in mode "train", another sample is drawn in its place; else the batch gets smaller.
        inputs: Key or keys for `fn`.
        mode, ds_id: When to run; see `Op`.
    """

    def __init__(
        self,
        fn: Callable[..., bool],
        replacement: bool = True,
        inputs: Keys = None,
        mode: Keys = None,
        ds_id: Keys = None,
    ) -> None:
        super().__init__(inputs=inputs, mode=mode, ds_id=ds_id)
        if not callable(fn):
            raise ConfigError(f"RemoveIf(fn) must be a function, got {fn!r}")
        self.fn = fn
        self.filtered = FilteredData(replacement=replacement)

    def forward(self, data: Any, state: dict[str, Any]) -> FilteredData | None:
        arguments = data if self.in_list else [data]
        return self.filtered if self.fn(*(arguments or [])) else None

    def forward_batch(self, data: Any, state: dict[str, Any]) -> FilteredData | None:
        return self.forward(data, state)


def forward_numpyop(
    ops: Iterable[NumpyOp], data: dict[str, Any], state: dict[str, Any], batched: str | None = None, shared: bool = True
) -> FilteredData | None:
    """Run ops on a dictionary, in place.

    Args:
        ops: The ops, in order.
        data: One sample, or a batch.
        state: "mode" and "epoch" of the moment.
        batched: None for one sample; "np", "torch" or "tf" for a batch, whose tensors are handed to the ops as arrays
            and turned back.
        shared: Accepted as in 1.x; the data is always edited in place.

    Returns:
        The `FilteredData` that stopped the chain, or None.
    """
    if batched in ("torch", "tf"):
        raise ConfigError("forward_numpyop works on numpy batches; convert with backend.to_tensor(data, 'np') first")
    for op in ops:
        outcome = apply_op(op, data, state, batched is not None)
        if outcome is not None:
            return outcome
    return None


def apply_op(
    op: NumpyOp, data: dict[str, Any], state: dict[str, Any], batched: bool, seed: int | None = None
) -> FilteredData | None:
    """Run one op on a sample or batch, in place.

    Args:
        op: The op.
        data: A sample or batch, changed in place.
        state: "mode", "epoch" and "ds_id" of the moment.
        batched: Whether `data` is a batch.
        seed: Fixes what the op draws; None leaves its generator as it is.

    Returns:
        The `FilteredData` that the op returned, or None.
    """
    run = op.forward_batch if batched else op.forward
    inputs = get_inputs_by_op(op, data)
    if seed is not None and op.draws:
        op.reseed(seed)
    try:
        outputs = run(inputs, state)
    except ValueError as err:
        if "read-only" not in str(err):
            raise
        if seed is not None and op.draws:
            op.reseed(seed)  # the first try may have drawn
        outputs = run(_copied(inputs), state)  # it edits its input, which belongs to the data set
    if isinstance(outputs, FilteredData):
        return outputs
    if op.outputs:
        if batched and outputs is None:
            raise ConfigError(
                f"{type(op).__name__} returned None for its outputs {op.outputs}; does its forward end with a return?"
            )
        write_outputs_by_op(op, data, outputs)
    for key in op.deletes:
        del data[key]
    return None


def _copied(inputs: Any) -> Any:
    if isinstance(inputs, list):
        return [_copied(value) for value in inputs]
    return inputs.copy() if isinstance(inputs, np.ndarray) else inputs


def check_batch_size(size: Any, where: str) -> None:
    """Check one batch size.

    Raises:
        ConfigError: If it is not an int >= 1 (a bool is no size).
    """
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)):
        raise ConfigError(f"{where} must be an int >= 1, got {size!r} ({type(size).__name__})")
    if size < 1:
        raise ConfigError(f"{where} must be an int >= 1, got {size}")
