"""Who may ask."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from .conftest import PORT, TOKEN

OWN = f"http://127.0.0.1:{PORT}"


@pytest.mark.parametrize("path", ["", "about", "main.js", "style.css", "icon.svg"])
def test_the_page_is_served_at_the_address_with_the_token(page: TestClient, path: str) -> None:
    answer = page.get(path)
    assert answer.status_code == 200
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert (
        answer.headers["referrer-policy"] == "no-referrer"
        and answer.headers["x-content-type-options"] == "nosniff"
    )


def test_scripts_are_javascript_and_nothing_of_the_page_is_inline_or_elsewhere(page: TestClient) -> None:
    assert "javascript" in page.get("main.js").headers["content-type"]
    html = page.get("").text
    assert "http" not in html and "style=" not in html and "onclick" not in html and "<script>" not in html


@pytest.mark.parametrize(
    "address", [OWN, f"{OWN}/", f"{OWN}/about", f"{OWN}/another/about", f"{OWN}//{TOKEN}/about"]
)
def test_an_address_without_the_token_is_refused(page: TestClient, address: str) -> None:
    answer = page.get(address, follow_redirects=False)
    assert answer.status_code == 403 and "genframe" not in answer.text.replace("genframe explore", "")


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": f"evil.example:{PORT}"},
        {"host": "127.0.0.1"},
        {"host": f"127.0.0.1:{PORT + 1}"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": f"http://127.0.0.1:{PORT + 1}"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_other_hosts_and_other_pages_are_refused_though_they_know_the_token(
    page: TestClient, headers: dict[str, str]
) -> None:
    assert page.get("about", headers=headers).status_code == 403
    assert page.post("models/0/samples", json={}, headers=headers).status_code == 403


@pytest.mark.parametrize(
    "headers", [{"origin": OWN}, {"host": f"localhost:{PORT}"}, {"sec-fetch-site": "same-origin"}]
)
def test_its_own_page_is_served(page: TestClient, headers: dict[str, str]) -> None:
    assert page.post("models/0/samples", json={"n": 1}, headers=headers).status_code == 200


def test_a_link_to_the_address_is_followed_from_anywhere_and_leads_into_no_frame(page: TestClient) -> None:
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-dest": "document"}
    answer = page.get("", headers=headers)
    assert answer.status_code == 200 and "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert page.get("", headers={**headers, "sec-fetch-dest": "iframe"}).status_code == 403
    assert page.get(f"{OWN}/", headers=headers).status_code == 403


def test_large_requests_and_those_of_unknown_length_are_refused(page: TestClient) -> None:
    def parts() -> Any:
        yield b"{}"

    assert page.post("models/0/samples", content=b" " * 1_000_001).status_code == 413
    assert page.post("models/0/samples", content=parts()).status_code == 413


def test_no_file_beside_the_pages_own_is_served(page: TestClient) -> None:
    for path in ("server.py", "%2e%2e/server.py", "..%2fserver.py", "static/main.js"):
        assert page.get(path).status_code in (403, 404), path
