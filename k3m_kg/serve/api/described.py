"""What the API has, as a page: made of its OpenAPI description."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from k3m_kg.serve.guard.access import Reader
from k3m_kg.serve.rendering import page

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked."""

    method: str
    path: str
    said: str
    parameters: list[str]
    body: list[str]


@router.get("/api")
def described(request: Request, visitor: Reader) -> Response:
    """The page."""
    groups = operations(request.app.openapi())
    return page(request, "api.html", groups=groups, address=str(request.base_url))


def operations(description: dict[str, Any]) -> dict[str, list[Operation]]:
    """What can be asked, by its kind.

    Args:
        description: of an application, as OpenAPI has it.
    """
    groups: dict[str, list[Operation]] = {}
    for path, methods in description["paths"].items():
        for method, one in methods.items():
            operation = Operation(
                method.upper(),
                path,
                one.get("description") or one["summary"],
                [_name(parameter) for parameter in one.get("parameters", ())],
                _fields(description, one),
            )
            groups.setdefault((one.get("tags") or ["other"])[0], []).append(operation)
    return groups


def _name(parameter: dict[str, Any]) -> str:
    return f"{parameter['name']}{'' if parameter.get('required') else '?'}"


def _fields(description: dict[str, Any], one: dict[str, Any]) -> list[str]:
    content = one.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    schema = description.get("components", {}).get("schemas", {}).get(name, {})
    required = schema.get("required", ())
    return [f"{one}{'' if one in required else '?'}" for one in schema.get("properties", {})]
