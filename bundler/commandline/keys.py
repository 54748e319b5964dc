"""Who must have signed, by the keys and lists that the command line names."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from manifests.errors import UsageError
from manifests.seals.allowedsigners import MAX_BYTES, AllowedSigner, parse_signers
from manifests.seals.listing import Judge, trusted_signers
from manifests.seals.sshkey import PublicKey

HOST_SIGNERS = Path("/etc/moonlift/allowed_signers")
KEY_FILE_LIMIT = 16 * 1024


def judge_of(allowed_signers: Path | None, keys: tuple[Path, ...], threshold: int) -> Judge:
    """Return who must have signed: these keys, this list, or this host's own list.

    Raises:
        UsageError: `trust-none`: nothing says who is trusted.
    """
    allowed = [AllowedSigner((path.name,), public_key(path)) for path in keys]
    if allowed_signers is None and not keys and HOST_SIGNERS.exists():
        allowed_signers = HOST_SIGNERS
    if allowed_signers is not None:
        allowed += parse_signers(read_small(allowed_signers, limit=MAX_BYTES))
    if not allowed:
        raise UsageError(
            "trust-none",
            "expected to be told who may sign",
            hint="add -k release.key.pub, or --allowed-signers FILE",
        )
    return trusted_signers(allowed, threshold, datetime.now(UTC))


def public_key(path: Path) -> PublicKey:
    """Return the public half of a key, given by either half's file.

    Raises:
        UsageError: `file-unreadable`.
        MalformedInput: it is no key.
    """
    public = path if path.suffix == ".pub" else path.with_name(f"{path.name}.pub")
    return PublicKey.from_line(read_small(public).decode("utf-8", errors="replace").strip())


def read_small(path: Path, *, limit: int = KEY_FILE_LIMIT) -> bytes:
    """Return a file that should be no larger than a key.

    Raises:
        UsageError: `file-unreadable`.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise UsageError("file-unreadable", f"{path}: {error.strerror}") from error
    if len(data) > limit:
        raise UsageError("file-unreadable", f"{path}: expected at most {limit} bytes")
    return data
