"""Certificates that nobody else trusts and that live as long as a test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOUR = timedelta(hours=1)


class Authority:
    """Signs certificates. `file` is what those write into their settings who believe it."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._name = _named(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        made = _builder(self._name, self._name, self._key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        self.file = folder / f"{name}.pem"
        _write(self.file, made.sign(self._key, hashes.SHA256()))

    def sign(self, name: str, password: str = "", **names: str) -> tuple[Path, Path]:
        """Files of a new certificate and its key. names: dns, uri, email, ip."""
        key = ec.generate_private_key(ec.SECP256R1())
        kinds = {
            "dns": x509.DNSName,
            "uri": x509.UniformResourceIdentifier,
            "email": x509.RFC822Name,
            "ip": lambda text: x509.IPAddress(ip_address(text)),
        }
        alternatives = [kinds[kind](text) for kind, text in (names or {"ip": "127.0.0.1"}).items()]
        made = _builder(_named(name), self._name, key.public_key())
        made = made.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        certificate, secret = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        _write(certificate, made.sign(self._key, hashes.SHA256()))
        secret.write_bytes(_pem(key, password))
        return certificate, secret


def _pem(key: ec.EllipticCurvePrivateKey, password: str) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password.encode())
        if password
        else serialization.NoEncryption(),
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - HOUR)
        .not_valid_after(now + 24 * HOUR)
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _write(path: Path, certificate: x509.Certificate) -> None:
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
