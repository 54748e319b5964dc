"""A small real app of three services on busybox, for tests that start, upgrade and kill it.

    db      appends numbered lines to a file on a volume, each on the disk before the next; refuses
            to become healthy when a line is missing or wrong
    web     a web server that answers with its version and the number of lines
    worker  asks `web` by name, over the app's network

Every release differs in all three, so that an upgrade replaces all. Its self-test image says at
once what the real one says after a while.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass

from manifests.runspec import RunSpec, VolumeSpec
from manifests.selftestlabel import SELFTEST_LABEL
from manifests.service import Attachment, Dependency, Probe, PublishedPort, Service
from manifests.serviceinputs import EnvironmentValue, Mount
from tests.support.bundles import Facts
from tests.support.images import ImageSpec
from tests.support.layers import File, LayerSpec, busybox_layer

PRODUCT = "moonbase"
PROJECT = "moonbase"
VOLUME = "moonbase_data"
PORT = 8080
SELFTEST = "docker.io/moonbase/selftest:1"
CONFIG = b"greeting = hello from the moon\n"

_VERIFY = "awk '$1 != NR || $2 != \"line-\" NR || NF != 2 { exit 1 }' /data/log"
_DB = f"""#!/bin/sh
trap 'exit 0' TERM
touch /data/log
# what a kill cut short is dropped; every other line must be right
case "$(tail -c 1 /data/log | xxd -p)" in
    0a | "") ;;
    *) sed -i '$d' /data/log ;;
esac
{_VERIFY} || {{ echo "the data is damaged"; exit 1; }}
n=$(wc -l < /data/log)
touch /tmp/ready
while :; do
    n=$((n + 1))
    echo "$n line-$n" >> /data/log
    sync /data/log
    sleep 0.2
done
"""
_STATE = """#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
echo "version $(cat /version) lines $(wc -l < /data/log) $GREETING"
cat /etc/site.conf
"""
_WORKER = """#!/bin/sh
trap 'exit 0' TERM
while :; do
    wget -qO /tmp/answer http://web:8080/cgi-bin/state && touch /tmp/ready
    sleep 0.5
done
"""
_TOOLS = ("awk", "sed", "sync", "tail", "touch", "wc", "xxd", "printf")


@dataclass(frozen=True)
class RealRelease:
    """One release of the app.

    Attributes:
        sequence: its number; the version is `1.<sequence>`.
        broken: whether its web server never becomes healthy.
        selftest: whether it carries a self-test image and asks for it.
        port: where the host offers the web server.
        padding: bytes of noise in its own layer, to make loading take longer.
    """

    sequence: int
    _: KW_ONLY
    broken: bool = False
    selftest: bool = True
    port: int = PORT
    padding: int = 0

    @property
    def version(self) -> str:
        return f"1.{self.sequence}"

    @property
    def images(self) -> Mapping[str, ImageSpec]:
        own = self._own_layer()
        found = {
            self._name(service): ImageSpec((_base(), own), cmd=(f"/bin/{service}",))
            for service in ("db", "web", "worker")
        }
        return {**found, SELFTEST: selftest_image()} if self.selftest else found

    @property
    def facts(self) -> Facts:
        return Facts(
            product=PRODUCT,
            version=self.version,
            sequence=self.sequence,
            files={"site.conf": CONFIG},
            selftest=SELFTEST if self.selftest else None,
            run=self.run,
        )

    @property
    def run(self) -> RunSpec:
        return RunSpec(
            project=PROJECT,
            origin="compose.yaml",
            services=(self._db(), self._web(), self._worker()),
            volumes=(VolumeSpec(key="data"),),
            deadline_seconds=6 if self.broken else 20,
            settle_seconds=1,
            selftest="required" if self.selftest else "off",
        )

    def _name(self, service: str) -> str:
        return f"docker.io/moonbase/{service}:current"

    def _db(self) -> Service:
        return Service(
            name="db",
            image=self._name("db"),
            mounts=(Mount(target="/data", kind="volume", source="data"),),
            probe=_probe(f"test -f /tmp/ready && {_VERIFY}"),
            restart="unless-stopped",
            stop_seconds=2,
        )

    def _web(self) -> Service:
        return Service(
            name="web",
            image=self._name("web"),
            environment=(EnvironmentValue(name="GREETING", value="hello"),),
            mounts=(
                Mount(target="/data", kind="volume", source="data", read_only=True),
                Mount(target="/etc/site.conf", kind="carried", source="site.conf", read_only=True),
            ),
            ports=(PublishedPort(container=PORT, host=str(self.port)),),
            dependencies=(Dependency(service="db", condition="healthy"),),
            probe=_probe("wget -qO- http://127.0.0.1:8080/cgi-bin/state"),
            restart="unless-stopped",
            stop_signal="SIGKILL",
        )

    def _worker(self) -> Service:
        return Service(
            name="worker",
            image=self._name("worker"),
            networks=(Attachment(network="default"),),
            dependencies=(Dependency(service="web", condition="healthy"),),
            probe=_probe("test -f /tmp/ready"),
            restart="always",
            stop_seconds=2,
        )

    def _own_layer(self) -> LayerSpec:
        web = "#!/bin/sh\necho 'no configuration for the new format'; exit 1\n"
        serve = f"#!/bin/sh\nexec httpd -f -p {PORT} -h /www\n"
        files: dict[str, bytes | File] = {
            "version": f"{self.version}\n".encode(),
            "bin/web": _script(web if self.broken else serve),
        }
        if self.padding:
            files["padding"] = LayerSpec.random(self.sequence, self.padding).tar()
        return LayerSpec(files)


def selftest_image() -> ImageSpec:
    """Return an image that says what the self-test says where all is well."""
    report = {"schema": 1, "verdict": "pass", "wall_s": 0.1, "findings": [], "devices": [
        _device("numpy"), _device("opencl"),
    ]}  # fmt: skip
    say = f"#!/bin/sh\necho '{json.dumps(report)}'\n".encode()
    layers = (_base(), LayerSpec({"bin/selftest": _script(say.decode())}))
    return ImageSpec(layers, entrypoint=("/bin/selftest",), labels={SELFTEST_LABEL: "1"})


def _device(backend: str) -> dict[str, object]:
    named = {"backend": backend, "index": 0, "kind": "cpu", "name": "A processor", "uuid": None}
    return {"device": named, "verdict": "pass", "findings": [], "cases": []}


def _base() -> LayerSpec:
    links = {f"bin/{name}": File(link="/bin/busybox", mode=0o777) for name in _TOOLS}
    own: dict[str, bytes | File] = {
        **busybox_layer().files,
        **links,
        "data/": File(folder=True),
        "www/": File(folder=True),
        "www/cgi-bin/": File(folder=True),
        "www/cgi-bin/state": _script(_STATE),
        "bin/db": _script(_DB),
        "bin/worker": _script(_WORKER),
    }
    return LayerSpec(own)


def _script(text: str) -> File:
    return File(text.encode(), 0o755)


def _probe(shell: str) -> Probe:
    return Probe(shell=shell, interval_ms=200, timeout_ms=5000, retries=50, start_period_ms=1000)
