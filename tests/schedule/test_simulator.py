"""The simulator's page: its answers, and the page itself in a browser that reaches nothing but this machine."""

import base64
import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from fastestimator_lite.schedule import simulate
from fastestimator_lite.schedule.simulator import EXAMPLE, simulate_text
from fastestimator_lite.util.errors import ConfigError

ROOT = Path(__file__).parents[2]
BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
needs_browser = pytest.mark.skipif(
    not (BROWSER and DRIVER) and not os.environ.get("CI"),
    reason="needs chromium and chromedriver: apt-get install chromium chromium-driver",
)
MULTI_STEP = (
    "training: {epochs: 90, optimizer: {lr: 0.2}, scheduler: {name: multi_step, milestones: [30, 60], gamma: 0.1}}"
)


def test_the_example_is_simulated():
    shown = simulate_text(EXAMPLE)
    assert shown.title == "Learning rate: cosine"
    assert len(shown.rows) == 100
    assert shown.rows[4]["value"] == 0.1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "paste a configuration"),
        ("  \n", "paste a configuration"),
        ("[1, 2]", "must be a YAML mapping"),
        (EXAMPLE.replace("cosine", "cosin"), "Did you mean 'cosine'?"),
        (EXAMPLE.replace("epochs: 100", "epochs: 100000000"), "too long to be shown"),
    ],
)
def test_what_cannot_be_simulated_is_told(text, message):
    with pytest.raises(ConfigError) as error:
        simulate_text(text)
    assert message in str(error.value)


@contextlib.contextmanager
def served(*words):
    """The process of `fastestimator-lite simulate --serve`, and what it said first."""
    command = [sys.executable, "-m", "fastestimator_lite", "simulate", "--serve", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT) as process:
        try:
            yield process, process.stdout.readline()
        finally:
            process.kill()


@pytest.fixture(scope="module")
def address():
    """The address of a page that is being served."""
    if not importlib.util.find_spec("gradio"):
        pytest.skip("needs gradio")
    with served("--port", str(free_port())) as (_, said):
        yield said.split()[4]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def test_ctrl_c_ends_it_well(address):
    with served("--port", str(free_port())) as (process, said):
        assert said.startswith("The simulator is at http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert "Traceback" not in process.stdout.read()


def test_a_port_that_is_taken_is_told(address):
    port = address.rstrip("/").rsplit(":", 1)[1]
    with served("--port", port) as (process, said):
        assert said.startswith("simulate: ")
        assert port in said
        assert process.wait(30) == 1


def ask(url, text):
    """What the page's function answers, over HTTP."""
    request = urllib.request.Request(
        f"{url}gradio_api/call/simulate", json.dumps({"data": [text]}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        event = json.load(answer)["event_id"]
    with urllib.request.urlopen(f"{url}gradio_api/call/simulate/{event}", timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    assert lines[0] == "event: complete"
    return json.loads(lines[1].removeprefix("data: "))


def test_the_answer_holds_the_curve(address):
    plot, message, table = ask(address, MULTI_STEP)
    figure = json.loads(plot["value"]["plot"] if "value" in plot else plot["plot"])
    curve = figure["data"][0]
    values = curve["y"]
    if isinstance(values, dict):  # plotly packs long arrays
        import numpy as np

        values = np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]).tolist()
    training = {
        "epochs": 90,
        "optimizer": {"lr": 0.2},
        "scheduler": {"name": "multi_step", "milestones": [30, 60], "gamma": 0.1},
    }
    assert values == [row["value"] for row in simulate({"training": training})]
    assert "Nothing odd was found." in message
    cells = (table["value"] if "value" in table else table)["data"]
    assert cells == [["1-30", "0.2"], ["31-60", "0.02"], ["61-90", "0.002"]]


def test_the_answer_to_a_bad_configuration_is_its_error(address):
    _, message, _ = ask(address, MULTI_STEP.replace("0.2", "<b>fast</b>"))
    assert 'class="said error"' in message
    assert "training.optimizer.lr" in message
    assert "&lt;b&gt;fast&lt;/b&gt;" in message
    assert "<b>" not in message


def test_only_this_machine_is_listened_to(address):
    assert address.startswith("http://127.0.0.1:")
    port = int(address.rstrip("/").rsplit(":", 1)[1])
    own = socket.gethostbyname(socket.gethostname())
    if not own.startswith("127."):
        with socket.socket() as one:
            one.settimeout(2)
            assert one.connect_ex((own, port)) != 0


def test_gradio_is_told_not_to_report(address):
    code = (
        "import os, socket; from fastestimator_lite.schedule.simulator import serve\n"
        "from fastestimator_lite.summary.planned import plotly_of_plan\n"
        "asked, real = set(), socket.getaddrinfo\n"
        "def note(host, *rest, **kwargs):\n    asked.add(str(host))\n    return real(host, *rest, **kwargs)\n"
        "socket.getaddrinfo = note\n"
        f"url, page = serve(plotly_of_plan, port={free_port()}, wait=False); page.close()\n"
        "print(sorted(asked - {'127.0.0.1', 'localhost', 'None'}), os.environ['GRADIO_ANALYTICS_ENABLED'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
        env={**os.environ, "GRADIO_ANALYTICS_ENABLED": "True"},
    )
    assert done.stdout.splitlines()[-1:] == ["[] False"], done.stderr


# ---- in a browser


class Browser:
    """Chromium without a window, driven over the protocol of chromedriver. It can look up no name but localhost."""

    def __init__(self, folder):
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen([DRIVER, f"--port={port}"], stdout=quiet, stderr=quiet)
        self.until(self.is_up)
        arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--window-size=1300,1200",
            f"--user-data-dir={folder}",
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
        ]
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": {"binary": BROWSER, "args": arguments},
            "goog:loggingPrefs": {"performance": "ALL"},
        }
        self.session = ""
        self.session = f"/session/{self.post('/session', capabilities={'alwaysMatch': wanted})['sessionId']}"

    def is_up(self):
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.address}/status", timeout=5):
            return True
        return False

    def post(self, path, **body):
        request = urllib.request.Request(
            f"{self.address}{self.session}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=90) as answer:
            return json.load(answer)["value"]

    def run(self, script):
        return self.post("/execute/sync", script=script, args=[])

    def type(self, selector, text):
        """Put text in the place of what an element holds."""
        (element,) = self.post("/element", using="css selector", value=selector).values()
        self.post(f"/element/{element}/value", text=f"\ue009a\ue000\ue003{text}")  # Ctrl+A, Delete

    def shows(self, script):
        """What a script gives, as soon as it is anything."""
        return self.until(lambda: self.run(script))

    def until(self, look, seconds=60):
        end = time.monotonic() + seconds
        while not (found := look()):
            assert time.monotonic() < end, look
            time.sleep(0.1)
        return found

    def hosts(self):
        """Who was asked for anything over HTTP."""
        messages = [json.loads(entry["message"])["message"] for entry in self.post("/se/log", type="performance")]
        urls = [one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"]
        return {url.split("/")[2].split(":")[0] for url in urls if url.startswith(("http", "ws"))}

    def close(self):
        with contextlib.suppress(OSError):
            urllib.request.urlopen(urllib.request.Request(f"{self.address}{self.session}", method="DELETE"), timeout=30)
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture
def browser(tmp_path):
    opened = Browser(tmp_path / "profile")
    yield opened
    opened.close()


@needs_browser
@pytest.mark.timeout(280)
def test_the_page_draws_and_shows_the_error(address, browser):
    said = "return document.querySelector('#message .said')?.innerText"
    lines = "return document.querySelectorAll('#plot .scatterlayer path.js-line').length"
    browser.post("/url", url=address)
    # the example is drawn at once, with what is odd about it
    assert "when the warm-up ends, after epoch 5" in browser.shows(said)
    assert browser.shows(lines) == 1
    curve = "return document.querySelector('#plot .scatterlayer path.js-line')?.getAttribute('d')"
    first = browser.run(curve)

    browser.type("#configuration .cm-content", MULTI_STEP)
    browser.run("document.querySelector('#simulate').click()")
    browser.until(lambda: browser.run(said) == "Nothing odd was found.")
    browser.until(lambda: browser.run(curve) not in (first, None))
    labels = browser.run("return [...document.querySelectorAll('#plot .bartext')].map(one => one.textContent)")
    assert labels == ["0.2", "0.02", "0.002"]
    assert "61-90" in browser.shows("return document.querySelector('#table')?.innerText")

    browser.type("#configuration .cm-content", MULTI_STEP.replace("multi_step", "multistep"))
    browser.run("document.querySelector('#simulate').click()")
    error = browser.shows("return document.querySelector('#message .said.error')?.innerText")
    assert "training.scheduler.name must be one of" in error
    assert "Did you mean 'multi_step'?" in error
    assert browser.until(lambda: browser.run(lines) == 0)
    assert browser.hosts() == {"127.0.0.1"}


@needs_browser
@pytest.mark.timeout(280)
def test_the_written_page_draws_without_a_network(browser, tmp_path):
    from fastestimator_lite.summary import write_plan

    page = write_plan(tmp_path / "page.html", simulate_text(EXAMPLE))
    browser.post("/url", url=page.as_uri())
    lines = "return document.querySelectorAll('#figure .scatterlayer path.js-line').length"
    assert browser.shows(lines) == 1
    assert "when the warm-up ends" in browser.run("return document.querySelector('.warnings').innerText")
    assert browser.hosts() == set()
