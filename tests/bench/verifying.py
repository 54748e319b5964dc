"""Verifying a bundle, beside hashing the same bytes with OpenSSL."""

from __future__ import annotations

from tests.bench.measure import Case, best_of, print_table, shell
from tests.bench.scene import Scene, size_of

OPENSSL = "openssl dgst -sha256"
SUMS = "sha256sum -c"
VERIFY = "installer verify"


def run(scene: Scene, rounds: int) -> None:
    """Measure verification of the bundle in the scene's folder."""
    bundle = scene.folder / "bundle"
    cases = [
        Case(OPENSSL, shell(f"openssl dgst -sha256 {bundle}/blobs/sha256/*")),
        Case(SUMS, shell(f"cd {bundle} && sha256sum --strict --quiet -c SHA256SUMS")),
        Case(VERIFY, scene.installer_argv("verify", str(bundle))),
    ]
    results = best_of(cases, rounds)
    print_table("verify", results, baseline=OPENSSL, payload_bytes=size_of(bundle / "blobs"))
    scene.judge("verify / openssl", results[VERIFY].wall_s / results[OPENSSL].wall_s, 1.0)
    scene.judge("verify, peak MiB", results[VERIFY].peak_bytes / 2**20, 300)
