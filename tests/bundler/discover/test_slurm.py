"""Batch scripts: which images they start, through which program, and what can't be known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundler.discover.folder import FILE_LIMIT, DiskFolder, Unreadable
from bundler.discover.found import Found, GpuRequest, Mention, Place
from bundler.discover.slurm.source import SCRIPT_LIMIT, discover, is_script
from manifests.appmanifest.sources import SlurmSource
from manifests.platform import Platform
from tests.support.endless import not_endless
from tests.support.memory import growing_at_most

INPUTS = Path(__file__).parent / "inputs" / "slurm"
MIB = 1024 * 1024


@dataclass(frozen=True)
class Texts:
    """A folder of texts."""

    texts: dict[str, bytes] = field(default_factory=dict)

    def read(self, path: str, limit: int = FILE_LIMIT) -> bytes:
        if path not in self.texts:
            raise Unreadable("No such file or directory")
        if len(self.texts[path]) > limit:
            raise Unreadable(f"larger than {limit} bytes")
        return self.texts[path]

    def is_file(self, path: str) -> bool:
        return path in self.texts

    def is_folder(self, path: str) -> bool:
        return path == "."

    def files(self, path: str) -> tuple[str, ...]:
        assert path == "."
        return tuple(sorted(self.texts))


def read(text: str | bytes, **environment: str) -> Found:
    data = text.encode() if isinstance(text, str) else text
    source = SlurmSource(slurm=("job.sh",), environment=environment)
    return discover(source, Texts({"job.sh": data}), {})


def images(text: str | bytes, **environment: str) -> list[str]:
    found = read(text, **environment)
    assert not found.problems
    return [mention.written for mention in found.mentions]


def problem(text: str) -> tuple[str, str, str]:
    (one,) = read(text).problems
    return one.code, one.message, one.hint


def inputs(*names: str, **environment: str) -> Found:
    return discover(SlurmSource(slurm=names, environment=environment), DiskFolder(INPUTS), {})


def told(found: Found) -> list[str]:
    return [f"{one.place} {one.by}: {one.written}" for one in found.mentions]


def places(found: Found) -> list[Place]:
    mentions = [one.place for one in found.mentions]
    problems = [one.place for one in found.problems]
    remarks = [one.place for one in found.remarks]
    return mentions + problems + remarks + [one.place for one in found.gpus]


def test_pyxis_in_directives_commands_and_variables() -> None:
    found = inputs("train.sbatch")
    assert not found.problems
    assert told(found) == [
        "train.sbatch:6 #SBATCH --container-image: nvcr.example/nvidia/pytorch:24.01-py3",
        "train.sbatch:18 srun --container-image: nvcr.example/nvidia/nemo:24.01",
        "train.sbatch:19 enroot import: busybox:1.36",
        "train.sbatch:26 srun --container-image: alpine:3.19",
        "train.sbatch:26 srun --container-image: ubuntu:22.04",
    ]
    assert found.gpus == (
        GpuRequest(Place("train.sbatch", 4, 9), "#SBATCH --gres", 8),
        GpuRequest(Place("train.sbatch", 17, 6), "srun --gpus-per-node", 8),
    )
    document, squash = found.remarks
    assert (document.place.line, squash.place.line) == (22, 25)
    assert "a here-document with commands" in document.message
    assert "list it under files:" in squash.message


def test_apptainer_through_functions_arrays_and_branches() -> None:
    found = inputs("stages.sh")
    assert told(found) == [
        "stages.sh:12 apptainer exec: quay.example/biocontainers/bwa:0.7.17",
        "stages.sh:12 apptainer exec: quay.example/biocontainers/samtools:1.19",
        "stages.sh:20 singularity exec: ghcr.example/qc/fastqc:0.12",
        "stages.sh:20 singularity exec: ghcr.example/qc/multiqc:1.19",
        "stages.sh:28 apptainer pull: ghcr.example/model/server:2.1-cuda",
        "stages.sh:28 apptainer pull: ghcr.example/model/server:2.1-cpu",
        "stages.sh:29 apptainer build: tools:latest",
    ]
    assert [one.built for one in found.mentions].index(True) == 6
    assert [(one.place.line, one.code) for one in found.problems] == [
        (31, "slurm-not-an-image"),
        (32, "slurm-not-an-image"),
        (33, "slurm-substitution"),
    ]


def test_engines_with_their_options_skipped() -> None:
    found = inputs("services.sh")
    assert told(found) == [
        "services.sh:6 docker pull: redis:7-alpine",
        "services.sh:7 docker run: redis:7-alpine",
        "services.sh:9 docker run: registry.example:5000/team/app:1.4",
        "services.sh:10 nvidia-docker run: nvidia/cuda:12.3.1-base",
        "services.sh:12 podman run: docker.io/library/ubuntu:22.04",
        "services.sh:13 docker run: tritonserver:24.01",
        "services.sh:14 docker create: busybox:1.36",
        "services.sh:15 docker run: team/local:dev",
        "services.sh:17 docker run: python:3.11-slim",
    ]
    assert found.mentions[5].platform == Platform("linux", "arm64")
    assert [one.written for one in found.mentions if one.built] == ["team/local:dev"]
    assert [(one.place.line, one.count, one.devices) for one in found.gpus] == [
        (8, None, ()),
        (10, None, ()),
        (11, None, ()),
        (13, 2, ("0", "2")),
    ]
    assert [(one.place.line, one.code) for one in found.problems] == [
        (16, "slurm-variable"),
        (18, "slurm-substitution"),
        (19, "slurm-option"),
        (21, "slurm-substitution"),
    ]
    assert [one.place.line for one in found.remarks] == [15, 20]


def test_scripts_in_scripts_and_variables_from_other_files() -> None:
    found = inputs("submit.sh")
    assert told(found) == [
        "submit.sh:8 srun --container-image: registry.example/hpc/solver:3.2",
        "submit.sh:11 srun --container-image: registry.example/hpc/post:3.2",
        "submit.sh:12 srun --container-image: hpc/viewer",
        "submit.sh:18 srun --container-image: tools/debugger:1",
        "submit.sh:18 srun --container-image: tools/profiler:2",
        "submit.sh:18 srun --container-image: tools/plain:3",
    ]
    assert [one.count for one in found.gpus] == [2, 1, 4]
    (cut,) = found.problems
    assert (cut.place.line, cut.code) == (7, "slurm-directive")


def test_functions_loops_and_remote_shells() -> None:
    found = inputs("mirror.sh")
    assert told(found) == [
        "mirror.sh:10 enroot import: nvcr.example/nvidia/cuda:12.3.1-devel",
        "mirror.sh:10 enroot import: alpine",
        "mirror.sh:10 enroot import: python:3.10-slim",
        "mirror.sh:10 enroot import: python:3.11-slim",
        "mirror.sh:18 enroot import: site/tools:latest",
        "mirror.sh:25 podman pull: quay.example/ops/agent:7",
        "mirror.sh:26 docker pull: quay.example/ops/probe:2",
        "mirror.sh:28 singularity pull: quay.example/ops/backticks:1",
    ]
    assert {one.platform for one in found.mentions[:4]} == {Platform("linux", "amd64")}
    assert [one.place.line for one in found.remarks] == [20, 29, 30]
    (fed,) = found.problems
    assert (fed.place.line, fed.code) == (27, "slurm-substitution")
    assert fed.hint.endswith("as list:")


def test_a_batch_script_of_another_language() -> None:
    found = inputs("infer.sbatch")
    assert told(found) == [
        "infer.sbatch:4 #SBATCH --container-image: registry.example/vision/infer:5.1"
    ]
    assert [one.count for one in found.gpus] == [3]


def test_mistakes_are_explained() -> None:
    found = inputs("mistakes.sbatch")
    assert told(found) == ["mistakes.sbatch:8 srun --container-image: registry.example/team/app:2"]
    assert [one.count for one in found.gpus] == [2]
    comment, variable, output = found.problems
    assert comment.code == "slurm-directive"
    assert comment.hint == r"write --container-image=registry.example\#team/app:1"
    assert "Slurm fills nothing in for ${IMAGE}" in variable.message
    assert output.place == Place("mistakes.sbatch", 7, 6)
    assert "IMAGE comes from `$(jq -r .image config.json)`" in output.message
    assert output.hint.endswith("environment: {IMAGE: VALUE}")
    assert [(one.place.line, one.message.split(":")[0]) for one in found.remarks] == [
        (11, "stands behind the first command, where Slurm takes it for a comment"),
        (8, "enroot looks for registry.example/team/app"),
        (9, "squashed.sqsh is a file and no image that is carried"),
        (9, "pyxis takes squashed.sqsh for an image"),
        (10, "$EXTRA_ARGS is set nowhere in the script"),
        (10, "asks for GPUs, how many is not known"),
    ]


def test_a_folder_gives_its_scripts_whatever_they_are_called() -> None:
    found = inputs(".", IMAGE="x:1")
    files = {place.file for place in places(found)}
    assert files == {path.name for path in INPUTS.iterdir()} - {"images.env", "notes.txt"}


@pytest.mark.parametrize(
    ("command", "image"),
    [
        ("srun --container-image=a/b:1 x", "a/b:1"),
        ("srun -N2 -n 4 --mem 8G --container-image a:1 x", "a:1"),
        ("srun --container-image=docker://a:1 x", "a:1"),
        (
            "srun --container-image=docker://registry-1.docker.io#library/a:1 x",
            "docker.io/library/a:1",
        ),
        ("srun --container-image='docker://$oauthtoken@h.example#a:1' x", "h.example/a:1"),
        (
            "srun --container-image=h.example:5000#a/b@sha256:" + "0" * 64,
            "h.example:5000/a/b@sha256:" + "0" * 64,
        ),
        ("srun --container-image=a@sha256:" + "0" * 64, "a@sha256:" + "0" * 64),
        ("salloc --gres=gpu:1 srun --pty --container-image=a:1 bash", "a:1"),
        ("sbatch --container-image=a:1 job.sh", "a:1"),
        ("srun --mpi=pmix apptainer exec --nv docker://a:1 x", "a:1"),
        ("sbatch --wrap 'singularity run docker://a:1'", "a:1"),
        ("singularity -s exec -B /x:/y -p docker://a:1 x", "a:1"),
        ("apptainer pull a.sif docker://a:1", "a:1"),
        ("apptainer pull docker://a:1", "a:1"),
        ("apptainer instance run --bind /x docker://a:1 name", "a:1"),
        ("docker run -itv /a:/b --rm -e X=y a:1 sh -c 'docker run b'", "a:1"),
        ("docker run -v/a:/b -p80:80 --name=x -- a:1", "a:1"),
        ("docker -H tcp://h:1 container run --gpus all a:1", "a:1"),
        ("docker image pull --platform linux/amd64 a:1", "a:1"),
        ("nerdctl --namespace k8s.io run -d a:1", "a:1"),
        ("podman --root /x run --replace --rm docker://a:1", "a:1"),
        ("if sudo -u root docker run a:1; then :; fi", "a:1"),
        ("! time nice -n 5 docker run a:1 | tee x", "a:1"),
        ("env A=b timeout 5m docker run a:1", "a:1"),
        ("A=b exec docker run a:1", "a:1"),
        ("out=$(docker run a:1)", "a:1"),
        ("echo `docker run a:1`", "a:1"),
        ('echo "x $(docker run a:1) y"', "a:1"),
        ("diff <(docker run a:1) x", "a:1"),
        ("(cd x && docker run a:1)", "a:1"),
        ("f() { docker run $1; }; f a:1", "a:1"),
        ("f() ( docker run a:1 )", "a:1"),
        ("function f { docker run a:1; }", "a:1"),
        ("bash -exc 'docker run a:1'", "a:1"),
        ("bash <<E\ndocker run a:1\nE", "a:1"),
        ("eval docker run a:1", "a:1"),
        ("while true; do docker run a:1; done < file 2>&1", "a:1"),
        ("case $x in (a|b) docker run a:1 ;; esac", "a:1"),
        ("docker \\\n  run \\\n  a:1", "a:1"),
        ("docker run a:1 # b:2", "a:1"),
        ("docker run a:1;docker --version", "a:1"),
        ("2>/dev/null docker run >x a:1 2>&1", "a:1"),
        ("shifter --image=docker:a:1 x", "a:1"),
        ("[[ a < b && (c || d) ]] && docker run a:1", "a:1"),
        ("for ((i=0;i<3;i++)); do docker run a:1; done", "a:1"),
        ("((i++)); docker run a:1", "a:1"),
    ],
)
def test_commands(command: str, image: str) -> None:
    assert images(command) == [image]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("I=a; docker pull $I:1", ["a:1"]),
        ("export I=a T='1'; docker pull ${I}:\"$T\"", ["a:1"]),
        ("readonly I=a:1\ndocker pull $I", ["a:1"]),
        ("I=a; I+=:1; docker pull $I", ["a:1"]),
        ("docker pull ${I:-a:1}", ["a:1"]),
        ("I=; docker pull ${I:-a:1}", ["a:1"]),
        ("docker pull ${R:-r.example}/${I:-a}:${T:-${V:-1}}", ["r.example/a:1"]),
        (": ${I:=a:1}; docker pull $I", ["a:1"]),
        ("I=x/a:1; docker pull ${I##*/}", ["a:1"]),
        ("I=a:1; docker pull ${I%%:*}:2", ["a:2"]),
        ("I=docker://a:1; docker pull ${I#docker://}", ["a:1"]),
        ("I=r/a; docker pull ${I//\\//-}", ["r-a"]),
        ("I=A:1; docker pull ${I,,}", ["a:1"]),
        ("I=a:1; docker pull '$I' \"$I\"", ["$I", "a:1"]),
        ("for i in a b; do docker pull $i:1; done", ["a:1", "b:1"]),
        ("L='a b'; for i in $L; do docker pull $i; done", ["a", "b"]),
        ("L=(a b); for i in ${L[@]}; do docker pull $i; done", ["a", "b"]),
        ('L=(a); L+=(b)\nfor i in "${L[@]}"; do docker pull "$i"; done', ["a", "b"]),
        ("L=(a b); docker pull ${L[1]}", ["b"]),
        ("L=(\n  a # one\n  b\n)\ndocker pull ${L[$N]}", ["a", "b"]),
        ("if x; then I=a; else I=b; fi; docker pull $I", ["a", "b"]),
        ("I=a; if x; then I=b; fi; docker pull $I", ["a", "b"]),
        ("if x; then I=a T=1; docker pull $I:$T; else I=b; docker pull $I:2; fi", ["a:1", "b:2"]),
        ("I=a; docker pull $I; I=b; docker pull $I", ["a", "b"]),
        ("I=a; x && I=b; docker pull $I", ["a", "b"]),
        ("I=a; (I=b); docker pull $I", ["a"]),
        ('I=default; [ -n "$1" ] && I=$1; docker pull $I', ["default"]),
        ("docker pull ${1:-a}", ["a"]),
        ("O='--rm -v a:b'; docker run $O a:1", ["a:1"]),
        ('O=(--rm -v "a b"); docker run "${O[@]}" a:1', ["a:1"]),
        ("D='sudo docker'; $D run a:1", ["a:1"]),
        ("docker run -v $(pwd):/x --user $(id -u) a:1", ["a:1"]),
        ('docker run -v "$PWD:/x" --name job-$SLURM_JOB_ID a:1 "$@"', ["a:1"]),
        ('f() { local i=$1; shift; docker run $i "$@"; }\nf a:1 x; f b:1 y', ["a:1", "b:1"]),
        ("sbatch <<'E'\n#!/bin/sh\n#SBATCH --container-image a\nsrun x\nE", ["a"]),
        ("I=a:1; sbatch <<E\n#SBATCH --container-image $I\nE", ["a:1"]),
        ("docker build -t mine .; docker run mine", ["mine"]),
        ("set -- a b; docker pull $2", ["b"]),
        ("R=r.example; docker pull $R/{a,b}:1", ["r.example/a:1", "r.example/b:1"]),
        ("for t in {08..10} {x,{y,z}}; do docker pull a:$t; done", [
            "a:08", "a:09", "a:10", "a:x", "a:y", "a:z",
        ]),
        ("docker run --name '{a,b}' --label {} a:1 {x,y}", ["a:1"]),
        ('f() { x=$1; shift; docker run "$@"; }; f name a:1', ["a:1"]),
        ("parallel docker pull ::: a b", ["a", "b"]),
        ("time -p docker run a", ["a"]),
    ],
)  # fmt: skip
def test_values(script: str, expected: list[str]) -> None:
    assert images(script) == expected


@pytest.mark.parametrize(
    "script",
    [
        "echo docker run a:1",
        "# docker run a:1",
        "command -v docker",
        "cat <<E\ndocker run a:1\nE",
        "cat <<-'E'\n\tdocker run a:1\n\tE",
        "x='docker run a:1'",
        "docker ps; docker exec c docker run a:1",
        "podman run --rootfs /x y",
        "mydocker run a:1",
        "unused() { :; }; dockerx=1",
    ],
)
def test_what_names_no_image(script: str) -> None:
    found = read(script)
    assert not found.mentions
    assert not found.problems


@pytest.mark.parametrize(
    ("script", "code", "part"),
    [
        ("docker pull $I", "slurm-variable", "I is set nowhere in the script"),
        ("docker pull a:$TAG", "slurm-variable", "found 'a:$TAG': TAG is set nowhere"),
        ("I=a:$TAG; docker pull $I", "slurm-variable", "found 'a:$TAG': TAG is set nowhere"),
        ("docker pull $1", "slurm-variable", "`$1` is what the script is called with"),
        ("docker pull ${I:?missing}", "slurm-variable", "I is set nowhere"),
        ("docker pull a:$(cat v)", "slurm-substitution", "what `$(cat v)` gives"),
        ("V=$(cat v); docker pull a:$V", "slurm-substitution", "V comes from `$(cat v)`"),
        ("read -r I; docker pull $I", "slurm-substitution", "I comes from `read I`"),
        ("for i in $(cat l); do docker pull $i; done", "slurm-substitution", "i comes from `$(cat"),
        ("docker pull ${!I}", "slurm-substitution", "`${!I}` is not worked out here"),
        ("docker run --whatever a b", "slurm-option", "whether 'a' is its value or the image"),
        ("apptainer run shub://a/b", "slurm-not-an-image", "found 'shub://a/b'"),
        ("enroot import oci://a/b", "slurm-not-an-image", "found 'oci://a/b'"),
    ],
)
def test_problems(script: str, code: str, part: str) -> None:
    found_code, message, hint = problem(script)
    assert found_code == code
    assert part in message
    assert hint


def test_variables_from_outside_fill_what_the_script_leaves_open() -> None:
    script = "I=$(cat i); for a in $I $J:${T:-1} ${1}; do docker pull $a; done"
    assert images(script, I="i:1", J="j", **{"1": "one"}) == ["i:1", "j:1", "one"]


def test_the_source_wins_over_the_process_and_the_script_over_both() -> None:
    folder = Texts({"job.sh": b"docker pull $A $B; B=own; docker pull $B"})
    source = SlurmSource(slurm=("job.sh",), environment={"A": "given"})
    found = discover(source, folder, {"A": "process", "B": "process"})
    assert [one.written for one in found.mentions] == ["given", "process", "own"]


def test_the_same_image_at_the_same_place_is_told_once() -> None:
    assert images("for i in 1 2 3; do docker run a:1 $i; done") == ["a:1"]


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ("--gres=gpu", 1),
        ("--gres=gpu:2", 2),
        ("--gres=gpu:a100:4,nvme:1", 4),
        ("--gres gpu:tesla:1(S:0)", 1),
        ("--gpus=3", 3),
        ("-G4", 4),
        ("-G v100:2", 2),
        ("--gpus-per-task=a100:1", 1),
        ("--tres-per-task=gres/gpu:2", 2),
    ],
)
def test_gpus(options: str, count: int) -> None:
    for text in (f"srun {options} x", f"#!/bin/sh\n#SBATCH {options}\n"):
        assert [one.count for one in read(text).gpus] == [count]


def test_no_gpus() -> None:
    assert not read("#SBATCH --gres=shard:2 --gpus=0\ndocker run --gpus 0 a:1").gpus


def test_places_count_lines_and_columns_from_one() -> None:
    (mention,) = read("\n\tdocker run \\\n  é:1 a").mentions
    assert mention == Mention("é:1", Place("job.sh", 3, 3), "docker run")


def test_windows_line_ends_and_byte_order_mark() -> None:
    assert images(b"\xef\xbb\xbf#!/bin/sh\r\n#SBATCH --container-image=a\r\ndocker pull b\r\n") == [
        "a",
        "b",
    ]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"docker\0run", "slurm-malformed"),
        ("docker run a".encode("utf-16"), "slurm-malformed"),
        (b"#" * (SCRIPT_LIMIT + 1), "slurm-unreadable"),
    ],
)
def test_what_is_no_script(data: bytes, code: str) -> None:
    assert [one.code for one in read(data).problems] == [code]


def test_a_missing_file_and_an_empty_folder() -> None:
    folder = Texts({"README": b"text"})
    found = discover(SlurmSource(slurm=("a.sh", ".")), folder, {})
    assert [(one.place.file, one.code) for one in found.problems] == [
        ("a.sh", "slurm-unreadable"),
        (".", "slurm-empty"),
    ]


def test_what_is_a_script() -> None:
    assert is_script("#!/bin/bash\n")
    assert is_script("#!/usr/bin/env -S bash -e\n")
    assert is_script("#!/usr/bin/python\n#SBATCH -n 1\n")
    assert not is_script("#!/usr/bin/python\nimport sbatch\n")
    assert not is_script("All about #SBATCH lines\n")


HOSTILE: dict[str, Callable[[], bytes]] = {
    "continued lines": lambda: b"docker run \\\n" * 100_000,
    "substitutions": lambda: b"docker run " + b"$(" * 200_000,
    "quoted substitutions": lambda: b'docker run "$(' * 50_000,
    "back quotes": lambda: b"docker run " + b"`" * 500_001,
    "parentheses": lambda: b"srun\n" + b"(" * 200_000,
    "braces": lambda: b"srun " + b"${a:-" * 200_000,
    "arrays": lambda: b"srun\n" + b"a=(" * 200_000,
    "wrappers": lambda: b"srun " * 100_000,
    "doubled": lambda: b"srun\na=xxxxxxxx\n" + b"a=$a$a\n" * 100,
    "branches": lambda: b"srun\n" + b"x && a=$a$b; x && b=$b$a\n" * 100,
    "products": lambda: b"for a in 1 2 3 4; do\n"
    + b"b=$a$b$a$c; x && c=$b; docker pull $c\n" * 200,
    "calls": lambda: b"f() { f; f; srun; }\nf\n",
    "itself": lambda: b"srun\n. ./job.sh\n. ./job.sh\n",
    "documents": lambda: b"srun <<a\na\n" * 30_000,
    "endless document": lambda: b"srun <<'x'\n" * 50_000,
    "options": lambda: b"docker run -" + b"i" * 500_000,
    "images": lambda: b"".join(b"docker pull a:%d\n" % number for number in range(12_000)),
    "directives": lambda: b"#SBATCH " + b"a " * 250_000,
    "arithmetic": lambda: b"srun $((" * 50_000,
    "brace lists": lambda: b"docker pull " + b"{a,b}" * 20_000,
    "brace ranges": lambda: b"docker pull {1..999999}{1..999999}",
    "open braces": lambda: b"docker pull " + b"{a," * 100_000,
    "emoji": lambda: "docker run \U0001f600 \ue000".encode() * 20_000,
    "replaced": lambda: b"srun\na=" + b"x" * 60_000 + b"\nb=${a//x/" + b"y" * 90 + b"}\n",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_scripts_end_soon(name: str) -> None:
    with not_endless():
        read(HOSTILE[name]())


@pytest.mark.parametrize(
    "name", ["continued lines", "images", "directives", "replaced", "products"]
)
def test_hostile_scripts_take_little_memory(name: str) -> None:
    data = HOSTILE[name]()[:100_000]
    with growing_at_most(64 * MIB):
        read(data)


SNIPPETS = st.sampled_from(
    [
        *"\n \t;&|()<>{}$\"'`\\#=*[]!:-",
        "$(", "${", "$((", "<<E\n", "\nE\n", "a=(", "&&", ";;", "if ", "then ", "else ", "fi\n",
        "for i in ", "do ", "done\n", "case x in ", "esac\n", "f() ", "docker run ", "srun ",
        "#SBATCH ", "--container-image=", "-G ", "apptainer exec ", "docker://", "a:1", "\0",
        "é", "\ue000", "bash -c ", "eval ", ". ./job.sh\n", "export ", "${a:-b}", "${a##*/}", "$1",
    ]
)  # fmt: skip


@pytest.mark.property
@settings(max_examples=300, deadline=None)
@given(st.lists(SNIPPETS, max_size=40).map("".join) | st.text(max_size=200))
def test_no_text_crashes(text: str) -> None:
    found = read(text.encode(errors="replace"))
    lines = text.count("\n") + 1
    for place in places(found):
        assert place.file == "job.sh"
        assert 1 <= place.line <= lines
        assert place.column >= 1


WORDS = st.text("abz019._/:@#-$ '\"\\*", min_size=1, max_size=20)


@pytest.mark.property
@given(WORDS)
def test_a_quoted_word_is_taken_as_it_is(word: str) -> None:
    quoted = "'" + word.replace("'", "'\\''") + "'"
    found = read(f"docker run --rm -- {quoted}")
    assert [one.written for one in found.mentions] == [word] or word.startswith("docker://")


@pytest.mark.property
@given(st.lists(WORDS, min_size=1, max_size=5))
def test_a_variable_is_what_was_assigned(words: list[str]) -> None:
    value = " ".join(words)
    quoted = "'" + value.replace("'", "'\\''") + "'"
    assert images(f'A={quoted}; docker run -- "$A"') == [value]
