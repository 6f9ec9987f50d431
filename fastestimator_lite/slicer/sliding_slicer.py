"""SlidingSlicer: a minibatch for each place of a window that slides over the data."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastestimator_lite.backend.convert import cast
from fastestimator_lite.backend.create import zeros_like
from fastestimator_lite.backend.framework import framework_of
from fastestimator_lite.backend.shape import concat, expand_dims, flip, get_shape, reshape, squeeze
from fastestimator_lite.slicer.slicer import Slicer
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError, suggest
from fastestimator_lite.util.names import to_list

if TYPE_CHECKING:
    from fastestimator_lite.types import Tensor

_PAD_MODES = ("drop", "partial", "constant", "nopad", "mirror")
_UNSLICE_MODES = ("avg", "sum")
_Place = tuple[int, int]  # first index of a window on an axis, and the one after its last


class SlidingSlicer(Slicer):
    """Cut by a window that slides over the data, over the last axis first. Joining puts the windows back in place.

    Args:
        window_size: Size of the window on each axis, the batch axis included; -1 for all of an axis.
        strides: How far the window moves on each axis, or one number for all axes that are cut; `()` for its size, so
            that windows lie side by side. 0 for all of an axis.
        pad_mode: What becomes of a last window that reaches over the end: "drop" leaves it out, "partial" makes it
            smaller, "nopad" moves it back until it fits, "constant" fills it up with `pad_val`, "mirror" with the data
            before the end in reverse order, the last element aside.
        pad_val: What fills windows up ("constant"), and what stands in joined data where no window was.
        slice: Key or keys to cut, each with as many axes as `window_size`.
        unslice: Key or keys to join; see `Slicer`. On an axis that is cut, each slice has the size of its window, or
            size 1 for one value that fills it.
        unslice_mode: What stands where windows overlap: their mean ("avg") or their sum ("sum").
        unslice_shape: Shape of joined data; axes that are not cut keep the size that the slices have, and may be -1.
            None for the shape that the key had when it was cut (if it was not, that of the first key of `slice`).
        squeeze_window: Whether axes on which the window has size 1 are left out of the slices.
        mode, ds_id: When to run; see `Op`.

    Raises:
        ConfigError: If a size, a stride or a mode is out of range, if there is one for more axes than the other has, or
            if keys are to be joined whose shape nothing tells.

    Example:
        >>> x = np.array([[1, 2, 3, 4, 5]])
        >>> slicer = SlidingSlicer(window_size=[-1, 2], strides=1, slice="x")
        >>> [window.tolist() for (window,) in slicer.slice_batches([x])]
        [[[1, 2]], [[2, 3]], [[3, 4]], [[4, 5]]]
    """

    def __init__(
        self,
        window_size: Sequence[int],
        strides: int | Sequence[int] = (),
        pad_mode: str = "drop",
        pad_val: int | float = 0.0,
        slice: Keys = None,
        unslice: Keys = (),
        unslice_mode: str = "avg",
        unslice_shape: tuple[int, ...] | None = None,
        squeeze_window: bool = False,
        mode: Keys = None,
        ds_id: Keys = None,
    ) -> None:
        super().__init__(slice, unslice, mode, ds_id)
        self.window_size = _whole_numbers(
            window_size, "window_size", lambda size: size == -1 or size > 0, ">= 1, or -1"
        )
        if not self.window_size:
            raise ConfigError("SlidingSlicer(window_size) needs a size for each axis, got none")
        self.strides = _strides(strides, self.window_size)
        for name, value, options in (
            ("pad_mode", pad_mode, _PAD_MODES),
            ("unslice_mode", unslice_mode, _UNSLICE_MODES),
        ):
            if value not in options:
                raise ConfigError(
                    f"SlidingSlicer({name}) must be one of {', '.join(map(repr, options))}, got {value!r}."
                    f"{suggest(value, options)}"
                )
        self.pad_mode = pad_mode
        self.pad_val = pad_val
        self.unslice_mode = unslice_mode
        self.unslice_shape: list[int] | None = None
        if unslice_shape is not None:
            self.unslice_shape = _whole_numbers(
                unslice_shape, "unslice_shape", lambda size: size == -1 or size > 0, ">= 1, or -1"
            )
            self._check_unslice_shape(self.unslice_shape)
        elif self.unslice_inputs and not self.slice_inputs:
            raise ConfigError(
                f"SlidingSlicer cuts nothing, so nothing tells the shape of {self.unslice_inputs}; pass unslice_shape"
            )
        self.squeeze_window = squeeze_window
        self._shapes: dict[str, list[Any]] = {}

    def _check_unslice_shape(self, shape: list[int]) -> None:
        if len(shape) != len(self.window_size):
            raise ConfigError(
                f"SlidingSlicer(unslice_shape) needs as many axes as window_size {self.window_size}, got {shape}"
            )
        for axis, size in enumerate(shape):
            if size == -1 and self._is_cut(axis):
                raise ConfigError(
                    f"SlidingSlicer(unslice_shape) needs the size of axis {axis}, which is cut into windows of "
                    f"{self.window_size[axis]}; got {shape}"
                )

    def _is_cut(self, axis: int) -> bool:
        return self.window_size[axis] != -1 and self.strides[axis] != 0

    def slice_batches(self, batches: Sequence[Tensor]) -> list[tuple[Tensor, ...]]:
        cut = super().slice_batches(batches)
        self._shapes = {key: get_shape(batch) for key, batch in zip(self.slice_inputs, batches, strict=True)}
        return cut

    def _slice_batch(self, batch: Tensor) -> list[Tensor]:
        shape = get_shape(batch)
        if len(shape) != len(self.window_size):
            raise ConfigError(
                f"window_size {self.window_size} has {len(self.window_size)} axes, the data has shape {tuple(shape)}"
            )
        places = []
        for axis, size in enumerate(shape):
            if not self._is_cut(axis):
                places.append([slice(None)])
                continue
            found = self._places(axis, size)
            if self.pad_mode in ("constant", "mirror"):
                batch = self._padded(batch, axis, found[-1][1] - size)
            places.append([slice(start, stop) for start, stop in found])
        windows = [batch[place] for place in itertools.product(*places)]
        thin = self._thin_axes()
        return [squeeze(window, thin) for window in windows] if thin else windows

    def _thin_axes(self) -> list[int]:
        return [axis for axis, size in enumerate(self.window_size) if size == 1] if self.squeeze_window else []

    def _places(self, axis: int, size: Any) -> list[_Place]:
        """Where the window stands on an axis that is cut; it reaches over the end if the data is to be padded."""
        window, stride = self.window_size[axis], self.strides[axis]
        if not isinstance(size, int):
            raise ConfigError(f"the size of axis {axis} is not known while the graph is traced")
        if size < window and self.pad_mode in ("drop", "nopad"):
            raise ConfigError(
                f"the window has size {window} on axis {axis}, the data {size}; pad_mode='partial', 'constant' or "
                f"'mirror' would take it"
            )
        whole = list(range(0, max(size - window, 0) + 1, stride))
        over = [] if whole[-1] + window >= size or whole[-1] + stride >= size else [whole[-1] + stride]
        if self.pad_mode == "drop":
            over = []
        elif self.pad_mode == "nopad":
            over = [size - window for _ in over]
        places = [(start, start + window) for start in (*whole, *over)]
        if self.pad_mode == "partial":
            places = [(start, min(stop, size)) for start, stop in places]
        return places

    def _padded(self, batch: Tensor, axis: int, count: int) -> Tensor:
        """The data with so many more elements at the end of an axis."""
        if count <= 0:
            return batch
        if self.pad_mode == "constant":
            return concat([batch, _filled(batch, axis, count, self.pad_val)], axis)
        size = get_shape(batch)[axis]
        if count > size - 1:
            raise ConfigError(
                f"a window reaches over the end of axis {axis} by {count}, and only {size - 1} elements can be mirrored"
            )
        return concat([batch, flip(_part(batch, axis, size - 1 - count, size - 1), axis)], axis)

    def _unslice_batch(self, slices: tuple[Tensor, ...], key: str) -> Tensor:
        shape = self.unslice_shape or self._shapes.get(key) or next(iter(self._shapes.values()), None)
        if shape is None:
            raise ConfigError("its shape is not known before something was cut; pass unslice_shape")
        places = [self._places(axis, size) if self._is_cut(axis) else [(0, size)] for axis, size in enumerate(shape)]
        grid = list(itertools.product(*places))
        if len(grid) != len(slices):
            raise ConfigError(
                f"there are {len(slices)} slices, but windows of {self.window_size} with strides {self.strides} make "
                f"{len(grid)} of data of shape {tuple(shape)}"
            )
        parts = [self._fitted(part, place) for part, place in zip(slices, grid, strict=True)]
        if self.unslice_mode == "avg" and any(_overlap(found) for found in places):
            parts = [
                part if "float" in framework_of(part).dtype_name(part) else cast(part, "float32") for part in parts
            ]
        cut = [axis for axis in range(len(shape)) if self._is_cut(axis)]
        for axis in reversed(cut):
            count = len(places[axis])
            parts = [
                self._merged(parts[first : first + count], places[axis], axis, shape[axis])
                for first in range(0, len(parts), count)
            ]
        joined = parts[0]
        for axis in cut if self.pad_val else ():  # after the sums, which would add up what fills the gaps
            segments = [
                _part(joined, axis, start, stop)
                if any(first <= start and stop <= last for first, last in places[axis])
                else _filled(_part(joined, axis, start, stop), axis, stop - start, self.pad_val)
                for start, stop in _segments(places[axis], shape[axis])
            ]
            joined = concat(segments, axis)
        return joined

    def _fitted(self, part: Tensor, place: tuple[_Place, ...]) -> Tensor:
        """A slice with all axes, and with the size of its window on those that are cut."""
        given = tuple(get_shape(part))
        if not given:
            part = reshape(part, [1] * len(place))
        elif len(given) == len(place) - len(self._thin_axes()):
            for axis in self._thin_axes():
                part = expand_dims(part, axis)
        found = get_shape(part)
        wanted = [stop - start if self._is_cut(axis) else -1 for axis, (start, stop) in enumerate(place)]
        if len(found) != len(place) or any(
            size not in (1, want) for size, want in zip(found, wanted, strict=True) if want != -1
        ):
            shown = ", ".join("any" if want == -1 else str(want) for want in wanted)
            raise ConfigError(
                f"a slice has shape {given}, where the window has ({shown}); the op may keep that shape, or give 1 or "
                f"the window's size on axes that are cut"
            )
        for axis, want in enumerate(wanted):
            if want > 1 and found[axis] == 1:
                part = concat([part] * want, axis)
        return part

    def _merged(self, parts: Sequence[Tensor], places: Sequence[_Place], axis: int, size: int) -> Tensor:
        """Windows along one axis put into place, with 0 where none is."""
        segments = []
        for start, stop in _segments(places, size):
            covers = [
                _part(part, axis, start - first, stop - first)
                for part, (first, last) in zip(parts, places, strict=True)
                if first <= start and stop <= last
            ]
            if not covers:
                segments.append(_filled(_part(parts[0], axis, 0, 1), axis, stop - start, 0))
                continue
            total = covers[0]
            for cover in covers[1:]:
                total = total + cover
            segments.append(total / len(covers) if self.unslice_mode == "avg" and len(covers) > 1 else total)
        return concat(segments, axis) if len(segments) > 1 else segments[0]


def _whole_numbers(values: Any, name: str, is_right: Any, wanted: str) -> list[int]:
    found = to_list(values)
    for value in found:
        if isinstance(value, bool) or not isinstance(value, int) or not is_right(value):
            raise ConfigError(f"SlidingSlicer({name}) takes whole numbers {wanted}, got {value!r} in {found}")
    return found


def _strides(given: int | Sequence[int], windows: Sequence[int]) -> list[int]:
    """The stride on each axis, 0 for an axis that is not cut."""
    strides = _whole_numbers(given, "strides", lambda stride: stride >= 0, ">= 0")
    if not strides:
        strides = list(windows)
    elif isinstance(given, int):
        strides = strides * len(windows)
    if len(strides) != len(windows):
        raise ConfigError(
            f"SlidingSlicer(strides) needs one for each axis of window_size {list(windows)}, got {strides}; a single "
            f"int holds for all"
        )
    return [0 if window == -1 else stride for stride, window in zip(strides, windows, strict=True)]


def _part(x: Any, axis: int, start: int, stop: int) -> Any:
    return x[(*(slice(None),) * axis, slice(start, stop))]


def _filled(like: Any, axis: int, count: int, value: float) -> Any:
    """So many elements along an axis that all have one value."""
    fill = cast(zeros_like(like, "float64") + value, framework_of(like).dtype_name(like))
    size = get_shape(fill)[axis]
    return _part(concat([fill] * -(-count // size), axis), axis, 0, count)


def _segments(places: Sequence[_Place], size: int) -> list[_Place]:
    """An axis in stretches, each of which lies whole inside or whole outside of each window."""
    bounds = sorted({0, size, *(min(bound, size) for place in places for bound in place)})
    return list(itertools.pairwise(bounds))


def _overlap(places: Sequence[_Place]) -> bool:
    return any(one[1] > other[0] for one, other in itertools.pairwise(places))
