"""Warnings go to the logger of the package."""

from fastestimator_lite.util.log import draw, warn


def test_warn(caplog):
    warn("100% odd")
    (record,) = caplog.records
    assert record.name == "fastestimator_lite"
    assert record.levelname == "WARNING"
    assert record.getMessage() == "FastEstimator-Warn: 100% odd"
    assert record.filename == "test_log.py"


def test_draw(capsys):
    draw()
    rows = capsys.readouterr().out.strip("\n").splitlines()
    assert len(rows) == 4
    assert max(map(len, rows)) <= 79
    assert all(row.isascii() for row in rows)
