"""The JSON Schemas that `bundle schema` prints."""

from __future__ import annotations

from enum import StrEnum


class SchemaOf(StrEnum):
    """Documents that have one."""

    APP = "app"
    LOCK = "lock"


def schema_text(document: SchemaOf) -> str:
    """Return a document's JSON Schema."""
    if document is SchemaOf.LOCK:
        from manifests.lock import lock_schema  # noqa: PLC0415 - start-up time

        return lock_schema().decode()
    from manifests.appmanifest.app import app_schema  # noqa: PLC0415 - start-up time

    return app_schema().decode()
