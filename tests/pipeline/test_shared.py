"""Shared memory without a name."""

import os

import numpy as np
import pytest

from fastestimator_lite.pipeline import shared


def test_arrays_lie_in_the_area_while_there_is_room():
    area = shared.Area(4096)
    area.clear()
    inside, outside = area.empty((100,), np.float32), area.empty((1000,), np.float32)
    inside[:] = 7
    place = area.place(inside)
    assert place == shared.Place("<f4", (100,), 0)
    np.testing.assert_array_equal(area.view(place), 7)
    copied = area.place(np.arange(5))
    assert copied.offset == 448  # 400 bytes, aligned
    np.testing.assert_array_equal(area.view(copied), np.arange(5))
    assert area.place(outside) is outside
    assert area.place("text") == "text"


def test_an_area_that_cannot_be_had_closes_its_file_once(monkeypatch):
    closed = []
    close = os.close

    def refuse(*arguments):
        raise OSError("no room")

    monkeypatch.setattr(shared.mmap, "mmap", refuse)
    monkeypatch.setattr(shared.os, "close", lambda descriptor: (closed.append(descriptor), close(descriptor)))
    with pytest.raises(OSError, match="no room"):
        shared.Area(4096)
    assert len(closed) == 1


def test_less_is_taken_where_there_is_less(monkeypatch):
    whole = shared.mmap.mmap

    def small(descriptor, size):
        if size > 1 << 22:
            raise OSError("no room")
        return whole(descriptor, size)

    monkeypatch.setattr(shared.mmap, "mmap", small)
    assert shared.reserve(1 << 24).size == 1 << 22
