"""`make demo`: from a registry to a machine without network, and every promise on the way.

Takes nothing that it does not bring back: all files lie in one temporary folder, all daemons are
its own.
"""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.demo.images import PORT, app_yaml, compose_yaml, pages, web
from tests.demo.narrator import CommandError, Narrator
from tests.support.dockerd import run_dockerd
from tests.support.engine import Engine, EngineError
from tests.support.netns import NetnsError, inside
from tests.support.process import DaemonError
from tests.support.publish import docker_archive, push_image
from tests.support.registry import Registry, run_registry
from tests.support.tamper import flip

SIGNER = "release@moonbase"
FIRST, SECOND, BROKEN = "1.0.0", "1.1.0", "1.2.0"
NO_ENGINE = (DaemonError, NetnsError, EngineError, OSError)
REFUSED, UNHEALTHY = 10, 14


class Demo:
    """The story, told once."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        programs = str(Path(sys.executable).parent)
        self._tell = Narrator(
            folder,
            {
                "PATH": f"{programs}:{os.environ['PATH']}:/usr/sbin:/sbin",
                "HOME": str(folder),
                "MOONLIFT_CACHE": str(folder / "cache"),
                "MOONLIFT_TRUST_DIR": str(folder / "host/etc"),
                "MOONLIFT_STATE_DIR": str(folder / "host/state"),
                "COLUMNS": "100",
            },
        )

    def run(self) -> None:
        """Tell it.

        Raises:
            CommandError: something did not go as told.
        """
        with self._tell.step("The connected side: a registry with the images of an app"):
            registry = self._stack.enter_context(run_registry(self._folder / "registry"))
            self._publish(registry)
        with self._tell.step("The disconnected side: a Docker engine without any network"):
            engine = self._start_engine()
        self._build(registry)
        self._check_by_hand()
        self._refuse()
        target = f"docker:{engine.url}" if engine else "layout:host/images --no-start"
        self._install(target)
        if engine:
            self._answer(engine, FIRST)
        self._upgrade(registry, target)
        if engine:
            self._answer(engine, SECOND)
            self._put_back(registry, engine, target)
            self._go_back(engine, target)
        self._prove()
        self._tell.end()

    def _publish(self, registry: Registry) -> None:
        """Push the images: by Docker's own hand where there is a Docker, else by ours."""
        images = {f"moonbase/web:{v}": web(v) for v in (FIRST, SECOND)}
        images[f"moonbase/web:{BROKEN}"] = web(BROKEN, broken=True)
        images["moonbase/pages:1.0"] = pages()
        try:
            with run_dockerd(self._folder / "connected", network="host") as docker:
                self._tell.say(f"Docker {docker.version} on the host's network pushes them")
                names = {registry.reference(*name.split(":")): i for name, i in images.items()}
                docker.load(docker_archive(names))
                for name in names:
                    docker.docker("push", "--quiet", name)
        except NO_ENGINE as error:
            self._tell.say(f"no Docker engine here, so they are pushed without: {_first(error)}")
            for name, image in images.items():
                repository, _, tag = name.partition(":")
                push_image(registry, repository, tag, image)
        self._tell.run(f"busybox wget -qO- http://{registry.address}/v2/_catalog")

    def _start_engine(self) -> Engine | None:
        try:
            engine = self._stack.enter_context(run_dockerd(self._folder / "disconnected"))
        except NO_ENGINE as error:
            self._tell.say(f"none can run here: {_first(error)}")
            self._tell.say("Going on with a plain folder in the place of the engine.")
            return None
        self._tell.say(f"Docker {engine.version}, {engine.info['Images']} images. Its interfaces:")
        self._tell.run(f"ip -netns {engine.netns} -brief link")
        return engine

    def _build(self, registry: Registry) -> None:
        with self._tell.step("A signing key, then one signed bundle of all that the app needs"):
            self._write_app(registry, FIRST)
            self._tell.run("cat app.yaml compose.yaml")
            self._tell.run("bundle keygen --no-passphrase release.key")
            self._tell.run(f"bundle build app.yaml --key release.key --output drive/{FIRST}")
            self._tell.run(f"ls -sh drive/{FIRST}")

    def _check_by_hand(self) -> None:
        with self._tell.step("The host trusts the key, once, by its fingerprint"):
            shown = self._tell.run("ssh-keygen -lf release.key.pub")
            told = f"--id {SIGNER} --fingerprint {shown.split()[1]}"
            self._tell.run(f"installer trust add release.key.pub {told}")
        with self._tell.step("Anyone can check the bundle with what every Linux has"):
            self._tell.run(
                f"cd drive/{FIRST} && ssh-keygen -Y verify -f ../../host/etc/allowed_signers "
                f"-I {SIGNER} -n moonlift-bundle -s SHA256SUMS.1.sig < SHA256SUMS "
                "&& sha256sum --strict --quiet -c SHA256SUMS && echo every file is as signed"
            )
            self._tell.run(f"installer verify drive/{FIRST}")

    def _refuse(self) -> None:
        with self._tell.step("One flipped bit in a copy: refused, and the place is named"):
            self._tell.run(f"cp -r drive/{FIRST} damaged")
            flip(max((self._folder / "damaged/blobs/sha256").iterdir(), key=_size))
            self._tell.run("installer verify damaged", expect=REFUSED)

    def _install(self, target: str) -> None:
        with self._tell.step(
            "Install on the disconnected machine: loaded, started, awaited, named"
        ):
            self._tell.run(f"installer install drive/{FIRST} --yes --engine {target}")
        with self._tell.step("Install again: all is there already, and well"):
            self._tell.run(f"installer install drive/{FIRST} --yes --engine {target}")

    def _write_app(self, registry: Registry, version: str) -> None:
        (self._folder / "app.yaml").write_text(app_yaml(registry.address, version))
        (self._folder / "compose.yaml").write_text(compose_yaml(registry.address, version))

    def _answer(self, engine: Engine, version: str) -> None:
        with self._tell.step(f"Ask it where no network is: version {version}"):
            self._ask(engine)

    def _ask(self, engine: Engine) -> None:
        url = f"http://127.0.0.1:{PORT}/"
        self._tell.run(shlex.join((*inside(engine.netns), "busybox", "wget", "-qO-", url)))

    def _upgrade(self, registry: Registry, target: str) -> None:
        with self._tell.step(
            f"Release {SECOND}: built from the cache, only its new layer is loaded; data stays"
        ):
            self._write_app(registry, SECOND)
            self._tell.run(f"bundle build app.yaml --key release.key --output drive/{SECOND}")
            self._tell.run(f"installer install drive/{SECOND} --yes --engine {target}")

    def _put_back(self, registry: Registry, engine: Engine, target: str) -> None:
        with self._tell.step(f"Release {BROKEN} does not start: {SECOND} is put back by itself"):
            self._write_app(registry, BROKEN)
            self._tell.run(f"bundle build app.yaml --key release.key --output drive/{BROKEN}")
            install = f"installer install drive/{BROKEN} --yes --engine {target}"
            self._tell.run(install, expect=UNHEALTHY)
            self._ask(engine)

    def _go_back(self, engine: Engine, target: str) -> None:
        with self._tell.step(f"Back to {FIRST}, without its bundle; and what was done here"):
            self._tell.run(f"installer rollback --yes --engine {target}")
            self._ask(engine)
            self._tell.run(f"installer status --engine {target}")
            self._tell.run("installer history")

    def _prove(self) -> None:
        with self._tell.step("Prove the machine: convolutions on every device, every bit compared"):
            self._tell.run("installer selftest")


def _size(path: Path) -> int:
    return path.stat().st_size


def _first(error: BaseException) -> str:
    return str(error).partition("\n")[0]


def main() -> int:
    """Run the demo; return its exit status."""
    with ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="moonlift-demo-"))
        try:
            Demo(Path(name), stack).run()
        except KeyboardInterrupt:
            print("\ninterrupted: cleaning up", file=sys.stderr)
            return 130
        except CommandError as error:
            print(f"\nThe demo failed: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
