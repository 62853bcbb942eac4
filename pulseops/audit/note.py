"""Signed notes (C2SP signed-note): a text, and who vouches for it, with Ed25519."""

import re
from collections.abc import Iterable
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

from pulseops.audit.packed import packed, unpacked
from pulseops.kernel.errors import PulseOpsError

_ED25519 = b"\x01"
_ID, _KEY = 4, 32  # bytes
_SECRET = "PRIVATE+KEY"  # noqa: S105 -- what such a key begins with, as of Go's sumdb/note
_NAME = re.compile(r"[^\s+]{1,200}")
_LONGEST, _MOST = 64 * 1024, 100  # bytes of a note; signatures


class NotAKey(PulseOpsError):
    """This is no key for signed notes."""

    code = "not-a-key"


class NotSigned(PulseOpsError):
    """No key that is trusted has signed this note."""

    code = "not-signed"


class Verifier(Struct, frozen=True):
    """Who is trusted: a name, and the public key of it."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        return sha256(b"%b\n%b%b" % (self.name.encode(), _ED25519, self.public)).digest()[:_ID]

    def __str__(self) -> str:
        """As it is told to others: `name+0123abcd+base64`."""
        return f"{self.name}+{self.id.hex()}+{packed(_ED25519 + self.public)}"

    @classmethod
    def parsed(cls, text: str) -> "Verifier":
        """Raises NotAKey."""
        name, _, rest = text.strip().partition("+")
        key_id, _, key = rest.partition("+")
        found = cls(name, _key(key))
        if not _NAME.fullmatch(name) or found.id.hex() != key_id:
            raise NotAKey("Its name or its id does not fit.")
        return found

    def agrees(self, text: bytes, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except (InvalidSignature, ValueError):
            return False
        return True


class Signer(Struct, frozen=True):
    """A name and its private key: 32 bytes that nobody else knows."""

    name: str
    secret: bytes

    def __repr__(self) -> str:
        return f"Signer({self.name!r})"

    @property
    def verifier(self) -> Verifier:
        return Verifier(self.name, self._private.public_key().public_bytes_raw())

    @property
    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.secret)

    def kept(self) -> str:
        """As it is kept in a file: `PRIVATE+KEY+name+0123abcd+base64`."""
        whole = packed(_ED25519 + self.secret)
        return f"{_SECRET}+{self.name}+{self.verifier.id.hex()}+{whole}"

    def line(self, text: str) -> str:
        """What it adds to a note of this text."""
        signature = packed(self.verifier.id + self._private.sign(text.encode()))
        return f"— {self.name} {signature}\n"

    @classmethod
    def new(cls, name: str) -> "Signer":
        """Raises NotAKey for a name that no note can carry."""
        if not _NAME.fullmatch(name):
            raise NotAKey("Its name holds no space and no plus, and up to 200 characters.")
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def parsed(cls, text: str) -> "Signer":
        """Raises NotAKey, which tells nothing of the key."""
        if not text.startswith(f"{_SECRET}+"):
            raise NotAKey("It does not begin as a private one does.")
        name, _, rest = text.strip().removeprefix(f"{_SECRET}+").partition("+")
        key_id, _, key = rest.partition("+")
        found = cls(name, _key(key))
        if not _NAME.fullmatch(name) or found.verifier.id.hex() != key_id:
            raise NotAKey("Its name or its id does not fit.")
        return found


def signed(text: str, signers: Iterable[Signer]) -> str:
    """`text`, which ends with a newline, as a note."""
    return f"{text}\n{''.join(one.line(text) for one in signers)}"


def opened(note: bytes, verifiers: Iterable[Verifier]) -> str:
    """The text of a note that one of `verifiers` at least has signed, and none of them wrongly.

    Raises NotSigned. Signatures of others say nothing, and are passed over.
    """
    if len(note) > _LONGEST:
        raise NotSigned("It is too long for a note.")
    try:
        whole = note.decode()
    except UnicodeDecodeError:
        raise NotSigned("It is not UTF-8.") from None
    text, gap, lines = whole.rpartition("\n\n")
    if (
        not gap
        or not lines.endswith("\n")
        or lines.count("\n") > _MOST
        or re.search(r"[\x00-\x09\x0b-\x1f]", whole)
    ):
        raise NotSigned("It is no note.")
    text += "\n"
    trusted = {(one.name, one.id): one for one in verifiers}
    agreed = set[tuple[str, bytes]]()
    for line in lines.removesuffix("\n").split("\n"):
        name, key_id, signature = _signature(line)
        known = trusted.get((name, key_id))
        if known is None:
            continue
        if (name, key_id) in agreed:
            raise NotSigned(f"The signature of {name} stands in it twice.")
        if not known.agrees(text.encode(), signature):
            raise NotSigned(f"The signature of {name} is not of this text.")
        agreed.add((name, key_id))
    if not agreed:
        raise NotSigned
    return text


def _signature(line: str) -> tuple[str, bytes, bytes]:
    dash, _, rest = line.partition(" ")
    name, _, text = rest.partition(" ")
    whole = unpacked(text)
    if dash != "—" or not _NAME.fullmatch(name) or len(whole) <= _ID:
        raise NotSigned("A line of its signatures is none.")
    return name, whole[:_ID], whole[_ID:]


def _key(text: str) -> bytes:
    whole = unpacked(text)
    if len(whole) != len(_ED25519) + _KEY or whole[:1] != _ED25519:
        raise NotAKey("It is none of Ed25519.")
    return whole[1:]
