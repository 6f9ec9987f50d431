"""Data: the dictionary that traces read and write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Data(dict[str, Any]):
    """What traces see of a batch: its values, the network's outputs, and what other traces wrote.

    Args:
        batch_data: Values to begin with.
    """

    __slots__ = ("_instances", "_logs")

    def __init__(self, batch_data: Mapping[str, Any] | None = None) -> None:
        super().__init__(batch_data or {})
        self._logs: dict[str, Any] = {}
        self._instances: dict[str, Any] = {}

    def write_with_log(self, key: str, value: Any) -> None:
        """Hand a value on to later traces and to the log."""
        self[key] = value
        self._logs[key] = value

    def write_without_log(self, key: str, value: Any) -> None:
        """Hand a value on to later traces only."""
        self[key] = value

    def write_per_instance_log(self, key: str, value: Any) -> None:
        """Hand on one value per sample, for traces that keep a row for each sample.

        Args:
            key: Key of the values.
            value: A sequence with one entry per sample of the batch.
        """
        self[key] = value
        self._instances[key] = value

    def read_logs(self) -> dict[str, Any]:
        """What was written for the log."""
        return self._logs

    def read_per_instance_logs(self) -> dict[str, Any]:
        """What was written per sample."""
        return self._instances
