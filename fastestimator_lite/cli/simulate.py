"""`fastestimator-lite simulate`: draws the learning rate of a training configuration, without a model.

Writes the values as CSV, a picture as PNG and a page as HTML, and tells what is odd about them. `--serve` opens a page
in which a configuration can be pasted.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastestimator_lite.schedule.outlook import Preview, preview
from fastestimator_lite.schedule.recipe import read_config, recipe_from_config
from fastestimator_lite.schedule.simulator import serve
from fastestimator_lite.summary.planned import plotly_of_plan, write_plan
from fastestimator_lite.util.errors import ConfigError, MissingDependencyError, MissingKeyError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `simulate`."""
    parser.add_argument(
        "config",
        nargs="?",
        metavar="CONFIG.yaml",
        help="the configuration, with training.epochs, training.optimizer.lr and training.scheduler",
    )
    parser.add_argument("--epochs", type=_count, metavar="N", help="epochs of the run, in place of training.epochs")
    parser.add_argument(
        "--steps-per-epoch", type=_count, default=1, metavar="N", help="optimizer updates in each epoch (default: 1)"
    )
    parser.add_argument("--out", metavar="DIR", default="simulation", help="folder for the files (default: simulation)")
    parser.add_argument("--serve", action="store_true", help="open a page in which a configuration can be pasted")
    parser.add_argument("--host", default="127.0.0.1", help="address of the page (default: 127.0.0.1: this machine)")
    parser.add_argument("--port", type=int, help="port of the page (default: the first free one from 7860 on)")


def run(arguments: argparse.Namespace) -> int:
    """Write the files, or open the page.

    Args:
        arguments: Has `config`, `epochs`, `steps_per_epoch`, `out`, `serve`, `host` and `port`.

    Returns:
        1 when the configuration cannot work or something is not installed, 2 when there is none, else 0.
    """
    try:
        if arguments.serve:
            return _serve(arguments.host, arguments.port)
        if arguments.config is None:
            print("simulate: name a CONFIG.yaml, or --serve", file=sys.stderr)
            return 2
        return _write(arguments)
    except (ConfigError, MissingKeyError, MissingDependencyError, OSError) as err:
        print(f"simulate: {err}", file=sys.stderr)
        return 1


def _write(arguments: argparse.Namespace) -> int:
    recipe = recipe_from_config(with_epochs(read_config(arguments.config), arguments.epochs))
    found = preview(recipe, steps_per_epoch=arguments.steps_per_epoch)
    stem = Path(arguments.config).stem
    print(_heading(arguments.config, found))
    print(found.timeline())
    for warning in found.warnings:
        print(f"Warning: {warning}")
    for ending in ("csv", "png", "html"):
        print(f"Wrote {write_plan(Path(arguments.out) / f'{stem}.{ending}', found)}")
    return 0


def _heading(config: str, found: Preview) -> str:
    updates = f", {found.steps_per_epoch} updates in each" if found.steps_per_epoch > 1 else ""
    return f"{found.title} ({config}), {found.epochs} epoch{'s' * (found.epochs > 1)}{updates}"


def with_epochs(config: Mapping[str, Any], epochs: int | None) -> Mapping[str, Any]:
    """A configuration with another number of epochs; the one that is given stays as it was."""
    if epochs is None or not isinstance(config.get("training"), Mapping):
        return config
    return {**config, "training": {**config["training"], "epochs": epochs}}


def _serve(host: str, port: int | None) -> int:
    url, page = serve(plotly_of_plan, host, port, wait=False)
    with contextlib.suppress(KeyboardInterrupt):
        print(f"The simulator is at {url} (press Ctrl+C to end)", flush=True)
        page.block_thread()
    page.close(verbose=False)
    return 0


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be an int >= 1, got {text!r}")
    return int(text)
