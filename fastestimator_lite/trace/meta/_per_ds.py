"""per_ds: a metric for each data set besides the one for all of them together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar, cast

from fastestimator_lite.component import When
from fastestimator_lite.trace.trace import PerDSTrace, Trace
from fastestimator_lite.util.data import Data

TraceT = TypeVar("TraceT", bound=Trace)


def per_ds(clz: type[TraceT]) -> type[TraceT]:
    """Let a metric also be computed for each named data set alone; a decorator of Trace classes.

    Besides `<output>` for all data sets of an epoch, the trace writes `<output>|<ds_id>` for each one that has a name.
    Data sets without a name cost nothing. An instance whose attribute `per_ds` is False does not do it.

    Args:
        clz: A Trace that starts anew at on_epoch_begin, gathers at on_batch_end, and writes at on_epoch_end. It must be
            possible to call it again with the same arguments: each data set gets an instance of its own.

    Returns:
        The class under the same name, and with the same arguments.
    """
    body: dict[str, Any] = {name: getattr(clz, name) for name in ("__module__", "__qualname__", "__doc__")}
    if clz.on_batch_begin is not Trace.on_batch_begin:  # a hook that is there is called in every step
        body["on_batch_begin"] = _on_batch_begin
    return cast("type[TraceT]", type(clz.__name__, (_Each, clz), body))


class _Each(PerDSTrace):
    """What `per_ds` puts before a class: a twin for each named data set, which is shown its batches."""

    per_ds: bool = True
    # never changed in place, so that instances do not share them
    _twins: dict[str, Trace] = {}
    _met: dict[str, Trace] = {}
    _now: str | None = None

    def get_outputs(self, ds_ids: Iterable[str]) -> list[str]:
        outputs = super().get_outputs(ds_ids)
        names = [ds_id for ds_id in ds_ids if ds_id and self.per_ds and self.runs_at(When(ds_id=ds_id))]
        return [*outputs, *(f"{key}|{ds_id}" for key in outputs for ds_id in names)]

    def on_begin(self, data: Data) -> None:
        super().on_begin(data)
        for ds_id, twin in self._twins.items():
            twin.on_begin(_DataOf(data, ds_id))

    def on_epoch_begin(self, data: Data) -> None:
        super().on_epoch_begin(data)
        self._met = {}

    def on_ds_begin(self, data: Data) -> None:
        super().on_ds_begin(data)
        ds_id = self.system.ds_id
        if not (self.per_ds and ds_id):
            return
        if ds_id not in self._twins:
            self._add_twin(ds_id)
            self._twins[ds_id].on_begin(_DataOf(data, ds_id))
        self._now = ds_id
        self._met = {**self._met, ds_id: self._twins[ds_id]}
        twin = self._twins[ds_id]
        twin.system = self.system
        twin.on_epoch_begin(_DataOf(data, ds_id))
        cast("PerDSTrace", twin).on_ds_begin(_DataOf(data, ds_id))

    def on_batch_end(self, data: Data) -> None:
        super().on_batch_end(data)
        if self._now is not None:
            self._met[self._now].on_batch_end(_DataOf(data, self._now))

    def on_ds_end(self, data: Data) -> None:
        super().on_ds_end(data)
        if self._now is not None:
            cast("PerDSTrace", self._met[self._now]).on_ds_end(_DataOf(data, self._now))
            self._now = None

    def on_epoch_end(self, data: Data) -> None:
        super().on_epoch_end(data)
        for ds_id, twin in self._met.items():
            twin.on_epoch_end(_DataOf(data, ds_id))

    def on_end(self, data: Data) -> None:
        super().on_end(data)
        for ds_id, twin in self._twins.items():
            twin.on_end(_DataOf(data, ds_id))

    def _add_twin(self, ds_id: str) -> None:
        args, kwargs = self.made_with
        twin = type(self)(*args, **kwargs)
        twin.per_ds = False
        self._twins = {**self._twins, ds_id: twin}

    def state_dict(self) -> dict[str, Any]:
        return {"all": super().state_dict(), "each": {ds_id: twin.state_dict() for ds_id, twin in self._twins.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state["all"])
        for ds_id, each in state["each"].items():
            if ds_id not in self._twins:
                self._add_twin(ds_id)
            self._twins[ds_id].load_state_dict(each)


def _on_batch_begin(self: Any, data: Data) -> None:
    super(_Each, self).on_batch_begin(data)
    if self._now is not None:
        self._met[self._now].on_batch_begin(_DataOf(data, self._now))


class _DataOf(Data):
    """Data as the trace of one data set sees it: all keys to read, and what it writes gets `|<ds_id>` behind its key.

    Args:
        data: What is really read and written.
        ds_id: Id of the data set.
    """

    __slots__ = ("_ds_id", "_home")

    def __init__(self, data: Data, ds_id: str) -> None:
        super().__init__(data)
        self._home = data
        self._ds_id = ds_id

    def write_with_log(self, key: str, value: Any) -> None:
        self[key] = value
        self._home.write_with_log(f"{key}|{self._ds_id}", value)

    def write_without_log(self, key: str, value: Any) -> None:
        self[key] = value
        self._home.write_without_log(f"{key}|{self._ds_id}", value)

    def write_per_instance_log(self, key: str, value: Any) -> None:
        self[key] = value
        self._home.write_per_instance_log(f"{key}|{self._ds_id}", value)

    def read_logs(self) -> dict[str, Any]:
        return self._home.read_logs()

    def read_per_instance_logs(self) -> dict[str, Any]:
        return self._home.read_per_instance_logs()
