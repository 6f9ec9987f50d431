import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Mirror:
    """A folder served from this machine; `asked` lists the paths that were asked for."""

    def __init__(self, folder):
        self.folder = folder
        self.asked = []
        outer = self

        class Handler(SimpleHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                super().do_GET()

            def log_message(self, *args):
                pass

        folder.mkdir()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """Takes the place of the addresses of all data sets, and a new folder that of home."""
    mirror = Mirror(tmp_path / "mirror")
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FASTESTIMATOR_LITE_MIRROR", mirror.url)
    yield mirror
    mirror.server.shutdown()
    mirror.server.server_close()
