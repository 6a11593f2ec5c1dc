"""The broker's own OpenAPI document, out of the wire protocol's dataclasses."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from datalab_workspace import wire

from .. import __version__

_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean"}


def openapi() -> dict[str, Any]:
    """Return the document."""
    messages = (
        wire.CredentialRequest,
        wire.Credential,
        wire.Sources,
        wire.Refusal,
        wire.AgentAlert,
    )
    refused = {
        "description": "A sentence for the person",
        "content": _content(wire.Refusal),
    }
    refusals = {status: refused for status in ("400", "401", "403", "404", "429", "502", "503")}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Datalab credential broker",
            "version": __version__,
            "description": "Short-lived credentials for the data sources of a workspace.",
        },
        "security": [{"workspace": []}],
        "paths": {
            "/v1/sources": {
                "get": {
                    "summary": "What this workspace may use now",
                    "responses": {
                        "200": {"description": "The sources", "content": _content(wire.Sources)},
                        **refusals,
                    },
                }
            },
            "/v1/credentials": {
                "post": {
                    "summary": "A credential for one source",
                    "requestBody": {"required": True, "content": _content(wire.CredentialRequest)},
                    "responses": {
                        "200": {
                            "description": "The credential",
                            "content": _content(wire.Credential),
                        },
                        **refusals,
                    },
                }
            },
            "/v1/alerts": {
                "post": {
                    "summary": "An agent refused somebody",
                    "requestBody": {"required": True, "content": _content(wire.AgentAlert)},
                    "responses": {
                        "200": {"description": "Noted", "content": _content(wire.AgentAlert)},
                        **refusals,
                    },
                }
            },
            "/metrics": {
                "get": {
                    "summary": "Prometheus metrics; needs the scope read:metrics",
                    "responses": {"200": {"description": "Text"}, "403": refused},
                }
            },
            "/health": {
                "get": {
                    "summary": "Whether the broker runs",
                    "security": [],
                    "responses": {"200": {"description": "It does"}},
                }
            },
        },
        "components": {
            "schemas": {kind.__name__: _schema(kind) for kind in (*messages, wire.SourceInfo)},
            "securitySchemes": {
                "workspace": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The workspace's own JUPYTERHUB_API_TOKEN",
                }
            },
        },
    }


def _content(kind: type) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{kind.__name__}"}
    return {"application/json": {"schema": schema}}


def _schema(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    properties = {item.name: _type(hints[item.name]) for item in fields(kind)}
    required = [
        item.name
        for item in fields(kind)
        if item.default is MISSING and item.default_factory is MISSING
    ]
    if issubclass(kind, wire.Message):
        properties |= {"version": {"type": "integer"}, "type": {"const": kind.type}}
        required += ["version", "type"]
    about = (kind.__doc__ or "").split("\n")[0]
    return {
        "type": "object",
        "description": about,
        "properties": properties,
        "required": required,
    }


def _type(hint: Any) -> dict[str, Any]:
    if is_dataclass(hint):
        return {"$ref": f"#/components/schemas/{hint.__name__}"}  # type: ignore[union-attr]
    container, inner = get_origin(hint), get_args(hint)
    if container is list:
        return {"type": "array", "items": _type(inner[0])}
    if container is dict:
        return {"type": "object", "additionalProperties": _type(inner[1])}
    if isinstance(hint, UnionType):
        return {"anyOf": [_type(option) for option in inner]}
    return {"type": _PLAIN.get(hint, "null")}
