"""Ways to train that never wait for a GPU between two log lines, as options of the `run` fixture."""

from fastestimator_lite.trace.adapt import EMA, LRScheduler
from fastestimator_lite.trace.metric import Accuracy


def _slower(model):
    return [LRScheduler(model, lambda step: 0.01 / step)]


def _all(model):
    return [EMA(model), *_slower(model), Accuracy("y", "pred", mode="train")]


WAYS = {
    **{name: dict(optimizer=name) for name in ("adam", "sgd", "rmsprop")},
    "merge_grad": dict(update=dict(merge_grad=5)),
    "clip_norm": dict(update=dict(clip_norm=0.1)),
    "nan ignored": dict(update=dict(nan="ignore")),
    "bf16": dict(mixed_precision="bf16"),
    "EMA": dict(traces=lambda model: [EMA(model)]),
    "LRScheduler": dict(traces=_slower),
    "Accuracy": dict(traces=lambda model: [Accuracy("y", "pred", mode="train")]),
    "Accuracy and all of it": dict(
        traces=_all, update=dict(merge_grad=5, clip_norm=0.1), mixed_precision="bf16", optimizer="adam"
    ),
}
