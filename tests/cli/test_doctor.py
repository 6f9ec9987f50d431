"""What `doctor` says about installations that are sound, lacking or broken."""

import subprocess
import sys

import pytest

from fastestimator_lite.cli import doctor
from fastestimator_lite.cli.doctor import Finding
from fastestimator_lite.cli.main import main

NEEDS = [
    doctor.parse_need(line)
    for line in (
        "numpy<3,>=1.26",
        "opencv-python-headless>=4.9,<6",
        'torch>=2.4,<3; extra == "torch"',
        'tensorflow>=2.18,<2.22; extra == "tensorflow"',
        'matplotlib>=3.8; extra == "plot"',
        'plotly>=5.22; extra == "plot"',
    )
]
SOUND = {
    "numpy": "2.4.6",
    "opencv-python-headless": "4.14.0.94",
    "torch": "2.13.0",
    "tensorflow": "2.21.0",
    "keras": "3.15.1",
    "matplotlib": "3.11.2",
    "plotly": "7.1.0",
}
PIP = f"{sys.executable} -m pip"


@pytest.fixture(autouse=True)
def with_pip(monkeypatch):
    monkeypatch.setattr(doctor, "_has_pip", lambda: True)


def without(*names, **changed):
    kept = {name: version for name, version in SOUND.items() if name not in names}
    return kept | {name.replace("_", "-"): version for name, version in changed.items()}


def levels(findings):
    return {finding.subject: finding.level for finding in findings}


# -------------------------------------------------------------------------------------------- reading what is installed


@pytest.mark.parametrize(
    ("line", "name", "written", "specifier", "extra"),
    [
        ("tqdm", "tqdm", "tqdm", "", None),
        ("numpy<3,>=1.26", "numpy", "numpy>=1.26,<3", ">=1.26,<3", None),
        ("numpy (>=1.26, <3)", "numpy", "numpy>=1.26,<3", ">=1.26,<3", None),
        ('tensorboardX>=2.6; extra == "tensorboard"', "tensorboardx", "tensorboardX>=2.6", ">=2.6", "tensorboard"),
        (
            "tensorflow[and-cuda]<2.22; extra == 'tensorflow-gpu'",
            "tensorflow",
            "tensorflow[and-cuda]<2.22",
            "<2.22",
            "tensorflow-gpu",
        ),
        ('Some_Thing>=1; python_version < "3.11" and extra == "a"', "some-thing", "Some_Thing>=1", ">=1", "a"),
    ],
)
def test_parse_need(line, name, written, specifier, extra):
    assert doctor.parse_need(line) == doctor.Need(name, written, specifier, extra)


@pytest.mark.parametrize(
    ("version", "specifier", "within"),
    [
        ("2.4.6", ">=1.26,<3", True),
        ("1.9", ">=1.26,<3", False),
        ("3.0", ">=1.26,<3", False),
        ("3.0.1", "<3", False),
        ("2.13.0+cpu", ">=2.4,<3", True),
        ("2.4", ">=2.4.0", True),
        ("2.4.0", "==2.4", True),
        ("2.4.1", "==2.4", False),
        ("2.0", ">2.0", False),
        ("2.0", "<=2", True),
        ("anything", "", True),
    ],
)
def test_version_within(version, specifier, within):
    assert doctor.version_within(version, specifier) is within


def test_installed_distributions_has_normalised_names():
    found = doctor.installed_distributions()
    assert found["pytest"] == pytest.__version__
    assert all(name == name.lower() and "_" not in name for name in found)


def test_uninstalled_package_has_no_needs(monkeypatch):
    monkeypatch.setattr(doctor, "DISTRIBUTION", "no-such-distribution-here")
    assert doctor.read_needs() == []
    assert doctor.read_python_range() == ""


# ------------------------------------------------------------------------------------------------------------ packages


def test_python_inside_and_outside_its_range():
    (inside,) = doctor.check_python((3, 11, 7), ">=3.10,<3.14")
    assert (inside.level, inside.text) == ("ok", "3.11.7  >=3.10,<3.14")
    (outside,) = doctor.check_python((3, 14, 0), ">=3.10,<3.14")
    assert outside.level == "broken"
    assert outside.mend.startswith("python3.12 -m venv")


def test_sound_core_has_nothing_to_mend():
    findings = list(doctor.check_core(NEEDS, SOUND))
    assert [finding.subject for finding in findings] == ["numpy", "opencv-python-headless"]
    assert all(finding.level == "ok" and finding.mend is None for finding in findings)


def test_missing_core_package_is_broken_with_its_line():
    finding, _ = doctor.check_core(NEEDS, without("numpy"))
    assert finding == Finding("broken", "numpy", "not installed", f'{PIP} install "numpy>=1.26,<3"')


def test_core_package_outside_its_range_is_broken():
    finding, _ = doctor.check_core(NEEDS, without(numpy="1.21.0"))
    assert finding == Finding("broken", "numpy", "1.21.0 is outside >=1.26,<3", f'{PIP} install "numpy>=1.26,<3"')


def test_another_build_of_opencv_is_accepted():
    _, finding = doctor.check_core(NEEDS, without("opencv-python-headless", opencv_python="4.14.0.94"))
    assert finding.level == "ok"
    assert "as opencv-python" in finding.text


def test_running_from_sources_is_said(tmp_path):
    (finding,) = doctor.check_core([], SOUND)
    assert finding.level == "note"
    assert f"{PIP} install -e " in finding.mend


def test_mending_line_uses_uv_where_there_is_no_pip(monkeypatch):
    monkeypatch.setattr(doctor, "_has_pip", lambda: False)
    finding, _ = doctor.check_core(NEEDS, without("numpy"))
    assert finding.mend == f'uv pip install --python {sys.executable} "numpy>=1.26,<3"'


# -------------------------------------------------------------------------------------- two builds of one module


def test_one_build_of_each_module_is_no_finding():
    assert list(doctor.check_builds(SOUND)) == []


def test_two_opencvs_of_different_versions_are_broken():
    (finding,) = doctor.check_builds(without(opencv_python="4.11.0.86"))
    assert (finding.level, finding.subject) == ("broken", "cv2")
    assert "opencv-python-headless 4.14.0.94, opencv-python 4.11.0.86" in finding.text
    assert finding.mend == (
        f"{PIP} uninstall -y opencv-python-headless opencv-python && "
        f'{PIP} install --force-reinstall --no-deps "opencv-python-headless==4.14.0.94"'
    )


def test_two_opencvs_of_one_version_are_a_note():
    (finding,) = doctor.check_builds(without(opencv_python="4.14.0.94"))
    assert finding.level == "note"
    assert finding.mend


@pytest.mark.parametrize(
    ("second", "module"),
    [({"tensorflow_cpu": "2.20.0"}, "tensorflow"), ({"albumentationsx": "2.5.1"}, "albumentations")],
)
def test_other_modules_that_come_in_several_builds(second, module):
    (finding,) = doctor.check_builds(without(albumentations="2.0.8", **second))
    assert (finding.level, finding.subject) == ("broken", module)


# ---------------------------------------------------------------------------------------------------------- frameworks


def test_one_framework_is_enough():
    assert levels(doctor.check_frameworks(NEEDS, without("tensorflow"))) == {"torch": "ok", "tensorflow": "note"}
    assert levels(doctor.check_frameworks(NEEDS, without("torch"))) == {"torch": "note", "tensorflow": "ok"}


def test_no_framework_is_broken_with_a_line_for_each():
    torch, tensorflow = doctor.check_frameworks(NEEDS, without("torch", "tensorflow"))
    assert (torch.level, torch.mend) == ("broken", f'{PIP} install "torch>=2.4,<3"')
    assert (tensorflow.level, tensorflow.mend) == ("broken", f'{PIP} install "tensorflow>=2.18,<2.22"')


def test_cpu_build_of_tensorflow_is_tensorflow():
    _, finding = doctor.check_frameworks(NEEDS, without("tensorflow", tensorflow_cpu="2.21.0"))
    assert finding == Finding("ok", "tensorflow", "2.21.0 as tensorflow-cpu  >=2.18,<2.22")


def test_cpu_build_of_tensorflow_outside_the_range_is_mended_with_the_cpu_build():
    _, finding = doctor.check_frameworks(NEEDS, without("tensorflow", tensorflow_cpu="2.15.0"))
    assert finding.level == "broken"
    assert finding.mend == f'{PIP} install "tensorflow-cpu>=2.18,<2.22"'


# ------------------------------------------------------------------------------------------------------ optional parts


def test_complete_extra():
    (finding,) = doctor.check_extras(NEEDS, SOUND)
    assert finding == Finding("ok", "plot", "matplotlib 3.11.2, plotly 7.1.0")


def test_extra_that_lacks_a_package_is_a_note_with_the_line_for_what_is_missing():
    (finding,) = doctor.check_extras(NEEDS, without("plotly"))
    assert finding == Finding("note", "plot", "lacks plotly", f'{PIP} install "plotly>=5.22"')


def test_extra_with_a_package_outside_its_range_is_broken():
    (finding,) = doctor.check_extras(NEEDS, without("matplotlib", plotly="4.0"))
    assert finding.level == "broken"
    assert finding.text == "plotly 4.0 is outside >=5.22; lacks matplotlib"
    assert finding.mend == f'{PIP} install "plotly>=5.22" "matplotlib>=3.8"'


# ----------------------------------------------------------------------------------------------------------------- GPU


def test_no_gpu_is_nothing_to_mend():
    (finding,) = doctor.check_gpu([], without(torch="2.13.0+cpu"), {})
    assert finding.level == "ok"


def test_gpu_with_builds_that_can_use_it():
    assert levels(doctor.check_gpu(["H100"], SOUND, {})) == {"GPU 0": "ok"}


def test_gpu_beside_builds_without_cuda():
    installed = without("tensorflow", torch="2.13.0+cpu", tensorflow_cpu="2.21.0")
    _, torch, tensorflow = doctor.check_gpu(["H100"], installed, {})
    assert (torch.level, tensorflow.level) == ("note", "note")
    assert torch.mend.endswith('--force-reinstall --isolated "torch==2.13.0"')
    assert tensorflow.mend == (f'{PIP} uninstall -y tensorflow-cpu && {PIP} install "tensorflow[and-cuda]==2.21.0"')


@pytest.mark.parametrize("value", ["", "-1"])
def test_hidden_gpus_are_noted(value):
    assert levels(doctor.check_gpu(["H100"], SOUND, {"CUDA_VISIBLE_DEVICES": value}))["CUDA_VISIBLE_DEVICES"] == "note"


def test_gpus_are_read_from_the_driver(tmp_path, monkeypatch):
    fake = tmp_path / "nvidia-smi"
    fake.write_text("#!/bin/sh\necho 'NVIDIA A, 80 MiB, 580.1'\necho 'NVIDIA B, 40 MiB, 580.1'\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert doctor.list_gpus() == ["NVIDIA A, 80 MiB, 580.1", "NVIDIA B, 40 MiB, 580.1"]


def test_driver_that_fails_shows_no_gpu(tmp_path, monkeypatch):
    fake = tmp_path / "nvidia-smi"
    fake.write_text("#!/bin/sh\necho 'cannot talk to the driver'\nexit 9\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert doctor.list_gpus() == []


# --------------------------------------------------------------------------------------------------------- environment


def test_empty_environment_is_sound():
    found = levels(doctor.check_environment({}, SOUND))
    assert found == dict.fromkeys(
        ["KERAS_BACKEND", "NO_ALBUMENTATIONS_UPDATE", "TF_CPP_MIN_LOG_LEVEL", "CUDA_VISIBLE_DEVICES"], "ok"
    )


@pytest.mark.parametrize(
    ("backend", "installed", "level", "mend"),
    [
        ("tensorflow", SOUND, "ok", None),
        ("torch", SOUND, "note", "unset KERAS_BACKEND"),
        ("tensorflow", without("tensorflow"), "broken", "unset KERAS_BACKEND"),
        ("tensorflow", without("tensorflow", tensorflow_cpu="2.21.0"), "ok", None),
        ("tensrflow", SOUND, "broken", "unset KERAS_BACKEND"),
        (None, without("tensorflow"), "note", "export KERAS_BACKEND=torch"),
        ("torch", without("tensorflow"), "ok", None),
    ],
)
def test_keras_backend(backend, installed, level, mend):
    environment = {} if backend is None else {"KERAS_BACKEND": backend}
    finding = next(doctor.check_environment(environment, installed))
    assert (finding.subject, finding.level, finding.mend) == ("KERAS_BACKEND", level, mend)


def test_misspelt_keras_backend_gets_the_nearest_word():
    assert "Did you mean 'tensorflow'?" in next(doctor.check_environment({"KERAS_BACKEND": "tensrflow"}, SOUND)).text


@pytest.mark.parametrize(
    ("name", "bad", "good"),
    [("NO_ALBUMENTATIONS_UPDATE", "0", "1"), ("TF_CPP_MIN_LOG_LEVEL", "quiet", "2")],
)
def test_variable_with_a_value_that_does_nothing(name, bad, good):
    said = {finding.subject: finding for finding in doctor.check_environment({name: bad}, SOUND)}[name]
    assert (said.level, said.mend) == ("note", f"export {name}={good}")
    assert levels(doctor.check_environment({name: good}, SOUND))[name] == "ok"


# ---------------------------------------------------------------------------------------------------------------- deep


def test_probe_reports_the_version():
    assert doctor.probe("json")[0] == ""
    assert doctor.probe("numpy")[1]["gpus"] is None


@pytest.mark.parametrize(
    ("error", "mend"),
    [
        ("half of it is missing", f'{PIP} install --force-reinstall --no-deps "opencv-python==5.0"'),
        ("libGL.so.1: cannot open shared object file", "apt-get install -y libgl1 libglib2.0-0"),
        ("Unable to import backend : tensrflow", "unset KERAS_BACKEND"),
        ("No module named 'tensorflow'", "export KERAS_BACKEND=torch"),
    ],
)
def test_import_that_fails_is_broken_with_the_last_line_of_its_error(tmp_path, monkeypatch, error, mend):
    (tmp_path / "cv2.py").write_text(f"raise ImportError({error!r})\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (finding,) = doctor.check_imports({"opencv-python": "5.0"})
    assert finding == Finding("broken", "import cv2", f"ImportError: {error}", mend)


def test_import_that_works_reports_version_and_gpus(tmp_path, monkeypatch):
    (tmp_path / "torch.py").write_text(
        "__version__ = '9.9'\nclass cuda:\n    device_count = lambda: 1\n    get_device_name = lambda i: f'card {i}'\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (finding,) = doctor.check_imports({"torch": "9.9"})
    assert finding == Finding("ok", "import torch", "9.9, GPUs: card 0")


def test_import_without_an_end_is_broken(monkeypatch):
    def never(*args, **kwargs):
        raise subprocess.TimeoutExpired("python", 1)

    monkeypatch.setattr(subprocess, "run", never)
    (finding,) = doctor.check_imports({"keras": "3.15.1"})
    assert finding.level == "broken"
    assert "no answer within" in finding.text


# -------------------------------------------------------------------------------------------------------------- report


def test_report_lists_findings_then_what_to_do():
    text = doctor.report(
        {
            "One": [Finding("ok", "numpy", "2.4.6"), Finding("broken", "cv2", "twice", "pip install one")],
            "Two": [Finding("note", "plot", "lacks plotly", "pip install plotly")],
        }
    )
    assert text.splitlines() == [
        "",
        "One",
        "  ok  numpy  2.4.6",
        "  !!  cv2    twice",
        "",
        "Two",
        "  --  plot   lacks plotly",
        "",
        "To mend",
        "  cv2: twice",
        "      pip install one",
        "",
        "To improve, if you want it",
        "  plot: lacks plotly",
        "      pip install plotly",
        "",
        "1 thing broken.",
    ]


def test_command_exits_with_1_when_something_is_broken(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "read_needs", lambda: NEEDS)
    monkeypatch.setattr(doctor, "installed_distributions", lambda: without("numpy"))
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "To mend\n  numpy: not installed\n" in said
    assert said.endswith("1 thing broken.\n")


def test_command_exits_with_0_when_nothing_is(monkeypatch, capsys):
    for name in ("KERAS_BACKEND", "NO_ALBUMENTATIONS_UPDATE", "TF_CPP_MIN_LOG_LEVEL", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(doctor, "read_needs", lambda: NEEDS)
    monkeypatch.setattr(doctor, "installed_distributions", lambda: without("plotly"))
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "To improve, if you want it\n  plot: lacks plotly\n" in said
    assert said.endswith("Nothing is broken.\n")


def test_command_imports_no_library_that_it_reports_on():
    code = (
        "import sys\n"
        "from fastestimator_lite.cli.main import main\n"
        "main(['doctor'])\n"
        "heavy = 'torch tensorflow keras albumentations cv2 matplotlib plotly pandas sklearn numpy'.split()\n"
        "sys.exit(', '.join(name for name in heavy if name in sys.modules) or None)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.stderr == ""
    assert done.returncode == 0
