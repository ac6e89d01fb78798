"""The routes as an OpenAPI 3.1 document, `GET /openapi.json`: to be read, and fuzzed, by tools."""

from collections.abc import Iterable
from typing import Any

import msgspec

from include.collector.routes import BATCHES, PIXELS, TYPES

Schema = dict[str, Any]

_KEYS = ("messageId", "userId", "anonymousId", "groupId", "previousId", "event")
_OBJECTS = ("traits", "properties", "context", "integrations")

_ID: Schema = {"type": ["string", "number", "null"]}
_OBJECT: Schema = {"type": ["object", "null"]}
_CALL: Schema = {
    "type": "object",
    "description": "One Segment call. Further members are kept as they come.",
    "properties": {
        "type": {"type": "string", "examples": list(TYPES)},
        **dict.fromkeys(_KEYS, _ID),
        **dict.fromkeys(_OBJECTS, _OBJECT),
        "timestamp": {"type": "string"},
        "originalTimestamp": {"type": "string"},
        "sentAt": {"type": "string"},
        "writeKey": {"type": "string"},
    },
}
_BATCH: Schema = {
    "type": "object",
    "required": ["batch"],
    "properties": {
        "batch": {"type": "array", "items": {"$ref": "#/components/schemas/Call"}},
        "writeKey": {"type": "string"},
        "sentAt": {"type": "string"},
        "context": _OBJECT,
        "integrations": _OBJECT,
    },
}
_LANDED: Schema = {
    "type": "object",
    "required": ["success", "accepted", "duplicates", "quarantined"],
    "properties": {
        "success": {"const": True},
        "accepted": {"type": "integer", "minimum": 0},
        "duplicates": {"type": "integer", "minimum": 0},
        "quarantined": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["index", "reason"],
                "properties": {"index": {"type": "integer"}, "reason": {"type": "string"}},
            },
        },
    },
}
_REFUSED: Schema = {
    "type": "object",
    "required": ["success", "code", "message"],
    "properties": {
        "success": {"const": False},
        "code": {"type": "string"},
        "message": {"type": "string"},
    },
}
_REFUSALS = {
    400: "The body is no JSON, no batch, or not compressed as it says",
    401: "No source has this key, or not for this route; or a wrong signature",
    405: "Another method",
    408: "The body came too slowly",
    413: "The body is too large",
    415: "Another Content-Encoding than gzip or deflate",
    429: "The source sends more than it may: again after Retry-After seconds",
    503: "Nothing durable can take the calls now: again after Retry-After seconds",
}


def document(paths: Iterable[str]) -> bytes:
    """JSON of the document; `paths` are those that take calls."""
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Collector of Segment calls",
                "version": "1",
                "description": "Answers 200 when the calls are durable.",
            },
            "paths": {
                **{path: {"post": _taking(path)} for path in paths},
                "/v1/m": {"post": _dropping()},
                "/planhat/changed": {"post": _marking()},
                **{path: {"get": _pixel()} for path in sorted(PIXELS)},
                "/v1/projects/{write_key}/settings": {
                    "get": _for_browsers("What analytics.js asks at its start", "write_key")
                },
                "/sourceConfig": {"get": _source_config()},
                "/analytics.js/v1/{write_key}/analytics.min.js": {
                    "get": _for_browsers("Segment's library for a page's snippet", "write_key")
                },
                "/analytics-next/bundles/{name}": {
                    "get": _for_browsers("A part of that library", "name")
                },
                "/health": {"get": _telling("Whether it takes calls", "application/json", 503)},
                "/metrics": {"get": _telling("Figures for Prometheus", "text/plain")},
                "/openapi.json": {"get": _telling("This document", "application/json")},
            },
            "components": {
                "schemas": {
                    "Call": _CALL,
                    "Batch": _BATCH,
                    "Landed": _LANDED,
                    "Refused": _REFUSED,
                },
                "securitySchemes": {
                    "basic": {"type": "http", "scheme": "basic", "description": "The key as name"},
                    "bearer": {"type": "http", "scheme": "bearer"},
                    "address": {"type": "apiKey", "in": "query", "name": "writeKey"},
                    "jitsu": {"type": "apiKey", "in": "header", "name": "X-Write-Key"},
                },
            },
        }
    )


def _taking(path: str) -> Schema:
    call: Schema = {"$ref": "#/components/schemas/Call"}
    body = call
    if path in BATCHES:
        body = {"$ref": "#/components/schemas/Batch"}
    elif path == "/webhook":
        body = {"oneOf": [{"type": "array", "items": call}, call]}
    operation: Schema = {
        "summary": f"Take what is posted to {path}",
        "security": [{"basic": []}, {"bearer": []}],
        "requestBody": {"required": True, "content": _json(body)},
        "responses": {
            "200": _answer("Everything is durable", {"$ref": "#/components/schemas/Landed"}),
            **_refusals(*_REFUSALS),
        },
    }
    if path not in ("/dock/segment", "/webhook"):
        # The key may stand in the body instead.
        operation["security"] += [{"address": []}, {"jitsu": []}, {}]
    if path == "/webhook":
        signature = {"name": "X-Signature", "in": "header", "schema": {"type": "string"}}
        operation["parameters"] = [signature]
    return operation


def _for_browsers(what: str, in_path: str) -> Schema:
    media = "application/json" if what.startswith("What") else "application/javascript"
    return {
        "summary": what,
        "parameters": [
            {"name": in_path, "in": "path", "required": True, "schema": {"type": "string"}}
        ],
        "responses": {
            "200": {"description": "It is here", "content": {media: {}}},
            **_refusals(401, 404, 405, 503),
        },
    }


def _source_config() -> Schema:
    return {
        "summary": "What RudderStack's libraries ask at their start",
        "security": [{"basic": []}, {"address": []}],
        "responses": {
            "200": _answer("A source without destinations", {"type": "object"}),
            **_refusals(401, 405, 503),
        },
    }


def _pixel() -> Schema:
    image: Schema = {"image/gif": {}}
    answers: Schema = {
        "200": {"description": "An image; the call is durable, or was no call", "content": image}
    }
    for status, what in ((413, _REFUSALS[413]), (429, _REFUSALS[429])):
        answers[str(status)] = {"description": what, "content": image}
    return {
        "summary": "Take the call in an image's address: base64 of its JSON",
        "parameters": [{"name": "data", "in": "query", "schema": {"type": "string"}}],
        "responses": {**answers, **_refusals(405, 503)},
    }


def _dropping() -> Schema:
    return {
        "summary": "Take analytics.js' own metrics, and keep nothing of them",
        "requestBody": {"content": {"text/plain": {}}},
        "responses": {
            "200": _answer("Taken", {"type": "object"}),
            **_refusals(405, 408, 413),
        },
    }


def _marking() -> Schema:
    change: Schema = {
        "type": "object",
        "required": ["model", "_id"],
        "properties": {
            "model": {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_]{0,62}$"},
            "_id": {"type": "string", "pattern": "^[0-9a-fA-F]{24}$"},
            "event": {"type": ["string", "null"]},
            "sentAt": {},
        },
    }
    return {
        "summary": "Mark an object that changed in Planhat, to be read soon",
        "security": [{"basic": []}, {"bearer": []}, {"address": []}, {"jitsu": []}],
        "requestBody": {"required": True, "content": _json(change)},
        "responses": {
            "200": _answer("It is marked", {"type": "object"}),
            **_refusals(400, 401, 405, 408, 413, 429, 503),
        },
    }


def _telling(what: str, media: str, *refusals: int) -> Schema:
    answers: Schema = {"200": {"description": what, "content": {media: {}}}, **_refusals(405)}
    for status in refusals:
        answers[str(status)] = {"description": "It does not", "content": {media: {}}}
    return {"summary": what, "responses": answers}


def _refusals(*statuses: int) -> Schema:
    refused = {"$ref": "#/components/schemas/Refused"}
    answers = {
        str(each): _answer(_REFUSALS.get(each, "No such route"), refused) for each in statuses
    }
    for status in {429, 503} & set(statuses):
        answers[str(status)]["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    return answers


def _answer(what: str, schema: Schema) -> Schema:
    return {"description": what, "content": _json(schema)}


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}
