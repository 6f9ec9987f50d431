"""Learning rate functions, held against FastEstimator 1.7's numbers."""

import csv
import json
from collections import defaultdict
from pathlib import Path

import pytest

from fastestimator_lite.schedule import cosine_decay, linear_decay
from fastestimator_lite.util.errors import ConfigError

GOLDEN = Path(__file__).parent.parent / "golden"


def settings(variant):
    found = defaultdict(list)
    with (GOLDEN / f"fe_cosine_decay_{variant.replace('.', '')}.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            found[row["setting_id"], row["params_json"]].append((int(row["time_1based"]), float(row["lr"])))
    return [(variant, json.loads(params), table) for (_, params), table in found.items()]


@pytest.mark.parametrize(("variant", "spec", "table"), [*settings("r1.7"), *settings("r1.0")])
def test_cosine_decay_equals_the_golden_table(variant, spec, table):
    for time, rate in table:
        assert cosine_decay(time, **spec, variant=variant) == pytest.approx(rate, rel=0, abs=1e-12), time
        if variant == "r1.7":
            assert cosine_decay(time, **spec) == cosine_decay(time, **spec, variant=variant)


def test_linear_decay_comes_down_to_the_minimum_at_the_end_of_each_cycle():
    rates = [linear_decay(time, 4, 0.5, min_lr=0.1, start=3, cycle_multiplier=2, warmup=True) for time in range(1, 15)]
    assert rates == pytest.approx([0.5 / 3, 1 / 3, 0.4, 0.3, 0.2, 0.1, 0.45, 0.4, 0.35, 0.3, 0.25, 0.2, 0.15, 0.1])
    assert [linear_decay(time, 2, 1, min_lr=0, start=2) for time in range(1, 7)] == [1, 0.5, 0, 0.5, 0, 0.5]


@pytest.mark.parametrize("decay", [cosine_decay, linear_decay])
@pytest.mark.parametrize("bad", [{"cycle_length": 0}, {"cycle_length": 5, "cycle_multiplier": 0}])
def test_impossible_cycles_are_refused(decay, bad):
    with pytest.raises(ConfigError, match=f"{decay.__name__}: cycle_.* must be >= 1"):
        decay(1, init_lr=0.1, **bad)


def test_an_unknown_variant_is_refused():
    with pytest.raises(ConfigError, match="variant must be 'r1.7' or 'r1.0', got 'r1.8'. Did you mean 'r1.7'"):
        cosine_decay(1, 5, 0.1, variant="r1.8")
