"""Small real images, made of this machine's own busybox and Python: nothing is downloaded.

`moonbase/web` is a web server in Python, `moonbase/pages` one in busybox. They share their lowest
layer, and the second version of `web` differs from the first by one small layer.
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
import json, platform
from http.server import BaseHTTPRequestHandler, HTTPServer

class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        facts = {"service": "web", "version": "VERSION", "python": platform.python_version()}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(facts).encode() + b"\\n")

    def log_message(self, *args):
        pass

HTTPServer(("127.0.0.1", PORT), Answer).serve_forever()
"""


def web(version: str) -> ImageSpec:
    """Return the Python web server, answering with `version`."""
    code = _SERVER.replace("VERSION", version).replace("PORT", str(PORT))
    own = LayerSpec({"app/": File(folder=True), "app/server.py": code.encode()})
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
"""
