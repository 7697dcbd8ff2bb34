"""HTTP basic: one user and his password for everything, as ``--http_credentials`` says."""

from __future__ import annotations

import base64
import binascii
import hmac

from mesos_py.web.request import Request
from mesos_py.web.response import HttpError


class Basic:
    """Who knows the password is let in."""

    def __init__(self, credentials: str, realm: str) -> None:
        """``credentials`` are USER:PASSWORD. Raises ValueError."""
        self.user, colon, password = credentials.partition(":")
        if not colon or not self.user:
            raise ValueError("expecting USER:PASSWORD")
        self._expected = f"{self.user}:{password}".encode()
        self._challenge = (("WWW-Authenticate", f'Basic realm="{realm}"'),)

    def identify(self, request: Request) -> None:
        """He is the request's principal. Raises HttpError 401."""
        scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
        try:
            said = base64.b64decode(encoded.strip(), validate=True) if scheme.lower() == "basic" else b""
        except (binascii.Error, ValueError):
            said = b""
        if not hmac.compare_digest(said, self._expected):
            raise HttpError(401, headers=self._challenge)
        request.principal = self.user
