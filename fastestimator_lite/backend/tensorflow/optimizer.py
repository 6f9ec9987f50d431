"""A Keras optimizer seen as one torch-like parameter group."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

import keras
import tensorflow as tf

from fastestimator_lite.util.errors import ConfigError

# torch's name of a field -> the attributes of a Keras optimizer that hold it
_FIELDS = {
    "lr": ("learning_rate",),
    "weight_decay": ("weight_decay",),
    "momentum": ("momentum",),
    "betas": ("beta_1", "beta_2"),
    "eps": ("epsilon",),
    "alpha": ("rho",),
    "rho": ("rho",),
}


class KerasGroup(MutableMapping[str, Any]):
    """The fields of a Keras optimizer under torch's names; other entries are kept beside it.

    Only the learning rate is a variable in Keras: the others are constants of a traced graph. The first write turns a
    field into a variable as well, which graphs traced from then on read at every step.

    Args:
        optimizer: The optimizer.
    """

    def __init__(self, optimizer: keras.optimizers.Optimizer) -> None:
        self.optimizer = optimizer
        self._notes: dict[str, Any] = {}

    def _attributes(self, field: str) -> tuple[str, ...]:
        names = _FIELDS.get(field, ())
        return names if all(hasattr(self.optimizer, name) for name in names) else ()

    def __getitem__(self, field: str) -> Any:
        names = self._attributes(field)
        if not names:
            return self._notes[field]
        values = tuple(_number(getattr(self.optimizer, name)) for name in names)
        return values if len(values) > 1 else values[0]

    def __setitem__(self, field: str, value: Any) -> None:
        names = self._attributes(field)
        if not names:
            self._notes[field] = value
            return
        for name, one in zip(names, value if len(names) > 1 else (value,), strict=True):
            self._variable(name).assign(one)

    def __delitem__(self, field: str) -> None:
        del self._notes[field]

    def __iter__(self) -> Iterator[str]:
        yield from (field for field in _FIELDS if self._attributes(field))
        yield from self._notes

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def vary(self, field: str) -> None:
        """Make a field one that may change at every step; do it before a graph is traced.

        Raises:
            ConfigError: If the optimizer cannot take it any more.
        """
        for name in self._attributes(field):
            self._variable(name)

    def constants(self) -> tuple[Any, ...]:
        """The values of the fields that a traced graph would hold fast; None for a variable."""
        names = dict.fromkeys(name for attributes in _FIELDS.values() for name in attributes)
        values = [getattr(self.optimizer, name, None) for name in names]
        return tuple(value if isinstance(value, (int, float)) else None for value in values)

    def _variable(self, name: str) -> Any:
        """What holds an attribute, made a variable unless it is one."""
        held = self.optimizer._learning_rate if name == "learning_rate" else getattr(self.optimizer, name)
        if isinstance(held, (tf.Variable, keras.Variable)):
            return held
        if isinstance(held, _Momentum):
            return held.variable
        if name == "learning_rate":
            raise ConfigError(
                f"the {type(self.optimizer).__name__} has a Keras {type(held).__name__} of its own as "
                f"learning rate; give it a number and schedule it from outside"
            )
        if name == "momentum" and self.optimizer.built and not held:
            raise ConfigError(
                f"the {type(self.optimizer).__name__} was built without momentum and has no place for "
                f"it; schedule it before the first training, or build the optimizer with momentum > 0"
            )
        with tf.init_scope():
            variable = tf.Variable(0.0 if held is None else float(held), trainable=False, dtype=keras.config.floatx())
        setattr(self.optimizer, name, _Momentum(variable) if name == "momentum" else variable)
        return variable


class _Momentum:
    """A momentum that varies; Keras asks it whether there is any before it looks at its value, and the answer is yes.

    Args:
        variable: Holds the value.
    """

    def __init__(self, variable: tf.Variable) -> None:
        self.variable = variable

    @property
    def dtype(self) -> Any:
        """Type of the value, by which Keras chooses that of a product."""
        return self.variable.dtype

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> tf.Tensor:
        value = self.variable.read_value()
        return value if dtype is None else tf.cast(value, dtype)

    def __float__(self) -> float:
        return float(self.variable.numpy())

    def __bool__(self) -> bool:
        return True

    def __gt__(self, other: Any) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


def _number(value: Any) -> float:
    """A field as a number; None stands for 0."""
    if value is None or isinstance(value, (int, float, _Momentum)):
        return float(value or 0.0)
    return float(keras.ops.convert_to_numpy(value))
