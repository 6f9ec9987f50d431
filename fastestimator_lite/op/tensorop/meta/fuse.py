"""Fuse: several ops as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastestimator_lite.op.meta import fused_keys
from fastestimator_lite.op.tensorop.meta.nested import NestedOp, check_ops, run_op
from fastestimator_lite.op.tensorop.tensorop import TensorOp
from fastestimator_lite.util.names import to_list


class Fuse(NestedOp):
    """Run ops one after the other as a single op, for example inside `Sometimes` or `OneOf`.

    It reads the keys that its ops read and none of them wrote before, and writes all that they write and do not delete.

    Args:
        ops: An op or several, with the same `mode` and `ds_id`.

    Raises:
        ConfigError: If `ops` is empty, holds something that is no TensorOp, or its ops differ in `mode` or `ds_id`.
    """

    def __init__(self, ops: TensorOp | Sequence[TensorOp]) -> None:
        checked = check_ops(to_list(ops), "Fuse")
        super().__init__(checked, *fused_keys(checked))

    def run_on(self, store: dict[str, Any], state: dict[str, Any]) -> None:
        for op in self.ops:
            run_op(op, store, state)
