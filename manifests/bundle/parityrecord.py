"""`parity` of release.json: the shape of the files that restore damaged ones.

Owns the record, its limits and the names of the files. What is in them is specified in
docs/bundle-format.md and made by `paritycode`; what they cover is in `paritystream`.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, field_validator, model_validator

from manifests.bundle.layout import DOCKER_MANIFEST, INDEX, OCI_LAYOUT, PARITY
from manifests.digest import Digest
from manifests.documents import DigestField, Line, Part, Size

MAX_COLUMNS: Final = 256
"""Columns of data and of parity together: each has a point of its own in GF(256)."""
MIN_BLOCK: Final = 512
MAX_BLOCK: Final = 64 * 1024
MAX_LENGTH: Final = 2**32 - 1
"""Bytes of a column: what FAT32 takes as one file."""
CHECKSUM_SIZE: Final = 4
CHECKSUMS: Final = (f"{PARITY}checksums.1", f"{PARITY}checksums.2")
"""The two copies of the table, before and behind the parity columns."""
SIZED: Final = (OCI_LAYOUT, INDEX, DOCKER_MANIFEST)
"""The documents that are covered and whose sizes nothing else in release.json tells."""


def column_name(number: int) -> str:
    """Return the file name of a parity column, counted from 1."""
    return f"{PARITY}{number:03d}"


class ParityRecord(Part):
    """How the files of a bundle are cut into columns, and what was made of them.

    Attributes:
        columns: of data.
        block: bytes that have a checksum of their own: a power of two.
        length: bytes of every column; a multiple of `block`.
        sizes: bytes of the three documents whose sizes are nowhere else.
        checksums: digest of the table of checksums, of which there are two copies.
        parity: digest of each parity column.
    """

    columns: Annotated[int, Field(ge=1, lt=MAX_COLUMNS)]
    block: Annotated[int, Field(ge=MIN_BLOCK, le=MAX_BLOCK)]
    length: Annotated[int, Field(ge=MIN_BLOCK, le=MAX_LENGTH)]
    sizes: dict[Line, Size]
    checksums: DigestField
    parity: Annotated[tuple[DigestField, ...], Field(min_length=1, max_length=MAX_COLUMNS - 1)]

    @field_validator("sizes")
    @classmethod
    def _of_three(cls, sizes: dict[str, int]) -> dict[str, int]:
        if sizes.keys() != set(SIZED):
            raise ValueError(f"expected the sizes of {', '.join(SIZED)}, found {sorted(sizes)}")
        return sizes

    @model_validator(mode="after")
    def _fits(self) -> ParityRecord:
        if self.all_columns > MAX_COLUMNS:
            raise ValueError(f"expected at most {MAX_COLUMNS} columns, found {self.all_columns}")
        if self.block & (self.block - 1):
            raise ValueError(f"expected a block of a power of two, found {self.block}")
        if self.length % self.block:
            raise ValueError(f"expected whole blocks in a column, found {self.length} bytes")
        return self

    def check_covers(self, total: int) -> None:
        """Refuse columns that don't hold so many bytes.

        Raises:
            ValueError: they are too short.
        """
        if total > self.columns * self.length:
            raise ValueError(f"expected columns for {total} bytes, found {self.length} a column")

    @property
    def all_columns(self) -> int:
        """Columns of data and of parity."""
        return self.columns + len(self.parity)

    @property
    def rows(self) -> int:
        """Blocks of a column."""
        return self.length // self.block

    @property
    def files(self) -> tuple[tuple[str, int, Digest], ...]:
        """Name, size and digest of each parity file, in the order of the one-file form."""
        size = self.rows * self.all_columns * CHECKSUM_SIZE
        first, last = ((name, size, self.checksums) for name in CHECKSUMS)
        numbered = enumerate(self.parity, start=1)
        return (first, *((column_name(n), self.length, one) for n, one in numbered), last)
