"""What `installer repair` does; the command line calls it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from installer.console import Console, stopping
from installer.repair.papers import Papers, find_papers
from installer.repair.places import open_place
from installer.repair.repairing import Outcome, Repair
from installer.repair.staging import check_output
from installer.repair.wanted import Chunk
from installer.stream.jobs import Halted
from installer.trust import TrustStore
from manifests.errors import UsageError
from manifests.quantities import bytes_text
from manifests.safetext import safe_line
from manifests.seals.listing import trusted_signers
from manifests.strictjson import JsonValue

SHOWN: Final = 20
"""Damaged places that are listed in words; `--json` has all."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What `installer repair` was asked.

    Attributes:
        trust: where this host's keys are.
        bundle: the damaged one.
        others: copies of it, which may be damaged, too.
        output: folder for the whole bundle; None to write onto the medium itself.
    """

    _: KW_ONLY
    trust: Path
    bundle: Path
    others: tuple[Path, ...]
    output: Path | None


def where_to(output: Path | None, *, in_place: bool) -> Path | None:
    """Return the folder to write into; None for the medium itself.

    Raises:
        UsageError: `repair-where`: both or neither; `output-exists`.
    """
    if in_place == (output is not None):
        raise UsageError(
            "repair-where",
            "expected one of --in-place and -o FOLDER, found "
            + ("both" if in_place else "neither"),
            hint="-o FOLDER writes a whole copy; --in-place writes onto the medium itself",
        )
    if output is not None:
        check_output(output)
    return output


def repair_bundle(console: Console, asked: Asked) -> None:
    """Restore a damaged bundle, and say what was damaged and where its bytes came from.

    Raises:
        BundleRefused: `repair-papers`, `repair-other-release`, `repair-impossible`.
        NotInstallableHere: `bundle-not-found`, `repair-room`, `repair-write`.
        KeyboardInterrupt: it was stopped.
    """
    trusted = TrustStore(asked.trust).load()
    judge = trusted_signers(trusted.signers, trusted.threshold, datetime.now(UTC))
    with ExitStack() as stack:
        place, *others = (
            stack.enter_context(closing(open_place(path))) for path in (asked.bundle, *asked.others)
        )
        papers = find_papers(place, others, judge)
        console.lines(_papers_lines(papers))
        repair = stack.enter_context(closing(Repair(place, others, papers)))
        with stopping() as cancel:
            try:
                console.follow(repair.run(asked.output, cancel))
            except Halted as halted:
                raise KeyboardInterrupt from halted
        console.lines(_outcome_lines(repair.outcome, asked))
        console.document("repaired", _json(papers, repair.outcome, asked))


def _papers_lines(papers: Papers) -> Iterator[str]:
    release = papers.release
    yield safe_line(
        f"bundle       {release.product} {release.version} (sequence {release.sequence})"
    )
    for signer in papers.check.accepted:
        yield safe_line(f"signer       {signer.principal} {signer.fingerprint}")
    if papers.foreign:
        yield (
            f"from copy    {', '.join(papers.foreign)}: damaged or missing here; parity does not"
            " cover them"
        )


def _outcome_lines(outcome: Outcome, asked: Asked) -> Iterator[str]:
    if outcome.is_whole:
        yield "whole        nothing is damaged, nothing was written"
        return
    yield from _damage_lines(outcome)
    for one in outcome.fetched:
        yield safe_line(f"from copy    {_total(one.chunks)} from {one.path}")
    if outcome.restored:
        yield f"from parity  {_total(outcome.restored)}"
    where = "in place" if asked.output is None else f"into {asked.output}"
    yield safe_line(f"repaired     {where}; every byte was checked against what was signed")


def _damage_lines(outcome: Outcome) -> Iterator[str]:
    names = {chunk.name for chunk in outcome.damaged}
    if outcome.damaged:
        files = f"{len(names)} file{'' if len(names) == 1 else 's'}"
        yield f"damaged      {_total(outcome.damaged)} in {files}"
    for chunk in outcome.damaged[:SHOWN]:
        yield f"             {chunk.name}, {bytes_text(chunk.length)} at {chunk.offset}"
    if len(outcome.damaged) > SHOWN:
        yield f"             and {len(outcome.damaged) - SHOWN} more"
    for name in outcome.misfits[:SHOWN]:
        yield safe_line(f"not right    {name}: missing, of another size, or no plain file")


def _total(chunks: Sequence[Chunk]) -> str:
    return bytes_text(sum(chunk.length for chunk in chunks))


def _json(papers: Papers, outcome: Outcome, asked: Asked) -> dict[str, JsonValue]:
    release = papers.release
    return {
        "product": release.product,
        "version": release.version,
        "sequence": release.sequence,
        "identity": str(papers.identity),
        "whole": outcome.is_whole,
        "damaged": [_chunk_json(chunk) for chunk in outcome.damaged],
        "misfits": list(outcome.misfits),
        "papers_from_copies": list(papers.foreign),
        "from_copies": [
            {"path": one.path, "bytes": sum(chunk.length for chunk in one.chunks)}
            for one in outcome.fetched
        ],
        "from_parity": sum(chunk.length for chunk in outcome.restored),
        "wrote": None if outcome.is_whole else str(asked.output or asked.bundle),
    }


def _chunk_json(chunk: Chunk) -> JsonValue:
    return {"file": chunk.name, "offset": chunk.offset, "bytes": chunk.length}
