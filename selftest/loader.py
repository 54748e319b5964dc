"""Why the OpenCL ICD loader found no platform: lists the devices again with its debug output on.

An .icd file that names a missing library is skipped by the loader without a word; only its debug
output says so.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from selftest.measured import Verdict
from selftest.model import Finding
from selftest.remedies import remedy
from selftest.runner import Deadline, Runner
from selftest.wire import Job

_DEBUG: Final = {"OCL_ICD_DEBUG": "7", "OCL_ICD_ENABLE_TRACE": "True"}  # ocl-icd, Khronos' loader
_TELLING: Final = ("Reading icd list", "Considering file", "Loading ICD", "dlopen", "skipping ICD")
_UNLOADABLE: Final = ("error while dlopening", "skipping ICD", "failed to load", "dlopen failed")


def explain_no_platform(found: Finding, runner: Runner, suite: str) -> Finding:
    """Return the finding with what the loader says; a broken .icd file makes it a failure."""
    run = runner.run(Job("opencl", None, suite), Deadline.of(None), _DEBUG)
    quoted = tuple(line for line in run.output if any(word in line for word in _TELLING))
    if not any(word in line for line in quoted for word in _UNLOADABLE):
        return dataclasses.replace(found, evidence=quoted)
    code = "opencl-icd-unloadable"
    text = "an OpenCL driver is installed and can't be loaded"
    return Finding(Verdict.FAIL, code, text, quoted, remedy(code))
