"""Services run as Docker Compose itself reads them: each key beside `docker compose config`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from bundler.run.reading import ReadRun
from manifests.durations import whole_milliseconds
from manifests.service import Service
from manifests.serviceinputs import Mount
from tests.bundler.run.drafts import filled, read, read_compose

pytestmark = pytest.mark.engine

VARIABLES = "V=v\nPORT=8080\nWORDS=a b\nNONE=\nDIR=/srv/data\nNAME=Z\n"
KEYS = [
    "command: serve --now",
    "command: [serve, $V, '${GONE:-d}', '', $$HOME]",
    'command: "sh -c \'a \\"$V\\" b\' c\\\\ d e"',
    "command: run $WORDS $NONE '$WORDS'",
    "command: 'echo a; rm b && c > d'",
    "command: 'echo `id` $(date x)'",
    "command: ''",
    "command: []",
    "entrypoint: []",
    "entrypoint: '/bin/tini -- $V'",
    "entrypoint: [/a, b], command: c",
    "environment: {A: 1.10, B: 1e3, C: yes, D: 0777, E: true, F: 1.5, G: '', H: , I: off, J: 12}",
    "environment: ['A=$V', 'B=$$V', C, 'D=', 'E=a=b', '${NAME}=1', 'F=${GONE-x}', V]",
    "ports: ['80', '8080:80', '${PORT}:81', '127.0.0.1:${PORT}:82/udp', '[::1]:90:90']",
    "ports: ['1.2.3.4::7']",
    "ports: ['3000-3001:4000-4001', '8000-8002:80', 5000-5001, '6000-6001:6000-6001/udp']",
    "ports: [80, {target: 81, published: 8081}, {target: 82, published: '9-11', protocol: udp}]",
    "ports: [{target: 83, host_ip: 127.0.0.1, published: '${PORT}', mode: host}, '1:2/sctp']",
    "volumes: [/anon, 'data:/data', '/abs:/abs:ro,rshared', 'data:/d2:ro,nocopy']",
    "volumes: ['${DIR}:/srv', '${GONE:-/x}:/y:z', '${GONE:-data}:/z']",
    "volumes: [{type: volume, source: data, target: /a, volume: {nocopy: true, subpath: s}}]",
    "volumes: [{type: bind, source: /h, target: /a, read_only: true, bind: {propagation: shared}}]",
    "volumes: [{type: tmpfs, target: /t, tmpfs: {size: 64m, mode: 511}}]",
    "volumes: [{type: volume, target: /b}]",
    "networks: [front, default]",
    "networks: {front: {aliases: [w, x], ipv4_address: 10.0.0.9, priority: 5}, default: }",
    "network_mode: none",
    "network_mode: 'service:b'",
    "depends_on: [b]",
    "depends_on: {b: {condition: service_healthy, restart: true}}",
    "depends_on: {b: {condition: service_completed_successfully, required: false}}",
    "links: ['b:database']",
    "ipc: 'service:b'",
    "healthcheck: {test: 'curl $V', interval: 1m30s, timeout: 500ms, retries: 4}",
    "healthcheck: {test: [CMD, a, b], start_period: 10s, start_interval: 1s}",
    "healthcheck: {test: [CMD-SHELL, 'a || b']}",
    "healthcheck: {disable: true}",
    "healthcheck: {test: [NONE]}",
    "restart: no",
    "restart: on-failure:3",
    "restart: unless-stopped",
    "deploy: {replicas: 3}",
    "scale: 2",
    "cpus: 0.25, mem_limit: 1.5gb, memswap_limit: -1, pids_limit: 50, shm_size: 64m",
    "mem_reservation: 100m, cpu_shares: 512, cpuset: 0-3",
    "deploy: {resources: {limits: {cpus: '0.5', memory: 512M, pids: 9}}}",
    "deploy: {resources: {reservations: {memory: 256k}}}",
    "cap_add: [A, B], cap_drop: [ALL], privileged: true, read_only: true, group_add: [g, 5]",
    "security_opt: ['no-new-privileges:true'], userns_mode: host, pid: host, uts: host, ipc: host",
    "devices: [/dev/a, '/dev/b:/dev/c:r'], device_cgroup_rules: ['c 1:3 mr'], oom_score_adj: -5",
    "sysctls: {net.core.somaxconn: 1024}, ulimits: {nproc: 5, nofile: {soft: 1, hard: 2}}",
    "sysctls: [net.core.somaxconn=$PORT]",
    "user: '${V}:1', working_dir: /w, hostname: h, domainname: d, tty: true, stdin_open: true",
    "dns: 9.9.9.9, dns_search: [a, b], dns_opt: [x], extra_hosts: ['h:1.2.3.4', 'g=::1']",
    "extra_hosts: {h: 1.2.3.4, i: host-gateway}, mac_address: '02:42:ac:11:65:43'",
    "labels: [a=b, c, 'd=$V'], annotations: {x: y}",
    "labels: {a: 1, b: true, c: }",
    "logging: {driver: json-file, options: {max-size: 10m, tag: $V}}",
    "init: true, stop_signal: SIGINT, stop_grace_period: 1m1s",
    "container_name: fixed, runtime: runc",
    "tmpfs: [/run, '/t:size=1m,mode=1777']",
]
TOP = """
  b: {image: y}
volumes: {data: }
networks: {front: {ipam: {config: [{subnet: 10.0.0.0/24}]}}}
"""


def theirs(compose: list[str], folder: Path) -> dict[str, Any]:
    done = subprocess.run(
        [*compose, "config", "--format", "json"],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def plain(text: str) -> str:
    """What Compose prints has its dollar signs doubled, to be read again."""
    return text.replace("$$", "$")


def words(value: list[str] | None) -> list[str] | None:
    return None if value is None else [plain(one) for one in value]


def each_filled(found: ReadRun, templates: Sequence[str] | None) -> list[str] | None:
    return None if templates is None else [filled(found, one) for one in templates]


def their_mount(mount: Mapping[str, Any]) -> tuple[str, str, str, bool]:
    kind = {"bind": "host"}.get(mount["type"], mount["type"])
    if kind == "volume" and "source" not in mount:
        kind = "anonymous"
    return mount["target"], kind, mount.get("source", ""), mount.get("read_only", False)


def our_mount(found: ReadRun, mount: Mount) -> tuple[str, str, str, bool]:
    return mount.target, mount.kind, filled(found, mount.source), mount.read_only


def duration(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else f"{milliseconds}"


def go_milliseconds(text: str | None) -> str | None:
    return None if text is None else f"{whole_milliseconds(text)}"


def ours_of(found: ReadRun, one: Service) -> dict[str, Any]:
    limits, rights, naming, probe = one.limits, one.privileges, one.naming, one.probe
    return {
        "command": None if one.command is None else [filled(found, w) for w in one.command],
        "entrypoint": None
        if one.entrypoint is None
        else [filled(found, w) for w in one.entrypoint],
        "environment": {
            at.name: None if at.value is None else filled(found, at.value) for at in one.environment
        },
        "ports": sorted(
            (p.container, filled(found, p.host), filled(found, p.address), p.protocol)
            for p in one.ports
        ),
        "mounts": sorted(our_mount(found, m) for m in one.mounts if m.kind != "tmpfs"),
        "tmpfs": sorted((m.target, m.size, m.mode) for m in one.mounts if m.kind == "tmpfs"),
        "networks": {at.network: (set(at.aliases), at.ipv4) for at in one.networks},
        "network_mode": one.network_mode,
        "needs": {
            need.service: (need.condition, need.required, need.restart) for need in one.dependencies
        },
        "probe": None
        if probe is None or probe.disabled
        else (
            filled(found, probe.shell) or [filled(found, w) for w in probe.command],
            duration(probe.interval_ms),
            duration(probe.timeout_ms),
            duration(probe.start_period_ms),
            probe.retries,
        ),
        "probe off": probe is not None and probe.disabled,
        "restart": (one.restart, one.restart_retries),
        "instances": one.instances,
        "limits": None
        if limits is None
        else (limits.nano_cpus, limits.memory, limits.memory_swap, limits.pids, limits.shm_size),
        "shares": (limits.cpu_shares, limits.cpuset, limits.memory_reservation) if limits else None,
        "caps": (rights.cap_add, rights.cap_drop, rights.group_add, rights.security_opt)
        if rights
        else ((), (), (), ()),
        "flags": (bool(rights and rights.privileged), bool(rights and rights.read_only)),
        "modes": (rights.ipc, rights.pid, rights.uts, rights.userns)
        if rights
        else ("", "", "", ""),
        "sysctls": {at.name: filled(found, at.value) for at in rights.sysctls} if rights else {},
        "ulimits": {at.name: (at.soft, at.hard) for at in rights.ulimits} if rights else {},
        "devices": sorted(rights.devices) if rights else [],
        "dns": (naming.dns, naming.dns_search, naming.dns_opt) if naming else ((), (), ()),
        "hosts": sorted(naming.extra_hosts) if naming else [],
        "names": (naming.hostname, naming.domainname) if naming else ("", ""),
        "labels": {at.name: filled(found, at.value) for at in one.labels},
        "annotations": {at.name: filled(found, at.value) for at in one.annotations},
        "logging": None
        if one.logging is None
        else (one.logging.driver, {o.name: filled(found, o.value) for o in one.logging.options}),
        "rest": (filled(found, one.user), one.working_dir, one.tty, one.stdin_open, one.init),
        "end": (one.stop_signal, one.stop_seconds, one.container_name, one.runtime),
    }


def their_needs(one: Mapping[str, Any]) -> dict[str, tuple[str, bool, bool]]:
    return {
        name: (
            {
                "service_started": "started",
                "service_healthy": "healthy",
                "service_completed_successfully": "completed",
            }[need["condition"]],
            need.get("required", True),
            need.get("restart", False),
        )
        for name, need in one.get("depends_on", {}).items()
    }


def their_probe(one: Mapping[str, Any]) -> Any:
    check = one.get("healthcheck")
    if check is None or check.get("disable") or check.get("test") == ["NONE"]:
        return None
    test = check["test"]
    said = plain(test[1]) if test[0] == "CMD-SHELL" else words(test[1:])
    times = [go_milliseconds(check.get(key)) for key in ("interval", "timeout", "start_period")]
    return (said, *times, check.get("retries"))


def their_tmpfs(one: Mapping[str, Any]) -> list[tuple[str, int | None, int | None]]:
    found: list[tuple[str, int | None, int | None]] = []
    for mount in one.get("volumes", []):
        if mount["type"] == "tmpfs":
            size = mount["tmpfs"].get("size")
            found.append((mount["target"], int(size) if size else None, mount["tmpfs"].get("mode")))
    for text in one.get("tmpfs", []):
        target, _, options = text.partition(":")
        told = dict(option.split("=") for option in options.split(",") if options)
        mode = int(told["mode"], 8) if "mode" in told else None
        found.append((target, 1024 * 1024 if told.get("size") == "1m" else None, mode))
    return sorted(found)


def theirs_of(one: Mapping[str, Any]) -> dict[str, Any]:
    deploy = one.get("deploy", {})
    limits = deploy.get("resources", {}).get("limits", {})
    reserved = deploy.get("resources", {}).get("reservations", {})
    cpus = round(float(limits.get("cpus", one.get("cpus", 0))) * 10**9)
    memory = int(limits.get("memory", one.get("mem_limit", 0)))
    pids = int(limits.get("pids", one.get("pids_limit", 0)))
    swap, shm = int(one.get("memswap_limit", 0)), int(one.get("shm_size", 0))
    kept = int(reserved.get("memory", one.get("mem_reservation", 0)))
    shares = (int(one.get("cpu_shares", 0)), one.get("cpuset", ""), kept)
    limited = (cpus, memory, swap, pids, shm)
    any_limit = any(limited) or any(shares)
    restart = one.get("restart", "no").partition(":")
    entrypoint = one.get("entrypoint")
    check = one.get("healthcheck") or {}
    stop = go_milliseconds(one.get("stop_grace_period"))
    logging = one.get("logging")
    networks = {} if "network_mode" in one else one.get("networks", {})
    is_plain = set(networks) == {"default"} and not networks["default"]
    return {
        "command": words(one.get("command")) or None,
        "entrypoint": None if entrypoint is None else words(entrypoint) or [""],
        "environment": {
            name: None if value is None else plain(value)
            for name, value in one.get("environment", {}).items()
        },
        "ports": sorted(
            (p["target"], p.get("published", ""), p.get("host_ip", ""), p["protocol"])
            for p in one.get("ports", [])
        ),
        "mounts": sorted(their_mount(m) for m in one.get("volumes", []) if m["type"] != "tmpfs"),
        "tmpfs": their_tmpfs(one),
        "networks": {}
        if is_plain
        else {
            name: (set((at or {}).get("aliases", [])), (at or {}).get("ipv4_address", ""))
            for name, at in networks.items()
        },
        "network_mode": one.get("network_mode", ""),
        "needs": their_needs(one),
        "probe": their_probe(one),
        "probe off": bool(check.get("disable")) or check.get("test") == ["NONE"],
        "restart": (restart[0], int(restart[2] or 0)),
        "instances": one.get("scale", deploy.get("replicas", 1)),
        "limits": limited if any_limit else None,
        "shares": shares if any_limit else None,
        "caps": tuple(
            tuple(one.get(key, [])) for key in ("cap_add", "cap_drop", "group_add", "security_opt")
        ),
        "flags": (one.get("privileged", False), one.get("read_only", False)),
        "modes": tuple(one.get(key, "") for key in ("ipc", "pid", "uts", "userns_mode")),
        "sysctls": {name: str(value) for name, value in one.get("sysctls", {}).items()},
        "ulimits": {
            name: (at, at) if isinstance(at, int) else (at["soft"], at["hard"])
            for name, at in one.get("ulimits", {}).items()
        },
        "devices": sorted(
            f"{at['source']}:{at['target']}"
            + ("" if at["permissions"] == "rwm" else f":{at['permissions']}")
            for at in one.get("devices", [])
        ),
        "dns": tuple(tuple(one.get(key, [])) for key in ("dns", "dns_search", "dns_opt")),
        "hosts": sorted(text.replace("=", ":", 1) for text in one.get("extra_hosts", [])),
        "names": (one.get("hostname", ""), one.get("domainname", "")),
        "labels": {name: plain(value) for name, value in one.get("labels", {}).items()},
        "annotations": one.get("annotations", {}),
        "logging": None if logging is None else (logging["driver"], logging["options"]),
        "rest": (
            one.get("user", ""),
            one.get("working_dir", ""),
            one.get("tty", False),
            one.get("stdin_open", False),
            one.get("init"),
        ),
        "end": (
            one.get("stop_signal", ""),
            None if stop is None else -(-int(stop) // 1000),
            one.get("container_name", ""),
            one.get("runtime", ""),
        ),
    }


def differing(
    keys: Sequence[object], found: ReadRun, config: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what is not the same, ours first, by what was written."""
    made = {one.name: one for one in found.draft.services}
    for number, written in enumerate(keys):
        expected, ours = theirs_of(config[f"s{number}"]), ours_of(found, made[f"s{number}"])
        told = {key: (ours[key], value) for key, value in expected.items() if ours[key] != value}
        if told:
            yield str(written), told


def test_every_key_is_read_as_compose_reads_it(docker_compose: list[str], tmp_path: Path) -> None:
    """One project for all, as starting Compose takes longer than what it does."""
    services = "".join(f"  s{n}: {{image: x, {keys}}}\n" for n, keys in enumerate(KEYS))
    (tmp_path / ".env").write_text(VARIABLES)
    found = read_compose(tmp_path, f"name: p\nservices:\n{services}{TOP}")
    assert [str(one) for one in found.found.problems] == []
    config = theirs(docker_compose, tmp_path)["services"]
    assert not dict(differing(KEYS, found, config))


OVERRIDES = [
    ("command: [a, b]", "command: c"),
    ("entrypoint: [a]", "entrypoint: [b, c]"),
    ("environment: [A=1, B=2]", "environment: {B: 3}"),
    ("ports: ['80:80']", "ports: ['81:81', '80:80']"),
    ("volumes: ['data:/a', '/x:/b']", "volumes: ['/y:/b']"),
    ("healthcheck: {test: [CMD, a], retries: 2}", "healthcheck: {test: [CMD, b, c]}"),
    ("dns: 1.1.1.1", "dns: [2.2.2.2, 1.1.1.1]"),
    ("labels: [a=1]", "labels: {a: 2, b: 3}"),
    ("logging: {driver: a, options: {x: '1'}}", "logging: {driver: b, options: {y: '2'}}"),
    ("logging: {driver: a, options: {x: '1'}}", "logging: {driver: a, options: {y: '2'}}"),
    ("extra_hosts: ['a:1.1.1.1']", "extra_hosts: {b: 2.2.2.2}"),
    ("networks: [front]", "networks: {front: {aliases: [z]}, default: }"),
    ("ulimits: {nofile: 5}", "ulimits: {nofile: {soft: 1, hard: 2}}"),
    ("depends_on: [b]", "depends_on: {b: {condition: service_healthy}}"),
    ("cap_add: [A]", "cap_add: [B, A]"),
    ("tmpfs: /a", "tmpfs: [/b]"),
    ("sysctls: [a=1]", "sysctls: {b: 2}"),
]


def test_files_go_over_each_other_as_in_compose(docker_compose: list[str], tmp_path: Path) -> None:
    below = "".join(f"  s{n}: {{image: x, {keys}}}\n" for n, (keys, _) in enumerate(OVERRIDES))
    over = "".join(f"  s{n}: {{{keys}}}\n" for n, (_, keys) in enumerate(OVERRIDES))
    (tmp_path / "compose.override.yaml").write_text(f"services:\n{over}")
    (tmp_path / "compose.yaml").write_text(f"name: p\nservices:\n{below}{TOP}")
    found = read(tmp_path, "run: {compose: [compose.yaml, compose.override.yaml]}\n")
    assert [str(one) for one in found.found.problems] == []
    config = theirs(docker_compose, tmp_path)["services"]
    assert not dict(differing(OVERRIDES, found, config))
