"""Why the certificate of a Postgres is refused: libpq says only that its verification failed.

Source: https://www.postgresql.org/docs/17/protocol-flow.html (SSL session encryption) and
https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/, read 2026-11-29.
"""

import socket
import ssl
import struct
from collections.abc import Mapping

from psycopg2.extensions import parse_dsn

from db.connections import strip_driver

SSL_REQUEST = struct.pack("!ii", 8, 80877103)
ACCEPTED = b"S"
PROBE_TIMEOUT = 2.0  # seconds

VERIFY_WORDS: Mapping[int, str] = {
    9: "the server's certificate is not valid yet",
    10: "the server's certificate has expired",
    23: "the server's certificate is revoked",
    62: "the server's certificate is for another name",
    64: "the server's certificate is for another name",
}
"""OpenSSL's codes. All others mean that we trust none of the authorities that signed it."""


def find_certificate_fault(url: str) -> str | None:
    """Shake hands as libpq does and say why the certificate is refused; None if that is unknown.

    Sends no user and no password. Looks at the first server of the URL.
    """
    parameters = parse_dsn(strip_driver(url))
    host = str(parameters.get("host", "")).partition(",")[0]
    port = int(str(parameters.get("port", "5432")).partition(",")[0])
    context = ssl.create_default_context(cafile=parameters.get("sslrootcert"))
    context.check_hostname = parameters.get("sslmode") == "verify-full"
    try:
        with socket.create_connection((host, port), PROBE_TIMEOUT) as plain:
            plain.sendall(SSL_REQUEST)
            if plain.recv(1) != ACCEPTED:
                return None
            with context.wrap_socket(plain, server_hostname=host):
                return None
    except ssl.SSLCertVerificationError as error:
        return VERIFY_WORDS.get(error.verify_code)
    except OSError:
        return None
