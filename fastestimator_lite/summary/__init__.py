"""What a run logged, and its state."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.summary.history.database import connect as connect
    from fastestimator_lite.summary.history.database import delete as delete
    from fastestimator_lite.summary.history.database import update_settings as update_settings
    from fastestimator_lite.summary.history.reader import HistoryReader as HistoryReader
    from fastestimator_lite.summary.history.recorder import HistoryRecorder as HistoryRecorder
    from fastestimator_lite.summary.planned import write_plan as write_plan
    from fastestimator_lite.summary.report import write_png as write_png
    from fastestimator_lite.summary.report import write_report as write_report
    from fastestimator_lite.summary.summary import Summary as Summary
    from fastestimator_lite.summary.summary import ValWithError as ValWithError
    from fastestimator_lite.summary.summary import average_summaries as average_summaries
    from fastestimator_lite.summary.system import System as System

__getattr__, __dir__, __all__ = attach(__name__, __file__)
