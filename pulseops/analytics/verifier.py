"""What PostgreSQL keeps of a password (RFC 5803), made here: the password itself never reaches the server.

A server logs statements, and `pg_stat_statements` keeps them.
"""

from base64 import b64encode
from hashlib import pbkdf2_hmac, sha256
from hmac import digest

_ROUNDS = 4096
"""PostgreSQL's own default (scram_iterations)."""


def scram_verifier(password: str, salt: bytes) -> str:
    """`password` is ASCII, which SASLprep leaves as it is."""
    salted = pbkdf2_hmac("sha256", password.encode("ascii"), salt, _ROUNDS)
    stored = sha256(digest(salted, b"Client Key", "sha256")).digest()
    server = digest(salted, b"Server Key", "sha256")
    salt64, stored64, server64 = (b64encode(one).decode() for one in (salt, stored, server))
    return f"SCRAM-SHA-256${_ROUNDS}:{salt64}${stored64}:{server64}"
