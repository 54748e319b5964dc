"""What `installer trust ...` does: shows keys, and takes one only after a person compared it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from installer.console import Console
from installer.trust import TrustStore
from manifests.errors import UsageError
from manifests.safetext import safe_line
from manifests.seals.allowedsigners import AllowedSigner
from manifests.seals.sshkey import MAX_LINE, PublicKey


def add(
    console: Console,
    directory: Path,
    key: Path,
    principal: str,
    fingerprint: str,
    *,
    first_use: bool,
) -> None:
    """Trust a key: by its fingerprint given or typed, or, if asked for just that, unseen."""
    public, comment = read_key(key)
    principal = principal or comment
    store = TrustStore(directory)
    if first_use and not fingerprint:
        console.say(f"taking {public.fingerprint} without comparing it with anything")
        added = store.add_on_first_use(public, principal)
    else:
        added = store.add(
            public,
            principal,
            expected_fingerprint=fingerprint or _typed(console, public),
        )
    console.lines([f"trusted      {safe_line(added.principal)}  {public.fingerprint}"])


def show(console: Console, directory: Path) -> None:
    """List the keys and the threshold."""
    store = TrustStore(directory)
    signers, threshold = store.signers(), store.threshold()
    console.lines(_lines(signers, threshold))
    console.document(
        "trust",
        {
            "threshold": threshold,
            "signers": [
                {
                    "principal": one.principal,
                    "fingerprint": one.public_key.fingerprint,
                    "key_type": str(one.public_key.key_type),
                    "line": one.line_number,
                }
                for one in signers
            ],
        },
    )


def remove(console: Console, directory: Path, name: str) -> None:
    """Stop trusting a key."""
    for one in TrustStore(directory).remove(name):
        text = f"{safe_line(one.principal)}  {one.public_key.fingerprint}"
        console.lines([f"removed      {text}"])


def set_threshold(console: Console, directory: Path, count: int) -> None:
    """Ask for `count` keys from now on."""
    TrustStore(directory).set_threshold(count)
    console.lines([f"threshold    {count}"])


def _lines(signers: tuple[AllowedSigner, ...], threshold: int) -> Iterator[str]:
    for one in signers:
        yield f"{one.public_key.fingerprint}  {safe_line(one.principal)}"
    yield f"{len(signers)} keys, {threshold} must sign" if signers else "no key is trusted yet"


def _typed(console: Console, public: PublicKey) -> str:
    console.say(f"this key's fingerprint is {public.fingerprint}")
    console.say("compare it with what its owner told you by another way than the drive")
    return console.ask("type the fingerprint that you were told:", "--fingerprint SHA256:...")


def read_key(path: Path) -> tuple[PublicKey, str]:
    """Return a public key and its comment."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_LINE + 1).decode("utf-8", errors="replace")
    except OSError as error:
        raise UsageError(
            "key-missing", f"expected a public key at {path}, found {error.strerror or error}"
        ) from error
    words = text.strip().split(maxsplit=2)
    return PublicKey.from_line(text.strip()), words[2] if len(words) > 2 else ""
