"""Small real images, made of this machine's own busybox and Python: nothing is downloaded.

`moonbase/web` is a web server in Python that counts its visits on a volume, `moonbase/pages` one in
busybox. They share their lowest layer, and the versions of `web` differ by one small layer. The
last version is broken, as releases sometimes are.
"""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

from tests.support.images import ImageSpec
from tests.support.layers import File, LayerSpec, busybox_layer

PORT = 8080
_PYTHON = "/usr/bin/python3"
_LEFT_OUT = ("test", "idlelib", "lib2to3", "tkinter", "ensurepip", "distutils", "__pycache__")
_SERVER = """\
import json, pathlib, platform
from http.server import BaseHTTPRequestHandler, HTTPServer

class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        facts = {"service": "web", "version": "VERSION", "python": platform.python_version()}
        if self.path == "/":
            visits = pathlib.Path("/data/visits")
            count = int(visits.read_text()) + 1 if visits.exists() else 1
            visits.write_text(str(count))
            facts["visits"] = count
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(facts).encode() + b"\\n")

    def log_message(self, *args):
        pass

HTTPServer(("127.0.0.1", PORT), Answer).serve_forever()
"""


_BROKEN = """\
raise SystemExit("config.json: expected a key `airlock`, found none")
"""


def web(version: str, *, broken: bool = False) -> ImageSpec:
    """Return the Python web server, answering with `version`; or one that does not start."""
    code = _BROKEN if broken else _SERVER.replace("VERSION", version).replace("PORT", str(PORT))
    folders = {f"{name}/": File(folder=True) for name in ("app", "data")}
    own = LayerSpec({**folders, "app/server.py": code.encode()})
    return ImageSpec((busybox_layer(), _python_layer(), own), cmd=(_PYTHON, "/app/server.py"))


def pages() -> ImageSpec:
    """Return the busybox web server."""
    index = LayerSpec({"www/": File(folder=True), "www/index.html": b"<h1>Moonbase</h1>\n"})
    serve = ("httpd", "-f", "-p", "127.0.0.1:8081", "-h", "/www")
    return ImageSpec((busybox_layer(), index), cmd=serve)


@cache
def _python_layer() -> LayerSpec:
    """Return a layer with the machine's Python, its standard library and what these link to."""
    asked = "import sys, sysconfig; print(sys.executable, sysconfig.get_path('stdlib'))"
    found = subprocess.run([_PYTHON, "-Sc", asked], check=True, capture_output=True, text=True)
    executable, library = map(Path, found.stdout.split())
    modules = [path for path in sorted(library.rglob("*")) if _is_wanted(path, library)]
    programs = [executable.resolve(), *(path for path in modules if path.suffix == ".so")]
    files: dict[str, bytes | File] = {_PYTHON[1:]: File(executable.read_bytes(), 0o755)}
    for path in (*modules, *_linked(programs)):
        files[str(path)[1:]] = File(path.read_bytes(), 0o755 if ".so" in path.name else 0o644)
    return LayerSpec(files)


def _is_wanted(path: Path, library: Path) -> bool:
    parts = path.relative_to(library).parts
    left_out = any(part in _LEFT_OUT or part.startswith("config-") for part in parts)
    return path.is_file() and not left_out


def _linked(programs: list[Path]) -> list[Path]:
    """Return the shared libraries that programs load, dynamic loader included."""
    listed = subprocess.run(["ldd", *programs], check=False, capture_output=True, text=True)
    words = {word.rstrip(":") for word in listed.stdout.split()}
    found = {Path(word) for word in words if word.startswith("/") and ".so" in word}
    return sorted(found.difference(programs))


def app_yaml(address: str, version: str) -> str:
    """Return the app manifest."""
    return f"""\
schema: 1
name: moonbase
version: "{version}"
images:
  - {address}/moonbase/web:{version}
  - {address}/moonbase/pages:1.0
run:
  compose: compose.yaml
  deadline: 15s
"""


def compose_yaml(address: str, version: str) -> str:
    """Return the Compose file; the host's network is all there is where no network is."""
    return f"""\
services:
  web:
    image: {address}/moonbase/web:{version}
    network_mode: host
    restart: unless-stopped
    stop_signal: SIGKILL
    volumes: [visits:/data]
    healthcheck:
      test: wget -qO- http://127.0.0.1:{PORT}/healthy
      interval: 1s
      retries: 20
  pages:
    image: {address}/moonbase/pages:1.0
    network_mode: host
    depends_on:
      web: {{condition: service_healthy}}
volumes:
  visits:
"""
