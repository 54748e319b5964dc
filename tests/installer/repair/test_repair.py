"""`installer repair`: what is damaged comes back to the byte, or it is said how much can't."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from manifests.bundle.paritystream import Stream, covered_files
from tests.installer.repair.conftest import CHUNK, Bench, contents
from tests.support.bundles import Bundle, Facts, make_bundle, new_key
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec
from tests.support.tamper import EACH_FILE, files_of, flip


def stream_of(bundle: Bundle) -> Stream:
    assert bundle.release.parity is not None
    return Stream(covered_files(bundle.release, bundle.release.parity.sizes))


def spoil(folder: Path, stream: Stream, start: int, length: int) -> None:
    """Overwrite a range of what parity covers."""
    for extent in stream.extents(start, length):
        with (folder / extent.name).open("r+b") as file:
            file.seek(extent.offset)
            old = file.read(extent.length)
            file.seek(extent.offset)
            file.write(bytes(byte ^ 0x5A for byte in old))


def largest(folder: Path) -> str:
    return max(files_of(folder), key=lambda name: (folder / name).stat().st_size)


FEW = ("truncate", "remove", "to_symlink")
"""Damages that differ in how they are met."""
PAPERS = {"SHA256SUMS", "SHA256SUMS.1.sig", "release.json"}


def test_a_whole_bundle_is_left_alone(bench: Bench) -> None:
    said = bench.repair("-o", bench.out)
    assert (said.code, said.json["whole"], said.json["wrote"]) == (0, True, None)
    assert not bench.out.exists()


@pytest.mark.parametrize("at", [0.0, 0.37, 0.9])
def test_a_run_of_the_whole_percentage_is_restored(bench: Bench, at: float) -> None:
    stream = stream_of(bench.good)
    start = int(stream.total * at)
    spoil(bench.bad, stream, start, stream.total // 10)
    before = contents(bench.bad)
    said = bench.repair("-o", bench.out)
    assert said.code == 0, said.out
    assert bench.is_whole(bench.out)
    assert contents(bench.bad) == before
    assert said.json["from_parity"] == sum(one["bytes"] for one in said.json["damaged"])


def test_scattered_damage_of_the_whole_percentage_is_restored(bench: Bench) -> None:
    """As many blocks of every row as there is parity, but for one."""
    stream, record = stream_of(bench.good), bench.good.release.parity
    assert record is not None
    lottery = random.Random(1)
    for row in range(record.rows):
        for column in lottery.sample(range(record.columns), len(record.parity)):
            spoil(bench.bad, stream, column * record.length + row * record.block + 3, 1)
    assert bench.repair("--in-place").code == 0
    assert bench.is_whole(bench.bad)


def test_more_is_refused_with_what_is_missing_and_changes_nothing(bench: Bench) -> None:
    stream = stream_of(bench.good)
    spoil(bench.bad, stream, 1000, stream.total // 8)
    before = contents(bench.bad)
    for where in (("--in-place",), ("-o", bench.out)):
        said = bench.repair(*where)
        assert said.code == 10
        error = said.json["error"]
        assert error["code"] == "repair-impossible"
        assert 0 < error["context"]["missing"] < stream.total // 8
        assert "--from" in error["hint"]
    assert contents(bench.bad) == before
    assert not bench.out.exists()


@pytest.mark.parametrize(
    "kind",
    [kind if kind in FEW else pytest.param(kind, marks=pytest.mark.long) for kind in EACH_FILE],
)
def test_files_are_restored_from_each_damage(bench: Bench, kind: str) -> None:
    damage: Callable[[Path], None] = EACH_FILE[kind]
    sizes = {n: len(data) for n, data in bench.good.files.items() if n not in PAPERS}
    data = [n for n in sizes if 0 < sizes[n] < 1_000_000 and not n.startswith("parity/")]
    parity = [n for n in sizes if n.startswith("parity/")][:8]
    for names in (data, parity):
        for name in names:
            damage(bench.bad / name)
        said = bench.repair("--in-place")
        assert said.code == 0, said.out
    assert bench.is_whole(bench.bad)


def test_missing_files_come_back(bench: Bench) -> None:
    gone = [f"parity/{n:03d}" for n in (1, 2, 3, 4)]
    gone += ["index.json", "files/compose.yaml", "files/empty", "parity/checksums.1"]
    gone += [blob.name for blob in bench.good.release.blobs() if blob.size < 500_000]
    for name in gone:
        (bench.bad / name).unlink()
    said = bench.repair("--in-place")
    assert said.code == 0, said.out
    assert set(gone) <= set(said.json["misfits"])
    assert bench.is_whole(bench.bad)


def test_both_tables_may_be_lost(bench: Bench) -> None:
    for number in (1, 2):
        (bench.bad / f"parity/checksums.{number}").unlink()
    (bench.bad / "manifest.json").unlink()
    assert bench.repair("--in-place").code == 0
    assert bench.is_whole(bench.bad)


def test_what_is_written_in_place_is_what_was_damaged(bench: Bench) -> None:
    name = largest(bench.bad)
    flip(bench.bad / name, CHUNK + 5)
    times = {one: (bench.bad / one).stat().st_mtime_ns for one in files_of(bench.bad)}
    said = bench.repair("--in-place")
    assert [(one["file"], one["offset"]) for one in said.json["damaged"]] == [(name, CHUNK)]
    changed = {n for n in times if (bench.bad / n).stat().st_mtime_ns != times[n]}
    assert changed == {name}
    assert bench.is_whole(bench.bad)


def test_other_copies_that_are_damaged_elsewhere_complete_each_other(bench: Bench) -> None:
    one, two = bench.copy("one"), bench.copy("two")
    name = largest(bench.bad)
    (bench.bad / name).write_bytes(b"")
    for column in range(1, 26):
        (bench.bad / f"parity/{column:03d}").unlink()
    flip(one / name, 100)
    flip(two / name, CHUNK + 100)
    said = bench.repair("--in-place", "--from", one, "--from", two)
    assert said.code == 0, said.out
    assert {one["path"] for one in said.json["from_copies"]} == {str(one), str(two)}
    assert bench.is_whole(bench.bad)


def test_a_copy_without_the_right_bytes_gives_nothing(bench: Bench) -> None:
    other = make_bundle(
        bench.root / "other",
        {"docker.io/acme/app:1": ImageSpec((LayerSpec.random(8, 9_000),))},
        bench.key,
        facts=Facts(sequence=9),
    )
    stream = stream_of(bench.good)
    spoil(bench.bad, stream, stream.total // 2, stream.total // 20)
    said = bench.repair("-o", bench.out, "--from", other.path)
    assert (said.code, said.json["from_copies"]) == (0, [])
    assert bench.is_whole(bench.out)


@pytest.mark.parametrize("name", sorted(PAPERS))
@pytest.mark.parametrize(
    "kind", ["remove", *(pytest.param(one, marks=pytest.mark.long) for one in ("flip", "truncate"))]
)
def test_papers_come_from_a_copy_alone(bench: Bench, name: str, kind: str) -> None:
    EACH_FILE[kind](bench.bad / name)
    refused = bench.repair("--in-place")
    assert refused.code == 10
    if name == "release.json":
        assert refused.json["error"]["code"] == "repair-papers"
        assert "--from" in refused.json["error"]["hint"]
    said = bench.repair("--in-place", "--from", bench.copy("copy"))
    assert said.code == 0, said.out
    assert said.json["papers_from_copies"] == [name]
    assert bench.is_whole(bench.bad)


def test_no_release_is_made_of_another(bench: Bench) -> None:
    other = make_bundle(bench.root / "b", {}, bench.key, facts=Facts(sequence=2)).path
    (bench.bad / "SHA256SUMS").unlink()
    before = contents(bench.bad)
    said = bench.repair("--in-place", "--from", other)
    assert said.json["error"]["code"] == "repair-other-release"
    assert contents(bench.bad) == before


def test_a_list_that_nobody_trusted_has_signed_is_not_believed(bench: Bench) -> None:
    stranger = new_key(bench.root / "stranger")
    (bench.bad / "SHA256SUMS.1.sig").write_bytes(stranger.sign(bench.good.files["SHA256SUMS"]))
    said = bench.repair("-o", bench.out)
    assert said.code == 10
    assert not bench.out.exists()


def test_it_has_to_be_said_where_to(bench: Bench) -> None:
    assert bench.repair().json["error"]["code"] == "repair-where"
    assert bench.repair("--in-place", "-o", bench.out).json["error"]["code"] == "repair-where"
    assert bench.repair("-o", bench.bad).json["error"]["code"] == "output-exists"
    assert bench.repair("--in-place", bundle=bench.root / "no").code == 11
    assert bench.repair("--in-place", bundle=Path("-")).json["error"]["code"] == "repair-pipe"


def test_without_parity_only_copies_help(bench: Bench) -> None:
    plain = make_bundle(
        bench.root / "plain",
        {"docker.io/acme/app:1": ImageSpec((LayerSpec.random(1, 90_000),))},
        bench.key,
    )
    name = largest(plain.path)
    copy = bench.root / "copy"
    copy.mkdir()
    (copy / name).parent.mkdir(parents=True)
    (copy / name).write_bytes(plain.files[name])
    flip(plain.path / name)
    said = bench.repair("--in-place", bundle=plain.path)
    assert said.json["error"]["code"] == "repair-impossible"
    assert "no parity" in said.json["error"]["message"]
    assert bench.repair("--in-place", "--from", copy, bundle=plain.path).code == 0
    assert contents(plain.path) == dict(plain.files)


def in_words(bench: Bench, *arguments: object) -> str:
    said = bench.run("repair", bench.bad, *arguments)
    assert said.code == 0, said.err
    return said.out


def test_the_words(bench: Bench) -> None:
    assert "nothing is damaged" in in_words(bench, "--in-place")
    flip(bench.bad / "parity/004")
    (bench.bad / "release.json").unlink()
    said = in_words(bench, "--in-place", "--from", bench.copy("copy"))
    assert "release.json: damaged or missing here" in said
    assert "parity/004" in said
    flip(bench.bad / largest(bench.bad))
    assert "from parity  8.00 MiB" in in_words(bench, "--in-place")


def links(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_symlink())


def test_no_link_on_a_medium_leads_a_write_elsewhere(bench: Bench) -> None:
    victim = bench.root / "victim"
    victim.write_text("not yours")
    (bench.root / "aside").mkdir()
    (bench.bad / "index.json").unlink()
    (bench.bad / "index.json").symlink_to(victim)
    assert bench.repair("--in-place").code == 0
    assert victim.read_text() == "not yours"
    assert not list(links(bench.bad))
    (bench.bad / "parity").rename(bench.root / "aside/parity")
    (bench.bad / "parity").symlink_to(bench.root / "aside/parity")
    before = contents(bench.root / "aside")
    said = bench.repair("--in-place")
    assert said.json["error"]["code"] == "repair-write"
    assert contents(bench.root / "aside") == before
