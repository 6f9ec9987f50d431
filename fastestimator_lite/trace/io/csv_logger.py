"""CSVLogger: the log of a run as a table that any program reads."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastestimator_lite.backend.convert import to_number
from fastestimator_lite.trace.essential import is_logged
from fastestimator_lite.trace.io._folder import check_folder
from fastestimator_lite.trace.trace import Stage, Trace
from fastestimator_lite.types import Keys
from fastestimator_lite.util.atomic import replacing
from fastestimator_lite.util.errors import ConfigError, suggest
from fastestimator_lite.util.log import warn
from fastestimator_lite.util.names import check_io_names, to_list

if TYPE_CHECKING:
    from fastestimator_lite.util.data import Data

_INSTANCE = "instance_id"
_MOMENT = ("mode", "step", "epoch")


class CSVLogger(Trace):
    """Write what a run logs to a CSV file: a row for each logged training step and for each epoch of a mode.

    Columns are "mode", "step", "epoch", then a key each. A key that shows up later gets a column at the end. The file
    is whole after each row, so it may be read, or the run killed, at any time. A new run starts a new file; a test
    after it, and a resumed run, go on in the same.

    Args:
        filename: The file; its folder is made if missing.
        monitor_names: Keys to write, in this order; None for all that are logged. A key that nobody logs is written at
            logged steps with its value in the batch.
        instance_id_key: Key of the samples' ids, shape (B,) or (B, 1); with it, each sample for which a trace writes
            something gets a row of its own, with its id in the column "instance_id".
        mode: When to run; see `Op`.

    Raises:
        ConfigError: If `filename` is no file name; at the start of training, if it cannot be written to.
    """

    stage = Stage.LAST

    def __init__(
        self,
        filename: str | os.PathLike[str],
        monitor_names: Keys = None,
        instance_id_key: str | None = None,
        mode: Keys = None,
    ) -> None:
        names = check_io_names([name.replace("|", "") for name in to_list(monitor_names)])
        # what is chosen by name may be something that only this trace reads, so everything must be kept for it
        super().__init__(inputs="*" if names else instance_id_key, mode=mode)
        if not isinstance(filename, (str, os.PathLike)) or not os.fspath(filename):
            raise ConfigError(f"CSVLogger(filename) must be the name of a file, got {filename!r}")
        self.filename = os.fspath(filename)
        self.instance_id_key = instance_id_key
        self.monitor_names = to_list(monitor_names)
        self._fixed = [*([_INSTANCE] if instance_id_key else []), *_MOMENT]
        self._columns: list[str] = [*self._fixed, *self.monitor_names]
        self._rows = 0
        self._begun = False
        self._seen: set[str] = set()
        self._offered: set[str] = set()

    def check(self) -> None:
        if Path(self.filename).is_dir():
            raise ConfigError(f"CSVLogger(filename) must be the name of a file, got the folder {self.filename!r}")
        check_folder(Path(self.filename).parent, "CSVLogger(filename): its folder")

    def on_begin(self, data: Data) -> None:
        if self._begun and self.system.epoch_idx:  # a test after training, or a resumed run
            return
        self._begun, self._rows = True, 0
        self._columns = [*self._fixed, *self.monitor_names]
        self._rewrite([])

    def needs_step(self, step: int) -> bool:
        return bool(self.instance_id_key) or is_logged(step, self.system.log_steps)

    def on_batch_end(self, data: Data) -> None:
        if self.instance_id_key:
            self._write_instances(data)
        if self.system.mode == "train" and is_logged(self.system.global_step, self.system.log_steps):
            unlogged = {name: data[name] for name in self.monitor_names if name in data}
            self._write([self._chosen({**unlogged, **data.read_logs()})])

    def on_epoch_end(self, data: Data) -> None:
        self._write([self._chosen(data.read_logs())])

    def on_end(self, data: Data) -> None:
        for name in sorted(set(self.monitor_names) - self._seen):
            warn(
                f"CSVLogger(monitor_names) asks for {name!r}, which nothing ever logged; its column in "
                f"{self.filename} is empty.{suggest(name, self._offered)}"
            )

    def _chosen(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values to write, by column, in the order of columns."""
        self._offered.update(values)
        names = [name for name in self.monitor_names if name in values] if self.monitor_names else values
        self._seen.update(names)
        return {name: _cell(values[name]) for name in names}

    def _write_instances(self, data: Data) -> None:
        logs = data.read_per_instance_logs()
        self._offered.update(logs)
        names = [name for name in (self.monitor_names or logs) if name in logs]
        if not names:
            return
        self._seen.update(names)
        ids = _entries(data[self.instance_id_key or ""])
        values = {name: _entries(logs[name]) for name in names}
        for name, entries in values.items():
            if len(entries) != len(ids):
                raise ConfigError(
                    f"CSVLogger: {name!r} has {len(entries)} values for the {len(ids)} ids in "
                    f"{self.instance_id_key!r}; write_per_instance_log takes one value per sample"
                )
        self._write(
            [
                {_INSTANCE: _cell(number), **{name: _cell(values[name][i]) for name in names}}
                for i, number in enumerate(ids)
            ]
        )

    def _write(self, rows: Sequence[dict[str, Any]]) -> None:
        """Append rows; rows with nothing in them are left out."""
        rows = [row for row in rows if row]
        if not rows:
            return
        new = [name for row in rows for name in row if name not in self._columns]
        if new or not Path(self.filename).exists():
            self._columns += dict.fromkeys(new)
            self._rewrite(self._read())
        moment = dict(zip(_MOMENT, (self.system.mode, self.system.global_step, self.system.epoch_idx), strict=True))
        # one write call: a kill leaves the row whole or not there
        with Path(self.filename).open("a", encoding="utf-8", newline="") as file:
            file.write(_lines([[{**moment, **row}.get(name, "") for name in self._columns] for row in rows]))
        self._rows += len(rows)

    def _read(self) -> list[dict[str, str]]:
        """The rows that the file holds, no more than were written as far as this run knows."""
        if not Path(self.filename).exists():
            return []
        with Path(self.filename).open(encoding="utf-8", newline="") as file:
            return [row for row, _ in zip(csv.DictReader(file), range(self._rows), strict=False)]

    def _rewrite(self, rows: Sequence[Mapping[str, str]]) -> None:
        """Put a new file with other columns in the place of the old one."""
        text = _lines([self._columns, *([row.get(name) or "" for name in self._columns] for row in rows)])
        with replacing(self.filename) as temporary:
            temporary.write_bytes(text.encode("utf-8"))
        self._rows = len(rows)

    def state_dict(self) -> dict[str, Any]:
        return {"columns": list(self._columns), "rows": self._rows}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken; rows that were written later are removed."""
        self._columns, self._rows, self._begun = list(state["columns"]), state["rows"], True
        rows = self._read()
        if len(rows) < self._rows:
            warn(
                f"CSVLogger: {self.filename} holds {len(rows)} of the {self._rows} rows that the run had written; it "
                f"goes on after those"
            )
        self._rewrite(rows)


def _lines(rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _entries(values: Any) -> Sequence[Any]:
    """One entry per sample, of a tensor or a list; (B, 1) counts as (B,)."""
    if isinstance(values, (list, tuple)):
        return values
    array = to_number(values)
    return list(array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array)


def _cell(value: Any) -> str:
    """A value as text: numbers in the digits that the log shows, True as 1."""
    if isinstance(value, str):
        return value
    array = to_number(value)
    if array.size != 1:
        return np.array2string(array, separator=",", threshold=max(array.size, 1))
    number = array.reshape(-1)[0]
    return str(int(number)) if array.dtype.kind == "b" else str(number)
