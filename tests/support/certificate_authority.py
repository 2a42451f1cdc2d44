"""A certificate authority of a test, and servers' certificates of every kind that it issues."""

import ipaddress
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


@dataclass(frozen=True)
class ServerCertificate:
    """The files of a server's certificate and its key, which the server's account may read."""

    certificate_file: Path
    key_file: Path


class CertificateAuthority:
    """Issues certificates into a folder; clients trust `ca_file`."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._name = folder, name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._begin(self._subject, self._key.public_key(), timedelta(0))
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        certificate = builder.add_extension(usage, True).sign(self._key, hashes.SHA256())
        self.ca_file = folder / f"{name}.pem"
        self.ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(
        self, *names: str, has_expired: bool = False, owner: str | None = None
    ) -> ServerCertificate:
        """Issue a certificate for host names and IP addresses; `owner` may read its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        age = 30 * DAY if has_expired else timedelta(0)
        builder = self._begin(subject, key.public_key(), age)
        builder = builder.add_extension(
            x509.SubjectAlternativeName([general_name(name) for name in names]), False
        )
        certificate = builder.sign(self._key, hashes.SHA256())
        stem = f"{self._name}-{names[0]}{'-expired' if has_expired else ''}"
        files = ServerCertificate(self._folder / f"{stem}.pem", self._folder / f"{stem}.key")
        files.certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files.key_file.touch(mode=0o600)
        files.key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        if owner is not None:
            shutil.chown(files.key_file, owner)
        return files

    def _begin(
        self, subject: x509.Name, public_key: ec.EllipticCurvePublicKey, age: timedelta
    ) -> x509.CertificateBuilder:
        """A certificate that has been valid for a day longer than `age`, for two days."""
        begin = datetime.now(UTC) - DAY - age
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + 2 * DAY)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False
            )
        )


def general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
