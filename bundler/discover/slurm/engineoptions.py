"""The options of programs that start or fetch containers.

Source: the usage texts of Docker 20.10 to 28, Podman 3 to 5, nerdctl 1.7, Apptainer 1.0 to 1.4,
SingularityCE 3.8 to 4.2 and enroot 3.5. A flag here has no value, or one behind `=`.
"""

from __future__ import annotations

from typing import Final

from bundler.discover.slurm.getopt import table

ENGINE: Final = table(
    """--debug --tls --tlsverify --version --help --remote --noout --syslog --debug-full
    --insecure-registry --experimental -D -v -r""",
    """--config --context --host --log-level --tlscacert --tlscert --tlskey --cgroup-manager
    --conmon --connection --events-backend --hooks-dir --identity --namespace --address
    --network-cmd-path --network-config-dir --root --runroot --runtime --runtime-flag --ssh
    --storage-driver --storage-opt --tmpdir --url --volumepath --module --snapshotter --data-root
    --cni-path --cni-netconfpath --hosts-dir -c -H -l -n -a""",
)
"""Of docker, podman and nerdctl themselves, before the subcommand."""
RUN: Final = table(
    """--detach --disable-content-trust --env-host --help --http-proxy --init --interactive
    --no-healthcheck --no-hostname --no-hosts --oom-kill-disable --passwd --privileged
    --publish-all --quiet --read-only --read-only-tmpfs --replace --rm --rmi --rootfs --sig-proxy
    --tls-verify --tty --unsetenv-all --use-api-socket --gpu --mpi --verify-none
    -d -i -P -q -t""",
    """--add-host --annotation --arch --attach --authfile --blkio-weight --blkio-weight-device
    --cap-add --cap-drop --cdi-spec-dir --cert-dir --cgroup-conf --cgroup-parent --cgroupns
    --cgroups --chrootdirs --cidfile --conmon-pidfile --cpu-count --cpu-percent --cpu-period
    --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpu-shares --cpus --cpuset-cpus --cpuset-mems
    --creds --decryption-key --detach-keys --device --device-cgroup-rule --device-read-bps
    --device-read-iops --device-write-bps --device-write-iops --dns --dns-opt --dns-option
    --dns-search --domainname --entrypoint --env --env-file --env-merge --expose --gidmap --gpus
    --group-add --group-entry --health-cmd --health-interval --health-log-destination
    --health-max-log-count --health-max-log-size --health-on-failure --health-retries
    --health-start-interval --health-start-period --health-startup-cmd --health-startup-interval
    --health-startup-retries --health-startup-success --health-startup-timeout --health-timeout
    --hostname --hosts-file --hostuser --image-volume --init-ctr --init-path --io-maxbandwidth
    --io-maxiops --ip --ip6 --ipc --isolation --kernel-memory --label --label-file --link
    --link-local-ip --log-driver --log-level --log-opt --mac-address --memory --memory-reservation
    --memory-swap --memory-swappiness --mount --name --net --net-alias --network --network-alias
    --oom-score-adj --os --passwd-entry --personality --pid --pidfile --pids-limit --platform
    --pod --pod-id-file --preserve-fd --preserve-fds --publish --pull --rdt-class --requires
    --restart --retry --retry-delay --runtime --sdnotify --seccomp-policy --secret --security-opt
    --shm-size --shm-size-systemd --signature-policy --snapshotter --stop-signal --stop-timeout
    --storage-opt --subgidname --subuidname --sysctl --systemd --timeout --tmpfs --tz --uidmap
    --ulimit --umask --unsetenv --user --userns --uts --variant --verify --volume --volume-driver
    --volumes-from --workdir -a -c -e -h -l -m -p -u -v -w""",
)
"""Of run and create."""
PULL: Final = table(
    "--all-tags --disable-content-trust --quiet --tls-verify --help --unpack -a -q",
    """--platform --arch --authfile --cert-dir --creds --decryption-key --os --policy --retry
    --retry-delay --signature-policy --variant --verify --cosign-key""",
)
BUILD: Final = table(
    """--no-cache --pull --rm --force-rm --quiet --squash --compress --load --push --help --layers
    --format-docker --tls-verify -q""",
    """--tag --file --build-arg --target --platform --label --network --cache-from --cache-to
    --output --secret --ssh --progress --builder --add-host --memory --cpu-shares --cpuset-cpus
    --build-context --isolation --iidfile --shm-size --ulimit --volume --format --jobs --authfile
    --creds --arch --os --variant -t -f -o -m -c -v""",
)
APPTAINER: Final = table(
    "--debug --quiet --silent --verbose --nocolor --version --help -d -q -s -v -h",
    "--config --build-config -c",
)
"""Of apptainer and singularity themselves, before the subcommand."""
APPTAINER_RUN: Final = table(
    """--allow-setuid --boot --cleanenv --compat --contain --containall --disable-cache
    --docker-login --fakeroot --help --ipc --keep-privs --net --no-compat --no-eval --no-home
    --no-https --nohttps --no-init --no-pid --no-privs --no-setgroups --no-tmp-sandbox --no-umask
    --nv --nvccli --oci --no-oci --oom-kill-disable --passphrase --pid --rm-overlay --rocm
    --sharens --sif-fuse --tmp-sandbox --underlay --unsquash --userns --uts --vm --vm-err
    --writable --writable-tmpfs --intel-hpu --ipc --unshare-all -C -c -e -f -i -n -p -u -w""",
    """--add-caps --app --apply-cgroups --arch --arch-variant --authfile --bind --blkio-weight
    --blkio-weight-device --cdi-dirs --cpu-shares --cpus --cpuset-cpus --cpuset-mems --cwd
    --data --device --dns --docker-host --docker-password --docker-username --drop-caps --env
    --env-file --fusemount --home --hostname --memory --memory-reservation --memory-swap --mount
    --netns-path --network --network-args --no-mount --overlay --pem-path --pid-file
    --pids-limit --platform --pwd --runscript-timeout --scratch --security --shell --workdir
    -B -H -S -W -o -s""",
)
"""Of exec, run, shell, test, instance start and instance run."""
APPTAINER_FETCH: Final = table(
    """--allow-unauthenticated --allow-unsigned --detached --disable-cache --docker-login --fakeroot
    --fix-perms --force --help --ignore-fakeroot-command --ignore-proot --ignore-subuid
    --ignore-userns --json --nohttps --no-https --no-cleanup --no-oci --notest --nv --nvccli --oci
    --remote --rocm --sandbox --update --userns --warn-unused-build-args --writable-tmpfs
    --keep-layers -F -U -f -T -s -u -r -d""",
    """--arch --arch-variant --authfile --bind --build-arg --build-arg-file --builder --dir
    --docker-host --docker-password --docker-username --encrypt --library --mount --name --path
    --pem-path --platform --section --tmpdir -B""",
)
"""Of pull and build."""
ENROOT: Final = table("--help --force -h -f", "--arch --output --name -a -o -n")
SHIFTER: Final = table(
    "--help --verbose --clearenv -h -v",
    "--image --volume --module --env --env-file --entrypoint --workdir -i -V -m -e -w",
)
