"""The one parser of DATABASE_URL: every client of Postgres gets the URL that it returns.

The result is a URL as libpq reads it, in which host, port, TLS and certificates are explicit, so
that no variable of the environment can change where the password goes. No error quotes the text.
Source: https://www.postgresql.org/docs/17/libpq-connect.html (sections 32.1 and 32.15), read
2026-11-29.
"""

import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote, unquote

from core.config.database_parameters import check_parameter, check_session_target

SCHEME_PATTERN = re.compile(r"(?i)(?P<name>postgresql|postgres)(?:\+\w+)?://")
URL_PATTERN = re.compile(
    r"(?:(?P<credentials>[^@/?]*)@)?(?P<hosts>[^/?]*)(?:/(?P<database>[^?]*))?(?:\?(?P<query>.*))?"
)
HOST_PATTERN = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]*))?")
BAD_ESCAPE_PATTERN = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")
KEYWORD_FORM_PATTERN = re.compile(r"\s*\w+\s*=")
DEFAULT_PORT = "5432"
MAX_PORT = 65535
VERIFY_FULL = "verify-full"
ENCRYPTED_MODES = frozenset({"require", "verify-ca", VERIFY_FULL})
SYSTEM_CERTIFICATES = "system"  # libpq's word for the certificates that the machine trusts
CERTIFICATE_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Red Hat
    "/etc/ssl/cert.pem",  # BSD, macOS
)

ENCODE_ADVICE = (
    "in user, password and database write @ as %40, : as %3A, / as %2F, # as %23, ? as %3F and "
    "% as %25"
)


@dataclass(frozen=True)
class DatabaseAddress:
    """The parts of a DATABASE_URL, decoded. `hosts` are pairs of host and port as text."""

    user: str
    password: str
    hosts: tuple[tuple[str, str], ...]
    database: str
    parameters: Mapping[str, str]

    @property
    def is_local(self) -> bool:
        """Whether every server is on this machine; no host means a Unix socket."""
        return all(is_local_host(host) for host, _ in self.hosts)

    def to_url(self) -> str:
        """Return the URL that libpq, psql, psycopg2 and pg_dump read with the same meaning."""
        password = f":{quote(self.password, safe='')}" if self.password else ""
        credentials = f"{quote(self.user, safe='')}{password}@" if self.user or password else ""
        hosts = ",".join(f"{encode_host(host)}:{port}" for host, port in self.hosts)
        query = "&".join(f"{name}={quote(text, safe='')}" for name, text in self.parameters.items())
        database = quote(self.database, safe="")
        return f"postgresql://{credentials}{hosts}/{database}{'?' if query else ''}{query}"


def parse_replica_url(text: str, defaults: Mapping[str, str] | None = None) -> str:
    """Return the URL of a standby with everything explicit, as `parse_database_url` does."""
    address = complete_named_address(text, defaults or {})
    if "target_session_attrs" in address.parameters:
        raise ValueError(
            "has target_session_attrs: remove it, of several servers standbys are used"
        )
    if len(address.hosts) > 1:
        address = replace(
            address, parameters={**address.parameters, "target_session_attrs": "standby"}
        )
    return with_tls(address).to_url()


def parse_database_url(text: str, defaults: Mapping[str, str] | None = None) -> str:
    """Return the URL with everything explicit.

    Shapes: `defaults` holds `host`, `port`, `user`, `password`, `dbname`, `sslmode` and
    `sslrootcert` for what the URL leaves out, as libpq takes them from PGHOST and the others.
    Errors: ValueError that names the form and the remedy.
    """
    address = complete_named_address(text, defaults or {})
    check_session_target(address.parameters, has_several_hosts=len(address.hosts) > 1)
    return with_tls(with_writable_host(address)).to_url()


def complete_named_address(text: str, defaults: Mapping[str, str]) -> DatabaseAddress:
    """Split the URL and fill in what it leaves out. Errors: ValueError, also without a database."""
    address = complete_address(split_address(text), defaults)
    if not address.database:
        raise ValueError("names no database: postgresql://user:password@host/database")
    return address


def split_address(text: str) -> DatabaseAddress:
    """Split the URL into its parts. Errors: ValueError."""
    check_text(text)
    match = URL_PATTERN.fullmatch(SCHEME_PATTERN.sub("", text, count=1))
    query = (match["query"] or "") if match else ""
    if match is None or "@" in match["hosts"] or "@" in query or is_broken(match["database"] or ""):
        raise ValueError(f"cannot be read: {ENCODE_ADVICE}")
    parameters = dict(split_query(query))
    user, _, password = (match["credentials"] or "").partition(":")
    named = {
        "user": unquote(user),
        "password": unquote(password),
        "dbname": unquote(match["database"] or ""),
    }
    for name, part in named.items():
        if part and name in parameters:
            raise ValueError(f"names {name} twice: before the question mark and after it")
        named[name] = part or parameters.pop(name, "")
    hosts = split_hosts(match["hosts"], parameters)
    return DatabaseAddress(named["user"], named["password"], hosts, named["dbname"], parameters)


def check_text(text: str) -> None:
    """Errors: ValueError for what is no URL of Postgres, or cannot be read in one way only."""
    if text[:1] in {"'", '"'}:
        raise ValueError("is in quotation marks: remove them (docker's --env-file keeps them)")
    if text.startswith("jdbc:"):
        raise ValueError("is a JDBC URL: write postgresql://user:password@host:5432/database")
    if KEYWORD_FORM_PATTERN.match(text):
        raise ValueError(
            "is in the form of keywords: write host=H port=P user=U password=W dbname=D as "
            "postgresql://U:W@H:P/D"
        )
    if not SCHEME_PATTERN.match(text):
        raise ValueError("must begin with postgresql://")
    if re.search(r"[\s\x00-\x1f\x7f]", text):
        raise ValueError("contains a space, a line break or a control character: write it as %20")
    if "#" in text:
        raise ValueError(f"contains #, which ends a URL: {ENCODE_ADVICE}")
    if BAD_ESCAPE_PATTERN.search(text):
        raise ValueError(f"contains a % that two hexadecimal digits do not follow: {ENCODE_ADVICE}")


def is_broken(database: str) -> bool:
    """Whether what looks like the database's name is rather the end of a password."""
    return "/" in database or "@" in database


def split_query(query: str) -> Iterator[tuple[str, str]]:
    """Errors: ValueError for a parameter that libpq does not know, or that occurs twice."""
    names = set()
    for part in filter(None, query.split("&")):
        name, equals, text = part.partition("=")
        name = unquote(name)
        if not equals:
            raise ValueError(f"has a parameter without a value: {ENCODE_ADVICE}")
        if name in names:
            raise ValueError(
                "has a parameter twice; write several hosts as "
                "postgresql://user:password@host1:5432,host2:5432/database"
            )
        names.add(name)
        check_parameter(name, unquote(text))
        yield name, unquote(text)


def split_hosts(netloc: str, parameters: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """Return hosts and ports, of the part before the path or of the parameters `host` and `port`.

    Removes those from `parameters`. A host or port that is not named is an empty text.
    Errors: ValueError.
    """
    host_parameter = parameters.pop("host", "")
    if netloc.strip(",:") and host_parameter:
        raise ValueError("names the host twice: before the path and as the parameter host")
    pairs = [split_host(part) for part in netloc.split(",")]
    hosts = host_parameter.split(",") if host_parameter else [host for host, _ in pairs]
    ports = [port for _, port in pairs]
    if "port" in parameters:
        if any(ports):
            raise ValueError("names the port twice: after the host and as the parameter port")
        ports = parameters.pop("port").split(",")
    if len(ports) != len(hosts):
        if len(set(ports)) != 1:
            raise ValueError("names another number of ports than of hosts")
        ports = ports[:1] * len(hosts)
    if len(hosts) > 1 and not all(hosts):
        raise ValueError("names several hosts, and one of them is empty")
    for host, port in zip(hosts, ports, strict=True):
        check_host(host)
        check_port(port)
    return tuple(zip(hosts, ports, strict=True))


def split_host(part: str) -> tuple[str, str]:
    match = HOST_PATTERN.fullmatch(part)
    if match is None:
        raise ValueError(
            "has a host or port that cannot be read: the port is a number, an IPv6 address "
            f"stands in brackets ([::1]:5432); {ENCODE_ADVICE}"
        )
    return unquote(match["host"].strip("[]")), match["port"] or ""


def check_host(host: str) -> None:
    """Errors: ValueError if it is neither a name, nor an address, nor the path of a socket."""
    if ":" in host and not host.startswith(("/", "@")):
        try:
            ip_address(host.partition("%")[0])
        except ValueError:
            raise ValueError(
                "has a host with a colon: write the port as postgresql://user@host:5432/database, "
                "or as the parameter port"
            ) from None
    elif not host.startswith(("/", "@")) and re.search(r"[^\w.\-:%]", host):
        raise ValueError(f"has a host that is no name and no address: {ENCODE_ADVICE}")


def check_port(port: str) -> None:
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) <= MAX_PORT):
        raise ValueError(f"must have a port between 1 and {MAX_PORT}")


def complete_address(address: DatabaseAddress, defaults: Mapping[str, str]) -> DatabaseAddress:
    """Fill in what the URL leaves out; the port is always explicit afterwards."""
    hosts = address.hosts
    if not any(host for host, _ in hosts) and defaults.get("host"):
        hosts = tuple((host, hosts[0][1]) for host in defaults["host"].split(","))
        for host, _ in hosts:
            check_host(host)
    default_port = defaults.get("port") or DEFAULT_PORT
    check_port(default_port)
    parameters = dict(address.parameters)
    for name in ("sslmode", "sslrootcert"):
        if name not in parameters and defaults.get(name):
            parameters[name] = defaults[name]
    return DatabaseAddress(
        user=address.user or defaults.get("user", ""),
        password=address.password or defaults.get("password", ""),
        hosts=tuple((host, port or default_port) for host, port in hosts),
        database=address.database or defaults.get("dbname", ""),
        parameters=parameters,
    )


def with_writable_host(address: DatabaseAddress) -> DatabaseAddress:
    """Of several servers only the one that accepts writes is of use: the primary."""
    if len(address.hosts) == 1 or "target_session_attrs" in address.parameters:
        return address
    parameters = {**address.parameters, "target_session_attrs": "read-write"}
    return replace(address, parameters=parameters)


def with_tls(address: DatabaseAddress) -> DatabaseAddress:
    """Demand a valid certificate of every server that is not on this machine.

    Less has to be said: `sslmode=require` or `verify-ca` for less of a check, `disable` for none.
    Errors: ValueError for modes that may end in plain text without a word.
    """
    parameters = dict(address.parameters)
    if not address.is_local:
        mode = parameters.setdefault("sslmode", VERIFY_FULL)
        if mode in {"allow", "prefer"}:
            raise ValueError(
                f"has sslmode={mode} (itself or by PGSSLMODE), which may send the password "
                "unencrypted: use verify-full, or disable if the network is private"
            )
    if parameters.get("sslmode") in ENCRYPTED_MODES:
        certificates = parameters.get("sslrootcert") or default_certificates(parameters["sslmode"])
        if certificates:
            parameters["sslrootcert"] = find_certificates(certificates)
    return replace(address, parameters=parameters)


def default_certificates(sslmode: str) -> str:
    """Return libpq's own file if it exists; otherwise `system` where certificates are checked."""
    own_file = Path("~/.postgresql/root.crt").expanduser()
    if own_file.is_file():
        return str(own_file)
    return "" if sslmode == "require" else SYSTEM_CERTIFICATES


def find_certificates(certificates: str) -> str:
    """Return the path of a file with certificates; `system` becomes that of this machine.

    libpq's own `system` looks in the folder of the machine on which the wheel was built.
    Errors: ValueError if there is no such file.
    """
    if certificates == SYSTEM_CERTIFICATES:
        paths = (ssl.get_default_verify_paths().cafile, *CERTIFICATE_FILES)
        found = next((path for path in paths if path and Path(path).is_file()), None)
        if found is None:
            raise ValueError("finds no certificates on this machine: add sslrootcert=PATH")
        return found
    if not Path(certificates).is_file():
        raise ValueError("has an sslrootcert that is no file: name a file in PEM form, or system")
    return certificates


def is_local_host(host: str) -> bool:
    """Whether a connection to it stays on this machine: a socket, or a loopback address."""
    if host == "" or host.startswith(("/", "@")) or host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def encode_host(host: str) -> str:
    """Return the host as it stands in a URL: a socket's path encoded, IPv6 in brackets."""
    if ":" in host and not host.startswith(("/", "@")):
        return f"[{quote(host, safe=':')}]"
    return quote(host, safe="")
