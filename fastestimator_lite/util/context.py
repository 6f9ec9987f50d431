"""Things for a `with` statement: a timer, silence, and nothing at all."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from contextlib import ContextDecorator, ExitStack, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any


class NonContext:
    """A `with` statement that does nothing, for where one is needed only sometimes; its target is None."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, *error: object) -> None:
        return None


class Timer(ContextDecorator):
    """Measure and print how long a block, or each call of a function, takes.

    It prints `<name> took <seconds> seconds`, also when the block fails.

    Args:
        name: What is measured.

    Attributes:
        seconds: The time of the last block; 0 before the first.

    Example::

        with Timer("Loading"):  # Loading took 0.1639 seconds
            load()

        @Timer("Step")
        def step(): ...
    """

    def __init__(self, name: str = "Task") -> None:
        self.name = name
        self.seconds = 0.0
        self._starts: list[float] = []  # a decorated function may call itself

    def __enter__(self) -> Timer:
        self._starts.append(time.perf_counter())
        return self

    def __exit__(self, *error: object) -> None:
        self.seconds = time.perf_counter() - self._starts.pop()
        print(f"{self.name} took {self.seconds:.4g} seconds")


class Suppressor:
    """Silence what a block writes on standard output and error, compiled libraries and child processes included.

    The file descriptors of the whole process are redirected, so other threads are silent, too.

    Args:
        allow_pyprint: Let what Python itself writes (`print`, `sys.stderr`) through.
        show_if_exception: If the block raises, write what was held back.
    """

    def __init__(self, allow_pyprint: bool = False, show_if_exception: bool = False) -> None:
        self.allow_pyprint = allow_pyprint
        self.show_if_exception = show_if_exception
        self._held: IO[str] | None = None
        self._undo = ExitStack()

    def __enter__(self) -> Suppressor:
        self.flush()
        with ExitStack() as undo:
            sink: IO[str] = (
                tempfile.TemporaryFile("w+", errors="replace") if self.show_if_exception else Path(os.devnull).open("w")
            )
            undo.enter_context(sink)
            self._held = sink if self.show_if_exception else None
            for number, name, redirect in ((1, "stdout", redirect_stdout), (2, "stderr", redirect_stderr)):
                stream, kept = getattr(sys, name), os.dup(number)
                undo.callback(os.close, kept)
                if not self.allow_pyprint:
                    undo.enter_context(redirect(self))
                elif _number_of(stream) == number:
                    past = undo.enter_context(os.fdopen(os.dup(number), "w", encoding=stream.encoding, buffering=1))
                    undo.enter_context(redirect(past))
                os.dup2(sink.fileno(), number)
                undo.callback(os.dup2, kept, number)
            self._undo = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        held = ""
        if self._held is not None and kind is not None:
            self._held.seek(0)
            held = self._held.read()
        self.teardown()
        if held:
            sys.stdout.write(held)

    def write(self, dummy: str) -> int:
        """Take the place of `sys.stdout.write`; see `show_if_exception` for what becomes of the text."""
        if self._held is not None:
            self._held.write(dummy)
            self._held.flush()  # so that it stands between what compiled code writes before and after
        return len(dummy)

    def flush(self) -> None:
        """Write out what the two streams still hold."""
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and stream is not self:
                stream.flush()

    def teardown(self) -> None:
        """End the silence at once; what was held back is lost. Leaving the block does this, too."""
        with suppress(OSError):
            self.flush()
        self._held = None
        self._undo.close()


def _number_of(stream: Any) -> int | None:
    """The file descriptor of a stream; None if it has none, as in a notebook."""
    try:
        return int(stream.fileno())
    except (AttributeError, OSError, ValueError):
        return None
