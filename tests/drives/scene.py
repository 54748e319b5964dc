"""A guest with a mounted drive, and a person there who has `bundle` and `installer`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.machine.kernel import Kernel
from tests.machine.machine import Machine, Running, run_machine
from tests.machine.stick import Stick, make_image
from tests.machine.trigger import USB
from tests.support.bundles import SigningKey, new_key
from tests.support.media import Format

HOMES: Final = {"MOONLIFT_TRUST_DIR": "/run/trust", "MOONLIFT_STATE_DIR": "/run/state"}


@dataclass(frozen=True)
class Scene:
    """Where a drive test takes place.

    Attributes:
        machine: the guest.
        stick: its drive.
        key: trusted there.
    """

    machine: Machine
    stick: Stick
    key: SigningKey

    def drive(self, bundle: Path, *words: object) -> Running:
        """Begin to put a bundle on the drive."""
        return self.machine.begin("bundle", "drive", self.machine.seen(bundle), USB, *words)

    def installer(self, *words: object) -> Running:
        """Begin a verb of the installer."""
        return self.machine.begin("installer", *words, **HOMES)

    def wrong(self, folder: str) -> list[str]:
        """Return which files of a release on the drive are not as its list says."""
        found: list[str] = self.machine.do("wrong", USB / folder)
        return found

    def has(self, path: str) -> bool:
        """Tell whether something is on the drive."""
        return bool(self.machine.do("has", USB / path))


@contextmanager
def open_scene(
    folder: Path, kernel: Kernel, form: Format, megabytes: int, *more: Path
) -> Iterator[Scene]:
    """Boot a guest with an empty drive, mounted, and disks beside it."""
    image = folder.with_name(f"{folder.name}-{form}.img")
    make_image(form, image, megabytes)
    try:
        with run_machine(folder, kernel, image, *more) as machine:
            stick = Stick(machine, form)
            machine.do("attach")
            stick.mount()
            yield Scene(machine, stick, _trusted(machine))
    finally:
        image.unlink()


def _trusted(machine: Machine) -> SigningKey:
    path = machine.folder / "key"
    key = SigningKey(path) if path.exists() else new_key(path)
    words = ("trust", "add", machine.seen(key.public_path), "--id", "me", "--fingerprint")
    machine.run("installer", *words, key.public.fingerprint, **HOMES)
    return key
