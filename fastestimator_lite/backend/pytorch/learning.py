"""torch: from a loss to a step of the optimizer."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from fastestimator_lite.backend.card import ModelCard, card_of
from fastestimator_lite.backend.rule import LEAST_SCALE, UpdateRule
from fastestimator_lite.util.errors import NonFiniteError

Gradients = Sequence[torch.Tensor | None]
_INTEGERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}  # by bytes


def parameters(model: torch.nn.Module) -> list[torch.Tensor]:
    """The parameters that are trained, in the model's order."""
    listed = card_of(model).trained  # walking the modules in every step would cost more than a small model's update
    return listed if listed is not None else [parameter for parameter in model.parameters() if parameter.requires_grad]


def list_parameters(model: torch.nn.Module) -> None:
    """Find out which parameters are trained from here on."""
    trained = []
    for parameter in model.parameters():
        if parameter.requires_grad:
            trained.append(parameter)
        else:
            parameter.grad = None  # only so do optimizers pass over it, with weight decay and momentum
    card_of(model).trained = trained


def update_model(
    model: torch.nn.Module,
    gradients: Gradients,
    defer: bool,
    deferred: dict[str, list[Callable[[], None]]] | None,
) -> None:
    card = card_of(model)
    trained = parameters(model)
    if defer and deferred is not None:
        deferred.setdefault(card.name, []).append(functools.partial(_step, card, trained, gradients))
    else:
        _step(card, trained, gradients)


def _step(card: ModelCard, trained: Sequence[torch.Tensor], gradients: Gradients) -> None:
    for parameter, gradient in zip(trained, gradients, strict=True):
        parameter.grad = gradient
    card.current_optimizer.step()
    card.updates.add()


class Learner:
    """What an UpdateOp does with a loss: differentiate, check, merge, clip, and let the optimizer step.

    Args:
        model: A built model with an optimizer.
        rule: What to do with the gradients.
        defer: Whether the optimizer steps at the end of the network's step.

    Attributes:
        is_alone: Whether the model is the only one in the network's step, and no other gradient is taken there.
        waits: Whether the check is looked at later, by `settle`; so an accelerator need not be waited for.
    """

    def __init__(self, model: torch.nn.Module, rule: UpdateRule, defer: bool) -> None:
        self._model, self._rule, self._defer = model, rule, defer
        self._card, self._clips = card_of(model), rule.clips
        self.is_alone = False
        self._device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
        self.waits = self._device.type != "cpu" and rule.nan == "raise" and self._card.scale is None
        self._found = torch.zeros((), device=self._device)
        self._one = torch.ones((), device=self._device)
        self._flags: list[torch.Tensor] = []
        self._steps = self._samples = 0  # gathered so far
        self._sums: dict[int, torch.Tensor] = {}  # by place among all parameters: which are trained may change
        self._trained: list[torch.Tensor] | None = None
        self._places: list[int] = []

    def learn_from(self, loss: torch.Tensor, state: dict[str, Any], retain_graph: bool) -> None:
        """Learn from the mean of a loss.

        Args:
            loss: The loss, in any shape.
            state: The state of the network's step; see `TensorOp.forward`.
            retain_graph: Whether another gradient will be taken.
        """
        if state.pop("half", False):  # that is for forward passes; optimizers work in full precision
            with torch.autocast(self._device.type, enabled=False):
                self.learn_from(loss, state, retain_graph)
            state["half"] = True
            return
        mean = loss.mean() if loss.dim() else loss
        scale = self._card.scale
        target = mean if scale is None else mean * scale.value
        trained, is_dry = parameters(self._model), state.get("warmup")
        if self.is_alone and not is_dry:  # cheaper than to ask for certain gradients, where there are no others
            for parameter in trained:
                parameter.grad = None
            target.backward()
            gradients: Gradients = [parameter.grad for parameter in trained]
        else:
            gradients = torch.autograd.grad(target, trained, retain_graph=retain_graph, allow_unused=True)
        if is_dry:
            return
        if scale is not None:
            gradients = _unscaled(gradients, scale.value)
        samples = (loss.numel() if loss.dim() else state.get("samples", 1)) if self._rule.merge > 1 else 1
        self._take(gradients, mean, samples, not retain_graph, state)

    def take(self, gradients: Gradients, state: dict[str, Any]) -> None:
        """Learn from gradients that somebody else made.

        Args:
            gradients: One for each trained parameter, in the model's order; None for one without a part.
            state: The state of the network's step; see `TensorOp.forward`.
        """
        if state.get("warmup"):
            return
        if state.pop("half", False):
            with torch.autocast(self._device.type, enabled=False):
                self.take(gradients, state)
            state["half"] = True
            return
        detached = [None if gradient is None else gradient.detach() for gradient in gradients]
        self._take(detached, None, state.get("samples", 1), False, state)

    def _take(
        self, gradients: Gradients, mean: torch.Tensor | None, samples: int, is_own: bool, state: dict[str, Any]
    ) -> None:
        rule = self._rule
        if self.waits and not any(one is not None and (one.is_sparse or one.is_complex()) for one in gradients):
            gradients = self._flagged(gradients, mean)
        elif (rule.nan != "ignore" or self._card.scale is not None) and not self._is_good(gradients, mean, is_own):
            samples, state["skipped"] = 0, True
        deferred = state.get("deferred") if self._defer or state.get("defer") else None
        if rule.merge > 1:
            self._gather(gradients, samples)
            if self._steps == rule.merge:
                self._update(self._merged(), deferred)
        elif samples:
            self._update(gradients, deferred)

    def _update(self, gradients: Gradients | None, deferred: Any) -> None:
        if gradients is None:  # none of the steps had any
            return
        if self._clips:
            gradients = clipped(gradients, self._rule.clip_norm, self._rule.clip_value)
        if deferred is not None:
            update_model(self._model, gradients, True, deferred)
        else:
            _step(self._card, parameters(self._model), gradients)

    # ---- merging

    def _gather(self, gradients: Gradients, samples: int) -> None:
        self._steps += 1
        if not samples:
            return
        self._samples += samples
        trained = parameters(self._model)
        if trained is not self._trained:
            known = {id(parameter): place for place, parameter in enumerate(self._model.parameters())}
            self._trained, self._places = trained, [known[id(parameter)] for parameter in trained]
        for place, gradient in zip(self._places, gradients, strict=True):
            if gradient is not None:
                total = self._sums.get(place)
                self._sums[place] = gradient * samples if total is None else total.add_(gradient, alpha=samples)

    def _merged(self) -> list[torch.Tensor | None] | None:
        """The mean over the samples gathered, which are forgotten; None if there are none."""
        sums, samples = self._sums, self._samples
        self.forget()
        if not samples:
            return None
        return [sums[place] / samples if place in sums else None for place in self._places]

    def flush(self) -> None:
        """Update from what is gathered, if anything is."""
        if self._steps:
            self._update(self._merged(), None)

    def forget(self) -> None:
        """Drop what is gathered."""
        self._sums, self._steps, self._samples = {}, 0, 0

    # ---- NaN and infinity

    def _is_good(self, gradients: Gradients, mean: torch.Tensor | None, is_own: bool) -> bool:
        """Whether the loss and the gradients are finite; raises if that is the policy."""
        rule, scale = self._rule, self._card.scale
        if rule.nan != "ignore" and mean is not None and not math.isfinite(mean.item()):
            if rule.nan == "raise":
                raise NonFiniteError(f"the loss {rule.loss_name!r} of model {self._card.name!r} is {mean.item()}")
            return False
        present = [gradient for gradient in gradients if gradient is not None]
        is_good = self._are_finite(present, is_own)
        if scale is not None:
            if is_good or scale.value >= LEAST_SCALE:
                scale.note(is_good)
                return is_good
        if is_good or rule.nan == "ignore":
            return True
        if rule.nan == "raise":
            raise NonFiniteError(self._told(gradients))
        return False

    def _are_finite(self, gradients: list[torch.Tensor], is_own: bool) -> bool:
        if is_own:
            # one call instead of two for each gradient; it multiplies them by 1 in place, so they must be our own
            try:
                torch._amp_foreach_non_finite_check_and_unscale_(gradients, self._found, self._one)
                if not self._found.item():
                    return True
                self._found.zero_()
                return False
            except RuntimeError:  # sparse, complex, or several entries in one place of memory
                self._found.zero_()
        return all(bool(_values(gradient).isfinite().all()) for gradient in gradients)

    def _told(self, gradients: Gradients) -> str:
        """Which gradient is not finite, in words."""
        known = {id(parameter): name for name, parameter in self._model.named_parameters()}
        for parameter, gradient in zip(parameters(self._model), gradients, strict=True):
            if gradient is not None and not bool(_values(gradient).isfinite().all()):
                word = "NaN" if bool(_values(gradient).isnan().any()) else "infinite"
                return (
                    f"the gradient of the loss {self._rule.loss_name!r} with respect to {known[id(parameter)]!r} of model "
                    f"{self._card.name!r} is {word}"
                )
        return f"a gradient of the loss {self._rule.loss_name!r} of model {self._card.name!r} is NaN or infinite"

    def _flagged(self, gradients: Gradients, mean: torch.Tensor | None) -> Gradients:
        """The gradients, all 0 if something is not finite; `settle` will tell."""
        present = [gradient for gradient in gradients if gradient is not None]
        checked = [*present, *([] if mean is None else [mean.detach()])]
        good = torch.stack([norm.float() for norm in torch._foreach_norm(checked, math.inf)]).isfinite().all()
        self._flags.append(good)
        kept = iter(_masked(present, good))
        return [None if gradient is None else next(kept) for gradient in gradients]

    def settle(self) -> None:
        """Look at the checks that nobody looked at yet.

        Raises:
            NonFiniteError: If one failed; its `steps_ago` says when.
        """
        if not self._flags:
            return
        good = torch.stack(self._flags).tolist()
        self._flags = []
        if not all(good):
            err = NonFiniteError(
                f"the loss {self._rule.loss_name!r} of model {self._card.name!r}, or a gradient of it, is NaN or infinite"
            )
            err.steps_ago = len(good) - 1 - good.index(False)
            raise err

    # ---- state

    def state_dict(self) -> dict[str, Any]:
        """What is gathered."""
        return {
            "steps": self._steps,
            "samples": self._samples,
            "sums": {str(place): total.clone() for place, total in self._sums.items()},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self._steps, self._samples = state["steps"], state["samples"]
        self._sums = {int(place): total.clone() for place, total in state["sums"].items()}


def clipped(gradients: Gradients, norm: float | None, value: float | None) -> list[torch.Tensor | None]:
    """Gradients with no entry beyond a value and, after that, no norm of all together beyond another."""
    present = [gradient for gradient in gradients if gradient is not None]
    present = [gradient.to_dense() if gradient.is_sparse else gradient for gradient in present]
    if value is not None:
        present = list(torch._foreach_clamp_max(torch._foreach_clamp_min(present, -value), value))
    if norm is not None and present:
        total = torch.linalg.vector_norm(torch.stack([one.float() for one in torch._foreach_norm(present)]))
        present = list(torch._foreach_mul(present, norm / total.clamp(min=norm)))
    kept = iter(present)
    return [None if gradient is None else next(kept) for gradient in gradients]


def _unscaled(gradients: Gradients, scale: float) -> list[torch.Tensor | None]:
    return [None if gradient is None else gradient / scale for gradient in gradients]


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
