"""Make schemathesis generate the same requests in every run."""

from typing import Any

import schemathesis
from hypothesis import settings

# No deadline, because a machine may be slow.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


@schemathesis.hook
def after_load_schema(context: schemathesis.HookContext, schema: Any) -> None:
    """Expect 413, too, for a body that is too large."""
    check = schema.config.checks.negative_data_rejection
    check.expected_statuses = [*check.expected_statuses, "413"]


@schemathesis.hook
def filter_case(context: schemathesis.HookContext, case: schemathesis.Case[Any]) -> bool:
    """Omit requests that the checks expect to be refused, although they are valid when sent.

    - Requests with an unknown header.
    - Text generated from another type, because any body is valid text.
    - 0 and 1 for true and false in a form; a list of files, because a file may have any bytes.
    """
    if "x-schemathesis-unknown-property" in case.headers:
        return False
    media_type, body = case.media_type or "json", case.body
    if not case.meta or not case.meta.generation.mode.is_negative:
        return True
    if "form" not in media_type:
        return "json" in media_type or not isinstance(body, (dict, list, int, float, type(None)))
    fields = properties_of(case, media_type)
    return not isinstance(body, dict) or not any(
        is_valid_as_text(fields.get(name, {}), value) for name, value in body.items()
    )


def is_valid_as_text(schema: dict[str, Any], value: Any) -> bool:
    """Return whether a form sends this invalid value as a valid one."""
    if schema.get("type") == "boolean":
        return str(value) in ("0", "1")
    is_file = "binary" in schema.get("items", {}).values()
    return is_file and value != []


def properties_of(case: schemathesis.Case[Any], media_type: str) -> dict[str, Any]:
    """Return the schema of each field in a form."""
    schemas = case.operation.schema.raw_schema["components"]["schemas"]
    schema = case.operation.definition.raw["requestBody"]["content"][media_type]["schema"]
    properties: dict[str, Any] = schemas[schema["$ref"].rpartition("/")[2]]["properties"]
    return properties
