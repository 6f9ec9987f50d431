"""The entry point of `fastestimator-lite`: finds the command that is named and runs it."""
from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Protocol

import fastestimator_lite
from fastestimator_lite.cli import doctor
from fastestimator_lite.util.errors import suggest


class Command(Protocol):
    """What a module of this package offers to be a command; `SUMMARY` is its line in the help."""

    SUMMARY: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's own arguments."""
        ...

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it and return the exit code."""
        ...


COMMANDS: Mapping[str, Command] = {
    "doctor": doctor,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: Words after the program's name; None takes those of this process.

    Returns:
        The exit code: 0 when all is well, 1 when the command says no, 2 when it was called wrongly.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    parser = _parser()
    named = next((word for word in words if not word.startswith("-")), None)
    if named is not None and named not in COMMANDS:
        parser.error(f"unknown command {named!r}; there is: {', '.join(COMMANDS)}.{suggest(named, COMMANDS)}")
    arguments = parser.parse_args(words)
    if arguments.command is None:
        parser.print_help(sys.stderr)
        return 2
    return COMMANDS[arguments.command].run(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fastestimator-lite",
        description="Train on PyTorch or TensorFlow with everything schedulable.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {fastestimator_lite.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, command in COMMANDS.items():
        described = commands.add_parser(name, help=command.SUMMARY, description=command.__doc__, allow_abbrev=False)
        command.add_arguments(described)
    return parser
