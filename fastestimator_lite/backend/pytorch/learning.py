"""torch: from a loss to a step of the optimizer."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from fastestimator_lite.backend.card import ModelCard, card_of
from fastestimator_lite.backend.pytorch.finite import LARGE, FiniteCheck, Gradients, filled, first_bad, flagged
from fastestimator_lite.backend.pytorch.keras_model import is_keras
from fastestimator_lite.backend.rule import LEAST_SCALE, UpdateRule
from fastestimator_lite.util.errors import ConfigError, NonFiniteError
from fastestimator_lite.util.log import warn

_FLAGS_IN_A_ROW = 512


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
        # fused optimizers go by the place in memory: backward() lays gradients out as parameters are, autograd.grad does not
        if gradient is not None and gradient.layout is torch.strided and gradient.stride() != parameter.stride():
            gradient = torch.empty_like(parameter).copy_(gradient)
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
        self._check = FiniteCheck(self._device)
        self._flags: list[torch.Tensor] = []  # of the last steps, one by one
        self._rows: list[torch.Tensor] = []  # of steps before, many in a tensor, since each takes 512 bytes of a device
        self._steps = self._samples = 0  # gathered so far
        self._sums: dict[int, torch.Tensor] = {}  # by place among all parameters: which are trained may change
        self._trained: list[torch.Tensor] | None = None
        self._places: list[int] = []
        self._has_large = False

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
        if not self._card.is_plain and is_keras(self._model):
            mean = _penalized(mean, self._model)
        scale = self._card.scale
        target = mean if scale is None else mean * scale.value
        trained, is_dry = self._parameters(), state.get("warmup")
        if not mean.requires_grad:
            if any(one.requires_grad for one in trained):
                raise ConfigError(self._rule.told_of_detached(self._card.name))
            if is_dry:
                warn(self._rule.told_of_frozen(self._card.name))
            return
        is_placed = self.is_alone and not is_dry  # cheaper than to ask for certain gradients, where there are no others
        gradients: Gradients
        if is_placed:
            for parameter in trained:
                parameter.grad = None
            target.backward()
            gradients = [parameter.grad for parameter in trained]
        else:
            gradients = self._differentiated(target, retain_graph)
        if is_dry:
            if not gradients:
                warn(self._rule.told_of_frozen(self._card.name))
            elif all(one is None for one in gradients):
                raise ConfigError(self._rule.told_of_detached(self._card.name))
        if is_dry or not gradients:
            return
        if scale is not None:
            gradients, is_placed = _unscaled(gradients, scale.value), False
        samples = (loss.numel() if loss.dim() else state.get("samples", 1)) if self._rule.merge > 1 else 1
        self._take(gradients, mean, samples, state, not retain_graph, is_placed)

    def _differentiated(self, target: torch.Tensor, retain_graph: bool) -> Gradients:
        """The gradients of a loss with respect to the parameters; none if all are frozen."""
        for _ in range(2):
            trained = self._parameters()
            try:
                return (
                    torch.autograd.grad(target, trained, retain_graph=retain_graph, allow_unused=True)
                    if trained
                    else ()
                )
            except RuntimeError:
                if all(one.requires_grad for one in trained):
                    raise
                list_parameters(self._model)  # somebody froze one since the epoch began
        return ()

    def _parameters(self) -> list[torch.Tensor]:
        """The parameters that are trained; what is to be known about them is found out where they are others."""
        trained = parameters(self._model)
        if trained is not self._trained:
            known = {id(parameter): place for place, parameter in enumerate(self._model.parameters())}
            self._trained, self._places = trained, [known[id(parameter)] for parameter in trained]
            self._has_large = any(parameter.numel() >= LARGE for parameter in trained)
        return trained

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
        self._parameters()
        self._take(detached, None, state.get("samples", 1), state, False, False)

    def _take(
        self,
        gradients: Gradients,
        mean: torch.Tensor | None,
        samples: int,
        state: dict[str, Any],
        is_own: bool,
        is_placed: bool,
    ) -> None:
        """Check gradients, and merge or update.

        Args:
            gradients: One for each trained parameter.
            mean: The loss; None if somebody else differentiated it.
            samples: How many there are.
            state: The state of the network's step.
            is_own: Whether nobody else has a part in the gradients, so that they may be written to.
            is_placed: Whether they are the parameters' `grad` already.
        """
        rule = self._rule
        if self.waits and not any(one is not None and (one.is_sparse or one.is_complex()) for one in gradients):
            (gradients, good), is_placed = flagged(gradients, mean), False
            self._flags.append(good)
            if len(self._flags) == _FLAGS_IN_A_ROW:
                self._rows.append(torch.stack(self._flags))
                self._flags = []
        elif (rule.nan != "ignore" or self._card.scale is not None) and not self._is_good(gradients, mean, is_own):
            samples, state["skipped"] = 0, True
        deferred = state.get("deferred") if self._defer or state.get("defer") else None
        if rule.merge > 1:
            self._gather(gradients, samples)
            if self._steps == rule.merge:
                self._update(self._merged(), deferred)
        elif samples:
            self._update(gradients, deferred, is_placed)

    def _update(self, gradients: Gradients | None, deferred: Any, is_placed: bool = False) -> None:
        if gradients is None:  # none of the steps had any
            return
        if self._clips:
            gradients, is_placed = clipped(gradients, self._rule.clip_norm, self._rule.clip_value), False
        if deferred is not None:
            update_model(self._model, gradients, True, deferred)
        else:
            _step(self._card, () if is_placed else self._parameters(), () if is_placed else gradients)

    # ---- merging

    def _gather(self, gradients: Gradients, samples: int) -> None:
        self._steps += 1
        if not samples:
            return
        self._samples += samples
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
            self._parameters()  # right after a resume no step has asked for them
            self._update(self._merged(), None)

    def forget(self) -> None:
        """Drop what is gathered."""
        self._sums, self._steps, self._samples = {}, 0, 0

    # ---- NaN and infinity

    def _is_good(self, gradients: Gradients, mean: torch.Tensor | None, is_own: bool) -> bool:
        """Whether the loss and the gradients are finite; raises if that is the policy."""
        rule, scale = self._rule, self._card.scale
        if mean is not None and rule.nan != "ignore" and not math.isfinite(mean.item()):
            if rule.nan == "raise":
                raise NonFiniteError(f"the loss {rule.loss_name!r} of model {self._card.name!r} is {mean.item()}")
            return False
        present = [gradient for gradient in gradients if gradient is not None]
        is_good = self._check.are_finite(present, is_own, self._has_large)
        if scale is not None:
            if is_good or scale.value >= LEAST_SCALE:
                scale.note(is_good)
                return is_good
        if is_good or rule.nan == "ignore":
            return True
        if rule.nan == "raise":
            raise NonFiniteError(self._told(gradients))
        return False

    def _told(self, gradients: Gradients) -> str:
        """Which gradient is not finite, in words."""
        known = {id(parameter): name for name, parameter in self._model.named_parameters()}
        found = first_bad(gradients)
        if found is None:
            return f"a gradient of the loss {self._rule.loss_name!r} of model {self._card.name!r} is NaN or infinite"
        place, word = found
        return (
            f"the gradient of the loss {self._rule.loss_name!r} with respect to "
            f"{known[id(self._parameters()[place])]!r} of model {self._card.name!r} is {word}"
        )

    def settle(self) -> None:
        """Look at the checks that nobody looked at yet.

        Raises:
            NonFiniteError: If one failed; its `steps_ago` says when.
        """
        if not self._flags and not self._rows:
            return
        last = [torch.stack(self._flags)] if self._flags else []
        good = torch.cat([*self._rows, *last]).tolist()
        self._flags, self._rows = [], []
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
    return filled(gradients, present)


def _penalized(mean: torch.Tensor, model: Any) -> torch.Tensor:
    """A loss and what a Keras model adds to it: its regularizers, and what its layers gave to `add_loss`."""
    return sum((extra.to(mean.dtype) for extra in model.losses), start=mean)


def _unscaled(gradients: Gradients, scale: float) -> list[torch.Tensor | None]:
    present = [gradient for gradient in gradients if gradient is not None]
    return filled(gradients, torch._foreach_div(present, scale) if present else ())
