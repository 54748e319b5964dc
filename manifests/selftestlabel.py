"""The label by which an image says that it is the self-test's; selftest/Dockerfile sets it."""

from __future__ import annotations

from typing import Final

from manifests.oci import CONFIG_LIMIT
from manifests.strictjson import load_object

SELFTEST_LABEL: Final = "io.moonlift.selftest"


def has_selftest_label(config: bytes) -> bool:
    """Tell whether an image's config has the label.

    Raises:
        MalformedJson: the config is not JSON.
    """
    document = load_object(config, limit=CONFIG_LIMIT, subject="image config")
    run = document.get("config")
    labels = run.get("Labels") if isinstance(run, dict) else None
    return isinstance(labels, dict) and SELFTEST_LABEL in labels
