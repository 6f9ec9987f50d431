"""Transforms of albumentations with methods of ours before theirs: what version 2 left out or changed is put back so."""

from __future__ import annotations

from functools import cache
from typing import Any

from fastestimator_lite.op.numpyop.albumentation.library import import_albumentations
from fastestimator_lite.op.numpyop.albumentation.originals import originals_only


@cache
def transform_class(name: str, keeps_originals: bool = False, methods: type | None = None) -> Any:
    """Find the class of a transform.

    Args:
        name: Its name in albumentations.
        keeps_originals: Whether boxes and keypoints that a border mirrors are left out; see `originals_only`.
        methods: Class with methods of ours, which are looked up first; None for none.

    Returns:
        The same subclass of `albumentations.BasicTransform` for the same arguments.
    """
    kind = getattr(import_albumentations(), name)
    if keeps_originals:
        kind = originals_only(kind)
    if methods is None:
        return kind
    own = {"__module__": __name__, "_made_of": (name, keeps_originals, methods)}
    return type(kind)(name, (_Rebuilt, methods, kind), own)


class _Rebuilt:
    _made_of: tuple[str, bool, type]

    def __reduce__(self) -> tuple[Any, ...]:
        return _empty, self._made_of, self.__dict__


def _empty(*made_of: Any) -> Any:
    kind = transform_class(*made_of)
    return kind.__new__(kind)
