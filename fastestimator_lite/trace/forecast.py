"""Forecast: what every part of a run will be at each epoch, found by asking and without running anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.optimizer import param_groups
from fastestimator_lite.component import When
from fastestimator_lite.op.tensorop.model.update import UpdateOp
from fastestimator_lite.schedule.course import Course, is_close
from fastestimator_lite.schedule.schedule import Calendar, select, value_at, values_of
from fastestimator_lite.schedule.timeline import Stretch, Timeline
from fastestimator_lite.schedule.words import Names, optimizer_name
from fastestimator_lite.trace.trace import Trace

if TYPE_CHECKING:
    from fastestimator_lite.pipeline.plan import LoaderPlan
    from fastestimator_lite.summary.system import System

_MOST_STRETCHES = 200  # a table longer than this is cut: nobody reads on
_MODES = ("train", "eval")
_Pair = tuple[Any, Any]


class Forecast:
    """What a run will be.

    Args:
        system: The state of the run, whose Pipeline and Network are asked.
        traces: The user's traces and Schedulers of traces.
    """

    def __init__(self, system: System, traces: Sequence[Any]) -> None:
        self.system, self.traces = system, traces
        self.pipeline, self.network = system.pipeline, system.network
        items = [
            item
            for mode in _MODES
            for items in (self.pipeline.get_scheduled_items(mode), self.network.get_scheduled_items(mode))
            for item in items
        ]
        self.calendar = Calendar([*items, *traces], system.total_epochs)
        self._pipeline_names = Names(self.pipeline.ops)
        self._network_names = Names([*self.network.ops, *self.network.postprocessing])
        self._slicer_names = Names(self.network.slicers)
        self._trace_names = Names(traces)
        self._pictures: dict[int, dict[str, str]] = {}
        self._steps: dict[tuple[str, int], int | None] = {}
        self._casts: dict[int, tuple[dict[str, Any], list[Trace]]] = {}
        self._rates: dict[int, _Pair] = {}  # that optimizers have now
        self._planners: set[int] = set()  # the traces that know beforehand what they will set
        self._eval_differs = False  # from the network of training without its updates

    def timeline(self) -> Timeline:
        """What every part and every number is at every epoch."""
        courses = self._courses()
        stretches: list[Stretch] = []
        for first, last in self._runs():
            values = self._picture(first)
            if stretches and stretches[-1].values == values:
                stretches[-1] = Stretch(stretches[-1].first, last, values)
            elif len(stretches) < _MOST_STRETCHES:
                stretches.append(Stretch(first, last, values))
            else:
                break
        if not self._eval_differs:
            stretches = [
                Stretch(
                    one.first, one.last, {part: value for part, value in one.values.items() if part != "eval network"}
                )
                for one in stretches
            ]
        last = stretches[-1].last
        shown = [Course(name, pairs[:last]) for name, pairs in courses.items()]
        return Timeline(stretches, self.system.total_epochs, shown)

    def steps(self, mode: str, epoch: int) -> int | None:
        """Steps of a mode in an epoch, over all of its data sets; None if some data has no known length."""
        key = mode, self.calendar.twin(epoch)
        if key not in self._steps:
            limit = self.system.train_steps_per_epoch if mode == "train" else self.system.eval_steps_per_epoch
            found = [
                self.pipeline.load(When(mode, epoch, ds_id), None, limit).steps
                for ds_id in self.pipeline.get_ds_ids(epoch, mode)
            ]
            known = [one for one in found if one is not None]
            self._steps[key] = sum(known) if len(known) == len(found) else None
        return self._steps[key]

    # ---- the parts

    def _runs(self) -> Iterator[tuple[int, int]]:
        """(first epoch, last epoch) of epochs in a row that have the same picture; neighbours may have the same, too."""
        for first, last in self.calendar.stretches():
            one_period = range(first, min(first + self.calendar.period, last + 1))
            if all(self._picture(epoch) == self._picture(first) for epoch in one_period):
                yield first, last
            else:
                yield from ((epoch, epoch) for epoch in range(first, last + 1))

    def _picture(self, epoch: int) -> dict[str, str]:
        """What each part is at one epoch, in words."""
        twin = self.calendar.twin(epoch)
        if twin not in self._pictures:
            self._pictures[twin] = self._drawn(twin)
        return self._pictures[twin]

    def _drawn(self, epoch: int) -> dict[str, str]:
        picture: dict[str, str] = {}
        for mode in _MODES:
            for ds_id, item in self.pipeline.data.get(mode, {}).items():
                data = value_at(item, epoch)
                picture[f"{mode} data{f' {ds_id}' if ds_id else ''}"] = "-" if data is None else _data_words(data, item)
        plans = {
            mode: [self.pipeline.plan(When(mode, epoch, ds_id)) for ds_id in self.pipeline.get_ds_ids(epoch, mode)]
            for mode in _MODES
            if mode in self.pipeline.data
        }
        picture["batch size"] = _size_words(plans)
        for mode, of_mode in plans.items():
            steps = "-" if not of_mode else self.steps(mode, epoch)
            picture["steps" if mode == "train" else "eval steps"] = "?" if steps is None else str(steps)
        for mode, of_mode in plans.items():
            slots = [(*one.sample_ops, *one.batch_ops) for one in of_mode]
            picture[f"{mode} ops"] = self._chains(self._pipeline_names, slots)
        networks = {mode: [self.network.plan(When(mode, epoch, plan.ds_id)) for plan in plans[mode]] for mode in plans}
        chains = {mode: [(*one.ops, *one.pops) for one in networks[mode]] for mode in plans}
        for mode in plans:
            picture[f"{mode} network"] = self._chains(self._network_names, chains[mode])
        for mode in plans if self.network.slicers else ():
            picture[f"{mode} slicers"] = self._chains(self._slicer_names, [one.slicers for one in networks[mode]])
        same = [[slot for slot in chain if not isinstance(slot[1], UpdateOp)] for chain in chains.get("train", [])]
        self._eval_differs |= any(list(chain) not in same for chain in chains.get("eval", []))
        trained = self._trained(epoch)
        picture["trains"] = (
            ", ".join(
                f"{name} ({optimizer_name(one, self._phases(name))}{self._open_words(name, epoch)})"
                for name, one in sorted(trained.items())
            )
            or "-"
        )
        traces = select(self.traces, When(None, epoch, None))
        picture["traces"] = ", ".join(self._trace_names[trace] for trace in traces) or "-"
        return picture

    def _chains(self, names: Names, chains: Iterable[Sequence[tuple[int, Any]]]) -> str:
        """The ops or slicers of each data set in words; "-" where there is no data."""
        texts = [", ".join(names[op] for _, op in chain) or "none" for chain in chains]
        return "; ".join(dict.fromkeys(texts)) or "-"

    def _trained(self, epoch: int) -> dict[str, Any]:
        """The models that train in an epoch, by name, each with its optimizer."""
        return self.network.trained_models(When("train", epoch)) if self.pipeline.get_ds_ids(epoch, "train") else {}

    def _phases(self, name: str) -> Sequence[Any] | None:
        return next(card.phases for card in map(card_of, self.network.models) if card.name == name)

    def _open_words(self, name: str, epoch: int) -> str:
        """Who changes the learning rate of a model in a way that only the run can tell."""
        found = [
            self._trace_names[trace]
            for trace in select(self.traces, When(None, epoch, None))
            if f"{name}_lr" in trace.outputs and id(trace) not in self._planners
        ]
        return f", its rate also by {' and '.join(found)}" if found else ""

    # ---- the numbers

    def _courses(self) -> dict[str, list[_Pair | None]]:
        """The learning rate of each model that trains, and whatever else traces say that they will set, by name.

        Only where a trace says so is each epoch asked for.
        """
        total, period = self.system.total_epochs, self.calendar.period
        found: dict[str, list[_Pair | None]] = {}
        left: dict[tuple[str, int], Any] = {}  # what a schedule that has ended left behind in an optimizer
        for first, last in self.calendar.stretches():
            one_period = range(first, min(first + period, last + 1))
            is_planned = any(self._cast(epoch)[1] for epoch in one_period)
            for epoch in range(first, last + 1) if is_planned else one_period:
                where = range(epoch - 1, epoch) if is_planned else range(epoch - 1, last, period)
                for key, pair in self._said(epoch, left).items():
                    if key not in found:
                        found[key] = [None] * total
                    found[key][where.start : where.stop : where.step] = [pair] * len(where)
        return found

    def _said(self, epoch: int, left: dict[tuple[str, int], Any]) -> dict[str, _Pair]:
        """The numbers of one epoch: as traces say, else as they are in the optimizers, or were `left` there before."""
        trained, traces = self._cast(epoch)
        said: dict[str, _Pair] = {}
        for trace in traces:
            planned = trace.planned(epoch, self.system.horizon())
            if planned:
                self._planners.add(id(trace))
                said.update(planned)
        for name, optimizer in trained.items():
            key = f"{name}_lr"
            if key in said:
                left[key, id(optimizer)] = said[key][1]
            else:
                place = key, id(optimizer)
                if place in left:
                    said[key] = left[place], left[place]
                    continue
                if id(optimizer) not in self._rates:
                    self._rates[id(optimizer)] = (_rate(optimizer),) * 2
                said[key] = self._rates[id(optimizer)]
        return said

    def _cast(self, epoch: int) -> tuple[dict[str, Any], list[Trace]]:
        """The optimizers of the models that train in an epoch, and the traces that may say what they will set."""
        twin = self.calendar.twin(epoch)
        if twin not in self._casts:
            is_trained = self.pipeline.get_ds_ids(twin, "train")
            traces = select(self.traces, When("train", twin)) if is_trained else []
            asked = [trace for trace in traces if type(trace).planned is not Trace.planned]
            self._casts[twin] = self._trained(twin), asked
        return self._casts[twin]


def _rate(optimizer: Any) -> Any:
    """The learning rate that an optimizer has now: a number, or one for each parameter group where they differ."""
    rates = [float(group["lr"]) for group in param_groups(optimizer)]
    return rates[0] if all(is_close(rate, rates[0]) for rate in rates) else tuple(rates)


def _size_words(plans: Mapping[str, Sequence[LoaderPlan]]) -> str:
    """The batch size of training, and that of eval where it is another one."""
    words = {
        mode: ", ".join(dict.fromkeys(str(plan.batch_size or "as given") for plan in of_mode)) or "-"
        for mode, of_mode in plans.items()
    }
    train, other = words.get("train", "-"), words.get("eval", "-")
    return train if other in (train, "-") else f"{train} (eval: {other})"


def _data_words(data: Any, item: Any) -> str:
    values = values_of(item)
    number = f" #{next(i for i, value in enumerate(values) if value is data) + 1}" if len(values) > 1 else ""
    try:
        size = f" ({len(data)} samples)" if type(data).__module__.split(".")[0] != "torch" else ""
    except TypeError:
        size = ""
    return f"{type(data).__name__}{number}{size}"
