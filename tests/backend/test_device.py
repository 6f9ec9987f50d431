"""Tensors and devices, and the count of processors."""

import os

import numpy as np
import pytest

from fastestimator_lite.backend import device


def test_detach_tensors_torch():
    torch = pytest.importorskip("torch")
    x = torch.ones(2, requires_grad=True)
    result = device.detach_tensors({"x": [x * 2], "n": np.ones(1), "t": "text"})
    assert not result["x"][0].requires_grad
    assert result["x"][0].tolist() == [2, 2]
    assert result["t"] == "text"


def test_detach_tensors_stops_gradients(tensor_framework, make, gradient_of):
    gradient = gradient_of(lambda x: x * x + device.detach_tensors(x) * x, make([3.0]))
    np.testing.assert_array_equal(gradient, [9])  # 2 * 3, and 3 for the factor that is a constant


def test_move_tensors_to_device():
    torch = pytest.importorskip("torch")
    x = torch.ones(2)
    n = np.ones(1)
    result = device.move_tensors_to_device({"x": x, "y": [x], "n": n, "t": "text"}, "meta")
    assert result["x"].device.type == result["y"][0].device.type == "meta"
    assert result["n"] is n
    assert x.device.type == "cpu"
    assert device.move_tensors_to_device(x, torch.device("cpu")) is x


def test_devices_are_counted():
    torch = pytest.importorskip("torch")
    gpus = device.get_num_gpus()
    assert device.get_num_devices() == max(gpus, 1)
    assert (device.get_device() == torch.device("cpu")) == (gpus == 0)


def test_cpu_count_keeps_to_the_limit():
    count = device.cpu_count()
    assert 1 <= count <= os.cpu_count()
    assert device.cpu_count(limit=1) == 1
    assert device.cpu_count(limit=10_000) == count
    assert device.cpu_count(limit=0) == 1


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux only")
def test_cpu_count_sees_affinity():
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert device.cpu_count() == 1
    finally:
        os.sched_setaffinity(0, before)


@pytest.fixture
def groups(tmp_path):
    """Write files of control groups, then ask for the quota."""

    def quota(membership, **files):
        for name, text in files.items():
            file = tmp_path / "fs" / name.replace("__", "/").replace("cpu_", "cpu.")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        (tmp_path / "cgroup").write_text(membership)
        return device._cgroup_quota(tmp_path / "fs", tmp_path / "cgroup")

    return quota


def test_quota_of_cgroup_v2(groups):
    assert groups("0::/\n", cpu_max="250000 100000\n") == 2.5


def test_no_quota_of_cgroup_v2(groups):
    assert groups("0::/job\n", cpu_max="max 100000\n", job__cpu_max="max 100000\n") is None


def test_the_tightest_quota_counts(groups):
    assert (
        groups("0::/a/b\n", cpu_max="800000 100000\n", a__cpu_max="150000 100000\n", a__b__cpu_max="max 100000\n")
        == 1.5
    )


def test_a_group_outside_the_container_is_passed_over(groups):
    assert groups("0::/docker/0123\n", cpu_max="400000 100000\n") == 4


def test_quota_of_cgroup_v1(groups):
    membership = "5:memory:/job\n4:cpu,cpuacct:/job\n"
    assert (
        groups(
            membership,
            cpu__job__cpu_cfs_quota_us="300000\n",
            cpu__job__cpu_cfs_period_us="100000\n",
            cpu__cpu_cfs_quota_us="-1\n",
            cpu__cpu_cfs_period_us="100000\n",
        )
        == 3
    )


def test_no_control_groups(tmp_path):
    assert device._cgroup_quota(tmp_path, tmp_path / "missing") is None


def test_cpu_count_rounds_a_quota_up(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setattr(device, "_cgroup_quota", lambda root, membership: 2.5)
    assert device.cpu_count() == 3
    monkeypatch.setattr(device, "_cgroup_quota", lambda root, membership: None)
    assert device.cpu_count() == 8
