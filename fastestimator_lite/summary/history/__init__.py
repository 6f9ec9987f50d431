"""The history of runs: an SQLite database of what was trained when, and how it ended."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.summary.history.database import connect as connect
    from fastestimator_lite.summary.history.database import delete as delete
    from fastestimator_lite.summary.history.database import update_settings as update_settings
    from fastestimator_lite.summary.history.reader import HistoryReader as HistoryReader
    from fastestimator_lite.summary.history.recorder import HistoryRecorder as HistoryRecorder

__getattr__, __dir__, __all__ = attach(__name__, __file__)
