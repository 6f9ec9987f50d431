"""Where samples come from: what the sources have in common.

There is one for data sets by index (`indexed_source`), one for data sets that give batches (`grouped_source`) and one for
streams that can only be gone through (`streamed_source`). A source says which samples are in a batch, reads them, and finds
others in the place of filtered ones. The randomness of an epoch is a function of (seed, mode, data set, epoch, draw), see
`randomness`, so every process finds the same samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableSequence, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastestimator_lite.backend.determinism import seed_host
from fastestimator_lite.dataset.dataset import FEDataset
from fastestimator_lite.pipeline.randomness import ORDER, READ, Stream
from fastestimator_lite.util.errors import ConfigError, DataError, SampleError

if TYPE_CHECKING:
    from fastestimator_lite.pipeline.plan import LoaderPlan


class Drawn(NamedTuple):
    """The raw samples of a batch.

    Attributes:
        draws: Number of each draw in the epoch; what ops draw at random hangs on it.
        indices: Where each sample lies in the data set, for messages.
        columns: By key an array (B, ...), or a list of B values.
    """

    draws: Sequence[int]
    indices: Sequence[int]
    columns: dict[str, Any]


class Source:
    """Base of the sources.

    Args:
        plan: The plan.
        stream: The random numbers of the epoch.
        shuffle: Whether samples come in random order.
        note: Where to write what is being read; see `BatchMaker`.
    """

    def __init__(self, plan: LoaderPlan, stream: Stream, shuffle: bool, note: MutableSequence[int]) -> None:
        self.plan, self.stream, self.shuffle, self.note = plan, stream, shuffle, note
        self.dataset = plan.dataset
        # a data set with an order of its own is told when a round begins
        own = getattr(type(plan.dataset), "fe_reset_ds", FEDataset.fe_reset_ds)
        self._has_rounds = own is not FEDataset.fe_reset_ds
        self._round = -1
        self.at_end = False  # whether a stream has ended
        default = not isinstance(plan.dataset, list)  # a class of unknown kind may draw when a sample is read
        self.draws_on_read = bool(getattr(plan.dataset, "draws", default))

    def batch(self, step: int) -> Drawn | None:
        """Read the samples of a batch; None when there are no more.

        Args:
            step: Number of the batch in the epoch, from 0.
        """
        raise NotImplementedError

    def one(self, draw: int) -> Drawn:
        """Read the sample of one draw.

        Args:
            draw: Number of the draw in the epoch, from 0.
        """
        raise NotImplementedError

    def others(self, draw: int) -> Iterator[tuple[int, dict[str, Any]]]:
        """Samples, with their indices, to take the place of a filtered one, in an order of this draw's own.

        Args:
            draw: Number of the draw.
        """
        raise NotImplementedError

    def _begin(self, round_: int) -> None:
        """Tell a data set with an order of its own that this round begins, if it has not."""
        if self._has_rounds and round_ != self._round:
            self._round = round_
            self.dataset.fe_reset_ds(shuffle=self.shuffle, seed=self.stream.seed(round_, ORDER) & 0x7FFFFFFF)

    def _seed(self, draw: int) -> None:
        if self.draws_on_read:
            seed_host(self.stream.seed(draw, READ))

    def _read(self, index: int, draw: int) -> Any:
        """What the data set gives for an index; an error names the index."""
        self.note[0], self.note[1] = -1, index
        self._seed(draw)
        try:
            return self.dataset[index]
        except (ConfigError, DataError):
            raise
        except Exception as err:
            raise self.unreadable(index, err) from err

    def unreadable(self, index: int, err: Exception) -> SampleError:
        """The error for a sample that could not be read."""
        noun = "batch" if self.plan.kind == "groups" else "sample"
        return SampleError(
            f"{noun} {index} of the {self.plan.mode} data ({type(self.dataset).__name__}) could not be "
            f"read: {type(err).__name__}: {err}"
        )

    def look(self, index: int) -> Mapping[str, Any]:
        """A sample as it lies in the data set, for a message; nothing where that cannot be had alone."""
        return {}

    def give_back(self) -> None:
        """Undo what a look at the data has done to it."""

    def to_columns(self, rows: Sequence[dict[str, Any]], indices: Sequence[int]) -> dict[str, Any]:
        """Rows as lists of values by key.

        Raises:
            DataError: If their keys differ.
        """
        keys = rows[0].keys()
        for row, index in zip(rows, indices, strict=True):
            if row.keys() != keys:
                raise DataError(
                    f"sample {index} of the {self.plan.mode} data has keys {sorted(row)}, sample {indices[0]} has "
                    f"{sorted(keys)}; all samples need the same keys"
                )
        return {key: [row[key] for row in rows] for key in keys}


def as_row(sample: Any, plan: LoaderPlan, index: int) -> dict[str, Any]:
    """One sample as a fresh dictionary whose arrays are read-only views.

    An op that edits in place must not reach the data set's own array. Tensors and PIL images become arrays.

    Raises:
        ConfigError: If the data set gives anything but a dictionary with string keys.
    """
    if not isinstance(sample, Mapping) or not all(isinstance(key, str) for key in sample):
        shown = f"a dict with keys {list(sample)}" if isinstance(sample, Mapping) else f"a {type(sample).__name__}"
        raise ConfigError(
            f"sample {index} of the {plan.mode} data ({type(plan.dataset).__name__}) is {shown}; a sample "
            f"must be a dict of named values, such as {{'x': image, 'y': label}}"
        )
    row = dict(sample)
    for key, value in row.items():
        if isinstance(value, np.ndarray):
            if value.flags.writeable:
                value = value.view()
                value.flags.writeable = False
                row[key] = value
        elif hasattr(value, "__array__") and not isinstance(value, np.generic):
            array = np.asarray(value)
            if array.dtype != object:
                row[key] = array
    return row
