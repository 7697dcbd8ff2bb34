"""TLS for those who listen, and for a standby that asks the leader: both from the file ``--ssl_keystore_path``.

The file is PEM, with the certificate (and those that lead to its root) and the key. Instances that have the same file
trust each other, whoever has signed it.
"""

from __future__ import annotations

import ssl
from pathlib import Path

#: how keystores of Java begin: its own, JCEKS, and PKCS #12 (a DER sequence)
_KEYSTORES = (bytes.fromhex("feedfeed"), bytes.fromhex("cececece"), b"\x30\x82", b"\x30\x83", b"\x30\x84")
CONVERT = (
    "it is a keystore of Java, which nothing here can read. This makes PEM of it: keytool -importkeystore -srckeystore "
    "FILE -destkeystore all.p12 -deststoretype PKCS12 && openssl pkcs12 -in all.p12 -nodes -out all.pem"
)


class NoCertificate(Exception):
    """Nobody can listen with that."""


def of_server(path: str, password: str | None) -> ssl.SSLContext:
    """Speaks TLS 1.2 or newer. Raises NoCertificate."""
    try:
        beginning = Path(path).read_bytes()[:4]
        if beginning.startswith(_KEYSTORES):
            raise NoCertificate(CONVERT)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(path, password=password or _nothing)
    except (OSError, ValueError) as error:  # SSLError is an OSError
        raise NoCertificate(str(error)) from error
    return context


def of_client(path: str, ignores_hostname: bool) -> ssl.SSLContext:
    """Trusts what the system trusts, and the certificates in the file."""
    context = ssl.create_default_context()
    context.load_verify_locations(path)
    context.check_hostname = not ignores_hostname
    return context


def _nothing() -> str:
    """Instead of asking at a terminal."""
    return ""
