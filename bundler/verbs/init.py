"""`bundle init`: a commented `app.yaml` to start from.

Writes that one file and overwrites none. What the keys mean is in `manifests.appmanifest.app`.
"""

from __future__ import annotations

import re
from pathlib import Path
from string import Template
from typing import Final

from manifests.errors import UsageError

_MAX_NAME: Final = 64

_TEMPLATE: Final = Template("""\
# What this app is made of. Build it with: bundle build $file
schema: 1

# The product: 1 to 64 of a-z 0-9 . _ -; the same for all its releases.
name: "$name"
# For people. Keep the quotes: without them 1.10 would be the number 1.1.
version: "0.1.0"

# Kinds of machines to install on; this machine's when left out.
# platforms: [linux/amd64, linux/arm64]

# Grows with each release: a host refuses a lower one. Left out, it is the time of the build.
# sequence: 1

# A host refuses the bundle after this day.
# expires: 2030-12-31

# Every image that the app needs, in the order in which they are loaded.
images:
  - nginx:1.25
  # - image: team/app:1.0
  #   from: docker          # auto | registry | docker | oci:PATH | oci-archive:PATH
  #                         # | docker-archive:PATH; auto when left out
  #   layers: original      # auto | zstd | original: keep the registry's bytes and digest
  #   platforms: [linux/amd64]

# Files that name further images; each is read as the program that owns it reads it.
# sources:
#   - compose.yaml
#   - kubernetes: k8s       # or kustomize, helm, marathon, dockerfile, slurm, list

# Images that these files name and that the bundle shall not hold.
# waived:
#   - {image: vendor/app:1, reason: installed by its vendor}

# Files to carry along; they lie under files/ in the bundle.
# files:
#   - compose.yaml
#   - {from: conf/nginx.conf, to: nginx/nginx.conf}

# What runs on the host, and what may be removed there once it does.
# run: compose.yaml
# prune: {grace: 72h, keep-releases: 2}
""")


def template(product: str, file: str) -> str:
    """Return the text of an app manifest that will lie in `file`."""
    return _TEMPLATE.substitute(file=file, name=product)


def write_template(path: Path) -> None:
    """Write an app manifest to `path`, for a product called as the folder that it lies in.

    Raises:
        UsageError: `app-exists`, or `app-unwritable`.
    """
    text = template(product_name(path.absolute().parent.resolve().name), path.name)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError("app-exists", f"{path} exists", hint=f"edit it: {path}") from error
    except OSError as error:
        raise UsageError(
            "app-unwritable", f"{path}: can't be written: {error.strerror or error}"
        ) from error


def product_name(text: str) -> str:
    """Return the product name nearest to `text`; `app` when nothing of it is left."""
    name = re.sub(r"[^a-z0-9._-]+", "-", text.lower())[:_MAX_NAME]
    return name.strip("._-") or "app"
