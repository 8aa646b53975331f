"""Signed links: whoever has one can fetch one file until it expires, without any other proof of who they are.

    expires=1735898592&signature=<64 hex digits>

`expires` is in Unix seconds; the signature is an HMAC-SHA256 of purpose, file id and expiry, so that neither can be
changed. There may be several secrets: the first signs, and what any of them signed is good, so that one can be replaced
while links of the old one are still out.
"""

import hashlib
import hmac
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime

LEAST_BYTES = 16
"""Of a secret: what is shorter can be guessed."""

_EXPIRES = re.compile(r"[0-9]{1,12}")


class Links:
    """Makes and checks links. `secrets`: not empty, the first signs. Raises ValueError for one that is too short."""

    def __init__(self, secrets: Sequence[str]) -> None:
        if not secrets or any(len(secret.encode()) < LEAST_BYTES for secret in secrets):
            raise ValueError(f"a secret has at least {LEAST_BYTES} bytes")
        self._secrets = tuple(secrets)

    def query(self, file_id: str, expires_at: datetime) -> str:
        """The query of a link: the same each time. It ends with the second in which `expires_at` is."""
        expires = str(math.floor(expires_at.timestamp()))
        return f"expires={expires}&signature={_signature(self._secrets[0], file_id, expires)}"

    def good_until(self, file_id: str, expires: str, signature: str) -> datetime | None:
        """When a link ends that this signature makes, which may be past; None for one that nobody here signed."""
        if not _EXPIRES.fullmatch(expires):
            return None
        given = signature.encode("utf-8", "replace")
        signed = [_signature(secret, file_id, expires).encode() for secret in self._secrets]
        same = [hmac.compare_digest(each, given) for each in signed]  # all of them, and each in constant time
        if not any(same):
            return None
        return datetime.fromtimestamp(int(expires), UTC)


def _signature(secret: str, file_id: str, expires: str) -> str:
    return hmac.new(secret.encode(), f"loa.audio.v1\n{file_id}\n{expires}".encode(), hashlib.sha256).hexdigest()
