"""What runs, from Compose files and from services in app.yaml: variables, secrets, files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from manifests.confinement import GpuNeed
from manifests.runspec import Variable
from manifests.service import Dependency
from manifests.serviceinputs import EnvironmentValue, Mount, SecretUse
from tests.bundler.run.drafts import problems, read, read_compose, remarks, service

ERRORS = Path(__file__).parents[3] / "docs" / "errors.md"


GPU_3 = "{driver: nvidia, device_ids: ['3'], capabilities: [gpu, utility]}"
HOSTILE_NAME = "../../etc/passwd"


def variables(found: Any) -> dict[str, Variable]:
    return {one.name: one for one in found.draft.variables}


def test_variables_are_left_to_the_host(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=built\nDB_PASSWORD=hunter2\nPORT=80\n")
    text = """
services:
  web:
    image: "x:${TAG:-1}"
    environment: {A: "${A}", B: "${B:-b}", C: "${C:?say which}", P: "${DB_PASSWORD}", HOME: }
    ports: ["${PORT}:80"]
    user: "${UID_OF_APP}"
"""
    found = read(tmp_path, _app(tmp_path, text), {"TAG": "9", "B": "process", "UID_OF_APP": "7"})
    (web,) = found.draft.services
    assert web.image == "x:9"
    assert [one.value for one in web.environment[:2]] == ["${A}", "${B:-b}"]
    assert web.environment[4] == EnvironmentValue(name="HOME")
    assert (web.ports[0].host, web.user) == ("${PORT}", "${UID_OF_APP}")
    assert variables(found) == {
        "A": Variable(name="A", default="built"),
        "B": Variable(name="B"),
        "C": Variable(name="C", required=True, message="say which"),
        "DB_PASSWORD": Variable(name="DB_PASSWORD", required=True),
        "HOME": Variable(name="HOME"),
        "PORT": Variable(name="PORT", default="80"),
        "UID_OF_APP": Variable(name="UID_OF_APP"),
    }
    assert "DB_PASSWORD must be set on the host: its value here is not carried" in remarks(found)
    assert "hunter2" not in str(found.draft)
    assert "process" not in str(found.draft)


def _app(folder: Path, text: str) -> str:
    (folder / "compose.yaml").write_text(text)
    return "run: compose.yaml\n"


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [
        ("DB_PASSWORD", True),
        ("PGPASSWORD", True),
        ("API_TOKEN", True),
        ("TOKEN2", True),
        ("SECRET_KEY_BASE", True),
        ("AWS_SECRET_ACCESS_KEY", True),
        ("SSH_KEY", True),
        ("DB_PASSWORD_FILE", False),
        ("KEYBOARD", False),
        ("MONKEY", False),
        ("TAG", False),
        ("AUTHOR", False),
    ],
)
def test_names_of_secrets(tmp_path: Path, name: str, is_secret: bool) -> None:
    (tmp_path / ".env").write_text(f"{name}=hunter2\n")
    found = read_compose(tmp_path, f"services: {{a: {{image: x, environment: [{name}]}}}}\n")
    (variable,) = found.draft.variables
    assert (variable.default, variable.required) == (None if is_secret else "hunter2", is_secret)


def test_a_secret_written_in_a_file_is_remarked(tmp_path: Path) -> None:
    text = "services: {a: {image: x, environment: {DB_PASSWORD: hunter2}}}\n"
    (remark,) = remarks(read_compose(tmp_path, text))
    assert "the value of DB_PASSWORD goes into the bundle" in remark


def test_files_are_carried_or_asked_for(tmp_path: Path) -> None:
    keys = "volumes: ['./conf:/etc/a:ro', './conf/b:/b', '/srv:/srv']"
    found = service(tmp_path, keys, more="files: [{from: conf, to: etc/conf}]\n")
    assert found.mounts == (
        Mount(target="/etc/a", kind="carried", source="etc/conf", read_only=True),
        Mount(target="/b", kind="carried", source="etc/conf/b"),
        Mount(target="/srv", kind="host", source="/srv"),
    )
    (problem,) = problems(tmp_path, "volumes: ['./data:/data']")
    assert problem.code == "run-file-not-carried"
    assert problem.hint.startswith("add to `files:` in app.yaml: - data")
    (problem,) = problems(tmp_path, "volumes: ['../up:/data']")
    assert "move it into a folder beneath" in problem.hint


@pytest.mark.parametrize(
    ("keys", "code", "message"),
    [
        ("volumes: ['~/x:/x']", "run-path", "found ~/x"),
        ("volumes: ['C:\\x:/x']", "run-path", "a path of Windows"),
        ("volumes: ['data:/x']", "compose-undefined", "volume data is used"),
        ("networks: [front]", "compose-undefined", "network front is used"),
        ("secrets: [s]", "compose-undefined", "s is used"),
        ("healthchek: {}", "compose-key-unknown", "did you mean 'healthcheck'?"),
        ("healthcheck: {tests: a}", "compose-key-unknown", "did you mean 'test'?"),
        ("deploy: {resource: {}}", "compose-key-unknown", "did you mean 'resources'?"),
        ("ports: [{target: 1, publish: 2}]", "compose-key-unknown", "did you mean 'published'?"),
        ("ports: ['a:b']", "compose-malformed", "a port or a range of ports"),
        ("ports: ['99999']", "compose-malformed", "a port or a range of ports"),
        ("ports: ['1-2:1-3']", "compose-malformed", "as many ports"),
        ("ports: ['1:2/icmp']", "compose-malformed", "tcp, udp or sctp"),
        ("ports: 80", "compose-malformed", "expected a list"),
        ('command: "a \'b"', "compose-malformed", "a command, a closing '"),
        ("healthcheck: {test: [RUN, a]}", "compose-malformed", "CMD, CMD-SHELL or NONE"),
        ("healthcheck: {interval: soon}", "compose-malformed", "a time such as 1m30s"),
        ("restart: sometimes", "compose-malformed", "no, always, unless-stopped or on-failure"),
        ("mem_limit: lots", "compose-malformed", "a size such as 512m"),
        ("cpus: -1", "compose-malformed", "a number of processors"),
        ("scale: 2, container_name: a", "compose-malformed", "no container_name for 2 instances"),
        ("tty: perhaps", "compose-malformed", "true or false"),
        ("env_file: [/etc/x]", "run-path", "beneath the app's folder"),
        ("env_file: ../x", "run-path", "beneath the app's folder"),
        ("hostname: '${H:?}'", "compose-variable-required", "expected a value of H"),
        ('user: "a\\x07b"', "compose-malformed", "printable characters"),
        ("depends_on: {a: {condition: soon}}", "compose-malformed", "service_started"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    tmp_path: Path, keys: str, code: str, message: str
) -> None:
    (problem,) = problems(tmp_path, keys)
    assert problem.code == code
    assert message in problem.message
    assert problem.place.file == "compose.yaml"
    assert f"`{code}`" in ERRORS.read_text()


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    keys = "ports: [x], restart: y, cpus: z, volumes: ['~/a:/a', 'gone:/b'], healthchek: {}"
    assert len(problems(tmp_path, keys)) == 6


def test_what_one_machine_can_not_do_is_remarked_for_both_sides(tmp_path: Path) -> None:
    text = """
services:
  a:
    image: x
    x-mine: 1
    expose: [80]
    external_links: [other]
    deploy: {placement: {constraints: [node.role == manager]}, endpoint_mode: vip}
    network_mode: "container:other"
"""
    found = read_compose(tmp_path, text)
    assert not found.found.problems
    assert [one.partition(" is left out")[0] for one in found.draft.remarks] == [
        "compose.yaml: service a: external_links",
        "compose.yaml: service a: deploy.endpoint_mode",
        "compose.yaml: service a: deploy.placement",
        "compose.yaml: service a: network_mode container:other",
    ]
    assert {one.place.line for one in found.found.remarks} == {7, 8, 9}


def test_secrets_stay_on_the_host_and_configs_are_carried(tmp_path: Path) -> None:
    text = """
services:
  a:
    image: x
    secrets: [pw, {source: key, target: /k, mode: 0400, uid: '103', gid: 0}]
    configs: [conf, {source: site, target: /site}]
secrets: {pw: {file: ./pw.txt}, key: {environment: KEY}}
configs: {conf: {file: ./conf/a.conf}, site: {external: true}}
"""
    (tmp_path / "pw.txt").write_text("hunter2")
    found = read_compose(tmp_path, text, "files: [conf]\n")
    assert not found.found.problems
    (one,) = found.draft.services
    assert one.secrets == (
        SecretUse(name="pw", target="/run/secrets/pw"),
        SecretUse(name="key", target="/k", mode=0o400, uid=103),
        SecretUse(name="site", target="/site"),
    )
    assert one.mounts == (
        Mount(target="/conf", kind="carried", source="conf/a.conf", read_only=True),
    )
    assert [secret.hint for secret in found.draft.secrets] == [
        "compose.yaml: file ./pw.txt",
        "compose.yaml: variable KEY",
        "compose.yaml: external",
    ]
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    ("keys", "need", "runtime"),
    [
        ("gpus: all", GpuNeed(), ""),
        ("gpus: [{count: 2, driver: nvidia}]", GpuNeed(count=2), ""),
        ("runtime: nvidia", GpuNeed(), ""),
        ("runtime: nvidia, environment: [NVIDIA_VISIBLE_DEVICES=0]", GpuNeed(devices=("0",)), ""),
        ("devices: [nvidia.com/gpu=1]", GpuNeed(devices=("1",)), ""),
        ("devices: [amd.com/gpu=all]", GpuNeed(devices=("amd.com/gpu=all",), driver="cdi"), ""),
        ("gpus: [{driver: cdi, device_ids: [nvidia.com/gpu=1]}]", GpuNeed(devices=("1",)), ""),
        (
            (
                "deploy: {resources: {reservations: {devices: [{driver: cdi, capabilities: [gpu],"
                " device_ids: [acme.org/gpu=1]}]}}}"
            ),
            GpuNeed(devices=("acme.org/gpu=1",), driver="cdi"),
            "",
        ),
        ("runtime: crun", None, "crun"),
        (
            "deploy: {resources: {reservations: {devices: [" + GPU_3 + "]}}}",
            GpuNeed(devices=("3",), capabilities=("utility",)),
            "",
        ),
    ],
)
def test_gpus(tmp_path: Path, keys: str, need: GpuNeed | None, runtime: str) -> None:
    found = service(tmp_path, keys)
    assert (found.gpus, found.runtime) == (need, runtime)
    assert not (found.privileges and found.privileges.devices)


def test_services_stand_in_the_app_manifest_too(tmp_path: Path) -> None:
    app = """run:
  project: own
  environment: {TAG: "2"}
  services:
    web: {image: "nginx:${TAG}", volumes: ["data:/d"], depends_on: [db]}
    db: {image: pg, healthchek: {}}
  volumes: {data: }
"""
    found = read(tmp_path, app)
    assert (found.project, found.origin) == ("own", "app.yaml")
    (problem,) = found.found.problems
    assert (problem.place.line, problem.code) == (9, "compose-key-unknown")
    web, db = found.draft.services
    assert web.image == "nginx:2"
    assert web.dependencies == (Dependency(service="db"),)
    assert web.mounts == (Mount(target="/d", kind="volume", source="data"),)
    assert [str(one.place) for one in found.found.mentions] == ["app.yaml:8", "app.yaml:9"]
    assert db.place == "app.yaml:9"


def test_options_of_the_same_files_in_sources_hold(tmp_path: Path) -> None:
    text = "services: {a: {image: 'x:$TAG'}, b: {image: y, profiles: [more]}}\n"
    sources = "sources: [{compose: compose.yaml, profiles: more, environment: {TAG: '3'}}]\n"
    (tmp_path / "compose.yaml").write_text(text)
    found = read(tmp_path, sources + "run: compose.yaml\n")
    assert [one.image for one in found.draft.services] == ["x:3", "y"]
    assert found.source is not None
    fewer = read(tmp_path, sources + "run: {compose: compose.yaml, profiles: []}\n")
    assert [one.image for one in fewer.draft.services] == ["x:3"]


def test_projects_are_named_by_their_files_or_after_the_product(tmp_path: Path) -> None:
    text = "services: {a: {image: x, environment: {P: '$COMPOSE_PROJECT_NAME'}}}\n"
    unnamed = read_compose(tmp_path, text)
    assert unnamed.project == "viz-app"
    assert variables(unnamed)["COMPOSE_PROJECT_NAME"].default == "viz-app"
    assert read_compose(tmp_path, f"name: own\n{text}").project == "own"


def test_included_and_extended_services_keep_their_folders_and_variables(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / ".env").write_text("A=inner\nB=inner\n")
    (tmp_path / ".env").write_text("B=outer\n")
    (tmp_path / "sub" / "compose.yaml").write_text(
        "services: {c: {image: c, volumes: ['./f:/f', 'vol:/v'], environment: {A: $A, B: $B}}}\n"
        "volumes: {vol: }\n"
    )
    (tmp_path / "sub" / "base.yaml").write_text("services: {e: {image: e, env_file: e.env}}\n")
    text = (
        "include: [sub/compose.yaml]\n"
        "services: {a: {extends: {file: sub/base.yaml, service: e}, environment: {A: $A}}}\n"
    )
    found = read_compose(tmp_path, text, "files: [sub/f]\n")
    assert not found.found.problems
    a, c = found.draft.services
    assert a.environment_files[0].path == "sub/e.env"
    assert c.mounts[0] == Mount(target="/f", kind="carried", source="sub/f")
    assert [one.key for one in found.draft.volumes] == ["vol"]
    assert [one.value for one in c.environment] == ["$A", "$B"]
    assert variables(found)["B"].default == "outer"


def test_mounts_of_another_service(tmp_path: Path) -> None:
    text = """
services:
  a: {image: x, volumes: ["vol:/v", /anon, "/h:/h"]}
  b: {image: y, volumes_from: ["a:ro"]}
volumes: {vol: }
"""
    found = read_compose(tmp_path, text)
    _, b = found.draft.services
    assert [(one.target, one.read_only) for one in b.mounts] == [("/v", True), ("/h", True)]
    assert b.dependencies == (Dependency(service="a"),)
    assert "the unnamed volume /anon of a is not shared" in remarks(found)[0]


def test_an_app_without_active_services_does_not_run(tmp_path: Path) -> None:
    found = read_compose(tmp_path, "services: {a: {image: x, profiles: [p]}}\n")
    assert [one.code for one in found.found.problems] == ["run-nothing"]


@pytest.mark.parametrize(
    "keys",
    [
        "ports: ['1-1024:1-1024', '2000-65535:2000-65535']",
        "command: '" + "a " * 40_000 + "'",
        "environment: {A: '" + "x" * 70_000 + "'}",
        "hostname: " + "h" * 2000,
        "healthcheck: {retries: 99999999999999999999}",
        "ulimits: {nofile: 1e30}",
        "stop_grace_period: 99999999w",
        "scale: 1000000",
        f"secrets: [{HOSTILE_NAME}]",
        "env_file: [{path: 'a/../../b'}]",
    ],
)
def test_hostile_values_are_bounded(tmp_path: Path, keys: str) -> None:
    top = f"secrets: {{{HOSTILE_NAME}: {{external: true}}}}\n"
    found = read_compose(tmp_path, f"services: {{a: {{image: x, {keys}}}}}\n{top}")
    assert found.found.problems or len(found.draft.services[0].command or ()) == 40_000


def test_hostile_files_end_soon(tmp_path: Path) -> None:
    services = "".join(f"  s{n}: {{image: x}}\n" for n in range(501))
    (problem,) = read_compose(tmp_path, f"services:\n{services}").found.problems
    assert "at most 500 services, found 501" in problem.message
    ports = ", ".join(["'1-1024:1-1024'"] * 10 + [f"'{n}-{n + 1000}'" for n in range(1, 900)])
    assert problems(tmp_path, f"ports: [{ports}]")[-1].code == "compose-too-large"
    unknown = ", ".join(f"key{n}: 1" for n in range(20_000))
    assert problems(tmp_path, unknown)[-1].code == "compose-too-large"
    nested = "${A:-" * 200 + "}" * 200
    assert problems(tmp_path, f"environment: {{A: '{nested}'}}")[0].code == "compose-interpolation"


def test_a_default_of_a_secret_is_remarked(tmp_path: Path) -> None:
    text = "services: {a: {image: x, environment: {P: '${DB_PASSWORD:-hunter2}'}}}\n"
    found = read_compose(tmp_path, text)
    assert "the default of DB_PASSWORD goes into the bundle" in remarks(found)[0]
    assert variables(found)["DB_PASSWORD"] == Variable(name="DB_PASSWORD")
