"""Layers from registries that break, lie about sizes and ranges, or stop talking."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from bundler.sources.registry import RegistryOptions, RegistrySource
from manifests.digest import Digest
from manifests.errors import MoonliftError, SourceFailed
from manifests.oci import Descriptor
from tests.bundler.sources.acme import (
    BLOB,
    LAYER,
    fetch,
    image,
    manifest,
    part,
    refusal,
    source_of,
)
from tests.bundler.sources.certificates import Certificates
from tests.bundler.sources.fakes import Answer, FakeClock, Seen, serve


def test_broken_blob_goes_on_where_it_was() -> None:
    cuts = iter([300_000, 200_000])

    def script(seen: Seen) -> Answer:
        whole = part(seen)
        return Answer(whole.status, whole.body, whole.headers, cut=next(cuts, None))

    clock = FakeClock()
    with serve(script) as fake:
        assert fetch(source_of(clock), image(fake)) == BLOB
        ranges = [seen.headers["Range"] for seen in fake.seen[1:]]
    assert ranges == [None, "bytes=300000-", "bytes=500000-"]
    assert len(clock.waits) == 2


def test_offset_is_asked_for_by_range() -> None:
    with serve(part) as fake:
        with source_of().open_blob(image(fake), LAYER, 600_000) as blob:
            got = b"".join(iter(lambda: blob.read(1 << 20), b""))
        assert fake.seen[1].headers["Range"] == "bytes=600000-"
    assert got == BLOB[600_000:]


def test_registry_that_ignores_ranges_is_read_again() -> None:
    cuts = iter([300_000, 600_000])

    def script(_: Seen) -> Answer:
        return Answer(200, BLOB, cut=next(cuts, None))

    with serve(script) as fake:
        assert fetch(source_of(), image(fake)) == BLOB


@pytest.mark.parametrize(
    "wrong", ["", "bytes 0-699999/700000", "bytes 300000-699999/9", "bytes 300000-400000/700000"]
)
def test_wrong_content_range_is_not_believed(wrong: str) -> None:
    def script(seen: Seen) -> Answer:
        if seen.headers["Range"]:
            return Answer(206, BLOB[300_000:], {"Content-Range": wrong})
        return Answer(200, BLOB, cut=300_000 if len(fake.seen) == 2 else None)

    with serve(script) as fake:
        assert fetch(source_of(), image(fake)) == BLOB
        assert [seen.headers["Range"] for seen in fake.seen[1:]] == [None, "bytes=300000-", None]


def test_content_range_may_leave_the_total_open() -> None:
    def script(seen: Seen) -> Answer:
        found = part(seen)
        told = found.headers["Content-Range"].rpartition("/")[0] + "/*"
        return Answer(206, found.body, {"Content-Range": told})

    with serve(script) as fake, source_of().open_blob(image(fake), LAYER, 10) as blob:
        assert blob.read(5) == BLOB[10:15]


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("body", [BLOB + b"!", BLOB + bytes(500_000), BLOB[:-1], b""])
def test_blob_of_another_size(body: bytes, chunked: bool) -> None:
    error = refusal(lambda _: Answer(200, body, chunked=chunked), fetch)
    assert (type(error), error.code) == (SourceFailed, "size-mismatch")


def test_blob_without_a_length() -> None:
    with serve(lambda _: Answer(200, BLOB, chunked=True)) as fake:
        assert fetch(source_of(), image(fake)) == BLOB


def test_blob_that_always_breaks_at_once_ends() -> None:
    clock = FakeClock()
    with serve(lambda _: Answer(200, BLOB, cut=100)) as fake, pytest.raises(SourceFailed) as caught:
        fetch(source_of(clock), image(fake))
    assert caught.value.code == "registry-unreachable"
    assert len(clock.waits) == 5
    assert all(w <= 30 for w in clock.waits)
    assert clock.waits[-1] >= 4


def test_progress_renews_patience() -> None:
    clock = FakeClock()

    def script(seen: Seen) -> Answer:
        whole = part(seen)
        return Answer(whole.status, whole.body, whole.headers, cut=70_000)

    with serve(script) as fake:
        assert fetch(source_of(clock, retries=1), image(fake)) == BLOB
    assert len(clock.waits) == 9


def test_crumbs_do_not_renew_patience() -> None:
    def script(seen: Seen) -> Answer:
        whole = part(seen)
        return Answer(whole.status, whole.body, whole.headers, cut=1)

    with serve(script) as fake, pytest.raises(SourceFailed):
        fetch(source_of(retries=3), image(fake))
    assert len(fake.paths()) == 4


def test_blob_that_drips_counts_as_broken() -> None:
    clock = FakeClock(step=100)
    small = Descriptor(LAYER.media_type, Digest.of(b"x" * 1000), 1000)
    with (
        serve(lambda _: Answer(200, b"x" * 1000)) as fake,
        pytest.raises(SourceFailed, match="in 60 seconds"),
    ):
        fetch(source_of(clock, retries=2), image(fake), small)
    assert len(clock.waits) == 2


def test_slow_consumer_is_no_slow_registry() -> None:
    clock = FakeClock()
    with serve(part) as fake, source_of(clock).open_blob(image(fake), LAYER) as blob:
        while blob.read(1000):
            clock.seconds += 50
    assert clock.waits == []


def test_silent_connection_times_out() -> None:
    def script(seen: Seen) -> Answer:
        if seen.headers["Range"]:
            return part(seen)
        return Answer(200, BLOB, cut=300_000, hold=True)

    with serve(script) as fake:
        assert fetch(source_of(read_timeout=0.2), image(fake)) == BLOB


def test_foreign_layer_is_named_but_never_fetched() -> None:
    with serve(lambda _: Answer(200, BLOB)) as elsewhere, serve(lambda _: Answer(404)) as fake:
        url = f"http://{elsewhere.address}/layer?signature=s3cret"
        layer = Descriptor(LAYER.media_type, LAYER.digest, LAYER.size, urls=(url,))
        with pytest.raises(SourceFailed) as caught:
            source_of().open_blob(image(fake), layer)
    assert caught.value.code == "foreign-layer"
    assert f"http://{elsewhere.address}/layer" in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert elsewhere.seen == []


def test_connection_is_used_again() -> None:
    with serve(lambda seen: manifest() if "manifests" in seen.path else part(seen)) as fake:
        source = source_of()
        for _ in range(3):
            source.resolve(image(fake))
            assert fetch(source, image(fake)) == BLOB
        assert len({seen.peer for seen in fake.seen}) == 1


@pytest.mark.parametrize("secure", [False, True])
def test_close_wakes_a_reader(secure: bool, certificates: Certificates) -> None:
    asked = threading.Event()

    def script(_: Seen) -> Answer:
        asked.set()
        return Answer(200, BLOB, cut=300_000, hold=True)

    chain = certificates.chain if secure else None
    with serve(script, certificate=chain) as fake:
        source = RegistrySource(
            RegistryOptions(ca_files=(certificates.authority,), environment={}, read_timeout=300)
        )

        def close() -> None:
            asked.wait()
            time.sleep(0.3)
            source.close()

        threading.Thread(target=close, daemon=True).start()
        start = time.monotonic()
        with pytest.raises(SourceFailed) as caught:
            fetch(source, image(fake))
        assert time.monotonic() - start < 150  # nobody waits for a read that would time out
    assert caught.value.code == "registry-closed"


def test_interrupt_closes_the_connection() -> None:
    ended = threading.Event()

    def script(seen: Seen) -> Answer:
        return Answer(200, BLOB, cut=400_000, hold=True) if not ended.is_set() else part(seen)

    class Interrupting(FakeClock):
        def monotonic(self) -> float:
            if ended.is_set():
                raise KeyboardInterrupt
            return super().monotonic()

    with serve(script) as fake:
        clock = Interrupting()
        blob = source_of(clock).open_blob(image(fake), LAYER)

        def consume() -> None:
            with blob:
                blob.read(1000)
                ended.set()
                blob.read(1000)

        with pytest.raises(KeyboardInterrupt):
            consume()
        assert blob.is_closed


def test_leaving_early_gives_the_connection_up() -> None:
    with serve(part) as fake:
        source = source_of()
        with source.open_blob(image(fake), LAYER) as blob:
            blob.read(10)
        assert fetch(source, image(fake)) == BLOB
        assert len({seen.peer for seen in fake.seen}) == 2


@pytest.mark.parametrize("status", [401, 403, 404, 500, 418])
def test_no_secret_in_any_error(status: int, docker_login: Callable[..., dict[str, Any]]) -> None:
    echo = b'{"errors":[{"code":"NO","message":"not canary-s3cret YW5uOmNhbmFyeS1zM2NyZXQ="}]}'

    def script(seen: Seen) -> Answer:
        if seen.authorization is None:
            return Answer(401, headers={"WWW-Authenticate": "Basic"})
        return Answer(status, echo)

    with serve(script) as fake, pytest.raises(MoonliftError) as caught:
        source_of(**docker_login(fake.address)).resolve(image(fake))
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.context)
    assert "canary" not in shown
    assert "YW5uOmN" not in shown


def test_offset_beyond_the_blob_is_a_bug() -> None:
    with serve(part) as fake, pytest.raises(ValueError, match="offset"):
        source_of().open_blob(image(fake), LAYER, LAYER.size + 1)


def test_blob_that_shrinks_while_it_is_read() -> None:
    answers = iter([Answer(200, BLOB, cut=300_000)])

    def script(_: Seen) -> Answer:
        return next(answers, Answer(200, BLOB[:1000], chunked=True))

    with serve(script) as fake, pytest.raises(SourceFailed) as caught:
        fetch(source_of(retries=2), image(fake))
    assert caught.value.code == "size-mismatch"
    assert "the end before 300000" in str(caught.value)


def test_server_of_tls_that_only_hangs_up_is_found_once(certificates: Certificates) -> None:
    with serve(part, certificate=certificates.chain) as fake:
        source = source_of(ca_files=(certificates.authority,))
        for _ in range(3):
            assert fetch(source, image(fake)) == BLOB
        assert len({seen.peer for seen in fake.seen}) == 1


def test_foreign_layer_with_an_unusable_address() -> None:
    layer = Descriptor(LAYER.media_type, LAYER.digest, LAYER.size, urls=("ftp://x\x1b[2J",))
    error = refusal(lambda _: Answer(404), lambda s, r: s.open_blob(r, layer))
    assert error.code == "foreign-layer"
    assert "unusable" in str(error)
