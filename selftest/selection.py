"""Which devices a person asked for: all, a backend, an address such as `opencl:0`, or a UUID."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from selftest.measured import Device


class UnknownDevice(ValueError):
    """A word that names no backend, no address and no UUID."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What was asked for.

    Attributes:
        words: as given; none for everything.
    """

    words: tuple[str, ...] = ()

    @classmethod
    def parse(cls, words: Sequence[str], known: Mapping[str, str]) -> Selection:
        """Return what the words ask for.

        Raises:
            UnknownDevice: a word that can't name a device.
        """
        for word in words:
            backend, colon, index = word.partition(":")
            address = backend in known and (not colon or index.isdecimal())
            if not address and not _is_uuid(word):
                names = ", ".join(known)
                raise UnknownDevice(
                    f"expected one of {names}, one of them with a number such as numpy:0,"
                    f" or a UUID, found {word[:100]!r}"
                )
        return cls(tuple(words))

    def wants_backend(self, backend: str) -> bool:
        """Tell whether any device of a backend may be meant."""
        return not self.words or any(
            word.partition(":")[0] == backend or _is_uuid(word) for word in self.words
        )

    def names_backend(self, backend: str) -> bool:
        """Tell whether a backend was asked for by name, so that its absence is a failure."""
        return any(word.partition(":")[0] == backend for word in self.words)

    def wants(self, device: Device) -> bool:
        """Tell whether a device is meant."""
        names = (device.backend, device.address)
        return not self.words or any(
            word in names or _same_uuid(word, device.uuid) for word in self.words
        )


EVERYTHING: Final = Selection()


def _is_uuid(word: str) -> bool:
    bare = bare_uuid(word)
    return len(bare) >= 8 and all(digit in "0123456789abcdef" for digit in bare)


def _same_uuid(word: str, uuid: str | None) -> bool:
    return uuid is not None and _is_uuid(word) and bare_uuid(uuid).startswith(bare_uuid(word))


def bare_uuid(uuid: str) -> str:
    """Return a UUID without prefix and dashes: OpenCL gives it bare, CUDA and NVML do not."""
    return uuid.lower().removeprefix("gpu-").removeprefix("mig-").replace("-", "")
