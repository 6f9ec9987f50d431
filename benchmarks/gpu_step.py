"""A step on a GPU over a hand-written loop, and what it waits for (rows GPU1, GPU2, GPU3, GPU4 of docs/performance.md).

Both loops train in bfloat16 with the forward pass compiled, on the same pictures in the memory of the host, shuffled: ResNet9
on 3 x 32 x 32 in batches of 512, and a wide residual net, which has more to compute for each byte of a batch. By hand that
is: shuffled slices into pinned memory, copies on a stream of their own one batch ahead, autocast, torch.compile, fused SGD.

Where there is no GPU, it says so and ends well.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# before the import below, which hides all GPUs otherwise, and leaves the host one thread to put batches together
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")
os.environ.setdefault("OMP_NUM_THREADS", str(os.cpu_count()))

from _common import Clock, Goal, Table, arguments, interleaved, output_to_null
from _gpu import Profile, hidden, length

# isort: split
import numpy as np
import torch

LOG_STEPS = 50
MODELS = {"ResNet9, 3 x 32 x 32, batch 512": ("ResNet9", 512), "WideResidualNetwork, the same": ("wide", 512)}


def model(kind: str) -> torch.nn.Module:
    torch.manual_seed(0)
    made = importlib.import_module("fastestimator_lite.architecture.pytorch")
    if kind == "ResNet9":
        return made.ResNet9((3, 32, 32), 10)
    return torch.nn.Sequential(made.WideResidualNetwork(28, 10, 10), torch.nn.Softmax(-1))


def pictures(steps: int, batch: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    count = steps * batch
    return {
        "x": generator.standard_normal((count, 3, 32, 32), np.float32),
        "y": generator.integers(0, 10, count),
    }


def loss_of(probabilities: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The cross entropy of probabilities, which is what both nets give."""
    return torch.nn.functional.nll_loss(torch.log(probabilities.float().clamp(min=1e-7)), labels)


def sgd(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=1e-3, momentum=0.9, fused=True)


# ---- by hand


def ahead(data: dict[str, np.ndarray], batch: int) -> Iterator[dict[str, torch.Tensor]]:
    """Shuffled batches on the GPU, each copied while the one before is worked on."""
    tensors = {key: torch.from_numpy(value) for key, value in data.items()}
    stream, current = torch.cuda.Stream(), torch.cuda.current_stream()
    kept: list[dict[str, torch.Tensor]] = []
    for rows in torch.randperm(len(tensors["x"])).split(batch):
        pinned = {key: value[rows].pin_memory() for key, value in tensors.items()}
        with torch.cuda.stream(stream):
            kept.append({key: value.to("cuda", non_blocking=True) for key, value in pinned.items()})
            ready = stream.record_event()
        if len(kept) > 1:
            yield kept.pop(0)
        current.wait_event(ready)
        for value in kept[-1].values():
            value.record_stream(current)
    yield from kept


def raw_loop(kind: str, data: dict[str, np.ndarray], batch: int, options: Any) -> Callable[..., float]:
    """A training loop as one writes it for speed; seconds a step."""
    net = model(kind).cuda()
    run, optimizer, steps = torch.compile(net, **options), sgd(net.parameters()), len(data["x"]) // batch

    def epoch() -> float:
        clock = Clock()
        torch.cuda.synchronize()
        clock.start()
        for step, one in enumerate(ahead(data, batch), 1):
            with torch.autocast("cuda", torch.bfloat16):
                probabilities = run(one["x"])
                loss = loss_of(probabilities, one["y"])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step == 1 or step % LOG_STEPS == 0:
                loss.item()  # for a line of the log
        torch.cuda.synchronize()
        clock.stop()
        return clock.seconds / steps

    return epoch


# ---- ours


def our_loop(kind: str, data: dict[str, np.ndarray], batch: int, options: Any) -> Callable[..., float]:
    """One epoch of an Estimator; seconds a step, from the begin to the end of the epoch."""
    fe = importlib.import_module("fastestimator_lite")
    trace = importlib.import_module("fastestimator_lite.trace")
    ops = importlib.import_module("fastestimator_lite.op.tensorop.model")
    tensorop = importlib.import_module("fastestimator_lite.op.tensorop")
    steps = len(data["x"]) // batch

    class Watch(trace.Trace):  # type: ignore[misc]
        """Times an epoch, and profiles some of its steps where that is asked for."""

        def __init__(self) -> None:
            super().__init__(mode="train")
            self.clock = Clock()
            self.profile: Any = None

        def on_epoch_begin(self, data: Any) -> None:
            torch.cuda.synchronize()
            self.clock.start()

        def on_batch_begin(self, data: Any) -> None:
            if self.profile is not None:
                self.profile.begin_of(self.system.global_step)

        def on_batch_end(self, data: Any) -> None:
            if self.profile is not None:
                self.profile.end_of(self.system.global_step)

        def on_epoch_end(self, data: Any) -> None:
            torch.cuda.synchronize()
            self.clock.stop()

    watch = Watch()
    net = fe.build(lambda: model(kind), sgd, mixed_precision="bf16", compile=options or True)
    network = fe.Network(
        [
            ops.ModelOp(net, "x", "pred"),
            tensorop.LambdaOp(loss_of, ("pred", "y"), "loss"),
            ops.UpdateOp(net, "loss"),
        ]
    )
    pipeline = fe.Pipeline(train_data=fe.dataset.NumpyDataset(data), batch_size=batch, num_process=0)
    estimator = fe.Estimator(pipeline, network, epochs=1, traces=watch, log_steps=LOG_STEPS)

    def epoch(profile: Any = None) -> float:
        watch.profile = profile
        with output_to_null():
            estimator.fit(warmup=False)
        return watch.clock.seconds / steps

    return epoch


def measure(table: Table, name: str, kind: str, batch: int, quick: bool) -> None:
    steps, repetitions = (2 * LOG_STEPS, 1) if quick else (6 * LOG_STEPS, 5)
    data, options = pictures(steps, batch), {} if not quick else {"backend": "eager"}
    contestants = {"ours": our_loop(kind, data, batch, options), "raw": raw_loop(kind, data, batch, options)}
    figures = interleaved(contestants, repetitions, warm_ups=2)
    speeds = {who: [batch / seconds for seconds in times] for who, times in figures.items()}
    table.add(
        "GPU1", f"pictures a second: {name}", "k samples/s", speeds["ours"], speeds["raw"], Goal("ratio", ">=", 0.97)
    )
    profiles = [Profile(LOG_STEPS + 2, 2 * LOG_STEPS - 1) for _ in range(repetitions)]
    for one in profiles:
        contestants["ours"](one)
    found = {
        "GPU2": ("share of the time without a kernel", [idle(one) for one in profiles], Goal("value", "<=", 0.05)),
        "GPU3": ("waits between two log lines", [float(len(one.waits)) for one in profiles], Goal("value", "<=", 0.0)),
        "GPU4": (
            "share of the time of copies behind kernels",
            [hidden([*one.pinned, *one.pageable], one.kernels) for one in profiles],
            Goal("value", ">=", 0.9),
        ),
    }
    for row, (quantity, values, goal) in found.items():
        table.add(row, f"{quantity}: {name}", "", values, None, goal)


def idle(profile: Profile) -> float:
    """The share of the time from the first kernel to the last in which none ran."""
    whole = max(end for _, end in profile.kernels) - min(begin for begin, _ in profile.kernels)
    return 1 - length(profile.kernels) / whole


def main() -> None:
    options = arguments(__doc__)
    if not torch.cuda.is_available():
        print("skipped: no GPU")
        if options.json:
            written = {
                "script": Path(sys.argv[0]).name,
                "quick": options.quick,
                "lines": [],
                "skipped": {"all": "no GPU"},
            }
            Path(options.json).write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
        return
    table = Table(f"a step on a GPU, {torch.cuda.get_device_name()}", options)
    for name, (kind, batch) in MODELS.items():
        measure(table, name, kind, batch, options.quick)
    table.finish()


if __name__ == "__main__":
    main()
