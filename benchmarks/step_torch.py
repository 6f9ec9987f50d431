"""What a step costs in torch, over a hand-written loop (rows A, C, P, Q, T of docs/performance.md).

The model is Linear(4, 1), the batch 32 samples, the loss the mean squared error, the optimizer Adam: small enough that
what is around the step shows. In A and T both loops go over the same batches, which lie ready in memory; in C each has
its own way to them. Q uses a step that only runs the model forward, so that a trace shows beside it.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

# before the frameworks: it sets the number of their threads
from _common import (
    MICROSECOND,
    Added,
    Clock,
    Goal,
    Table,
    arguments,
    epoch_watch,
    installed,
    interleaved,
    output_to_null,
)

# isort: split
import numpy as np
import torch

BATCH = 32
TRACES = 50  # how many of a trace are added, so that the cost of one can be told from noise


class ReadyBatches(torch.utils.data.DataLoader[Any]):
    """A loader that costs nothing: the same few batches, again and again."""

    def __init__(self, steps: int) -> None:
        super().__init__([0], batch_size=1)
        generator = torch.Generator().manual_seed(0)
        self.steps = steps
        self.batches = [
            {"x": torch.rand(BATCH, 4, generator=generator), "y": torch.rand(BATCH, 1, generator=generator).round()}
            for _ in range(50)
        ]

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        batches, count = self.batches, len(self.batches)
        return (batches[step % count] for step in range(self.steps))


def model() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Linear(4, 1)


def adam(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, lr=1e-3)


def fused_adam(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, lr=1e-3, fused=True)


# ---- by hand


def raw_loop(
    batches: Any,
    steps: int,
    make_optimizer: Callable[..., Any] = adam,
    after: Callable[[int, dict[str, Any], Any, Any], None] | None = None,
) -> Callable[[], float]:
    """A training loop as one writes it; seconds per step.

    Args:
        batches: Anything to iterate over.
        steps: How many batches it gives.
        make_optimizer: Makes the optimizer from the parameters.
        after: Called after each step with its number, the batch, the prediction and the loss.
    """
    net = model()
    optimizer = make_optimizer(net.parameters())

    def run() -> float:
        clock = Clock()
        clock.start()
        for step, batch in enumerate(batches):
            optimizer.zero_grad()
            prediction = net(batch["x"])
            loss = torch.nn.functional.mse_loss(prediction, batch["y"])
            loss.backward()
            optimizer.step()
            if after is not None:
                after(step, batch, prediction, loss)
        clock.stop()
        return clock.seconds / steps

    return run


class Count:
    """Accuracy by hand, and a line every 100 steps."""

    def __init__(self) -> None:
        self.right = self.total = 0

    def __call__(self, step: int, batch: dict[str, Any], prediction: Any, loss: Any) -> None:
        self.right += int(((prediction > 0.5) == (batch["y"] > 0.5)).sum())
        self.total += len(prediction)
        if step % 100 == 0:
            print(f"step {step}: loss {loss.item()}", flush=True)


def print_each(interval: int) -> Callable[[int, dict[str, Any], Any, Any], None]:
    def after(step: int, batch: dict[str, Any], prediction: Any, loss: Any) -> None:
        if step % interval == 0:
            print(f"step {step}: loss {loss.item()}", flush=True)

    return after


class Slices:
    """Shuffled batches cut out of tensors: the least that a loader with the data in memory can do."""

    def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
        self.x, self.y = torch.from_numpy(x), torch.from_numpy(y)

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        order = torch.randperm(len(self.x))
        for rows in order.split(BATCH):
            yield {"x": self.x[rows], "y": self.y[rows]}


# ---- ours, and FastEstimator 1.x, which has the same words


def framework_loop(
    package: str,
    data: Any,
    steps: int,
    log_steps: int | None = None,
    traces: Sequence[str] = (),
    extra: int = 0,
    make_optimizer: Any = adam,
    train: bool = True,
    terminal: bool = False,
    idle: int = 0,
    **options: Any,
) -> Callable[[], float]:
    """One epoch of an Estimator; seconds per step, between the begin and the end of the epoch.

    Args:
        package: "fastestimator_lite" or "fastestimator".
        data: The train_data.
        steps: How many batches it gives.
        log_steps: As in Estimator.
        traces: Names of traces to add: "accuracy", "nothing" or "reads and writes".
        extra: How many of each.
        make_optimizer: The optimizer_fn.
        train: Whether the model learns; else it only runs.
        terminal: Whether output looks like going to a terminal.
        idle: How many TensorOps that do nothing follow the model.
        options: Further arguments of Pipeline.
    """
    fe = importlib.import_module(package)
    tensorop = importlib.import_module(f"{package}.op.tensorop")
    trace = importlib.import_module(f"{package}.trace")
    metric = importlib.import_module(f"{package}.trace.metric")
    ops = importlib.import_module(f"{package}.op.tensorop.model")
    losses = importlib.import_module(f"{package}.op.tensorop.loss")

    class Nothing(trace.Trace):  # type: ignore[misc]
        """A trace that overrides no hook."""

    class ReadsAndWrites(trace.Trace):  # type: ignore[misc]
        """A trace that hands a key on under another name."""

        def on_batch_end(self, data: Any) -> None:
            data.write_without_log(self.outputs[0], data[self.inputs[0]])

    kinds = {
        "accuracy": lambda i: metric.Accuracy("y", "y_pred", mode="train"),
        "nothing": lambda i: Nothing(),
        "reads and writes": lambda i: ReadsAndWrites("y", f"z{i}", mode="train"),
    }
    watch = epoch_watch(package)
    net = fe.build(model, make_optimizer if train else None)

    class Idle(tensorop.TensorOp):  # type: ignore[misc]
        """An op that hands its input on."""

        def forward(self, data: Any, state: dict[str, Any]) -> Any:
            return data

    chain = [ops.ModelOp(net, "x", "y_pred"), *(Idle("y_pred", "y_pred") for _ in range(idle))]
    if train:
        chain += [losses.MeanSquaredError(("y_pred", "y"), "mse"), ops.UpdateOp(net, "mse")]
    elif package == "fastestimator":
        chain.append(tensorop.LambdaOp(fn=lambda value: value, inputs="y", outputs="y"))  # else it drops the key
    estimator = fe.Estimator(
        fe.Pipeline(train_data=data, **options),
        fe.Network(chain),
        epochs=1,
        log_steps=log_steps,
        traces=[watch, *(kinds[name](i) for name in traces for i in range(extra or 1))],
    )

    def run() -> float:
        with output_to_null(terminal):
            estimator.fit(warmup=False)
        return watch.clock.seconds / steps

    return run


# ---- peers


def lightning_loop(data: Any, steps: int, bare: bool) -> Callable[[], float]:
    """Lightning's Trainer, stripped of all it can be stripped of, or as it comes."""
    import logging
    import warnings

    import lightning.pytorch as pl

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    clock = Clock()

    class Module(pl.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.net = model()

        def training_step(self, batch: dict[str, Any], index: int) -> Any:
            loss = torch.nn.functional.mse_loss(self.net(batch["x"]), batch["y"])
            if not bare:
                self.log("mse", loss)
            return loss

        def configure_optimizers(self) -> Any:
            return adam(self.parameters())

        def on_train_epoch_start(self) -> None:
            clock.start()

        def on_train_epoch_end(self) -> None:
            clock.stop()

    def run() -> float:
        with output_to_null(terminal=not bare), warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
            warnings.simplefilter("ignore")
            stripped = dict(barebones=True) if bare else dict(default_root_dir=folder)
            pl.Trainer(max_epochs=1, accelerator="cpu", devices=1, **stripped).fit(Module(), data)
        return clock.seconds / steps

    return run


def accelerated_loop(data: Any, steps: int, bare: bool) -> Callable[[], float]:
    """pytorch-accelerated's Trainer, without or with the callbacks it comes with."""
    from pytorch_accelerated import Trainer
    from pytorch_accelerated.trainer import DEFAULT_CALLBACKS

    clock = Clock()

    class Timed(Trainer):  # type: ignore[misc]
        def create_train_dataloader(self, *arguments: Any, **options: Any) -> Any:
            return data

        def _prepare_model_optimizer_and_dataloaders(self) -> None:
            # accelerate would make a loader of its own from the data set, with other batches than the others have
            loader, self._train_dataloader = self._train_dataloader, None
            super()._prepare_model_optimizer_and_dataloaders()
            self._train_dataloader = loader

        def calculate_train_batch_loss(self, batch: dict[str, Any]) -> dict[str, Any]:
            prediction = self.model(batch["x"])
            loss = self.loss_func(prediction, batch["y"])
            return {"loss": loss, "model_outputs": prediction, "batch_size": len(prediction)}

        def train_epoch_start(self) -> None:
            super().train_epoch_start()
            clock.start()

        def train_epoch_end(self) -> None:
            clock.stop()
            super().train_epoch_end()

    net = model()
    callbacks = () if bare else DEFAULT_CALLBACKS
    trainer = Timed(net, torch.nn.functional.mse_loss, adam(net.parameters()), callbacks=callbacks)

    def run() -> float:
        with output_to_null(terminal=not bare):
            trainer.train(torch.utils.data.TensorDataset(torch.zeros(1)), num_epochs=1, per_device_batch_size=BATCH)
        return clock.seconds / steps

    return run


def peers_of_a_step(data: Any, steps: int, table: Table) -> dict[str, Callable[[], float]]:
    """The installed peers by name, each tried once."""
    candidates: dict[str, tuple[tuple[str, ...], Callable[[], Callable[[], float]]]] = {
        "Lightning, bare": (("lightning",), lambda: lightning_loop(data, steps, True)),
        "Lightning, default": (("lightning",), lambda: lightning_loop(data, steps, False)),
        "pytorch-accelerated, bare": (("pytorch_accelerated",), lambda: accelerated_loop(data, steps, True)),
        "pytorch-accelerated, default": (("pytorch_accelerated",), lambda: accelerated_loop(data, steps, False)),
        "FastEstimator 1.x": (("fastestimator",), lambda: framework_loop("fastestimator", data, steps)),
    }
    peers = {}
    for name, (modules, make) in candidates.items():
        if not installed(*modules):
            table.skip(name)
            continue
        try:
            loop = make()
            loop()
        except Exception as err:  # noqa: BLE001 - a peer that does not run here must not end our own measurement
            table.skip(name, f"{type(err).__name__}: {str(err).strip().splitlines()[0] if str(err).strip() else ''}")
            continue
        peers[name] = loop
    return peers


# ---- the rows


def row_a(table: Table, steps: int, repetitions: int) -> None:
    data = ReadyBatches(steps)

    def counting() -> float:
        with output_to_null():
            return raw_loop(data, steps, after=Count())()

    peers = peers_of_a_step(data, steps, table)
    figures = interleaved(
        {
            "raw": raw_loop(data, steps),
            "ours": framework_loop("fastestimator_lite", data, steps),
            "ours, default": framework_loop("fastestimator_lite", data, steps, 100, ["accuracy"], terminal=True),
            "raw, counting": counting,
            **peers,
        },
        repetitions,
    )
    raw = figures["raw"]
    table.add("A", "a step; no log, no trace", "us", figures["ours"], raw, Goal("difference", "<=", 30 * MICROSECOND))
    for name in peers:
        table.add_peer(name, figures[name], raw)
    table.add(
        "A",
        "the same with Logger, bar and Accuracy",
        "us",
        figures["ours, default"],
        raw,
        Goal("difference", "<=", 60 * MICROSECOND),
    )
    table.add(
        "A",
        "the same against a raw loop that counts and prints",
        "us",
        figures["ours, default"],
        figures["raw, counting"],
    )


def row_c(table: Table, steps: int, repetitions: int) -> None:
    generator = np.random.default_rng(0)
    x, y = generator.random((steps * BATCH, 4), np.float32), generator.random((steps * BATCH, 1), np.float32)
    dataset = importlib.import_module("fastestimator_lite.dataset").NumpyDataset({"x": x, "y": y})
    options = dict(batch_size=BATCH, num_process=0)

    class Samples(torch.utils.data.Dataset[dict[str, np.ndarray]]):
        def __len__(self) -> int:
            return len(x)

        def __getitem__(self, index: int) -> dict[str, np.ndarray]:
            return {"x": x[index], "y": y[index]}

    loader = torch.utils.data.DataLoader(Samples(), BATCH, shuffle=True)
    contestants = {
        "floor": raw_loop(Slices(x, y), steps, fused_adam),
        "ours": framework_loop("fastestimator_lite", dataset, steps, make_optimizer="adam", **options),
        "ours, fused": framework_loop("fastestimator_lite", dataset, steps, make_optimizer=fused_adam, **options),
        "raw loop, torch DataLoader, one sample at a time": raw_loop(loader, steps),
    }
    if installed("fastestimator"):
        theirs = importlib.import_module("fastestimator.dataset").NumpyDataset({"x": x, "y": y})
        contestants["FastEstimator 1.x"] = framework_loop(
            "fastestimator", theirs, steps, make_optimizer="adam", **options
        )
    figures = interleaved(contestants, repetitions)
    goal = Goal("ratio", "<=", 1.3)
    table.add("C", 'a step on our own loader, optimizer "adam"', "us", figures["ours"], figures["floor"], goal)
    for name in list(contestants)[3:]:
        table.add_peer(name, figures[name], figures["floor"])
    table.add("C", "the same with torch's fused Adam", "us", figures["ours, fused"], figures["floor"], goal)


def row_q(table: Table, steps: int, repetitions: int) -> None:
    data = ReadyBatches(steps)

    def by_hand(hooks: Sequence[Callable[[dict[str, Any]], None]]) -> Callable[[], float]:
        net = model()

        def run() -> float:
            clock = Clock()
            clock.start()
            with torch.no_grad():
                for batch in data:
                    store = dict(batch)
                    store["y_pred"] = net(store["x"])
                    for hook in hooks:
                        hook(store)
            clock.stop()
            return clock.seconds / steps

        return run

    def hook(key: str) -> Callable[[dict[str, Any]], None]:
        def reads_and_writes(store: dict[str, Any]) -> None:
            store[key] = store["y"]

        return reads_and_writes

    def ours(*traces: str, package: str = "fastestimator_lite") -> Callable[[], float]:
        return framework_loop(package, data, steps, traces=traces, extra=TRACES, train=False)

    contestants = {
        "without": ours(),
        "nothing": ours("nothing"),
        "reads and writes": ours("reads and writes"),
        "raw": by_hand([]),
        "raw, reads and writes": by_hand([hook(f"z{i}") for i in range(TRACES)]),
    }
    figures = interleaved(contestants, repetitions)

    def each(name: str, base: str) -> Added:
        return Added(figures[name], figures[base], TRACES)

    # the goal is 0; a hundredth of a microsecond is below what can be told from 0 here
    table.add(
        "Q",
        "one more trace that does nothing",
        "us",
        each("nothing", "without"),
        None,
        Goal("value", "<=", 0.01 * MICROSECOND),
    )
    table.add(
        "Q",
        "one more trace that reads and writes a key",
        "us",
        each("reads and writes", "without"),
        None,
        Goal("value", "<=", 0.4 * MICROSECOND),
    )
    table.add_peer("the same by hand", each("raw, reads and writes", "raw"))


def row_p(table: Table, steps: int, repetitions: int) -> None:
    data = ReadyBatches(steps)
    count = 100
    figures = interleaved(
        {
            name: framework_loop("fastestimator_lite", data, steps, idle=idle)
            for name, idle in (("more", count), ("less", 0))
        },
        repetitions,
    )
    added = Added(figures["more"], figures["less"], count)
    table.add("P", "one more TensorOp that does nothing", "us", added, None, Goal("value", "<=", 0.5 * MICROSECOND))


def row_t(table: Table, steps: int, repetitions: int) -> None:
    data = ReadyBatches(steps)

    def by_hand(interval: int) -> Callable[[], float]:
        loop = raw_loop(data, steps, after=print_each(interval))

        def run() -> float:
            with output_to_null():
                return loop()

        return run

    def ours(log_steps: int, terminal: bool = False) -> Callable[[], float]:
        return framework_loop("fastestimator_lite", data, steps, log_steps, terminal=terminal)

    contestants = {
        "100": ours(100),
        "1": ours(1),
        "raw 100": by_hand(100),
        "raw 1": by_hand(1),
        "bar 100": ours(100, terminal=True),
        "bar 1": ours(1, terminal=True),
    }
    figures = interleaved(contestants, repetitions)

    def added(prefix: str) -> Added:
        return Added(figures[f"{prefix}1"], figures[f"{prefix}100"])

    table.add("T", "log_steps=1 instead of 100, a step", "us", added(""), None, Goal("value", "<=", 40 * MICROSECOND))
    table.add_peer('by hand: print(f"...{loss.item()}", flush=True)', added("raw "))
    table.add("T", "the same with the bar of a terminal", "us", added("bar "))


def main() -> None:
    options = arguments(__doc__)
    torch.set_num_threads(1)
    steps, repetitions = (30, 1) if options.quick else (2000, 9)
    table = Table("a step in torch", options)
    row_a(table, steps, repetitions)
    row_c(table, steps, repetitions)
    row_p(table, steps, repetitions)
    row_q(table, steps, repetitions)
    row_t(table, steps, repetitions)
    table.finish()


if __name__ == "__main__":
    main()
