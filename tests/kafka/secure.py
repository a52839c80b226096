"""A real broker that wants a login (SCRAM-SHA-512) over TLS, and who signs its certificate."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kafka import KafkaAdminClient
from kafka.admin import ScramMechanism, UserScramCredentialUpsertion

from tests.kafka.broker import HOST, Broker, alone
from tests.kafka.process import free_ports, wait_until

MECHANISM = "SCRAM-SHA-512"
VALID = timedelta(days=2)
USER_SECONDS = 15.0


class Authority:
    """A certificate authority that nobody else trusts and that lives as long as a test."""

    def __init__(self, name: str) -> None:
        self._name = _named(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        authority = x509.BasicConstraints(ca=True, path_length=0)
        certificate = _builder(self._name, self._name, self._key.public_key(), self._key)
        certificate = certificate.add_extension(authority, critical=True)
        certificate = certificate.add_extension(_usage(signs_certificates=True), critical=True)
        self._certificate = certificate.sign(self._key, hashes.SHA256())

    def write(self, path: Path) -> Path:
        """Write the authority's certificate for those who trust it."""
        path.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))
        return path

    def write_server(self, path: Path) -> Path:
        """Write a new key and a certificate for 127.0.0.1, as Kafka reads them from one file."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _builder(_named(HOST), self._name, key.public_key(), self._key)
        certificate = certificate.add_extension(
            x509.BasicConstraints(ca=False, path_length=None), critical=True
        )
        certificate = certificate.add_extension(_usage(signs_certificates=False), critical=True)
        certificate = certificate.add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=False
        )
        pem = certificate.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        path.touch(mode=0o600)
        path.write_bytes(_pkcs8(key) + pem)
        return path


class SecureBroker:
    """A broker whose clients log in over TLS; a listener without either is for its makers.

    ca_file: what a client must trust.
    """

    def __init__(self, folder: Path) -> None:
        authority = Authority("tests of aead-monitor")
        self.ca_file = authority.write(folder / "ca.pem")
        server = authority.write_server(folder / "server.pem")
        place, (self._port,) = alone(), free_ports(1)
        plain, secure = (f"{HOST}:{port}" for port in (place.port, self._port))
        controller = f"{HOST}:{place.voters[place.node]}"
        advertised = f"PLAINTEXT://{plain},SASL_SSL://{secure}"
        login = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        settings = {
            "listeners": f"{advertised},CONTROLLER://{controller}",
            "advertised.listeners": advertised,
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,"
            "CONTROLLER:PLAINTEXT",
            "sasl.enabled.mechanisms": MECHANISM,
            f"listener.name.sasl_ssl.{MECHANISM.lower()}.sasl.jaas.config": login,
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(server),
        }
        self._broker = Broker(folder, settings=settings, place=place)

    @property
    def bootstrap_servers(self) -> str:
        """HOST:PORT for clients that log in over TLS."""
        return f"{HOST}:{self._port}"

    @property
    def plain_servers(self) -> str:
        """HOST:PORT of the listener without login and TLS."""
        return self._broker.bootstrap_servers

    def start(self) -> None:
        """Start; returns when clients are served."""
        self._broker.start()

    def stop(self) -> None:
        """Shut down in good order."""
        self._broker.stop()

    def set_password(self, user: str, password: str) -> None:
        """Let a user log in with this password, and no other."""
        alteration = UserScramCredentialUpsertion(user, ScramMechanism.SCRAM_SHA_512, password)
        with closing(KafkaAdminClient(bootstrap_servers=self.plain_servers)) as admin:
            failed = {u: why for u, why in _alter(admin, alteration).items() if why}
            if failed:
                raise RuntimeError(f"cannot set the password: {failed}")
            wait_until(
                lambda: admin.describe_user_scram_credentials([user])[user]["error"] is None,
                USER_SECONDS,
                lambda: f"the broker does not know {user} after {USER_SECONDS:g} s",
            )


def _alter(
    admin: KafkaAdminClient, alteration: UserScramCredentialUpsertion
) -> dict[str, str | None]:
    return dict(admin.alter_user_scram_credentials([alteration]))


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    signer: ec.EllipticCurvePrivateKey,
) -> x509.CertificateBuilder:
    """What the certificates of authority and server have in common."""
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        # Clocks of containers may differ a little from ours.
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pkcs8(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The one form of keys that Kafka reads."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
