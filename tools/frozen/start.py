"""The first lines of the frozen installer: its own command line, or Python for its own children.

PyInstaller's loader has unpacked everything into `sys._MEIPASS` and runs this as a child process.
Owns what is different then, so that the packages need not know of it: who starts whom, which
libraries are whose, and that a signal comes twice. Has no part in what the installer does.
"""

from __future__ import annotations

import os
import runpy
import sys

from tools.frozen import aside, libraries, signals
from tools.frozen.interpreter import words_of_python


def main() -> None:
    """Run what was asked for."""
    folder = str(vars(sys)["_MEIPASS"])
    libraries.use_own(folder, os.environ)
    libraries.lend(folder)
    libraries.load(libraries.LIBGCC, folder)
    signals.take_once()
    asked = words_of_python(sys.argv[1:], folder)
    if asked is None:
        from installer.start import main as run  # noqa: PLC0415 - children run something else

        run()
        return
    if asked.module.partition(".")[0] == "selftest":
        aside.unpack(folder)
    if asked.reports_crashes:
        import faulthandler  # noqa: PLC0415 - only where it was asked for

        faulthandler.enable()
    sys.argv[1:] = asked.arguments
    runpy.run_module(asked.module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
