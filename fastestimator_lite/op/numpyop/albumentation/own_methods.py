"""Transforms of albumentations with methods of ours before theirs: what version 2 left out or changed is put back so."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

from fastestimator_lite.op.numpyop.albumentation.library import import_albumentations
from fastestimator_lite.op.numpyop.albumentation.originals import OriginalsOnly, originals_only


def with_methods(func: Any, methods: type, arguments: dict[str, Any], **settings: Any) -> Any:
    """Build a transform again, this time with methods of ours, which are looked up first.

    Args:
        func: The transform as albumentations has it, which says that the arguments are good.
        methods: Class with the methods.
        arguments: What `func` was built from, without `p`.
        settings: Attributes for the methods to read.

    Returns:
        The `albumentations.BasicTransform`, always applied.
    """
    kind = _kind(type(func).__name__, isinstance(func, OriginalsOnly), methods)
    with warnings.catch_warnings():
        # said to the first one
        warnings.simplefilter("ignore", UserWarning)
        transform = kind(**arguments, p=1.0, strict=True)
    vars(transform).update(settings)
    return transform


class _Rebuilt:
    _made_of: tuple[str, bool, type]

    def __reduce__(self) -> tuple[Any, ...]:
        return _empty, self._made_of, self.__dict__


@cache
def _kind(name: str, is_bordered: bool, methods: type) -> Any:
    kind = getattr(import_albumentations(), name)
    if is_bordered:
        kind = originals_only(kind)
    own = {"__module__": __name__, "_made_of": (name, is_bordered, methods)}
    return type(kind)(name, (_Rebuilt, methods, kind), own)


def _empty(*made_of: Any) -> Any:
    kind = _kind(*made_of)
    return kind.__new__(kind)
