"""The hub's side of the trainer contract, over HTTP(S): every call may be sent again, and is, while the hub is away."""

from __future__ import annotations

import http.client
import json
import random
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

from crux_trainer.files import sha256_of

_TIMEOUT_S = 60.0
_LONGEST_PAUSE_S = 30.0
_PIECE = 8 * 1024 * 1024


class Refused(Exception):
    """An answer that no repeating mends."""

    def __init__(self, status: int, key: str, title: str, params: dict[str, Any]):
        super().__init__(f"the hub says {status} {key}: {title}")
        self.status, self.key, self.params = status, key, params

    @property
    def lost(self) -> bool:
        """The job is not ours any more."""
        return self.key in ("lease_lost", "job_ended") or self.status == 404


class Stopped(Exception):
    """Whoever waits does not want to any more."""


class Away(Exception):
    """The hub did not answer, or is busy. `after` seconds it wants to be left alone."""

    def __init__(self, why: str, after: float = 0):
        super().__init__(why)
        self.after = after


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes

    def json(self) -> dict[str, Any]:
        return json.loads(self.body) if self.body else {}


class Hub:
    """One hub and our token there."""

    def __init__(self, url: str, token: str, ca: Path | None = None, say: Callable[[str], None] = print):
        if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
            raise ValueError(f"{url} is no address of a hub: http://… or https://…")
        self._url, self._token, self._say = url.rstrip("/"), token, say
        secure = ssl.create_default_context(cafile=str(ca) if ca else None)
        # No proxy and no redirect: the token goes to this hub and nowhere else.
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=secure), _NoRedirect()
        )

    def once(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        timeout: float = _TIMEOUT_S,
        into: Callable[[int, Any], None] | None = None,
    ) -> Answer:
        """One try. A body that is no bytes goes as JSON. `into(status, stream)` reads the answer piece by piece."""
        sent = body if isinstance(body, bytes) or body is None else json.dumps(body, allow_nan=False).encode()
        kind = (
            {} if body is None else {"Content-Type": "application/octet-stream" if body is sent else "application/json"}
        )
        request = urllib.request.Request(
            f"{self._url}{path}",
            data=sent,
            method=method,
            headers={"Authorization": f"Bearer {self._token}", "Accept": "application/json", **kind, **(headers or {})},
        )
        try:
            with self._opener.open(request, timeout=timeout) as answer:
                if into:
                    into(answer.status, answer)
                    return Answer(answer.status, b"")
                return Answer(answer.status, answer.read())
        except urllib.error.HTTPError as error:
            raise _problem(error) from None
        except (OSError, http.client.HTTPException) as error:
            raise Away(f"{type(error).__name__}: {error}") from error

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        timeout: float = _TIMEOUT_S,
        stop: threading.Event | None = None,
        into: Callable[[int, Any], None] | None = None,
    ) -> Answer:
        """The same again until there is an answer. Throws `Refused`, and `Stopped` when `stop` is set meanwhile."""
        return self.persist(lambda: self.once(method, path, body, headers, timeout, into), stop)

    def persist(self, work: Callable[[], Any], stop: threading.Event | None = None) -> Any:
        return _persist(work, stop, self._say)

    def fetch(self, path: str, file: Path, sha256: str, size: int | None, stop: threading.Event | None = None) -> None:
        """Downloads into `file`, going on where a cut came; wrong bytes are thrown away and fetched once more."""
        part = file.with_name(f"{file.name}.part")

        def piece() -> None:
            have = part.stat().st_size if part.exists() else 0
            if have and have == size:
                return

            def into(status: int, stream: Any) -> None:
                with open(part, "ab" if status == 206 else "wb") as out:
                    while data := stream.read(1 << 18):
                        if stop and stop.is_set():
                            raise Stopped
                        out.write(data)

            try:
                self.once("GET", path, headers={"Range": f"bytes={have}-"} if have else {}, into=into)
            except Refused as refused:
                if refused.status != 416:
                    raise
                part.unlink(missing_ok=True)
                raise Away("the file was longer than the hub's") from refused
            if size is not None and part.stat().st_size < size:
                raise Away("the download was cut")

        for attempt in (1, 2, 3):
            _persist(piece, stop, self._say)
            if sha256_of(part) == sha256:
                part.replace(file)
                return
            part.unlink()
            self._say(f"{file.name} arrived damaged ({attempt})")
        raise Refused(0, "blob_hash", f"{sha256} does not arrive whole", {})

    def upload(self, job: str, epoch: int, file: Path, sha256: str, stop: threading.Event | None = None) -> None:
        """Uploads an artefact, going on from what the hub has."""
        path, size = f"/trainer/v1/jobs/{job}/artifacts/{sha256}?epoch={epoch}", file.stat().st_size
        state = self.call("GET", path, stop=stop).json()
        while not state["complete"]:
            begin = state["offset"]
            with open(file, "rb") as source:
                source.seek(begin)
                data = source.read(_PIECE)
            span = {"Content-Range": f"bytes {begin}-{begin + len(data) - 1}/{size}"} if data else {}

            def piece() -> dict[str, Any]:
                try:
                    return self.once("PUT", path, data, span, timeout=_TIMEOUT_S * 5).json()
                except Away:
                    # Part of it may have arrived.
                    time.sleep(random.uniform(0.2, 1))
                    return self.once("GET", path).json()
                except Refused as refused:
                    if refused.key == "artifact_offset":
                        return {"offset": refused.params["offset"], "complete": False}
                    raise

            state = self.persist(piece, stop)


def _persist(work: Callable[[], Any], stop: threading.Event | None, say: Callable[[str], None]) -> Any:
    pause = 1.0
    told = False
    while True:
        if stop and stop.is_set():
            raise Stopped
        try:
            answer = work()
        except Away as away:
            if not told:
                say(f"the hub does not answer ({away}): trying again")
                told = True
            wait = max(away.after, random.uniform(0.3, 1) * pause)
            pause = min(_LONGEST_PAUSE_S, pause * 2)
            if stop:
                stop.wait(wait)
            else:
                time.sleep(wait)
        else:
            if told:
                say("the hub is back")
            return answer


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _problem(error: urllib.error.HTTPError) -> Exception:
    try:
        told = json.loads(error.read(100_000))
    except (ValueError, OSError, http.client.HTTPException):
        told = {}
    told = told if isinstance(told, dict) else {}
    if error.code in (408, 425, 429) or error.code >= 500:
        after = error.headers.get("Retry-After", "0")
        return Away(f"{error.code} {told.get('title', error.reason)}", float(after) if after.isdigit() else 0)
    return Refused(error.code, told.get("key", ""), str(told.get("title", error.reason)), told.get("params") or {})
