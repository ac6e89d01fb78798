"""The OpenAPI document describes what the collector does, and whatever fits it breaks nothing."""

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.include.collector.conftest import Running

schemathesis = pytest.importorskip(
    "schemathesis", reason="install schemathesis (requirements.txt) to fuzz the collector's routes"
)

# The document is the same for every collector: what is generated from it needs none.
from include.collector.openapi import document  # noqa: E402
from include.collector.options import Options  # noqa: E402
from include.collector.routes import PIXELS, routes  # noqa: E402

PATHS = list(routes(Options()))
schema = schemathesis.openapi.from_file(document(PATHS).decode())


def test_the_document_names_every_route(collector: Running):
    served = collector.get("/openapi.json").json()
    others = {
        "/v1/projects/{write_key}/settings", "/analytics.js/v1/{write_key}/analytics.min.js",
        "/analytics-next/bundles/{name}", "/sourceConfig", "/v1/m", "/planhat/changed",
        "/health", "/metrics", "/openapi.json",
    }  # fmt: skip
    assert set(served["paths"]) == set(PATHS) | PIXELS | others
    for path, operations in served["paths"].items():
        for method in operations:
            answer = collector.client.request(method, collector.url + path)
            assert answer.status_code not in (404, 405) or "{" in path, (path, method)


CHECKS = [
    schemathesis.checks.not_a_server_error,
    schemathesis.specs.openapi.checks.status_code_conformance,
    schemathesis.specs.openapi.checks.content_type_conformance,
    schemathesis.specs.openapi.checks.response_headers_conformance,
    schemathesis.specs.openapi.checks.response_schema_conformance,
]


# Jitsu's paths are those of `/v1` under other names.
@schema.exclude(path_regex="^/api/s/").parametrize()
@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_nothing_that_is_made_from_the_document_breaks_a_route(case, collector: Running):
    """Also what does not fit it: a call of a wrong shape is answered 200 and kept apart."""
    key = "demo-token" if case.path == "/dock/segment" else "demo-app"
    answer = case.call(base_url=collector.url, auth=(key, ""))
    case.validate_response(answer, checks=CHECKS)
    assert answer.status_code < 500
