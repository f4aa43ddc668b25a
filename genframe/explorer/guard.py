"""Who may ask: this machine's browser, at the address with the token, from the page itself.

A page of another site can send requests to 127.0.0.1, and by DNS rebinding under a name of its own read the answers.
So each request must name the token in its address, this server as its host and, where it tells an origin, this one.
"""

from __future__ import annotations

import hmac
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

HEADERS = {
    "content-security-policy": POLICY,
    "referrer-policy": "no-referrer",  # the address holds the token
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}

LARGEST = 1_000_000
"""Bytes of a request's body at most; a drawing takes some 50,000."""


class Guard:
    """Refuses whoever may not ask, and says to the browser what the page may do."""

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self.app, self.token = app, token
        self.hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self.origins = {f"http://{host}" for host in self.hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(key.encode(), value.encode()) for key, value in HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *own]}
            await send(message)

        fault = self.fault(scope["path"], Headers(scope=scope))
        answer: Any = self.app if fault is None else PlainTextResponse(fault[1], fault[0])
        await answer(scope, receive, sent)

    def fault(self, path: str, headers: Headers) -> tuple[int, str] | None:
        """Why a request is refused, with the status; None for one that is served."""
        if headers.get("host") not in self.hosts:
            return 403, "this page is served to 127.0.0.1 alone"
        origin = headers.get("origin")
        if origin is not None and origin not in self.origins:
            return 403, "requests of other pages are refused"
        followed = headers.get("sec-fetch-dest") == "document"  # a link in a terminal that is itself a page
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not followed:
            return 403, "requests of other pages are refused"
        given = path.removeprefix("/").partition("/")[0]
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            return 403, "the address lacks the token: open the one that `genframe explore` printed"
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > LARGEST or "transfer-encoding" in headers:
            return 413, f"a request has at most {LARGEST:,} bytes, and says how many"
        return None
