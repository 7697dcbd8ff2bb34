"""Basic authentication per realm, with Mesos' texts.

A realm that is not switched on lets everybody in without a name. Secrets are compared in constant time, unknown
principals included. A secret that contains ":" never matches. Mesos: src/authentication/http/basic_authenticator.cpp,
3rdparty/libprocess/src/authenticator.cpp.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Mapping

from mesos_py.web.response import HttpError

_NOBODY = "no such principal, but as long to compare"


class Authenticator:
    """Who may enter which realm: ``realms`` names those that are switched on."""

    def __init__(self, credentials: Mapping[str, str], realms: frozenset[str] = frozenset()) -> None:
        self._secrets = {principal: secret.encode() for principal, secret in credentials.items()}
        self.realms = realms

    def authenticate(self, authorization: str | None, realm: str) -> str | None:
        """The principal, None when the realm is open. Raises HttpError 401."""
        if realm not in self.realms:
            return None
        if authorization is not None:
            principal = self._principal(authorization)
            if principal is not None:
                return principal
        raise HttpError(401, headers=(("WWW-Authenticate", f'Basic realm="{realm}"'),))

    def _principal(self, authorization: str) -> str | None:
        scheme, _, encoded = authorization.partition(" ")
        if scheme != "Basic":
            return None
        try:
            parts = base64.b64decode(encoded.strip(), validate=True).decode("utf-8").split(":")
        except (binascii.Error, ValueError):
            return None
        if len(parts) != 2:
            return None
        principal, secret = parts
        known = self._secrets.get(principal)
        same = hmac.compare_digest(known if known is not None else _NOBODY.encode(), secret.encode())
        return principal if same and known is not None else None


def parse_credentials(text: str) -> dict[str, str]:
    """Principal -> secret, from ``{"credentials":[{"principal":..,"secret":..}]}`` or lines ``principal secret``.

    Raises ValueError.
    """
    if not text.lstrip().startswith("{"):
        credentials = {}
        for line in filter(None, map(str.strip, text.splitlines())):
            principal, _, secret = line.partition(" ")
            if not secret.strip():
                raise ValueError(f"expecting 'principal secret' in a line of credentials, found '{principal}'")
            credentials[principal] = secret.strip()
        return credentials
    try:
        listed = json.loads(text)["credentials"]
        return {str(one["principal"]): str(one.get("secret", "")) for one in listed}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"credentials lack {error}") from error
