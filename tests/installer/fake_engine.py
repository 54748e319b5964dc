"""A Docker engine without containers: the image half of its API, and every way to misbehave.

It keeps images as a real one does (chains, or blobs and names) and answers as seen on 20.10 and
26.1; a test sets `Faults` to make it lie, refuse or break off.
"""

from __future__ import annotations

import hashlib
import io
import json
import socketserver
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.process import short_directory

Store = Literal["graph", "containerd"]
NAME = "io.containerd.image.name"


@dataclass
class Faults:
    """What goes wrong.

    Attributes:
        wrong_id: the config is changed while it is stored.
        wrong_layers: an inspected image shows one layer too few.
        error_line: what a load answers with, status 200, after the body was read.
        answer_nothing: a load answers with no line at all.
        drop_after: bytes of a load's body after which the connection is cut.
        early_error: the same, but an error is answered first.
        refuse_parts: an archive must hold every layer.
        fail_tag: which tagging is refused, from 1.
        fail_inspect: inspecting is answered with status 500.
        slow: waited on before a load is answered.
    """

    wrong_id: bool = False
    wrong_layers: bool = False
    error_line: str = ""
    answer_nothing: bool = False
    drop_after: int = -1
    early_error: str = ""
    refuse_parts: bool = False
    fail_tag: int = 0
    fail_inspect: bool = False
    slow: threading.Event | None = None


@dataclass
class Image:
    """A stored image."""

    identity: str
    diff_ids: list[str]
    architecture: str
    os: str
    names: set[str] = field(default_factory=set)
    broken: bool = False


class FakeEngine:
    """The engine's state; its server runs in threads of this process.

    Attributes:
        images: by identity.
        blobs: what a containerd store has.
        calls: method and path of every request, in order.
        loads: names of the members of each archive that came whole.
    """

    def __init__(self, store: Store, socket: Path) -> None:
        self.store = store
        self.socket = socket
        self.faults = Faults()
        self.images: dict[str, Image] = {}
        self.blobs: dict[str, bytes] = {}
        self.calls: list[str] = []
        self.loads: list[list[str]] = []
        self._tags = 0
        self._lock = threading.RLock()
        self._reading = 0
        self._broken_off = 0
        self._changed = threading.Condition()

    @property
    def url(self) -> str:
        return f"docker:unix://{self.socket}"

    @property
    def broken_off(self) -> int:
        """How many bodies ended before their time, once none is being read any more."""
        with self._changed:
            assert self._changed.wait_for(lambda: not self._reading, 30)
            return self._broken_off

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Count a body that is broken off within the block."""
        with self._changed:
            self._reading += 1
        try:
            yield
        except _CutError:
            self._broken_off += 1
            raise
        finally:
            with self._changed:
                self._reading -= 1
                self._changed.notify_all()

    @property
    def load_calls(self) -> int:
        return sum(call.endswith("/images/load") for call in self.calls)

    @property
    def names(self) -> dict[str, str]:
        """What each name points to, our own names left out."""
        return {
            name: image.identity
            for image in self.images.values()
            for name in image.names
            if not name.startswith("moonlift.local/")
        }

    @property
    def own_names(self) -> set[str]:
        every = {name for image in self.images.values() for name in image.names}
        return {name for name in every if name.startswith("moonlift.local/")}

    def info(self) -> Mapping[str, Any]:
        snapshotter = [["driver-type", "io.containerd.snapshotter.v1"]]
        return {
            "ID": f"FAKE:{self.socket.parent.name}",
            "ServerVersion": "20.10.24",
            "Driver": "overlay2",
            "DriverStatus": snapshotter if self.store == "containerd" else [["Backing", "extfs"]],
            "DockerRootDir": str(self.socket.parent),
            "OSType": "linux",
            "Architecture": "x86_64",
        }

    def find(self, name: str) -> Image | None:
        with self._lock:
            for image in self.images.values():
                if name == image.identity or full(name) in image.names:
                    return image
                if "@" in name and name.rpartition("@")[2] == image.identity:
                    return (
                        image if any(_same_repository(name, one) for one in image.names) else None
                    )
            return None

    def show(self, image: Image) -> Mapping[str, Any]:
        layers = image.diff_ids[:-1] if self.faults.wrong_layers else image.diff_ids
        return {
            "Id": image.identity,
            "RepoTags": sorted(map(familiar, image.names)) or None,
            "RepoDigests": [],
            "RootFS": {"Type": "layers", "Layers": layers},
            "Architecture": image.architecture,
            "Os": image.os,
        }

    def tag(self, name: str, target: str) -> bool:
        with self._lock:
            self._tags += 1
            image = self.find(target)
            if image is None or self._tags == self.faults.fail_tag:
                return False
            self._point(name, image)
            return True

    def remove(self, name: str) -> bool:
        with self._lock:
            image = self.find(name)
            if image is None:
                return False
            image.names.discard(full(name))
            if not image.names:
                del self.images[image.identity]
            return True

    def load(self, body: bytes) -> list[Mapping[str, Any]]:
        """Take an archive; return the lines of the answer."""
        if self.faults.slow is not None:
            self.faults.slow.wait(30)
        if self.faults.error_line:
            return [{"errorDetail": {"message": self.faults.error_line}, "error": "x"}]
        if self.faults.answer_nothing:
            return []
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            files = {
                member.name: file.read()
                for member in archive.getmembers()
                if (file := archive.extractfile(member)) is not None
            }
        with self._lock:
            self.loads.append(list(files))
            try:
                return self._load_graph(files) if self.store == "graph" else self._import(files)
            except FileNotFoundError as error:
                return [{"errorDetail": {"message": str(error)}, "error": str(error)}]

    def chains(self) -> set[str]:
        return {c for image in self.images.values() for c in chains(image.diff_ids)}

    def _load_graph(self, files: Mapping[str, bytes]) -> list[Mapping[str, Any]]:
        (entry,) = json.loads(files["manifest.json"])
        if entry["RepoTags"] is not None:
            raise AssertionError("a name moved by a load")
        raw = files[entry["Config"]]
        config = json.loads(raw)
        diff_ids = config["rootfs"]["diff_ids"]
        there = set() if self.faults.refuse_parts else self.chains()
        for chain, diff_id, name in zip(chains(diff_ids), diff_ids, entry["Layers"], strict=True):
            if chain in there:
                continue
            if name not in files:
                raise FileNotFoundError(
                    f"open /tmp/docker-import/{name}: no such file or directory"
                )
            if digest(files[name]) != diff_id:
                raise FileNotFoundError(f"invalid diffID for layer: expected {diff_id}")
        identity = digest(raw + b" " if self.faults.wrong_id else raw)
        self._store(identity, config)
        return [{"stream": f"Loaded image ID: {identity}\n"}]

    def _import(self, files: Mapping[str, bytes]) -> list[Mapping[str, Any]]:
        self.blobs |= {
            digest(data): data for name, data in files.items() if name.startswith("blobs/")
        }
        lines: list[Mapping[str, Any]] = []
        for entry in json.loads(files["index.json"])["manifests"]:
            name, target = entry["annotations"][NAME], entry["digest"]
            manifest = self._manifest(target)
            config = json.loads(self.blobs[manifest["config"]["digest"]])
            self._point(name, self._store(target, config))
            missing = [x["digest"] for x in manifest["layers"] if x["digest"] not in self.blobs]
            if missing or self.faults.refuse_parts:
                return [{"errorDetail": {"message": f"failed to unpack: {missing} not found"}}]
            lines.append({"stream": f"Loaded image: {familiar(name)}\n"})
        return lines

    def _manifest(self, target: str) -> Mapping[str, Any]:
        document: Mapping[str, Any] = json.loads(self.blobs[target])
        if "manifests" not in document:
            return document
        here = [x["digest"] for x in document["manifests"] if x["digest"] in self.blobs]
        return self._manifest(here[0])

    def _store(self, identity: str, config: Mapping[str, Any]) -> Image:
        made = Image(identity, config["rootfs"]["diff_ids"], config["architecture"], config["os"])
        return self.images.setdefault(identity, made)

    def _point(self, name: str, image: Image) -> None:
        for other in list(self.images.values()):
            other.names.discard(full(name))
        image.names.add(full(name))


@contextmanager
def run_fake_engine(store: Store = "graph") -> Iterator[FakeEngine]:
    """Run an engine until the block ends."""
    with short_directory() as folder:
        engine = FakeEngine(store, folder / "docker.sock")
        handler = type("Handler", (_Handler,), {"engine": engine})
        with _Server(str(engine.socket), handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
            thread.start()
            try:
                yield engine
            finally:
                server.shutdown()
                thread.join()


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def chains(diff_ids: list[str]) -> list[str]:
    found: list[str] = []
    for diff_id in diff_ids:
        found.append(digest(f"{found[-1]} {diff_id}".encode()) if found else diff_id)
    return found


def full(name: str) -> str:
    return name if "." in name.partition("/")[0] else f"docker.io/{name}"


def familiar(name: str) -> str:
    return name.removeprefix("docker.io/")


def _same_repository(name: str, other: str) -> bool:
    return full(name).partition("@")[0] == other.partition("@")[0].rpartition(":")[0]


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64


class _CutError(Exception):
    pass


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    engine: FakeEngine

    def address_string(self) -> str:
        return "socket"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        del format, args

    def do_GET(self) -> None:
        path = self._note()
        if path == "/version":
            self._answer(200, {"ApiVersion": "1.41", "Version": "20.10.24"})
        elif path == "/info":
            self._answer(200, self.engine.info())
        elif path == "/images/json":
            self._answer(200, [self.engine.show(image) for image in self.engine.images.values()])
        elif path.startswith("/images/") and path.endswith("/json"):
            self._inspect(unquote(path[len("/images/") : -len("/json")]))
        else:
            self._answer(404, {"message": "page not found"})

    def do_POST(self) -> None:
        path = self._note()
        if path == "/images/load":
            self._load()
            return
        target = unquote(path[len("/images/") : -len("/tag")])
        query = parse_qs(urlsplit(self.path).query)
        done = self.engine.tag(f"{query['repo'][0]}:{query['tag'][0]}", target)
        self._answer(201 if done else 500, b"" if done else {"message": "tag refused"})

    def do_DELETE(self) -> None:
        done = self.engine.remove(unquote(self._note().removeprefix("/images/")))
        self._answer(200 if done else 404, [] if done else {"message": "No such image"})

    def _inspect(self, name: str) -> None:
        image = self.engine.find(name)
        if self.engine.faults.fail_inspect:
            self._answer(500, {"message": "layer does not exist"})
        elif image is None:
            self._answer(404, {"message": f"No such image: {name}"})
        else:
            self._answer(200, self.engine.show(image))

    def _load(self) -> None:
        faults = self.engine.faults
        try:
            with self.engine.reading():
                body = self._body(faults.drop_after)
        except _CutError:
            self.close_connection = True
            if faults.early_error:
                line = {"errorDetail": {"message": faults.early_error}, "error": "x"}
                self._answer(200, json.dumps(line).encode() + b"\r\n")
            return
        lines = self.engine.load(body)
        self._answer(200, b"".join(json.dumps(line).encode() + b"\r\n" for line in lines))

    def _body(self, limit: int) -> bytes:
        parts: list[bytes] = []
        total = 0
        while size := int(self._line() or b"x", 16):
            parts.append(self.rfile.read(size))
            total += len(parts[-1])
            if len(parts[-1]) < size or 0 <= limit <= total:
                raise _CutError
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _line(self) -> bytes:
        line = self.rfile.readline()
        if not line.strip():
            raise _CutError
        return line.strip()

    def _note(self) -> str:
        path = urlsplit(self.path).path
        version, slash, rest = path.removeprefix("/").partition("/")
        path = f"/{rest}" if slash and version.startswith("v1.") else path
        self.engine.calls.append(f"{self.command} {path}")
        return path

    def _answer(self, status: int, value: object) -> None:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
