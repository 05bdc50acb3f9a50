"""A simulated PowerSchool that listens: on loopback only, in HTTP or with a certificate of its own."""

import datetime
import ipaddress
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self, cast
from urllib.parse import urlsplit

from rollbook.sandbox.powerschool import access_plugin, admin_pages
from rollbook.sandbox.powerschool.answers import Answer, Request
from rollbook.sandbox.powerschool.installed import Installed
from rollbook.sandbox.powerschool.kept import Kept
from rollbook.sandbox.powerschool.system import System, Tables, Tomorrow

_BODY_LIMIT = 64 << 20


class PowerSchool(System):
    """A PowerSchool on a port of this machine; listens between `start` and `stop`, or inside of a `with`.

    Needs: with `tls`, clients have to trust `certificate`, the path of a file.
    """

    def __init__(self, tables: Tables, *, port: int = 0, tls: bool = False, tomorrow: Tomorrow | None = None) -> None:
        super().__init__(tables, tomorrow=tomorrow)
        self._server = _Server(self, port)
        self._tls = tls
        self._plugin: Installed | None = None
        self._file: Path | None = None
        self._keeping = threading.Lock()
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._folder = tempfile.TemporaryDirectory(prefix="rollbook-powerschool-tls-")
        self.certificate = Path(self._folder.name, "certificate.pem")
        if tls:
            self._server.socket = _secured(self._server.socket, self.certificate)

    @classmethod
    def of(cls, students: int, *, seed: int = 1, day: date | None = None, port: int = 0, tls: bool = False) -> Self:
        """Return a PowerSchool with a generated district of so many students."""
        from rollbook.lib import clock
        from rollbook.sandbox.powerschool import district, tomorrow

        def night(tables: Tables, number: int, today: date) -> Tables:
            return tomorrow.step(dict(tables), seed=seed + number, today=today)

        return cls(district.tables(students, seed, day or clock.now().date()), port=port, tls=tls, tomorrow=night)

    @classmethod
    def kept(cls, file: Path, tables: Callable[[], Tables], *, port: int = 0, tomorrow: Tomorrow | None = None) -> Self:
        """Return a PowerSchool that goes on where its file says; without the file, it begins with the tables that are made.

        Everything that an admin does from now on is in the file before the page answers.
        """
        before = Kept.read(file) if file.exists() else None
        made = cls(before.tables if before else tables(), port=port, tomorrow=tomorrow)
        if before:
            before.give(made)
        made._file = file
        made.keep()
        return made

    def keep(self) -> None:
        """Bring the file up to date, if there is to be one."""
        if self._file:
            with self._keeping:
                Kept.of(self).write(self._file)

    @property
    def url(self) -> str:
        """The address that a client is given."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._server.server_address[1]}"

    @property
    def plugin(self) -> Installed:
        """The plugin that `ready` installed last. Errors: RuntimeError before that."""
        if self._plugin is None:
            raise RuntimeError("no plugin is ready: call ready()")
        return self._plugin

    @property
    def client_id(self) -> str:
        """The id of the plugin that is ready."""
        return self.plugin.client_id

    @property
    def client_secret(self) -> str:
        """The secret of the plugin that is ready."""
        return self.plugin.client_secret

    def ready(self, package: bytes | None = None) -> Self:
        """Install, enable and grant a plugin: a zip, or the simulator's own, which may read every table and v1.

        Errors: plugin.Refused.
        """
        self._plugin = self.plugins.install("plugin.zip", package or access_plugin.package())
        self.plugins.enable(self._plugin.number)
        return self

    def start(self) -> Self:
        """Begin to listen."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening, and keep or forget the district."""
        self.stopping.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self.keep()
        self._server.server_close()
        self._folder.cleanup()
        self.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, system: PowerSchool, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Conversation)
        self.system = system


class _Conversation(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "PowerSchool-simulator", ""
    timeout = 60
    disable_nagle_algorithm = True

    def _answer(self) -> None:
        system = cast(_Server, self.server).system
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdigit() or int(length) > _BODY_LIMIT:
            self.close_connection = True
            self._send(Answer(411))
            return
        # http.server makes "/ws" of "//ws" in self.path; that a doubled slash leads nowhere is a thing clients have to learn.
        path, query = urlsplit(f"//host{self.requestline.split()[1]}")[2:4]
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, path, query, headers, self.rfile.read(int(length)))
        pages = path in ("", "/") or path.startswith("/admin")
        answer = admin_pages.answer(system, request) if pages else system.respond(request)
        if pages and self.command == "POST":
            system.keep()
        self._send(answer)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _answer  # noqa: N815 - names that http.server gives

    def _send(self, answer: Answer) -> None:
        body = answer.body
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if body or answer.status == 200:
            self.send_header("Content-Type", answer.kind)
        if isinstance(body, bytes):
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body[: len(body) // 2] if answer.cut else body)
        else:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self._stream(body)
        if answer.cut:
            self.close_connection = True

    def _stream(self, pieces: Iterator[bytes]) -> None:
        for piece in pieces:
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def handle(self) -> None:
        """Go on until the client hangs up, however it does."""
        with suppress(ConnectionError, TimeoutError, ssl.SSLError):
            super().handle()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: what was asked is in the log of the simulator."""


def _secured(plain: object, certificate: Path) -> ssl.SSLSocket:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    from rollbook.lib import clock

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Simulated PowerSchool")])
    now = clock.now()
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret = certificate.with_name("key.pem")
    pem = serialization.Encoding.PEM
    plain_key = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    secret.write_bytes(plain_key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, secret)
    return context.wrap_socket(cast("ssl.SSLSocket", plain), server_side=True, do_handshake_on_connect=False)
