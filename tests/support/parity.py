"""Parity of a bundle in memory, made at once and not streamed: what the real thing must come to."""

from __future__ import annotations

from collections.abc import Mapping

from manifests.bundle.paritycode import Code, checksum_rows
from manifests.bundle.parityrecord import CHECKSUMS, SIZED, ParityRecord, column_name
from manifests.bundle.paritystream import shape_of
from manifests.digest import Digest


def parity_of(covered: Mapping[str, bytes], percent: int) -> tuple[ParityRecord, dict[str, bytes]]:
    """Return what release.json says of parity, and the files; `covered` is in order."""
    joined = b"".join(covered.values())
    shape = shape_of(len(joined), percent)
    length = shape.length
    padded = joined + bytes(shape.columns * length - len(joined))
    data = [padded[n * length : (n + 1) * length] for n in range(shape.columns)]
    parity = Code(shape.columns, shape.parity).parity(data)
    table = checksum_rows([*data, *parity], shape.block)
    record = ParityRecord(
        columns=shape.columns,
        block=shape.block,
        length=length,
        sizes={name: len(covered[name]) for name in SIZED},
        checksums=Digest.of(table),
        parity=tuple(map(Digest.of, parity)),
    )
    columns = {column_name(n): one for n, one in enumerate(parity, start=1)}
    return record, {CHECKSUMS[0]: table, **columns, CHECKSUMS[1]: table}
