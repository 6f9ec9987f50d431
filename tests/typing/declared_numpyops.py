"""Read by mypy alone: what a type checker knows about the declared ops. An ignore that is not needed is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastestimator_lite.op.numpyop.multivariate import HorizontalFlip, Resize, Rotate

    HorizontalFlip(image_in="x", bbox_in="b", bbox_params="coco", mode="train")
    Rotate(30, image_in="x", image_out="y", value=(1, 2, 3))
    Rotate((-30, 30), 1, 4, image_in="x", mode=["train", "eval"], ds_id="!a")
    Resize(32, 32, image_in="x", mask_in="m")

    Rotate(imagein="x")  # type: ignore[call-arg]
    Resize(32, image_in="x")  # type: ignore[call-arg]
    Resize(32, "32", image_in="x")  # type: ignore[arg-type]
    HorizontalFlip(image_in=3)  # type: ignore[arg-type]
