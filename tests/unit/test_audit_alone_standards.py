"""What the verifier does by itself, held to the standards and to those who do the same."""

import json
import re
from base64 import b64encode
from decimal import Decimal
from hashlib import sha512
from typing import Any

import pytest
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pulseops.archive import alone
from pulseops.audit import leaf, note
from tests.carried import KEYS
from tests.integration.strange import STRANGE
from tests.unit.leaves import JSON

# RFC 8032, 7.1: public key, message, signature.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0"
            "595bbe24655141438e7a100b"
        ),
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eae"
            "b4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9"
            "716ed28dc027beceea1ec40a"
        ),
    ),
]
ONE = bytes([1]) + bytes(31)
SMALL = [
    ONE,
    bytes(31) + b"\x80",
    bytes(32),
    (alone.P - 1).to_bytes(32, "little"),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
]
"""Of order 1, 4, 4, 2, 8 and 8; `bytes(31) + 0x80` is 0 with the other sign."""
seeds, messages = st.binary(min_size=32, max_size=32), st.binary(max_size=80)


def openssl(public: bytes, text: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True


@pytest.mark.parametrize(("public", "text", "signature"), VECTORS)
def test_signatures_of_the_standard_are_taken(public: str, text: str, signature: str) -> None:
    assert alone.agrees(*map(bytes.fromhex, (public, text, signature)))
    assert not alone.agrees(*map(bytes.fromhex, (public, text + "00", signature)))


@settings(max_examples=15, deadline=None)
@given(seeds, messages, st.integers(0, 95), st.integers(1, 255))
def test_a_signature_is_taken_where_openssl_takes_it(seed: bytes, text: bytes, at: int, bits: int) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = private.public_key().public_bytes_raw(), private.sign(text)
    assert alone.agrees(public, text, signature)
    whole = bytearray(public + signature)
    whole[at] ^= bits
    public, signature = bytes(whole[:32]), bytes(whole[32:])
    assert not alone.agrees(public, text, signature)
    assert not openssl(public, text, signature)


def test_a_signature_has_one_form_only() -> None:
    public, text, signature = (bytes.fromhex(one) for one in VECTORS[1])
    s = int.from_bytes(signature[32:], "little")
    for other in (s + alone.L, s + 2 * alone.L):
        forged = signature[:32] + other.to_bytes(32, "little")
        assert not alone.agrees(public, text, forged)
        assert not openssl(public, text, forged)
    for length in (0, 32, 63, 65):
        assert not alone.agrees(public, text, (signature + b"\0")[:length])


def test_a_point_has_one_form_only() -> None:
    for y in (0, 1, 2, 18):
        assert alone.point_of((alone.P + y).to_bytes(32, "little")) is None
    assert alone.point_of(ONE[:31] + b"\x80") is None, "minus zero"
    assert alone.point_of((2).to_bytes(32, "little")) is None, "not on the curve"


@pytest.mark.parametrize("public", SMALL)
def test_a_key_that_would_sign_for_everyone_is_none(public: bytes) -> None:
    """OpenSSL takes such signatures: with these keys one fits many texts."""
    s = 5
    x, y = alone.times(s, alone.BASE)
    r = (y | (x & 1) << 255).to_bytes(32, "little")
    texts = [bytes([number]) for number in range(64)]
    fits = [
        text
        for text in texts
        if int.from_bytes(sha512(r + public + text).digest(), "little") % alone.L % 8 == 0
    ]
    signature = r + s.to_bytes(32, "little")
    assert openssl(public, fits[0], signature)
    assert not alone.agrees(public, fits[0], signature)


def stored(value: Any) -> str:
    """As PostgreSQL writes it: without exponents, zeros without a sign, and names in an order of its own."""
    match value:
        case alone.Number():
            return str(value)
        case float():
            return f"{Decimal(repr(value)) + 0:f}"
        case dict():
            names = sorted(value, key=lambda name: (len(name.encode()), name.encode()))
            return f"{{{', '.join(f'{stored(name)}: {stored(value[name])}' for name in names)}}}"
        case list():
            return f"[{', '.join(map(stored, value))}]"
        case _:
            pass
    return json.dumps(value, ensure_ascii=False)


@given(JSON)
def test_json_is_as_the_standard_has_it(value: Any) -> None:
    text = stored(value)
    assume(not re.search("[0-9]{22}", text))  # an integer stands with all its digits
    assert alone.canonical(text) == rfc8785.dumps(value)


@pytest.mark.parametrize("text", sorted({text for event in STRANGE for text in event if "e400" not in text}))
def test_json_of_any_kind_is_as_it_is_sealed(text: str) -> None:
    if max(map(text.count, "[{")) < 100:
        text = stored(json.loads(text, parse_int=alone.Number, parse_float=alone.Number))
    assert alone.canonical(text) == leaf.canonical(text)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9) | st.decimals(-1, 1, places=30))
def test_numbers_are_as_they_are_sealed(number: Any) -> None:
    number = abs(number) if number == 0 else number
    text = f'[{number:f}, {{"a": {number:f}}}]'
    assert alone.canonical(text) == leaf.canonical(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 1}',
        '{"b": 1, "a": 1}',
        '{"aa": 1, "b": 1}',
        '[{"b": 1, "a": 1.5}]',
        '{"a":1}',
        "[1,2]",
        "[1, 2 ]",
        "1e5",
        "1.0e5",
        "1.5E5",
        '"\\u0041"',
        '"\\/"',
        " 1",
        "01",
        "-0",
        "-0.0",
        "[-0, 1.5]",
        "",
    ],
)
def test_json_that_stands_otherwise_than_it_was_written_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not as|not in order|exponent|Expecting|Extra"):
        alone.canonical(text)


def test_base64_has_one_form_only() -> None:
    assert alone.unpacked("AQ==") == b"\1"
    for text in ("AR==", "AQ", "AQ=", "A Q==", "AQ==\n", "AQ==AQ==", "-_8="):
        assert alone.unpacked(text) == b""


def test_notes_are_opened_as_the_notary_opens_them() -> None:
    text = f"pulseops/test/default\n3\n{b64encode(bytes(32)).decode()}\n"
    other = note.Signer("somebody/else", bytes(32))
    keys = alone.keys_of(f"{KEYS.signer.verifier}\n")
    whole = note.signed(text, [other, KEYS.signer])
    assert alone.opened(whole, keys, "It") == ("pulseops/test/default", 3, bytes(32))
    for forged in (
        whole.replace("\n3\n", "\n4\n"),
        whole.replace("\n\n", "\n"),
        whole.replace("—", "-"),
        note.signed(text, [other]),
        whole[:-20],
        "",
        "\n\n",
    ):
        with pytest.raises(note.NotSigned):
            note.opened(forged.encode(), KEYS.verifiers)
        with pytest.raises(alone.Wrong, match=r"^It "):
            alone.opened(forged, keys, "It")


@pytest.mark.parametrize(
    "text", ["Dear diary,", "a+00000000+AQ==", str(KEYS.signer.verifier)[:-2], "PRIVATE+KEY+a+00000000+AAAA"]
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no public key"):
        alone.keys_of(text)
