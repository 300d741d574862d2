"""A 3CX over real HTTPS, for tests: its certificate is made here, and it answers as the configuration API is documented to."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CLIENT, KEY = "900", "a key that is never shown"
USERS = "/xapi/v1/Users"

Answer = tuple[int, Any] | tuple[int, Any, dict[str, str]]


@dataclass
class FakePbx:
    """``page_rows`` is the most it sends at once; ``gives_links`` whether a page that it cut short leads to the next.

    ``interfere`` sees the number of a request (from 1), its path and query, and may answer it, wait, or give None. ``token_uses``
    is how many requests a token is good for.
    """

    users: int = 3
    page_rows: int = 100
    gives_links: bool = True
    gives_count: bool = True
    token_uses: int = 1_000_000
    link_host: str | None = None
    interfere: Callable[[int, str, dict[str, str]], Answer | None] = lambda number, path, query: None
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    url: str = ""

    def asked(self, path: str) -> list[dict[str, str]]:
        return [query for _, asked, query in self.requests if asked == path]

    def answer(self, method: str, target: str, authorization: str, body: bytes) -> Answer:
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.requests.append((method, parts.path, query))
        interfered = self.interfere(len(self.requests), parts.path, query)
        if interfered is not None:
            return interfered
        if (method, parts.path) == ("POST", "/connect/token"):
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            if form != {"client_id": CLIENT, "client_secret": KEY, "grant_type": "client_credentials"}:
                return 401, {"error": "unauthorized", "error_description": "The request requires valid user authentication."}
            return 200, {"token_type": "Bearer", "expires_in": 60, "access_token": self._new_token(), "refresh_token": None}
        if (method, parts.path) == ("POST", "/webclient/api/Login/GetAccessToken"):
            person = json.loads(body)
            if (person["Username"], person["Password"]) != (CLIENT, KEY):
                return 401, {}
            return 200, {"Status": "AuthSuccess", "Token": {"token_type": "Bearer", "expires_in": 60, "access_token": self._new_token()}}
        if (method, parts.path) == ("GET", USERS):
            return self._users(authorization, query)
        return 404, None

    def _new_token(self) -> str:
        self.tokens.append(self.token_uses)
        return f"token-{len(self.tokens)}"

    def _users(self, authorization: str, query: dict[str, str]) -> Answer:
        if authorization != f"Bearer token-{len(self.tokens)}" or self.tokens[-1] == 0:  # one token at a time
            return 401, None
        self.tokens[-1] -= 1
        skip, top = int(query.get("$skip", 0)), int(query.get("$top", self.users))
        last = min(self.users, skip + top, skip + self.page_rows)
        page: dict[str, Any] = {"value": [{"Id": 28 + place, "Number": str(100 + place)} for place in range(skip, last)]}
        if self.gives_count and query.get("$count") == "true":
            page["@odata.count"] = self.users
        if self.gives_links and last < min(self.users, skip + top):
            host = self.link_host or self.url
            page["@odata.nextLink"] = f"{host}{USERS}?$count=true&$top={top - (last - skip)}&$skip={last}"
        return 200, page


@dataclass(frozen=True)
class Certificates:
    authority: Path
    chain: Path


def make_certificates(folder: Path) -> Certificates:
    """An authority and, by it, a certificate for ``localhost`` (not for 127.0.0.1)."""
    now = datetime.now(UTC)

    def certificate(subject: str, issuer: str, key: Any, signer: Any, *, is_authority: bool) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        )
        if is_authority:
            usage = {name: name in ("key_cert_sign", "crl_sign", "digital_signature") for name in KEY_USAGES}
            builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
        else:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        return builder.sign(signer, hashes.SHA256())

    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = certificate("Demo authority", "Demo authority", authority_key, authority_key, is_authority=True)
    own = certificate("localhost", "Demo authority", key, authority_key, is_authority=False)
    pem = serialization.Encoding.PEM
    made = Certificates(folder / "authority.pem", folder / "server.pem")
    made.authority.write_bytes(authority.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    made.chain.write_bytes(private + own.public_bytes(pem) + authority.public_bytes(pem))
    return made


KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@contextmanager
def serving(pbx: FakePbx, certificates: Certificates) -> Iterator[FakePbx]:
    """The PBX, listening on this machine until the block ends; ``pbx.url`` is its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, content, *more = pbx.answer(self.command, self.path, self.headers.get("Authorization", ""), body)
            if status == 0:  # hangs up
                self.close_connection = True
                return
            data = content if isinstance(content, bytes) else b"" if content is None else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            for name, value in (more[0] if more else {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            pass  # a client that hung up, as the tests make it do

    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.chain)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    pbx.url = f"https://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield pbx
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def slow(seconds: float, answer: Answer | None = None) -> Answer | None:
    """Wait, then go on as if nothing had been."""
    time.sleep(seconds)
    return answer
