"""How many extensions (users) a 3CX v20 PBX has, asked over its configuration API (XAPI, OData): read only, one PBX at a time.

What the API promises (3CX Configuration REST API; https://www.3cx.com/docs/configuration-rest-api/, sample https://github.com/3cx/xapi-tutorial):

- ``POST /connect/token`` with ``client_id``, ``client_secret`` and ``grant_type=client_credentials`` gives a bearer token; it lives for
  an hour at most, and a client may have one at a time. Needs an Enterprise licence. Without one, ``POST
  /webclient/api/Login/GetAccessToken`` gives the token of an administrator who signs in by name and password.
- ``GET /xapi/v1/Users`` with ``$top``, ``$skip``, ``$count=true``: ``@odata.count`` says how many there are in all, ``value`` holds a page,
  ``@odata.nextLink`` leads to the next where the server cut it short.

A count that is not certain is no count: whatever does not fit together is an error, never a smaller number. What may pass by itself
(time-outs, broken connections, 429, 5xx) is tried again a bounded number of times, later each time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from orchestration.errors import TiktellerError

USERS = "/xapi/v1/Users"
PAGE_ROWS = 100  # what 3CX's own client asks for at once
MOST_PAGES = 1_000  # of a hundred rows: ten times the largest PBX; a chain of pages that goes on is a loop
NOT_A_USER = (
    "not startsWith(Number,'HD')"  # hot desks stand among the users with a number of their own; 3CX's own client leaves them out too
)
LONGEST_PAUSE_S = 60.0  # a PBX that asks for more patience is reported, for somebody to read it later
UNAUTHORIZED, TOO_MANY_REQUESTS = 401, 429

Login = Literal["client", "user"]


@dataclass(frozen=True)
class Access:
    """Where a PBX is and who asks. ``secret`` is the API key of a client, or the password of a user; it is never shown."""

    url: str
    login: Login
    name: str
    secret: str = field(repr=False)
    ca_file: str | None = None


@dataclass(frozen=True)
class Patience:
    """How long and how often to try: per request, seconds to connect and to wait for an answer, and tries in all."""

    connect_s: float = 10.0
    answer_s: float = 30.0
    tries: int = 5
    first_pause_s: float = 1.0
    """Before the second try; it doubles with each."""
    whole_reading_s: float = 300.0
    """No request begins later than this after the first."""


class _Bearer(AuthBase):
    """Sends the token, or nothing; either way the machine's ~/.netrc is not asked for another password."""

    def __init__(self, token: str | None) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.token:
            request.headers["Authorization"] = f"Bearer {self.token}"
        return request


def count_extensions(access: Access, patience: Patience = Patience(), sleep: Callable[[float], None] = time.sleep) -> int:
    """How many users the PBX has. Raises TiktellerError with the fix when that is not certain."""
    with requests.Session() as session:
        return _Reading(access, patience, sleep, session).count()


class _Reading:
    """The requests of one reading: they share a connection, a token and the time there is."""

    def __init__(self, access: Access, patience: Patience, sleep: Callable[[float], None], session: requests.Session) -> None:
        self.access = access
        self.patience = patience
        self.sleep = sleep
        self.session = session
        self.base = access.url.rstrip("/")
        self.token: str | None = None
        self.ends_at = time.monotonic() + patience.whole_reading_s

    def count(self) -> int:
        numbers: set[str] = set()
        rows = 0
        told: int | None = None
        address: str | None = USERS
        query: dict[str, str] | None = self._page_from(0)
        for _ in range(MOST_PAGES):
            page = self._page(address, query)
            users, count = _users_of(page), _count_of(page)
            if told is not None and count is not None and count != told:
                raise TiktellerError(f"the number of users changed from {told} to {count} while they were read", fix="read the PBX again")
            told = count if told is None else told
            rows += len(users)
            numbers.update(users)
            if next_link := page.get("@odata.nextLink"):
                address, query = self._path_of(next_link), None
            elif told is not None and users and rows < told:
                address, query = USERS, self._page_from(rows)  # the server cut the page short and left the rest to be asked for
            else:
                break
        else:
            raise TiktellerError(f"the list of users has no end: {MOST_PAGES} pages were read", fix="report it to whoever keeps the PBX")
        if told is None:
            raise TiktellerError("the PBX does not say how many users it has (@odata.count is missing)", fix="it needs 3CX v20 or newer")
        if not told == rows == len(numbers):
            different = "" if rows == len(numbers) else f", {len(numbers)} of them different"
            raise TiktellerError(
                f"the PBX says it has {told} users but lists {rows}{different}",
                fix="read it again; if it stays so, give the API client a role that sees every department (System Owner)",
            )
        if told == 0:
            raise TiktellerError(
                f"{self.access.name} sees no user at all, and every PBX has its owner",
                fix="give the API client a role that sees every department (System Owner)",
            )
        return told

    def _page_from(self, skip: int) -> dict[str, str]:
        return {
            "$top": str(PAGE_ROWS),
            "$skip": str(skip),
            "$count": "true",
            "$orderby": "Number",
            "$select": "Id,Number",
            "$filter": NOT_A_USER,
        }

    def _path_of(self, link: Any) -> str:
        """The path and query of a nextLink, on the address that we were given: the PBX may know itself by another name."""
        parts = urlsplit(link if isinstance(link, str) else "")
        if parts.path.rstrip("/") != USERS or not parts.query:
            raise TiktellerError(f"the next page is said to be at {str(link)[:200]!r}, which is no list of users", fix="report it")
        return f"{parts.path}?{parts.query}"

    def _page(self, address: str, query: dict[str, str] | None) -> dict[str, Any]:
        """One page of users; a token that is refused is renewed, once."""
        for is_renewed in (False, True):
            if self.token is None:
                self.token = self._sign_in()
            answer = self._send("GET", address, _Bearer(self.token), params=query)
            if answer.status_code != UNAUTHORIZED:
                return _object_of(answer, "list of users")
            self.token = None
            if is_renewed:
                break
        raise TiktellerError(
            f"{self.access.name} signs in, but may not list users (HTTP 401)",
            fix="tick '3CX Configuration API Access' for it in the PBX (Integrations > API) and give it a role",
        )

    def _sign_in(self) -> str:
        nobody = _Bearer(None)
        if self.access.login == "client":
            form = {"client_id": self.access.name, "client_secret": self.access.secret, "grant_type": "client_credentials"}
            answer = self._send("POST", "/connect/token", nobody, data=form)
        else:
            person = {"Username": self.access.name, "Password": self.access.secret, "SecurityCode": ""}
            answer = self._send("POST", "/webclient/api/Login/GetAccessToken", nobody, json=person)
        if answer.status_code in (400, 401, 403):
            raise TiktellerError(
                f"{self.access.name} is refused (HTTP {answer.status_code})",
                fix="make a new API key in the PBX (Integrations > API) and put it where the configuration says",
            )
        body = _object_of(answer, "token")
        token = body.get("access_token") if self.access.login == "client" else (body.get("Token") or {}).get("access_token")
        if not isinstance(token, str) or not token:
            status = f" (status {str(body.get('Status'))[:40]})" if body.get("Status") else ""
            raise TiktellerError(f"{self.access.name} gets no token{status}", fix="check name, secret and whether it needs a second factor")
        return token

    def _send(self, method: str, address: str, auth: AuthBase, **body: Any) -> requests.Response:
        """One request, tried again while what is wrong may pass. Gives any answer below 500 but 429."""
        pause_s = self.patience.first_pause_s
        for attempt in range(1, self.patience.tries + 1):
            asked_pause_s: float | None = None
            try:
                answer = self.session.request(
                    method,
                    self.base + address,
                    auth=auth,
                    timeout=(self.patience.connect_s, self.patience.answer_s),
                    allow_redirects=False,  # a token goes nowhere but to the PBX
                    verify=self.access.ca_file or True,  # here: on the session, REQUESTS_CA_BUNDLE of the environment would go before it
                    **body,
                )
            except requests.exceptions.SSLError as error:
                raise TiktellerError(
                    f"the certificate of {self.base} is not trusted: {_inmost(error)}",
                    fix="give the PBX a certificate of a known authority, or name its own in ca_file; the check cannot be left out",
                ) from error
            except (requests.exceptions.ConnectionError, requests.exceptions.Timeout, requests.exceptions.ChunkedEncodingError) as error:
                problem = "no answer in time" if isinstance(error, requests.exceptions.Timeout) else _inmost(error)
            except requests.exceptions.RequestException as error:
                raise TiktellerError(f"{self.base} cannot be asked: {_inmost(error)}", fix="check url and ca_file") from error
            else:
                if answer.status_code != TOO_MANY_REQUESTS and answer.status_code < 500:
                    return answer
                problem = f"HTTP {answer.status_code}"
                asked_pause_s = _retry_after_s(answer.headers.get("Retry-After"))
            if attempt == self.patience.tries:
                break
            wait_s = max(pause_s, asked_pause_s or 0.0)
            if wait_s > LONGEST_PAUSE_S or time.monotonic() + wait_s > self.ends_at:
                problem += f", and it asks to wait {wait_s:.0f} s" if asked_pause_s else ", and there is no time left"
                break
            self.sleep(wait_s)
            pause_s *= 2
        raise TiktellerError(
            f"{self.base} does not answer: {problem} ({attempt} {'try' if attempt == 1 else 'tries'})",
            fix="look whether the PBX runs and can be reached from here, then read it again before the month's end",
        )


def _retry_after_s(text: str | None) -> float | None:
    """Seconds of a Retry-After header: a number, or a date; None where there is none that can be read."""
    if not text:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _object_of(answer: requests.Response, what: str) -> dict[str, Any]:
    if answer.status_code != 200:
        raise TiktellerError(
            f"instead of a {what} the PBX sends HTTP {answer.status_code}",
            fix="check url: it is the address of the PBX alone, such as https://pbx.example.com:5001, and it must be 3CX v20",
        )
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise TiktellerError(f"instead of a {what} the PBX sends something that is no JSON object", fix="check url; is it a 3CX v20?")
    return body


def _users_of(page: dict[str, Any]) -> list[str]:
    users = page.get("value")
    if not isinstance(users, list) or not all(isinstance(user, dict) and user.get("Id") is not None for user in users):
        raise TiktellerError("the PBX sends a page without users (value, each with an Id)", fix="read it again; it needs 3CX v20 or newer")
    return [str(user["Id"]) for user in users]


def _count_of(page: dict[str, Any]) -> int | None:
    count = page.get("@odata.count")
    if count is None:
        return None
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise TiktellerError(f"the PBX says it has {str(count)[:40]!r} users", fix="read it again")
    return count


def _inmost(error: BaseException) -> str:
    """What went wrong first, in the words of the system; requests wraps it several times."""
    seen: list[BaseException] = []
    while error not in seen:
        seen.append(error)
        reason = getattr(error, "reason", None)
        inner = (
            reason if isinstance(reason, BaseException) else next((each for each in error.args if isinstance(each, BaseException)), None)
        )
        error = inner or error.__cause__ or error.__context__ or error
    told = getattr(error, "verify_message", None) or getattr(error, "strerror", None) or str(error)
    return str(told)[:200]
