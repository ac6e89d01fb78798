"""Clients are sent to addresses that an operator named, and to no other."""

import pytest

from include.collector.addresses import Addresses
from include.settings import load_settings
from tests.include.collector.conftest import Running

PUBLIC = ("https://calls.example.com/in", "http://calls.test:8080", "https://[2001:db8::1]:444")
AT = ("10.1.2.3", 8100)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("calls.example.com", PUBLIC[0]),
        ("CALLS.example.com", PUBLIC[0]),
        ("calls.test:8080", PUBLIC[1]),
        ("[2001:db8::1]:444", PUBLIC[2]),
        ("calls.test", PUBLIC[0]),
        ("evil.example", PUBLIC[0]),
        ("calls.example.com.evil.example", PUBLIC[0]),
        ("", PUBLIC[0]),
    ],
)
def test_the_address_that_was_asked_or_the_first(host: str, expected: str):
    assert Addresses(PUBLIC).asked(host, AT) == expected


@pytest.mark.parametrize(
    ("listening", "expected"),
    [
        (AT, "http://10.1.2.3:8100"),
        (("::ffff:10.1.2.3", 8100), "http://10.1.2.3:8100"),
        (("::1", 8100), "http://[::1]:8100"),
    ],
)
def test_without_one_it_is_what_the_connection_reached(listening, expected: str):
    assert Addresses(()).asked("evil.example", listening) == expected


def test_a_default_port_may_be_written_or_not():
    chosen = Addresses(("https://one.test:443", "http://two.test"))
    assert chosen.asked("one.test", AT) == "https://one.test:443"
    assert chosen.asked("two.test", AT) == "http://two.test"


@pytest.mark.parametrize(
    "text", ["https://a.test, http://b.test:81/x/", "https://a.test http://b.test:81/x"]
)
def test_several_addresses_are_read(text: str):
    settings = load_settings({"COLLECTOR_PUBLIC_URL": text})
    assert settings.collector_public_urls == ("https://a.test", "http://b.test:81/x")
    assert settings.collector_address == "https://a.test"


def told(collector: Running, **headers: str) -> list[str]:
    settings = collector.get("/v1/projects/demo-app/settings", headers=headers).json()
    segment = settings["integrations"]["Segment.io"]
    script = collector.get("/analytics.js/v1/demo-app/analytics.min.js", headers=headers).text
    assert "cdn.segment.com" not in script
    [cdn] = {line.split('"')[1] for line in script.splitlines() if line.startswith("var cdn")} or {
        script.split('var cdn="')[1].split('"')[0]
    }
    return [f"{segment['protocol']}://{segment['apiHost']}", f"{cdn}/v1"]


SPOOFED = {"Host": "evil.example", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}


def test_settings_and_script_name_no_host_that_a_request_made_up(collector: Running):
    assert set(told(collector)) == {f"{collector.url}/v1"}
    assert set(told(collector, **SPOOFED)) == {f"{collector.url}/v1"}


def test_settings_and_script_name_the_configured_host(start):
    collector: Running = start(COLLECTOR_PUBLIC_URL="https://one.test/in http://two.test")
    assert set(told(collector)) == {"https://one.test/in/v1"}
    assert set(told(collector, **SPOOFED)) == {"https://one.test/in/v1"}
    assert set(told(collector, Host="two.test")) == {"http://two.test/v1"}
