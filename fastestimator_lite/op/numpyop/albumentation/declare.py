"""Ops around one albumentations transform each are declared, not programmed: a class with a field for each parameter.

`Declared` turns the fields into `__init__`, in the order and with the defaults of FastEstimator 1.x; the transform is
built from their values. Type checkers see the same signature (PEP 681).
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from fastestimator_lite.op.numpyop.albumentation.own_methods import transform_class
from fastestimator_lite.util.errors import ConfigError, suggest

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform() -> Callable[[type], type]:
        """Stand in for the mark that type checkers read."""
        return lambda cls: cls


@dataclass_transform()
class Declared:
    """Root of the declared ops.

    Annotated class attributes are fields. Those of a class made with `shared=True` are the keys that all its subclasses
    take; those of the subclasses are parameters of the transform. A subclass that writes `__init__` keeps its own.
    Names with a leading underscore and ClassVars are no fields.

    Attributes:
        albumentation: Name of the transform in albumentations; by default the name of the class.
        own_first: Whether the parameters of the transform come before the shared keys.
        methods: Class with methods of ours to put before those of the transform; None for none.
    """

    albumentation: ClassVar[str] = ""
    own_first: ClassVar[bool] = True
    methods: ClassVar[type | None] = None
    _shared_fields: ClassVar[dict[str, inspect.Parameter]] = {}
    _own_fields: ClassVar[dict[str, inspect.Parameter]] = {}

    def __init_subclass__(cls, shared: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        declared = _declared_parameters(cls)
        if shared:
            cls._shared_fields = {**cls._shared_fields, **declared}
            return
        is_first = not any("_own_fields" in base.__dict__ for base in cls.__mro__[1:] if base is not Declared)
        if not cls.albumentation:
            cls.albumentation = cls.__name__
        cls._own_fields = {**cls._own_fields, **declared}
        if "__init__" not in cls.__dict__ and (declared or is_first):
            type.__setattr__(cls, "__init__", _make_init(cls))

    def _start(self, func: Any, **shared: Any) -> None:
        """Run the constructor of the op below, with the transform and the values of the shared keys."""
        raise NotImplementedError

    def _arguments(self) -> dict[str, Any]:
        """Parameters of the albumentations transform; overridden where its names or units differ from the fields."""
        return fields(self)

    def _settings(self) -> dict[str, Any]:
        """Attributes of the transform that `methods` read."""
        return {}


def fields(op: Declared) -> dict[str, Any]:
    """The values of the fields that an op's own class declares, by name."""
    return {name: getattr(op, name) for name in op._own_fields}


def build_transform(name: str, arguments: dict[str, Any], owner: str, methods: type | None = None) -> Any:
    """Build a transform that is always applied.

    Args:
        name: Its name in albumentations.
        arguments: Its parameters, without `p`.
        owner: Name for error messages.
        methods: Class with methods of ours to put before those of the transform; None for none.

    Returns:
        The `albumentations.BasicTransform`.

    Raises:
        ConfigError: If albumentations does not accept a name or value.
    """
    kind = transform_class(name, "border_mode" in arguments, methods)
    with warnings.catch_warnings():
        # they recommend other transforms and parameters, which is not for the user of the op to change
        warnings.simplefilter("ignore", UserWarning)
        try:
            return kind(**arguments, p=1.0, **_strictness(kind))
        except (TypeError, ValueError) as err:
            raise ConfigError(f"{owner}: albumentations.{name} does not accept {arguments}: {err}") from err


def _strictness(kind: type) -> dict[str, bool]:
    """What makes a transform refuse arguments that it does not know; those without a schema do so anyway."""
    owner = next(base for base in kind.__mro__ if "__init__" in vars(base))
    return {"strict": True} if "InitSchema" in vars(owner) else {}


def _declared_parameters(cls: type) -> dict[str, inspect.Parameter]:
    return {
        name: inspect.Parameter(
            name,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            annotation=annotation,
            default=cls.__dict__.get(name, inspect.Parameter.empty),
        )
        for name, annotation in inspect.get_annotations(cls).items()
        if not name.startswith("_") and "ClassVar" not in str(annotation)
    }


def _make_init(cls: type[Declared]) -> Callable[..., None]:
    own, shared = cls._own_fields, cls._shared_fields
    ordered = {**own, **shared} if cls.own_first else {**shared, **own}
    signature = inspect.Signature(
        [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD), *ordered.values()]
    )

    def start(self: Declared, *args: Any, **kwargs: Any) -> None:
        try:
            bound = signature.bind(self, *args, **kwargs)
        except TypeError as err:
            unknown = [name for name in kwargs if name not in ordered]
            hint = suggest(unknown[0], ordered) if unknown else ""
            raise TypeError(f"{type(self).__name__}: {err}.{hint}") from None
        bound.apply_defaults()
        for name in own:
            setattr(self, name, bound.arguments[name])
        func = build_transform(self.albumentation, self._arguments(), type(self).__name__, self.methods)
        vars(func).update(self._settings())
        self._start(func, **{name: bound.arguments[name] for name in shared})

    start.__signature__ = signature  # type: ignore[attr-defined]
    start.__name__ = "__init__"
    start.__qualname__ = f"{cls.__qualname__}.__init__"
    start.__module__ = cls.__module__
    return start
