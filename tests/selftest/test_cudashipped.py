"""The kernels that are carried are those of their source, and fit what launches them."""

from __future__ import annotations

import hashlib
import json
import lzma
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

import selftest
from selftest.backends.base import BackendError
from selftest.backends.cudagroups import dense_floats, pad_taps, separable_floats
from selftest.backends.cudaimage import (
    CUBIN,
    MANIFEST,
    PTX,
    Artefact,
    choose,
    load_image,
    read_manifest,
)
from selftest.backends.cudalibrary import binding_symbols

KERNELS = Path(selftest.__file__).with_name("kernels")
LEAST_SHARED_BYTES = 48 * 1024


def artefact(kind: str, target: str) -> Artefact:
    return Artefact(f"{target}.xz", kind, target, "5.0", "0", "conv.cu", "0", "any", ())


def test_the_carried_kernels_are_those_of_the_source() -> None:
    """The PTX itself is compiled anew, and compared, by `make cuda`."""
    carried = read_manifest().artefacts
    assert [one.target for one in carried if one.kind == PTX] == ["sm_35"]
    for one in carried:
        source = (KERNELS / one.source).read_bytes()
        assert one.source_sha256 == hashlib.sha256(source).hexdigest(), "make cuda"
        assert load_image(one)
    packed = {path.name for path in KERNELS.glob("*.xz")}
    assert packed == {one.file for one in carried}


def test_the_text_says_what_the_list_says() -> None:
    (one,) = read_manifest().artefacts
    text = load_image(one).decode()
    assert text.endswith("}\n\n\0")
    assert re.findall(r"^\.version (.*)$", text, re.MULTILINE) == [one.isa]
    assert re.findall(r"^\.target (.*)$", text, re.MULTILINE) == [one.target]
    entries = re.findall(r"^\.visible \.entry (\w+)\(", text, re.MULTILINE)
    assert sorted(entries) == sorted(
        ("separable4", "separable8", "dense4", "dense8", "product", "copy", "peak")
    )
    (room,) = re.findall(r"^\.visible \.const \.align 4 \.b8 taps\[(\d+)\];", text, re.MULTILINE)
    assert int(room) == pad_taps(np.ones((31, 31), np.float32), 8).nbytes


def test_shared_memory_is_enough_on_the_oldest_card() -> None:
    for radius in range(1, 16):
        for outputs in (4, 8):
            side = 2 * radius + 1
            most = max(dense_floats(side, outputs), separable_floats(side, outputs))
            assert 4 * most <= LEAST_SHARED_BYTES


def test_the_machine_code_of_exactly_this_card_goes_first() -> None:
    carried = [artefact(PTX, "sm_35"), artefact(CUBIN, "sm_90"), artefact(PTX, "sm_75")]
    assert choose(carried, (9, 0)).kind == CUBIN
    assert choose(carried, (8, 9)).target == "sm_75"
    assert choose(carried, (12, 1)).target == "sm_75"
    assert choose(carried, (3, 7)).target == "sm_35"
    with pytest.raises(BackendError, match="there are no kernels for sm_30") as caught:
        choose(carried, (3, 0))
    assert caught.value.code == "cuda-no-image"


@pytest.mark.parametrize("damage", ["gone", "garbage", "short", "other"])
def test_damaged_kernels_are_not_handed_to_the_driver(tmp_path: Path, damage: str) -> None:
    (one,) = read_manifest().artefacts
    data = (KERNELS / one.file).read_bytes()
    made = {
        "garbage": b"\xfd7zXZ\0" + bytes(100),
        "short": data[:1000],
        "other": lzma.compress(b".version 5.0"),
    }
    if damage != "gone":
        (tmp_path / one.file).write_bytes(made[damage])
    with pytest.raises(BackendError) as caught:
        load_image(one, tmp_path)
    assert caught.value.code == "cuda-kernels"


@pytest.mark.parametrize("text", ["", "{}", '{"schema": 1, "artefacts": [{"file": "x"}]}', None])
def test_a_damaged_list_is_named(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(BackendError) as caught:
        read_manifest(tmp_path)
    assert caught.value.code == "cuda-kernels"


def test_the_list_is_written_as_it_is_read() -> None:
    document = json.loads((KERNELS / MANIFEST).read_text())
    assert document["schema"] == 1
    assert set(document) == {"schema", "artefacts"}


def test_the_symbols_are_those_of_pycuda(pycuda: Path) -> None:
    (library,) = pycuda.glob("pycuda/_driver*.so")
    listed = subprocess.check_output(["nm", "-D", "--undefined-only", library], text=True)
    used = {line.split()[-1] for line in listed.splitlines() if re.search(r" cu[A-Z]\w+$", line)}
    assert list(binding_symbols()) == sorted(used)
    assert b"[libcuda.so.1]" in subprocess.check_output(["readelf", "--dynamic", library])
