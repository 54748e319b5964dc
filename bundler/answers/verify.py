"""What `bundle verify` does and writes."""

from __future__ import annotations

from pathlib import Path

from bundler.commandline.keys import judge_of
from bundler.console import print_error, print_view, progress_sink
from bundler.output import error_json, print_json, print_lines
from bundler.verbs.verify import Verification, verification_json, verification_text, verify
from manifests.bundle.damagetable import damage_lines
from manifests.errors import ExitCode


def verify_bundle(
    bundle: Path,
    allowed_signers: Path | None,
    keys: tuple[Path, ...],
    threshold: int,
    *,
    as_json: bool,
) -> ExitCode:
    """Check a bundle; return what a refusal of it comes to.

    Args:
        bundle: which.
        allowed_signers: list of who may have signed; None for those of `keys` or of this host.
        keys: public keys that may have signed.
        threshold: how many must have.
        as_json: as one JSON document.
    """
    judge = judge_of(allowed_signers, keys, threshold)
    with progress_sink() as progress:
        verification = verify(bundle, judge, progress)
    if as_json:
        _write_json(verification)
    else:
        _write_text(verification)
    return verification.refusal.exit_code if verification.refusal else ExitCode.DONE


def _write_json(verification: Verification) -> None:
    error = error_json(verification.refusal) if verification.refusal else {}
    print_json({**verification_json(verification), **error})


def _write_text(verification: Verification) -> None:
    print_view(verification_text(verification))
    print_lines(damage_lines(verification.survey))
    if verification.refusal is not None:
        print_error(verification.refusal, as_json=False)
