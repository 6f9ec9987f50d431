"""Learning rate functions, held against FastEstimator 1.7's numbers."""
import csv
import json
from collections import defaultdict
from pathlib import Path

import pytest

from fastestimator_lite.schedule import cosine_decay
from fastestimator_lite.util.errors import ConfigError

GOLDEN = Path(__file__).parent.parent / "golden"


def settings():
    found = defaultdict(list)
    with (GOLDEN / "fe_cosine_decay_r17.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            found[row["setting_id"], row["params_json"]].append((int(row["time_1based"]), float(row["lr"])))
    return found.items()


@pytest.mark.parametrize(("setting", "table"), settings(), ids=lambda value: value[0] if isinstance(value, tuple) else "")
def test_cosine_decay_equals_the_golden_table(setting, table):
    spec = json.loads(setting[1])
    for time, rate in table:
        assert cosine_decay(time, **spec) == pytest.approx(rate, rel=0, abs=1e-12), time


@pytest.mark.parametrize("bad", [{"cycle_length": 0}, {"cycle_length": 5, "cycle_multiplier": 0}])
def test_impossible_cycles_are_refused(bad):
    with pytest.raises(ConfigError, match="must be >= 1"):
        cosine_decay(1, init_lr=0.1, **bad)
