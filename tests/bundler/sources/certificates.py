"""A certificate authority for one test run, and certificates for the names that tests use."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAMES = (
    "localhost",
    "registry.example",
    "evil.example",
    "registry-1.docker.io",
    "auth.docker.io",
)
"""Hosts that the server's certificate is for, beside 127.0.0.1."""


@dataclass(frozen=True)
class Certificates:
    """Files in PEM.

    Attributes:
        authority: the authority's certificate.
        chain: the server's certificate and key.
        key: the server's key alone.
    """

    authority: Path
    chain: Path
    key: Path


def make_certificates(folder: Path) -> Certificates:
    """Make an authority and a server's certificate, valid for an hour."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
    hosts = [x509.DNSName(host) for host in NAMES]
    alternatives = x509.SubjectAlternativeName(
        [*hosts, x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    )
    ca_constraints = x509.BasicConstraints(ca=True, path_length=None)
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    ca = _builder(ca_name, ca_name, ca_key).add_extension(ca_constraints, critical=True)
    ca = ca.add_extension(usage, critical=True)
    leaf = _builder(name, ca_name, key).add_extension(alternatives, critical=False)
    signed = [builder.sign(ca_key, hashes.SHA256()) for builder in (ca, leaf)]
    ca_pem, leaf_pem = (one.public_bytes(serialization.Encoding.PEM) for one in signed)
    key_pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    files = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    files.authority.write_bytes(ca_pem)
    files.chain.write_bytes(leaf_pem + key_pem)
    files.key.write_bytes(key_pem)
    return files


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
    )
