"""Memory that processes share and that has no name, so that nothing is left of it when they are gone."""

from __future__ import annotations

import mmap
import os
import tempfile
from multiprocessing import reduction
from typing import Any, NamedTuple

import numpy as np

ALIGN = 64


class Place(NamedTuple):
    """Where an array lies in an area."""

    dtype: str
    shape: tuple[int, ...]
    offset: int


class Area:
    """A piece of shared memory.

    A forked process inherits it; one that is spawned gets it by pickling, which works while the process is started.

    Args:
        size: Bytes. This is address space: a page of memory is taken when it is first written to.

    Raises:
        OSError: If the system does not give so much.
    """

    def __init__(self, size: int) -> None:
        if hasattr(os, "memfd_create"):
            descriptor = os.memfd_create("fastestimator_lite", os.MFD_CLOEXEC)
        else:
            with tempfile.TemporaryFile() as file:  # nameless once it is open
                descriptor = os.dup(file.fileno())
        try:
            os.ftruncate(descriptor, size)
            self._open(descriptor, size)
        except OSError:
            os.close(descriptor)
            raise

    def _open(self, descriptor: int, size: int) -> None:
        self.memory = mmap.mmap(descriptor, size)
        self._descriptor, self.size = descriptor, size  # from here on it is closed with the area
        self._filled = 0
        self._base = np.frombuffer(self.memory, np.uint8)
        self._origin = _address(self._base)

    def bytes(self) -> np.ndarray:
        """All of it; shape (size,), uint8."""
        return np.frombuffer(self.memory, np.uint8)

    def view(self, place: Place, base: np.ndarray | None = None) -> np.ndarray:
        """The array at a place.

        Args:
            place: The place.
            base: What `bytes` gave; the array keeps it alive.
        """
        dtype = np.dtype(place.dtype)
        count = int(np.prod(place.shape, dtype=np.int64)) * dtype.itemsize
        base = self._base if base is None else base
        return base[place.offset : place.offset + count].view(dtype).reshape(place.shape)

    # ---- filling it with the arrays of a batch

    def clear(self) -> None:
        """Begin with the next batch."""
        self._filled = 0

    def empty(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Memory for an array: in the area while there is room, elsewhere after that."""
        dtype = np.dtype(dtype)
        place = Place(dtype.str, tuple(shape), self._filled)
        count = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        if dtype.kind not in "biufc" or self._filled + count > self.size:
            return np.empty(shape, dtype)
        self._filled += -(-count // ALIGN) * ALIGN
        return self.view(place)

    def place(self, value: Any) -> Any:
        """The place of an array, which is copied into the area unless it is there; what does not fit comes back itself."""
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "biufc":
            return value
        offset = _address(value) - self._origin
        if not (0 <= offset < self.size and value.flags.c_contiguous):
            copy = self.empty(value.shape, value.dtype)
            offset = _address(copy) - self._origin
            if not 0 <= offset < self.size:
                return value
            copy[...] = value
        return Place(value.dtype.str, value.shape, offset)

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, (reduction.DupFd(self._descriptor), self.size)

    def __del__(self) -> None:
        descriptor = self.__dict__.pop("_descriptor", None)
        if descriptor is not None:
            os.close(descriptor)


def _address(array: np.ndarray) -> int:
    place: int = array.__array_interface__["data"][0]
    return place


def reserve(size: int) -> Area:
    """An area of a size, or of as much of it as the system gives, but at least 1 MiB.

    Raises:
        OSError: If there is not even that.
    """
    while True:
        try:
            return Area(size)
        except OSError:  # address space is limited here
            size //= 4
            if size < 1 << 20:
                raise


def _reopened(descriptor: Any, size: int) -> Area:
    area = Area.__new__(Area)
    area._open(descriptor.detach(), size)
    return area
