"""Whatever is written into an address or a body: 4xx with a line, or an answer; never a fault."""

import json
import subprocess
import sys
from typing import Any

import pytest

from include.settings import ROOT
from tests.include.running import environment

pytestmark = pytest.mark.starts

# As bytes of an address: each is no text, whatever parameter holds it.
NO_TEXT = ["%00", "a%00b", "%FF", "%C3%28", "%ED%A0%80", "%ED%BF%BF", "%C0%80", "%F5%80%80%80"]
# Texts that may be asked for and fit nothing; the numbers are beyond every type.
ODD = [
    "", " ", "a" * 100_000, "9" * 5_000, "-1", "1e999", "NaN", "null", "true", "{}", "[]", "'", '"',
    "';--", "%", "_", "\\", "../..", "%2e%2e", "<script>", "\u202e", "\x1b[2J", "\r\nX: y",
    str(2**31), str(2**63), str(2**64), "2026-02-30", "💥" * 500,
]  # fmt: skip
# Of a body, any value where another is asked for.
VALUES: list[Any] = [
    None, True, -1, 2**31, 2**63, 1e308, "", "a\0b", "\ud800", "a\udfffb", "\udc00\ud800", [], {},
    "a" * 100_000, ["\ud800"], [["x"]], {"\ud800": 1}, {"a": "\0"}, "2026-02-30", "\x1b[2J",
]  # fmt: skip
# Routes whose fields take any text that is not blank, nor too long.
ANY_TEXT = {"/api/why", "/api/suppressed", "/api/suppressed/lift"}
BODIES = [
    b"", b"{", b"null", b"[]", b'"x"', b"1", b"NaN", b"\xff\xfe", b"{\"id\": \"\xed\xa0\x80\"}",
    b"[" * 100_000, b'{"id": ' + b"9" * 100_000 + b"}", b'{"id": "\\ud800"}',
]  # fmt: skip


@pytest.fixture(scope="module")
def routes(tmp_path_factory) -> list[dict[str, Any]]:
    """Each route: its method, path, and the names of its parameters and of its body's fields."""
    code = """
import json, sys
from fastapi.routing import APIRoute
from plugins.page.app import create_app
print(json.dumps([
    {
        "method": method, "path": route.path,
        "in_path": [each.alias for each in route.dependant.path_params],
        "in_query": [each.alias for each in route.dependant.query_params],
        "fields": [
            name for each in route.dependant.body_params
            for name in each.field_info.annotation.model_fields
        ],
    }
    for route in create_app().routes if isinstance(route, APIRoute) for method in route.methods
]))
"""
    home = tmp_path_factory.mktemp("routes")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False,
        env=environment(AIRFLOW_HOME=str(home), PYTHONPATH=str(ROOT)),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def is_a_line(answer: Any) -> bool:
    detail = answer.json()["detail"]
    return isinstance(detail, str) and 5 < len(detail) < 300 and len(detail.splitlines()) == 1


def filled(path: str, name: str, text: str) -> str:
    """The route's address with `text` for one parameter and a usual value for the others."""
    for each in ("run_id", "model", "reason", "company_id", "enduser_id", "name"):
        path = path.replace("{" + each + "}", text if each == name else "1")
    return path


def quoted(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


# Those without which a route answers nothing.
REQUIRED = {"destination": "d", "source": "app", "metric": "seats", "company_id": "1"}


def asked_of(route: dict[str, Any], name: str, text: str) -> str:
    """The route's address with `text` for a parameter of its path, and what it needs besides."""
    needed = [f"{each}={text}" for each, text in REQUIRED.items() if each in route["in_query"]]
    return f"{filled(route['path'], name, text)}?{'&'.join(needed)}"


def queried(route: dict[str, Any], name: str, text: str) -> str:
    """The same for a parameter of its query."""
    needed = {each: of for each, of in REQUIRED.items() if each in route["in_query"]}
    query = "&".join(f"{each}={of}" for each, of in (needed | {name: text}).items())
    return f"{filled(route['path'], '', '')}?{query}"


def test_the_routes_are_found(routes) -> None:
    assert {"run_id", "reason", "company_id", "enduser_id", "name"} == {
        name for route in routes for name in route["in_path"]
    }
    assert {"offset", "search", "trend", "model", "action", "destination", "source", "metric"} <= {
        name for route in routes for name in route["in_query"]
    }
    assert {"id", "models", "fingerprint", "metric", "switch"} <= {
        name for route in routes for name in route["fields"]
    }


def test_what_is_no_text_is_refused_in_any_parameter_with_a_line(airflow, routes) -> None:
    with airflow.client("admin") as client:
        for route in routes:
            asked = [asked_of(route, name, text) for name in route["in_path"] for text in NO_TEXT]
            # in one that the route does not have, too
            names = (*route["in_query"], "other")
            asked += [queried(route, name, text) for name in names for text in NO_TEXT]
            asked += [f"{filled(route['path'], '', '')}?{text}=x" for text in NO_TEXT]
            for address in asked:
                answer = client.request(route["method"], address)
                assert 400 <= answer.status_code < 500, address
                assert is_a_line(answer), address


def test_what_fits_nothing_is_answered_or_refused_with_a_line(airflow, routes) -> None:
    with airflow.client("admin") as client:
        for route in routes:
            if route["method"] != "GET":
                continue
            short = [text for text in ODD if len(text) < 10_000]
            asked = [
                asked_of(route, name, quoted(text))
                for name in route["in_path"]
                for text in short
                if text.strip()
            ]
            asked += [
                queried(route, name, quoted(text)) for name in route["in_query"] for text in short
            ]
            for address in asked:
                answer = client.get(address)
                assert answer.status_code == 200 or (
                    400 <= answer.status_code < 500 and is_a_line(answer)
                ), (address, answer.status_code)
                assert "answered with an error" not in answer.text, address


def test_a_body_with_a_wrong_value_in_any_field_is_refused_with_a_line(airflow, routes) -> None:
    with airflow.client("admin") as client:
        for route in routes:
            if not route["fields"]:
                continue
            for name in route["fields"]:
                for value in VALUES:
                    if (name, value) in (("is_active", True), ("days", None)):
                        continue  # what is asked for
                    # JSON writes halves of pairs as escapes, which is how they arrive
                    body = json.dumps(dict.fromkeys(route["fields"], "x") | {name: value})
                    answer = client.post(
                        filled(route["path"], "", ""), content=body,
                        headers={"Content-Type": "application/json"},
                    )  # fmt: skip
                    if route["path"] in ANY_TEXT and answer.status_code == 200:
                        assert isinstance(value, str), (route["path"], name, value)
                        continue  # an id is any text: one without a story, one to suppress
                    assert 400 <= answer.status_code < 500, (route["path"], name, value)
                    assert is_a_line(answer), (route["path"], name, value)
    assert airflow.runs() == []


def test_a_body_that_is_none_is_refused_with_a_line(airflow, routes) -> None:
    with airflow.client("admin") as client:
        for route in routes:
            for body in BODIES if route["fields"] else ():
                answer = client.post(
                    filled(route["path"], "", ""), content=body,
                    headers={"Content-Type": "application/json"},
                )  # fmt: skip
                assert 400 <= answer.status_code < 500, (route["path"], body[:50])
                assert is_a_line(answer), (route["path"], body[:50])
    assert airflow.runs() == []
