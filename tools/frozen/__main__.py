"""`tools/freeze`: runs PyInstaller over `installer.spec`, and says what came of it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tools.frozen.loader import make_self_contained

SPEC: Final = Path(__file__).with_name("installer.spec")
ROOT: Final = Path(__file__).parents[2]
NAME: Final = "installer"


def main(words: list[str]) -> int:
    """Freeze, try the file, and print how large it is and what it needs."""
    output = Path(words[0]) if words else ROOT / "dist" / NAME
    freeze(output.absolute())
    sys.stdout.write(f"{output}: {output.stat().st_size / 2**20:.1f} MiB\n")
    sys.stdout.flush()
    return subprocess.run([output.absolute(), "--version"], check=False).returncode


def freeze(output: Path) -> None:
    """Write the one file; what PyInstaller makes on the way is removed."""
    make_self_contained()
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="moonlift-freeze-") as folder:
        made = Path(folder) / "dist" / NAME
        options = ("--log-level=ERROR", "--noconfirm", f"--distpath={made.parent}")
        subprocess.run(
            [sys.executable, "-m", "PyInstaller", *options, f"--workpath={folder}/work", SPEC],
            check=True,
            cwd=ROOT,
            # The order of sets decides the order of modules: the same sources, the same file.
            env={**os.environ, "PYTHONHASHSEED": "0", "PYINSTALLER_CONFIG_DIR": f"{folder}/own"},
        )
        beside = output.with_name(f".{output.name}.new")
        beside.write_bytes(made.read_bytes())
        beside.chmod(0o755)
        beside.replace(output)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
