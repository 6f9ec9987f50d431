"""Faces: packages whose public names are imported when they are first asked for.

An `__init__.py` lists its names once, as ordinary imports under `if TYPE_CHECKING:`, so that type checkers and editors
see them. `attach` reads that list from the file and resolves each name on first use.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


def attach(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Build the module-level `__getattr__`, `__dir__` and `__all__` of a face.

    Args:
        package: The `__name__` of the face.
        file: The `__file__` of the face; its `if TYPE_CHECKING:` block is read.

    Returns:
        The three module attributes, in that order.
    """
    homes = _listed_imports(Path(file).read_text(encoding="utf-8"))

    def __getattr__(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}; it offers: {', '.join(sorted(homes))}")
        module, attribute = homes[name]
        with _without_collecting():
            value = importlib.import_module(module)
        if attribute is not None:
            value = getattr(value, attribute)
        vars(importlib.import_module(package))[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted(homes)

    return __getattr__, __dir__, sorted(homes)


@contextlib.contextmanager
def _without_collecting() -> Iterator[None]:
    """Put garbage collection off: imports leave no garbage, and looking through a framework for it takes a while."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _listed_imports(source: str) -> dict[str, tuple[str, str | None]]:
    """Map each name imported under `if TYPE_CHECKING:` to (module, attribute); attribute None means the module itself."""
    homes: dict[str, tuple[str, str | None]] = {}
    for node in ast.parse(source).body:
        if not (isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            continue
        for statement in node.body:
            if not isinstance(statement, ast.ImportFrom) or statement.module is None:
                continue
            for alias in statement.names:
                is_module = _is_module(statement.module, alias.name)
                name = alias.asname or alias.name
                homes[name] = (
                    (f"{statement.module}.{alias.name}", None) if is_module else (statement.module, alias.name)
                )
    return homes


def _is_module(package: str, name: str) -> bool:
    """Whether `package.name` is a module on disk, found without importing it."""
    root = Path(__file__).parent.parent.joinpath(*package.split("."))
    return (root / f"{name}.py").exists() or (root / name / "__init__.py").exists()
