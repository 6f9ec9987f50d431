"""HistoryReader: prints past runs as plain tables or CSV."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sqlite3
from collections.abc import Callable, Collection, Sequence
from types import TracebackType
from typing import Any

from fastestimator_lite.summary.history.database import connect, history_file, mark_gone, open_empty
from fastestimator_lite.util.errors import ConfigError

_Row = Sequence[Any]

_HELP = "N: what run N printed; e N: its error; d N: all about it; t: the table again; empty line: leave"
_BASIC = ("file", "experiment", "mode", "status", "started", "seconds", "epochs", "steps", "framework", "num_gpus")


class HistoryReader:
    """Prints what is in the database of runs.

    It is a context manager::

        with HistoryReader() as reader:
            reader.read_basic(limit=5, include_traces=True)

    Args:
        db_path: File of the database; None for the place where runs are recorded. A file that does not exist has no
            runs, and is not made.
    """

    def __init__(self, db_path: str | None = None) -> None:
        self.db_path = db_path
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> HistoryReader:
        self._connection = connect(self.db_path) if history_file(self.db_path).exists() else open_empty()
        with contextlib.suppress(sqlite3.OperationalError):  # a file that only others may write can still be read
            mark_gone(self._connection)
        self._connection.execute("PRAGMA query_only = ON")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def read_basic(
        self,
        limit: int = 10,
        interactive: bool = False,
        include_args: bool = False,
        errors: bool = False,
        include_pk: bool = False,
        include_features: bool = False,
        include_traces: bool = False,
        include_datasets: bool = False,
        include_pipeline: bool = False,
        include_network: bool = False,
        as_csv: bool = False,
    ) -> None:
        """Print the latest runs, the newest first.

        Args:
            limit: How many, an int >= 1.
            interactive: Whether to ask afterwards for runs to show more of: what they printed, their errors.
            include_args: Whether to show the arguments that the script was called with.
            errors: Whether to show only runs that failed, each with the last line of its error.
            include_pk: Whether to show the number of each run in the database.
            include_features: Whether to show what is special about a run, such as schedulers in use.
            include_traces: Whether to show the traces.
            include_datasets: Whether to show the data sets.
            include_pipeline: Whether to show the ops of the Pipeline.
            include_network: Whether to show the ops of the Network.
            as_csv: Whether to print CSV instead of a table.

        Raises:
            ConfigError: If `limit` is no such number, or outside of a `with` block.
        """
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            raise ConfigError(f"read_basic(limit) must be an int >= 1, got {limit!r} ({type(limit).__name__})")
        further = {
            "error": errors,
            "args": include_args,
            "features": include_features,
            "datasets": include_datasets,
            "pipeline": include_pipeline,
            "network": include_network,
            "traces": include_traces,
        }
        columns = ["pk", *_BASIC, *(name for name, wanted in further.items() if wanted)]
        only = "WHERE status = 'Failed'" if errors else ""
        query = f"SELECT {', '.join(columns)} FROM history {only} ORDER BY pk DESC LIMIT ?"
        names, rows = self._query(query, (limit,))
        rows = [[_for_people(name, value) for name, value in zip(names, row, strict=True)] for row in rows]
        self._show(names, rows, () if include_pk else ("pk",), as_csv, interactive)

    def read_sql(
        self,
        query: str,
        args: Sequence[Any] = (),
        hide_cols: Collection[str] = (),
        as_csv: bool = False,
        interactive: bool = False,
    ) -> None:
        """Print what a query finds. See `connect` for the tables.

        Args:
            query: A query in SQL; statements that would change something fail.
            args: Values for the question marks in it.
            hide_cols: Columns that are not printed.
            as_csv: Whether to print CSV instead of a table.
            interactive: Whether to ask afterwards for runs to show more of; the query must select `pk` (which may be
                hidden).

        Raises:
            ConfigError: If it is interactive without `pk`, or outside of a `with` block.
            sqlite3.Error: If SQLite does not accept the query.
        """
        names, rows = self._query(query, args)
        if interactive and "pk" not in names:
            raise ConfigError(
                f"read_sql(interactive=True) needs the column pk to find a run again; the query selects "
                f"{', '.join(names) or 'nothing'}. Add pk to it, and to hide_cols if you do not want it"
            )
        self._show(names, rows, hide_cols, as_csv, interactive)

    def _query(self, query: str, args: Sequence[Any]) -> tuple[list[str], list[_Row]]:
        if self._connection is None:
            raise ConfigError("a HistoryReader works inside a with block: with HistoryReader() as reader: ...")
        cursor = self._connection.execute(query, tuple(args))
        return [name for name, *_ in cursor.description or ()], cursor.fetchall()

    def _show(
        self, names: list[str], rows: list[_Row], hidden: Collection[str], as_csv: bool, interactive: bool
    ) -> None:
        kept = [position for position, name in enumerate(names) if name not in hidden]
        shown_names = [names[position] for position in kept]
        shown: list[_Row] = [[row[position] for position in kept] for row in rows]
        if interactive:
            shown_names = ["#", *shown_names]
            shown = [[number, *row] for number, row in enumerate(shown, start=1)]
        if as_csv:
            text = csv_text(shown_names, shown)
        else:
            text = table(shown_names, shown) if rows else f"nothing found in {history_file(self.db_path)}"
        _print(text)
        if interactive and rows:
            self._talk(text, [row[names.index("pk")] for row in rows])

    def _talk(self, text: str, runs: list[int]) -> None:
        """Show more of the runs that somebody asks for, until there are no more questions."""
        _print(_HELP)
        while True:
            try:
                words = input("> ").split()
            except EOFError:
                return
            if not words or words == ["q"]:
                return
            if words == ["t"]:
                _print(text)
                continue
            command, number = ("", words[0]) if len(words) == 1 else (words[0], words[1])
            if not number.isdecimal() or not 1 <= int(number) <= len(runs) or command not in _MORE or len(words) > 2:
                _print(_HELP)
                continue
            _print(_MORE[command](self, runs[int(number) - 1]))

    def _log(self, run: int) -> str:
        _, rows = self._query("SELECT text FROM logs WHERE run = ? ORDER BY part", (run,))
        return _harmless("".join(text for (text,) in rows).rstrip("\n"), keep="\n\t") or "no lines are kept of this run"

    def _error(self, run: int) -> str:
        _, rows = self._query("SELECT error FROM history WHERE pk = ?", (run,))
        return _harmless(rows[0][0] or "", keep="\n\t").rstrip("\n") if rows and rows[0][0] else "this run has no error"

    def _details(self, run: int) -> str:
        names, rows = self._query("SELECT * FROM history WHERE pk = ?", (run,))
        if not rows:
            return "this run was deleted"
        width = max(map(len, names))
        return "\n".join(
            f"{name:<{width}}  {_cell(_for_people(name, value))}" for name, value in zip(names, rows[0], strict=True)
        )


_MORE: dict[str, Callable[[HistoryReader, int], str]] = {
    "": HistoryReader._log,
    "e": HistoryReader._error,
    "d": HistoryReader._details,
}


def table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Lay values out in columns.

    Args:
        names: Names of the columns.
        rows: Values by row. Numbers stand to the right; None is shown as "-"; what could move the cursor of a terminal
            is escaped.
    """
    cells = [[_cell(value) for value in row] for row in rows]
    columns = range(len(names))
    widths = [max(len(text) for text in (names[column], *(row[column] for row in cells))) for column in columns]
    to_right = [
        bool(rows) and all(isinstance(row[column], (int, float)) or row[column] is None for row in rows)
        for column in columns
    ]
    lines = [list(names), ["-" * width for width in widths], *cells]
    padded = [
        [
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, to_right, strict=True)
        ]
        for line in lines
    ]
    return "\n".join("  ".join(line).rstrip() for line in padded)


def csv_text(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Values as CSV (RFC 4180), without the last line end.

    Args:
        names: Names of the columns.
        rows: Values by row; None is left empty. Text that a spreadsheet would take for a formula begins with a quote.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([_no_formula(name) for name in names])
    writer.writerows([[_no_formula(value) for value in row] for row in rows])
    return buffer.getvalue().removesuffix("\n")


def _no_formula(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _cell(value: Any) -> str:
    return "-" if value is None else _harmless(str(value))


def _harmless(text: str, keep: str = "") -> str:
    """Text without characters that steer a terminal."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in keep else char.encode("unicode_escape").decode() for char in text
    )


def _for_people(column: str, value: Any) -> Any:
    """A value of the table `history` in the form that is shown."""
    return _FORMS[column](value) if column in _FORMS and value is not None else value


def _joined(value: str) -> str:
    """A list or dictionary in JSON, for people."""
    found = json.loads(value)
    return ", ".join([f"{key} {one}" for key, one in found.items()] if isinstance(found, dict) else map(str, found))


def _last_line(value: str) -> str:
    return value.rstrip().rpartition("\n")[2]


def _rounded(value: float) -> float:
    return round(value, 1)


_LISTS = ("args", "features", "datasets", "pipeline", "network", "traces", "versions")
_FORMS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_LISTS, _joined),
    "error": _last_line,
    "seconds": _rounded,
}


def _print(text: str) -> None:
    print(text)  # noqa: T201 - to print is what a reader is asked for
