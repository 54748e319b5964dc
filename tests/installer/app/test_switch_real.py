"""Apps on real engines without network: started, switched, failed and put back, killed half-way."""

from __future__ import annotations

import json
import random
import signal
import threading
import time
from contextlib import closing

import pytest

from installer.app import control
from installer.engines.appapi import AppApi
from installer.events import ServiceChanged, ServiceState
from installer.stream.jobs import Halted
from manifests.errors import NotInstallableHere, StartFailed
from manifests.release import Release
from tests.installer.app.hosts import AppHost
from tests.installer.app.releases import IMAGE, NEXT_IMAGE, SERVE, SLEEP, release, service

pytestmark = pytest.mark.engine

DATA = {"target": "/data", "kind": "volume", "source": "data"}
BROKEN = ("sh", "-c", "echo last words; exit 3")


def app(sequence: int = 1, *, image: str = IMAGE, **web: object) -> Release:
    """A database with a volume, a migration, a web server that answers with its version."""
    probe = {"shell": "test -e /tmp/ready", "interval_ms": 200, "retries": 50}
    ready = ("sh", "-c", f"touch /tmp/ready; {SLEEP[-1]}")
    return release(
        service(
            "web",
            **{
                "image": image,
                "command": SERVE,
                "ports": ({"container": 80, "host": "8080"},),
                "dependencies": (
                    {"service": "db", "condition": "healthy"},
                    {"service": "migrate", "condition": "completed"},
                ),
                "restart": "always",
                **web,
            },
        ),
        service("db", command=ready, probe=probe, mounts=(DATA,), restart="unless-stopped"),
        service("migrate", command=("sh", "-c", "echo x >> /data/runs"), mounts=(DATA,)),
        volumes=({"key": "data"},),
        sequence=sequence,
        settle_seconds=2 if web.get("command") == BROKEN else 0,
    )


def runs(host: AppHost) -> list[str]:
    return [name for name, state in host.containers().items() if state == "running"]


def policies(host: AppHost) -> dict[str, str]:
    return {
        name: host.engine.inspect(name)["HostConfig"]["RestartPolicy"]["Name"]
        for name in host.containers()
    }


def test_starts_in_order_and_is_left_alone_when_nothing_changed(app_host: AppHost) -> None:
    done = app_host.switch(app())
    assert done.error is None
    started = [one for one in map(str, done.events) if "STARTING" in one]
    assert [one for one in ("db", "migrate", "web") for line in started if f"viz-{one}-1" in line]
    assert done.states("viz-migrate-1")[-1] == "completed"
    assert app_host.fetch("http://127.0.0.1:8080/version") == "one"
    before = app_host.id("viz-web-1")
    again = app_host.switch(app(2))
    assert (again.error, again.states("viz-web-1")) == (None, ["unchanged", "healthy"])
    assert app_host.id("viz-web-1") == before
    assert app_host.status(app(2)).well


def test_a_new_release_replaces_what_changed_and_keeps_the_data(each_host: AppHost) -> None:
    assert each_host.switch(app()).error is None
    db = each_host.id("viz-db-1")
    done = each_host.switch(app(2, image=NEXT_IMAGE))
    assert done.error is None
    assert each_host.fetch("http://127.0.0.1:8080/version") == "two"
    assert each_host.id("viz-db-1") == db
    assert sorted(each_host.containers()) == ["viz-db-1", "viz-migrate-1", "viz-web-1"]
    assert each_host.engine.docker("exec", "viz-db-1", "cat", "/data/runs") == "x\n"


def test_a_release_that_fails_is_put_back_and_its_last_words_are_kept(each_host: AppHost) -> None:
    assert each_host.switch(app()).error is None
    web = each_host.id("viz-web-1")
    done = each_host.switch(app(2, image=NEXT_IMAGE, command=BROKEN, restart="no"))
    assert isinstance(done.error, StartFailed)
    assert done.error.code == "app-unhealthy"
    assert "service web, container viz-web-1 ended with status 3" in str(done.error)
    assert "last words" in str(done.error)
    assert "what ran before runs again" in str(done.error)
    assert each_host.id("viz-web-1") == web
    assert each_host.fetch("http://127.0.0.1:8080/version") == "one"
    assert policies(each_host)["viz-web-1"] == "always"
    assert sorted(each_host.containers()) == ["viz-db-1", "viz-migrate-1", "viz-web-1"]


def test_a_first_release_that_fails_leaves_nothing_but_its_volume(old_host: AppHost) -> None:
    done = old_host.switch(app(command=BROKEN, restart="no"))
    assert "nothing ran before" in str(done.error)
    assert old_host.containers() == {}
    assert "viz_data" in old_host.engine.docker("volume", "ls")


def test_a_service_that_is_started_again_and_again_is_noticed(app_host: AppHost) -> None:
    looping = release(
        service("web", command=("sh", "-c", "exit 1"), restart="always"),
        deadline_seconds=2,
        settle_seconds=1,
    )
    done = app_host.switch(looping)
    assert isinstance(done.error, StartFailed)
    assert "is not well after 2 s" in str(done.error)
    assert "(start " in str(done.error)  # which one it was, is chance
    assert app_host.containers() == {}


def test_a_path_that_is_not_there_changes_nothing(old_host: AppHost) -> None:
    assert old_host.switch(app()).error is None
    missing = {"target": "/x", "kind": "host", "source": "/nonexistent/path"}
    done = old_host.switch(app(2, mounts=(missing,)))
    assert isinstance(done.error, StartFailed)
    assert done.error.code == "app-start"
    assert "mkdir -p" in done.error.hint
    assert "stopped" not in done.states("viz-web-1")
    assert len(runs(old_host)) == 2


def test_told_to_stop_it_puts_back_what_ran(old_host: AppHost) -> None:
    assert old_host.switch(app()).error is None
    never_well = app(2, image=NEXT_IMAGE, probe={"shell": "false", "retries": 100})
    wanted, cancel = old_host.wanted(never_well), threading.Event()

    def until_started(apps: AppApi) -> None:
        for event in control.start(apps, wanted, cancel):
            if isinstance(event, ServiceChanged) and event.state is ServiceState.STARTING:
                cancel.set()

    with closing(old_host.apps()) as apps, pytest.raises(Halted):
        until_started(apps)
    assert old_host.fetch("http://127.0.0.1:8080/version") == "one"
    assert sorted(old_host.containers()) == ["viz-db-1", "viz-migrate-1", "viz-web-1"]


def test_killed_at_any_point_it_is_ended_by_the_next_one(app_host: AppHost) -> None:
    """To the new release or back to the old one, by turns: one healthy app, the data kept."""
    releases = (app(), app(2, image=NEXT_IMAGE))
    assert app_host.switch(releases[0]).error is None
    source = random.Random(5)
    runs_now = 0
    for turn in range(3):
        app_host.put(releases[1 - runs_now])
        child = app_host.begin("switch")
        assert child.stdout is not None
        for _ in range(turn + 1):
            child.stdout.readline()
        time.sleep(source.random() / 10)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        runs_now = source.randint(0, 1)
        assert app_host.switch(releases[runs_now]).error is None
        assert app_host.fetch("http://127.0.0.1:8080/version") == ("one", "two")[runs_now]
        assert sorted(app_host.containers()) == ["viz-db-1", "viz-migrate-1", "viz-web-1"]
        assert app_host.status(releases[runs_now]).well
    assert app_host.engine.docker("exec", "viz-db-1", "cat", "/data/runs") == "x\n"


def test_a_switch_that_fails_after_one_that_was_killed_puts_back_what_that_one_stopped(
    old_host: AppHost,
) -> None:
    assert old_host.switch(app()).error is None
    broken = app(2, image=NEXT_IMAGE, command=("sh", "-c", SLEEP[-1]), probe={"shell": "false"})
    old_host.put(broken)
    child = old_host.begin("switch")
    assert child.stdout is not None
    for line in child.stdout:
        event = json.loads(line)
        if (event.get("service"), event.get("state")) == ("web", "starting"):
            break
    child.kill()
    child.wait()
    child.stdout.close()
    assert "viz-web-1-r2" in old_host.containers()
    done = old_host.switch(app(2, image=NEXT_IMAGE, command=BROKEN, restart="no"))
    assert isinstance(done.error, StartFailed)
    assert old_host.fetch("http://127.0.0.1:8080/version") == "one"
    assert sorted(old_host.containers()) == ["viz-db-1", "viz-migrate-1", "viz-web-1"]


def test_stopped_means_stopped_whatever_the_restart_policy(old_host: AppHost) -> None:
    assert old_host.switch(app()).error is None
    assert old_host.stop("web").error is None
    assert sorted(runs(old_host)) == ["viz-db-1"]
    assert policies(old_host)["viz-web-1"] == "no"
    status = old_host.status(app())
    assert [one.service for one in status.instances if one.trouble] == ["web"]
    assert old_host.switch(app(), "web").error is None
    assert policies(old_host)["viz-web-1"] == "always"
    assert old_host.stop().error is None
    assert runs(old_host) == []
    assert old_host.switch(app()).error is None
    assert old_host.engine.docker("exec", "viz-db-1", "cat", "/data/runs") == "x\n"


def test_names_and_ports_of_others_are_refused_before_anything_is_done(old_host: AppHost) -> None:
    engine, image = old_host.engine, old_host.images[IMAGE]
    engine.docker("run", "-d", "--name", "viz-db-1", image, *SLEEP)
    done = old_host.switch(app())
    assert isinstance(done.error, NotInstallableHere)
    assert done.error.code == "app-name-taken"
    engine.remove_containers()
    engine.docker("run", "-d", "--name", "other", "-p", "8080:1", image, *SLEEP)
    done = old_host.switch(app())
    assert isinstance(done.error, NotInstallableHere)
    assert (done.error.code, done.error.context["container"]) == ("app-port-taken", "other")
    engine.remove_containers()
    label = "com.docker.compose.project=viz"
    engine.docker("run", "-d", "--name", "foreign", "--label", label, image, *SLEEP)
    done = old_host.switch(app())
    assert done.error is not None
    assert (done.error.code, "foreign" in str(done.error)) == ("app-name-taken", True)
    assert old_host.containers() == {}


def test_a_gpu_that_is_not_there_is_diagnosed_and_can_be_left_out(app_host: AppHost) -> None:
    wanting = release(service("web", gpus={"count": 1}))
    done = app_host.switch(wanting)
    assert isinstance(done.error, StartFailed)
    assert done.error.code == "app-start"
    assert "could not select device driver" in str(done.error)
    assert "nvidia-ctk runtime configure" in done.error.hint
    without = app_host.wanted(wanting, gpus=False)
    assert without.remarks == ("GPUs are left out, as asked, of web",)


def test_a_secret_has_the_mode_and_the_owner_that_the_app_asks_for(app_host: AppHost) -> None:
    folder = app_host.home / "secrets"
    folder.mkdir(mode=0o700, parents=True)
    for name in ("key", "pw"):
        (folder / name).write_text(f"the {name}")
        (folder / name).chmod(0o600)
    own = {"name": "key", "target": "deep/key", "mode": 0o400, "uid": 1000, "gid": 50}
    uses = (own, {"name": "pw", "target": "pw"})
    wanting = release(
        service("web", user="1000:1000", secrets=uses), secrets=({"name": "key"}, {"name": "pw"})
    )
    assert app_host.switch(wanting).error is None
    docker = app_host.engine.docker
    shown = ("exec", "--user", "0", "viz-web-1", "busybox", "stat", "-c", "%a %u %g %n")
    assert docker(*shown, "/run/secrets/deep/key").split() == [
        "400",
        "1000",
        "50",
        "/run/secrets/deep/key",
    ]
    assert docker(*shown, "/run/secrets/pw").split()[:3] == ["600", "0", "0"]
    assert docker("exec", "viz-web-1", "cat", "/run/secrets/deep/key") == "the key"
    before = app_host.id("viz-web-1")
    assert app_host.switch(wanting).error is None
    assert app_host.id("viz-web-1") == before
    docker("restart", "--time", "0", "viz-web-1")
    assert docker("exec", "viz-web-1", "cat", "/run/secrets/deep/key") == "the key"
    (folder / "key").write_text("another key")
    assert app_host.switch(wanting).error is None
    assert docker("exec", "viz-web-1", "cat", "/run/secrets/deep/key") == "another key"


def test_a_service_in_several_networks_is_found_by_its_names(app_host: AppHost) -> None:
    net = release(
        service("web", command=SERVE, networks=({"network": "a"}, {"network": "b"})),
        service("sidecar", network_mode="service:web"),
        service("near", networks=({"network": "b", "aliases": ("beside",)},)),
        networks=({"key": "a", "internal": True}, {"key": "b", "subnets": ("10.99.0.0/24",)}),
    )
    assert app_host.switch(net).error is None
    docker = app_host.engine.docker
    assert docker("exec", "viz-near-1", "wget", "-qO-", "http://web/version") == "one"
    assert docker("exec", "viz-sidecar-1", "wget", "-qO-", "http://127.0.0.1/version") == "one"
    sidecar = app_host.id("viz-sidecar-1")
    docker("rm", "--force", "viz-web-1")
    assert app_host.switch(net).error is None
    assert app_host.id("viz-sidecar-1") != sidecar  # it shared a name space that is gone
    assert docker("exec", "viz-sidecar-1", "wget", "-qO-", "http://127.0.0.1/version") == "one"


def test_what_an_image_keeps_on_a_volume_without_a_name_is_handed_on(app_host: AppHost) -> None:
    keeps = ({"target": "/keep", "kind": "anonymous"},)
    assert app_host.switch(release(service("db", mounts=keeps))).error is None
    app_host.engine.docker("exec", "viz-db-1", "sh", "-c", "echo kept > /keep/file")
    assert app_host.switch(release(service("db", mounts=keeps, image=NEXT_IMAGE))).error is None
    assert app_host.engine.docker("exec", "viz-db-1", "cat", "/keep/file") == "kept\n"


def test_secrets_reach_containers_and_nothing_else(app_host: AppHost) -> None:
    secret = "open-sesame-4711"
    (app_host.home / "secrets").mkdir(parents=True)
    (app_host.home / "secrets/token").write_text(f"{secret}\n")
    app_host.home.joinpath("env").write_text("NAME=moon\n")
    script = 'echo "$TOKEN $NAME"; cat /run/secrets/token; sleep 0.2; exit 4'
    given = service(
        "web",
        command=("sh", "-c", script.replace("$", "$$")),
        secrets=({"name": "token", "target": "token", "variable": "TOKEN"},),
        environment=({"name": "NAME"},),
    )
    done = app_host.switch(release(given, secrets=({"name": "token"},), settle_seconds=9))
    assert isinstance(done.error, StartFailed)
    assert "*** moon" in str(done.error)
    assert secret not in str(done.error) + str(done.events) + repr(done.error.context)
    sleeping = {**given, "command": SLEEP}
    assert app_host.switch(release(sleeping, secrets=({"name": "token"},))).error is None
    labels = app_host.engine.inspect("viz-web-1")["Config"]["Labels"]
    assert secret not in json.dumps(labels)
    mounted = app_host.engine.docker("exec", "viz-web-1", "cat", "/run/secrets/token")
    assert mounted == f"{secret}\n"
    (app_host.home / "secrets/token").write_text("another-one\n")
    again = app_host.switch(release(sleeping, secrets=({"name": "token"},)))
    assert again.states("viz-web-1")[0] == "created"


def test_checks_from_outside_decide(old_host: AppHost) -> None:
    check = {"protocol": "HTTP", "path": "/version", "index": 0, "grace_seconds": 20}
    checked = service("web", command=SERVE, ports=({"container": 80},), health_checks=(check,))
    old_host.put(release(checked, deadline_seconds=15))
    child = old_host.begin("switch")
    output, _ = child.communicate()
    assert child.returncode == 0, output
    assert '"state": "healthy"' in output
    old_host.put(
        release({**checked, "health_checks": ({**check, "path": "/none"},)}, deadline_seconds=3)
    )
    child = old_host.begin("switch")
    output, _ = child.communicate()
    assert child.returncode == 14
    assert "expected a status of 200 to 399, found 404" in output
    assert "runs on" in output  # nothing of it was touched


def test_new_ones_may_start_before_the_old_ones_stop(old_host: AppHost) -> None:
    def rolling(image: str) -> Release:
        return release(service("web", image=image, instances=2, upgrade={}))

    assert old_host.switch(rolling(IMAGE)).error is None
    done = old_host.switch(rolling(NEXT_IMAGE))
    assert done.error is None
    assert done.states("viz-web-2") == ["created", "starting", "healthy", "stopped", "removed"]
    assert sorted(old_host.containers()) == ["viz-web-1", "viz-web-2"]


def test_removed_is_everything_but_volumes_that_nobody_named(old_host: AppHost) -> None:
    assert old_host.switch(app()).error is None
    assert old_host.do(lambda apps: control.remove(apps, "viz")).error is None
    assert old_host.containers() == {}
    assert "viz_default" not in old_host.engine.docker("network", "ls")
    assert "viz_data" in old_host.engine.docker("volume", "ls")
    refused = old_host.do(lambda apps: control.remove(apps, "viz", ["other"]))
    assert refused.error is not None
    assert refused.error.code == "volume-unknown"
    with closing(old_host.apps()) as apps:
        assert apps.networks("moonlift.product", "viz") == []
    assert old_host.do(lambda apps: control.remove(apps, "viz", ["viz_data"])).error is None
    assert "viz_data" not in old_host.engine.docker("volume", "ls")
