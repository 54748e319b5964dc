"""OpenSSH's own tools as second opinion, and signatures built by hand, sound and hostile."""

from __future__ import annotations

import hashlib
import os
import socketserver
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from manifests.seals.sshkey import PublicKey, WireReader, pack_string
from manifests.seals.sshsig import NAMESPACE, Signature, armour, signed_data
from tests.support.process import run_daemon

SOFTWARE_TYPES = ("ed25519", "ecdsa")
IDENTITY = "release@example.org"


def make_key(directory: Path, kind: str, name: str = "", passphrase: str = "") -> Path:
    """Make a key with ssh-keygen; return the private key's path."""
    path = directory / (name or kind)
    command = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "made for a test"]
    if kind == "ecdsa":
        command += ["-b", "256"]
    subprocess.run([*command, "-f", str(path)], check=True, stdin=subprocess.DEVNULL)
    return path


def public_key(private: Path) -> PublicKey:
    return PublicKey.from_line(private.with_name(f"{private.name}.pub").read_text())


def keygen_sign(key: Path, message: bytes, namespace: str = NAMESPACE, *options: str) -> bytes:
    """Sign with `ssh-keygen -Y sign`."""
    done = subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-f", str(key), "-n", namespace, *options],
        input=message,
        capture_output=True,
        check=True,
    )
    return done.stdout


@dataclass(frozen=True)
class Oracle:
    """`ssh-keygen -Y verify` with its own list of signers."""

    directory: Path

    def accepts(
        self,
        signature: bytes,
        message: bytes,
        allowed: str | PublicKey,
        *,
        identity: str = IDENTITY,
        options: tuple[str, ...] = (),
        environ: Mapping[str, str] | None = None,
    ) -> bool:
        line = allowed if isinstance(allowed, str) else allowed_line(allowed)
        (self.directory / "allowed").write_text(line + "\n")
        (self.directory / "sig").write_bytes(signature)
        files = ["-f", str(self.directory / "allowed"), "-s", str(self.directory / "sig")]
        done = subprocess.run(
            ["ssh-keygen", "-Y", "verify", "-I", identity, "-n", NAMESPACE, *files, *options],
            input=message,
            capture_output=True,
            check=False,
            env={**os.environ, **(environ or {})},
        )
        return done.returncode == 0


def allowed_line(key: PublicKey) -> str:
    return f'{IDENTITY} namespaces="{NAMESPACE}" {key.line}'


@contextmanager
def running_agent(directory: Path) -> Iterator[Path]:
    """Run an ssh-agent of our own; yield its socket."""
    socket = directory / "agent"
    with run_daemon(
        ["ssh-agent", "-D", "-a", str(socket)], log=directory / "agent.log", ready=socket.exists
    ):
        yield socket


def build_blob(
    key_blob: bytes,
    raw: bytes,
    *,
    magic: bytes = b"SSHSIG",
    version: int = 1,
    namespace: bytes = NAMESPACE.encode(),
    reserved: bytes = b"",
    hash_name: bytes = b"sha512",
    trailer: bytes = b"",
) -> bytes:
    """Build the inside of a signature from any fields, sound or not."""
    fields = (key_blob, namespace, reserved, hash_name, raw)
    return magic + version.to_bytes(4, "big") + b"".join(map(pack_string, fields)) + trailer


@dataclass(frozen=True)
class SoftToken:
    """A FIDO2 security key in software: signs as a real one would."""

    secret: Ed25519PrivateKey
    application: bytes = b"ssh:"

    @classmethod
    def new(cls, application: bytes = b"ssh:") -> SoftToken:
        return cls(Ed25519PrivateKey.generate(), application)

    @property
    def point(self) -> bytes:
        return self.secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def key_blob(self) -> bytes:
        fields = (b"sk-ssh-ed25519@openssh.com", self.point, self.application)
        return b"".join(map(pack_string, fields))

    @property
    def public_key(self) -> PublicKey:
        return PublicKey.from_blob(self.key_blob)

    def sign_data(self, data: bytes, *, flags: int = 1, counter: int = 7) -> bytes:
        """Return the innermost signature over `data`."""
        suffix = bytes([flags]) + counter.to_bytes(4, "big")
        asserted = (
            hashlib.sha256(self.application).digest() + suffix + hashlib.sha256(data).digest()
        )
        name = pack_string(b"sk-ssh-ed25519@openssh.com")
        return name + pack_string(self.secret.sign(asserted)) + suffix

    def sign(self, message: bytes, *, flags: int = 1, counter: int = 7) -> bytes:
        """Return the armoured signature over `message`."""
        raw = self.sign_data(signed_data(message), flags=flags, counter=counter)
        return armour(Signature(self.public_key, NAMESPACE, "sha512", raw))


@contextmanager
def token_agent(directory: Path, token: SoftToken) -> Iterator[Path]:
    """Serve `token` as an ssh-agent serves a plugged-in security key; yield the socket."""
    socket = directory / "token-agent"

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while header := self.rfile.read(4):
                request = WireReader(self.rfile.read(int.from_bytes(header, "big")))
                self.wfile.write(pack_string(answer(token, request)))

    with socketserver.UnixStreamServer(str(socket), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield socket
        finally:
            server.shutdown()
            thread.join()


def answer(token: SoftToken, request: WireReader) -> bytes:
    """Answer one message of the agent protocol (draft-ietf-sshm-ssh-agent)."""
    kind = request.take(1)[0]
    if kind == 11:  # list of identities
        return b"\x0c\0\0\0\1" + pack_string(token.key_blob) + pack_string(b"token")
    if kind == 13 and request.string() == token.key_blob:  # sign
        return b"\x0e" + pack_string(token.sign_data(request.string()))
    return b"\x05"
