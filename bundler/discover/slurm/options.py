"""The options of Slurm's programs, with pyxis's, and how they ask for GPUs.

Source: srun(1), sbatch(1), salloc(1) of Slurm 22.05 to 24.11; pyxis's usage text.
"""

from __future__ import annotations

import re
from typing import Final

from bundler.discover.slurm.getopt import Options, table

_COMMON: Final = table(
    """--bell --container-entrypoint --container-entrypoint-log --container-mount-home
    --container-readonly --container-remap-root --container-writable --contiguous --exact
    --exclusive --get-user-env --help --hold --ignore-pbs --immediate --no-bell
    --no-container-entrypoint --no-container-entrypoint-log --no-container-mount-home
    --no-container-remap-root --no-kill --no-requeue --no-shell --overcommit --overlap
    --oversubscribe --parsable --quiet --reboot --requeue --share --spread-job --test-only --usage
    --use-min-nodes --verbose --version --x11 --nice --propagate
    -H -I -k -K -O -Q -s -v -V -h""",
    """--account --acctg-freq --array --batch --bb --bbf --begin --chdir --cluster-constraint
    --clusters --comment --constraint --container --container-env --container-id --container-image
    --container-mounts --container-name --container-save --container-workdir --core-spec
    --cores-per-socket --cpu-bind --cpu-freq --cpus-per-gpu --cpus-per-task --deadline
    --delay-boot --dependency --distribution --error --exclude --export --export-file
    --extra --extra-node-info --gid --gpu-bind --gpu-freq --gpus --gpus-per-node --gpus-per-socket
    --gpus-per-task --gres --gres-flags --hint --image --input --job-name --kill-on-invalid-dep
    --licenses --mail-type --mail-user --mcs-label --mem --mem-bind --mem-per-cpu --mem-per-gpu
    --mincpus --module --network --nodefile --nodelist --nodes --ntasks --ntasks-per-core
    --ntasks-per-gpu --ntasks-per-node --ntasks-per-socket --open-mode --output --partition
    --power --prefer --priority --profile --qos --reservation --segment --signal
    --sockets-per-node --stepmgr --switches --thread-spec --threads-per-core --time --time-min
    --tmp --tres-bind --tres-per-task --uid --volume --wait-all-nodes --wckey --workdir --wrap
    -A -B -C -D -F -G -J -L -M -N -S -a -b -c -d -e -i -m -n -o -p -q -t -w -x""",
)
BATCH: Final = _COMMON | table("--wait --no-x11 -W", "--kill-command")
"""sbatch and salloc, and `#SBATCH` lines."""
SRUN: Final = _COMMON | table(
    """--bcast --compress --disable-status --kill-on-bad-exit --label --multi-prog --no-allocate
    --preserve-env --pty --quit-on-interrupt --resv-ports --send-libs --unbuffered --async
    --external --whole --interactive -E -X -Z -l -u""",
    """--accel-bind --bcast-exclude --epilog --het-group --pack-group --jobid --mpi --msg-timeout
    --prolog --relative --slurmd-debug --task-epilog --task-prolog --threads --wait --treewidth
    -T -W -r""",
)
IMAGE: Final = ("--container-image",)
SHIFTER_IMAGE: Final = ("--image",)

_GPU: Final = re.compile(r"(?:[A-Za-z][\w.-]*:)?([0-9]{1,6})", re.ASCII)
_GRES: Final = re.compile(
    r"(?:gres[:/])?gpu(?:[:=][A-Za-z][\w.-]*)?(?:[:=]([0-9]{1,6}))?(?:\([^)]*\))?", re.ASCII
)
_COUNTS: Final = frozenset(
    {"--gpus", "-G", "--gpus-per-node", "--gpus-per-task", "--gpus-per-socket"}
)
_LISTS: Final = frozenset({"--gres", "--tres-per-task"})


def gpu_count(option: str, value: str) -> int:
    """Return how many GPUs an option asks for; 0 for none: `--gres=gpu:a100:2`, `-G 4`."""
    if option in _COUNTS:
        matches = (_GPU.fullmatch(part) for part in value.split(","))
        return sum(int(match[1]) for match in matches if match)
    if option in _LISTS:
        matches = (_GRES.fullmatch(part) for part in value.split(","))
        return sum(int(match[1] or "1") for match in matches if match)
    return 0


def asks_for_gpus(option: str, value: str) -> bool:
    """Tell whether an option is about GPUs, whatever its number."""
    return option in _COUNTS or (option in _LISTS and "gpu" in value)


def options_of(program: str) -> Options:
    """Return the options of srun, salloc or sbatch."""
    return SRUN if program == "srun" else BATCH
