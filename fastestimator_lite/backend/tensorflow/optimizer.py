"""A Keras optimizer seen as one torch-like parameter group."""
from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

import keras

# torch's name of a field -> the attributes of a Keras optimizer that hold it
_FIELDS = {
    "lr": ("learning_rate",), "weight_decay": ("weight_decay",), "momentum": ("momentum",), "betas": ("beta_1", "beta_2"),
    "eps": ("epsilon",), "alpha": ("rho",), "rho": ("rho",),
}


class KerasGroup(MutableMapping[str, Any]):
    """The fields of a Keras optimizer under torch's names; other entries are kept beside it.

    Only the learning rate is a variable in Keras: the others are constants of a traced graph, so writing one makes the
    networks that train with this optimizer trace again.

    Args:
        optimizer: The optimizer.
    """

    def __init__(self, optimizer: keras.optimizers.Optimizer) -> None:
        self.optimizer = optimizer
        self._notes: dict[str, Any] = {}

    def _attributes(self, field: str) -> tuple[str, ...]:
        names = _FIELDS.get(field, ())
        return names if names and all(getattr(self.optimizer, name, None) is not None for name in names) else ()

    def __getitem__(self, field: str) -> Any:
        names = self._attributes(field)
        if not names:
            return self._notes[field]
        values = tuple(float(keras.ops.convert_to_numpy(getattr(self.optimizer, name))) for name in names)
        return values if len(values) > 1 else values[0]

    def __setitem__(self, field: str, value: Any) -> None:
        names = self._attributes(field)
        if not names:
            self._notes[field] = value
            return
        for name, one in zip(names, value if len(names) > 1 else (value,), strict=True):
            if name != "learning_rate" and float(getattr(self.optimizer, name)) == one:
                continue
            setattr(self.optimizer, name, one)

    def __delitem__(self, field: str) -> None:
        del self._notes[field]

    def __iter__(self) -> Iterator[str]:
        yield from (field for field in _FIELDS if self._attributes(field))
        yield from self._notes

    def __len__(self) -> int:
        return sum(1 for _ in self)
