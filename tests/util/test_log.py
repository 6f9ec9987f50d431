"""Warnings go to the logger of the package."""

from fastestimator_lite.util.log import warn


def test_warn(caplog):
    warn("100% odd")
    (record,) = caplog.records
    assert record.name == "fastestimator_lite"
    assert record.levelname == "WARNING"
    assert record.getMessage() == "FastEstimator-Warn: 100% odd"
    assert record.filename == "test_log.py"
