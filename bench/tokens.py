"""Access tokens of the 200 users: from the database, or signed here with a shared secret."""

import base64
import hashlib
import hmac
import json
import time

from database import USERS


def user_id(number):
    return f"00000000-0000-4000-8000-{number:012x}"


def _base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def payload_of(token):
    payload = token.split(".")[1]
    return base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))


def signed_hs256(secret, payload):
    """A token with these bytes as payload, as a foreign issuer that knows the shared secret would write it (RFC 7515)."""
    signed = b".".join(_base64url(part) for part in (b'{"alg":"HS256","typ":"JWT"}', payload))
    return (signed + b"." + _base64url(hmac.digest(secret.encode(), signed, hashlib.sha256))).decode()


def hs256(secret, lifetime_seconds):
    """number -> token of a foreign issuer."""
    now = int(time.time())
    return {
        number: signed_hs256(secret, json.dumps(
            {"sub": user_id(number), "role": "authenticated", "iat": now, "exp": now + lifetime_seconds},
            separators=(",", ":")).encode())
        for number in range(1, USERS + 1)
    }


def write_lua(tokens, path):
    """The table that the load scripts read."""
    rows = "".join(
        f'{{number={number},id="{user_id(number)}",token="{token}"}},\n' for number, token in tokens.items())
    path.touch(mode=0o600)
    path.write_text("return {\n" + rows + "}\n")
