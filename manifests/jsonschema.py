"""JSON Schemas of our JSON documents, made from their models.

What a field means is taken from its class's docstring, so that it is said once.
"""

from __future__ import annotations

import inspect
import re
from typing import Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import ModelSchema

from manifests.documents import Document
from manifests.strictjson import readable

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_ATTRIBUTE: Final = re.compile(r"^    (\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)


class _Described(GenerateJsonSchema):
    """Gives every field the words of its class's docstring."""

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        first, fields = _words(schema["cls"])
        made["description"] = first
        for name, field in made.get("properties", {}).items():
            if name in fields:
                field["description"] = fields[name]
        return made


def document_schema(model: type[Document], title: str, about: str) -> bytes:
    """Return the schema (draft 2020-12) of a document.

    Args:
        model: the document's class.
        title: its name.
        about: what it is, in one sentence.
    """
    schema = model.model_json_schema(by_alias=True, schema_generator=_Described)
    version = schema["properties"]["schema"]
    version["const"] = version.pop("default")
    version.pop("minimum", None)
    schema["required"] = sorted({"schema", *schema.get("required", ())})
    return readable({**schema, "$schema": DRAFT, "title": title, "description": about})


def _words(model: type[BaseModel]) -> tuple[str, dict[str, str]]:
    """Return a docstring's first line, and what it says of each attribute."""
    text = inspect.cleandoc(model.__doc__ or "")
    head, _, attributes = text.partition("Attributes:\n")
    found = {name: _sentence(about) for name, about in _ATTRIBUTE.findall(attributes)}
    return head.partition("\n")[0], found


def _sentence(text: str) -> str:
    words = " ".join(text.split())
    return words[:1].upper() + words[1:]
