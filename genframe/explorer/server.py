"""The server: the page's files, what it must know, and the actions of each model, one at a time on one thread."""

from __future__ import annotations

import asyncio
import errno
import json
import secrets
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from genframe import __version__
from genframe.errors import GenframeError, Problem, RunError
from genframe.explorer import abilities, actions
from genframe.explorer.asked import Asked, Unfit
from genframe.explorer.explored import Explored
from genframe.explorer.guard import Guard

HOST = "127.0.0.1"
STATIC = Path(__file__).parent / "static"
PORTS = 20
"""Ports after a taken one that are looked at for a free one."""


def application(models: Sequence[Explored], token: str, port: int) -> Guard:
    """The page for one or several models, to be asked for at http://127.0.0.1:PORT/TOKEN/."""
    about = {"version": __version__, "models": [abilities.facts(explored) for explored in models]}
    titles = {name: panel.title for name, panel in abilities.PANELS.items()}
    thread = ThreadPoolExecutor(1, thread_name_prefix="model")  # a model is asked one thing at a time

    async def told(request: Request) -> Response:
        return _answer({**about, "panels": titles})

    async def acted(request: Request) -> Response:
        try:
            explored = models[request.path_params["model"]]
            action = actions.ACTIONS[request.path_params["action"]]
        except LookupError:
            return _fault(404, "there is no such model or action")
        try:
            asked = Asked(json.loads(await request.body()))
        except ValueError as error:
            return _fault(400, str(error) if isinstance(error, Unfit) else "a request's body is JSON")
        if await request.is_disconnected():  # the page has asked for something newer
            return Response(status_code=204)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(thread, _acted, explored, action, asked)

    async def page(request: Request) -> Response:
        return Response((STATIC / "index.html").read_bytes(), media_type="text/html")

    routes = [
        Route("/", page),
        Route("/about", told),
        Route("/models/{model:int}/{action}", acted, methods=["POST"]),
        Mount("/", StaticFiles(directory=STATIC)),
    ]
    return Guard(Starlette(routes=[Mount(f"/{token}", routes=routes)]), token, port)


def _acted(explored: Explored, action: Callable[[Explored, Asked], dict[str, Any]], asked: Asked) -> Response:
    started = time.perf_counter()
    try:
        with explored.computing():
            made = action(explored, asked)
    except Unfit as error:
        return _fault(400, str(error))
    except GenframeError as error:
        return _fault(400, "; ".join(problem.message for problem in error.problems))
    except Exception as error:  # of a component; the page says it, and goes on
        traceback.print_exc(file=sys.stderr)
        return _fault(500, f"{explored.name} failed: {type(error).__name__}: {error}")
    return _answer({**made, "ms": round(1000 * (time.perf_counter() - started), 2)})


def _answer(content: Any) -> Response:
    return JSONResponse(content)


def _fault(status: int, text: str) -> Response:
    return JSONResponse({"error": text}, status)


def bound(port: int) -> socket.socket:
    """A socket at a port of this machine, any free one for 0. Raises RunError (GF841) for a port that can't be had."""
    # Of TCP by name: asyncio sends small answers at once on such alone, and on others 40 ms late (Nagle's algorithm).
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        why = (
            "is taken, by another explorer perhaps"
            if error.errno == errno.EADDRINUSE
            else f"can't be had: {error}"
        )
        free = next((p for p in range(port + 1, min(port + PORTS, 65_536)) if _free(p)), 0)
        command = f"genframe explore RUN --port {free}" if free else "genframe explore RUN"
        message = f"port {port} {why}; leave out --port to get a free one"
        raise RunError(Problem("GF841", message, command=command)) from error
    return listening


def _free(port: int) -> bool:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as trial:
        try:
            trial.bind((HOST, port))
        except OSError:
            return False
    return True


@contextmanager
def _ending() -> Iterator[None]:
    """Within, a signal to end is a KeyboardInterrupt, where elsewhere it ends the process at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, signal.default_int_handler) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def serve(models: Sequence[Explored], listening: socket.socket, opened: Callable[[str], None]) -> None:
    """Serve the page until Ctrl-C or a signal to end. `opened` is told its address once it answers."""
    token, port = secrets.token_urlsafe(24), listening.getsockname()[1]
    config = uvicorn.Config(
        application(models, token, port), log_level="warning", access_log=False, lifespan="off",
        ws="none", server_header=False, date_header=False, timeout_graceful_shutdown=1,
    )  # fmt: skip
    address = f"http://{HOST}:{port}/{token}/"

    class Told(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            opened(address)

    try:
        with _ending():
            Told(config).run(sockets=[listening])
    except KeyboardInterrupt:  # uvicorn has ended, and raises the signal again
        pass
    finally:
        listening.close()
        for explored in models:
            explored.close()
