"""Whether a loss and its gradients are finite, looked at with as little work as settles it."""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence

import torch

Gradients = Sequence[torch.Tensor | None]
LARGE = 2**15  # entries from which it is cheaper to add a gradient up than to write it
_INTEGERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}  # by bytes


class FiniteCheck:
    """Looks at the gradients of a model.

    Args:
        device: Where they are.
    """

    def __init__(self, device: torch.device) -> None:
        self._found = torch.zeros((), device=device)
        self._one = torch.ones((), device=device)

    def are_finite(self, gradients: list[torch.Tensor], is_own: bool, has_large: bool) -> bool:
        """Whether all entries are finite: by a quick look, and entry by entry where that does not settle it.

        Args:
            gradients: Any shapes, dtypes and layouts.
            is_own: Whether nobody else has a part in them, so that they may be written to.
            has_large: Whether any has `LARGE` entries or more.
        """
        small = gradients
        if has_large or not is_own:
            if any(one.layout is not torch.strided for one in gradients):
                return _is_each_finite(gradients)
            small = [one for one in gradients if one.numel() < LARGE]
            summed = [one for one in gradients if one.numel() >= LARGE]
            if small and not is_own:
                summed, small = [*summed, torch.cat([one.reshape(-1) for one in small])], []
            # a sum is finite only if each entry is; it may be infinite where none is
            if not all(cmath.isfinite(one.sum().item()) for one in summed) and not _is_each_finite(summed):
                return False
        try:
            # one call for all; it multiplies them by 1 in place
            torch._amp_foreach_non_finite_check_and_unscale_(small, self._found, self._one)
            if not self._found.item():
                return True
            self._found.zero_()
            return False
        except RuntimeError:  # sparse, complex, or several entries in one place of memory
            self._found.zero_()
            return _is_each_finite(small)


def flagged(gradients: Gradients, mean: torch.Tensor | None) -> tuple[Gradients, torch.Tensor]:
    """The gradients, all 0 if something is not finite, and whether all is; the device is not waited for.

    Args:
        gradients: Dense and real; None for a parameter without a part.
        mean: The loss, which is looked at as well; None where there is none.

    Returns:
        The gradients, and a boolean scalar on their device.
    """
    present = [gradient for gradient in gradients if gradient is not None]
    checked = [*present, *([] if mean is None else [mean.detach()])]
    good = torch.stack(torch._foreach_norm(checked, math.inf)).isfinite().all()
    return filled(gradients, _masked(present, good)), good


def first_bad(gradients: Gradients) -> tuple[int, str] | None:
    """The place of the first gradient that is not finite, and the word for it; None if all are."""
    for place, gradient in enumerate(gradients):
        if gradient is not None and not bool(_values(gradient).isfinite().all()):
            return place, "NaN" if bool(_values(gradient).isnan().any()) else "infinite"
    return None


def filled(gradients: Gradients, present: Sequence[torch.Tensor]) -> list[torch.Tensor | None]:
    """Other tensors in place of those that are not None."""
    kept = iter(present)
    return [None if gradient is None else next(kept) for gradient in gradients]


def _is_each_finite(gradients: list[torch.Tensor]) -> bool:
    return all(bool(_values(gradient).isfinite().all()) for gradient in gradients)


def _values(gradient: torch.Tensor) -> torch.Tensor:
    """The entries of a gradient; of a sparse one those that are stored."""
    return gradient.coalesce().values() if gradient.is_sparse else gradient


def _masked(gradients: list[torch.Tensor], good: torch.Tensor) -> list[torch.Tensor]:
    """The gradients, or zeros if `good` is false, without asking the device which; NaN times 0 would be NaN."""
    groups: dict[torch.dtype, list[int]] = {}
    for place, gradient in enumerate(gradients):
        groups.setdefault(gradient.dtype, []).append(place)
    masked = list(gradients)
    for dtype, places in groups.items():
        whole = _INTEGERS[dtype.itemsize]
        bits = torch._foreach_mul([gradients[place].view(whole) for place in places], good.to(whole))
        for place, one in zip(places, bits, strict=True):
            masked[place] = one.view(dtype)
    return masked
