"""Where redirects may lead, and what goes with them."""

from urllib.parse import quote

import pytest

from detectors.model import Outcome
from monitor.gate import Gate
from monitor.marketplaces.base import Request
from tests.faults.server import answer
from tests.monitor.fetching import Unreachable, public_gate

BLOCKED, FAILED, GONE, LIMITED = Outcome.BLOCKED, Outcome.FAILED, Outcome.GONE, Outcome.RATE_LIMITED


async def test_a_redirect_is_followed_to_the_page_it_names(make, server):
    page = await make().get(Request(f"{server.url}/redirect-chain?n=5"))
    assert (page.outcome, page.status, page.url) == (None, 200, f"{server.url}/redirect-chain?n=0")


@pytest.mark.parametrize(
    "to",
    [
        "http://127.0.0.1/",
        "http://127.0.0.1:22/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://0/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[fe80::1]/",
        "http://[fc00::1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://192.168.0.1/",
        "http://100.64.0.1/",
        "http://user@127.0.0.1/",
        "//127.0.0.1/",
        "/\\127.0.0.1/",
        "http:\\\\127.0.0.1/",
        "http://inside.example/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "data:text/html,x",
        "javascript:alert(1)",
        "http://8.8.8.8:8080/",
        "http://8.8.8.8:22/",
    ],
)
async def test_a_redirect_into_the_private_network_leads_nowhere(make, server, to):
    async def resolve(name):
        assert name == "inside.example"
        return ["127.0.0.1"]

    gate = Gate((server.address,), 1_000_000, resolve, Unreachable())
    page = await make(gate=gate).get(Request(f"{server.url}/redirect?to={quote(to, safe='')}"))
    assert (page.outcome, page.status) == (FAILED, 0)
    assert page.reason.startswith("redirect refused"), page.reason


async def test_a_redirect_to_an_own_address_from_elsewhere_is_refused(make, server):
    away = {("a.example", "/"): answer(b"", "302 Found", f"Location: {server.url}/page")}
    gate, written = public_gate(away, own=(server.address,))
    page = await make(gate=gate).get(Request("http://a.example/"))
    assert (page.outcome, server.requests) == (FAILED, [])
    assert "operator's own" in page.reason
    assert len(written) == 2


async def test_a_redirect_to_another_origin_leaves_credentials_behind(make):
    away = {
        ("a.example", "/"): answer(b"", "302 Found", "Location: /second"),
        ("a.example", "/second"): answer(b"", "307 Found", "Location: https://b.example/third", "Set-Cookie: s=1"),
        ("b.example", "/third"): answer(b"page"),
    }
    gate, written = public_gate(away)
    secret = {"Authorization": "Bearer secret", "Cookie": "secret", "X-Api-Key": "secret", "Accept-Language": "de"}
    page = await make(gate=gate).get(Request("https://a.example/", headers=secret))
    assert page.body == b"page"
    sent = {path: text for _, path, text in written if path != "/robots.txt"}
    assert (sent["/"].count("secret"), sent["/second"].count("secret")) == (3, 3)
    assert "secret" not in sent["/third"]
    assert "s=1" not in sent["/third"]
    assert "accept-language: de" in sent["/third"]
    assert all("secret" not in text for _, path, text in written if path == "/robots.txt")


async def test_a_redirect_to_the_same_host_without_tls_leaves_credentials_behind(make):
    away = {("a.example", "/"): answer(b"", "302 Found", "Location: http://a.example/plain")}
    gate, written = public_gate(away)
    await make(gate=gate).get(Request("https://a.example/", headers={"Authorization": "secret"}))
    assert [text.count("secret") for _, path, text in written if path == "/plain"] == [0]
