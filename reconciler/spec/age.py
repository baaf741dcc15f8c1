"""Values encrypted with age as they stand in YAML: their one-line form, and whether they are whole.

The format is that of age-encryption.org/v1: a header of lines, one for each recipient, closed by `--- ` and a MAC, then
a nonce of 16 bytes and the encrypted text with a tag of 16 bytes. Pure, and needs no key. Not done here: encrypting and
decrypting (adapters/age.py).
"""

from __future__ import annotations

import base64
import binascii
import re

_ARMOR = re.compile(r"-----(?:BEGIN|END) AGE ENCRYPTED FILE-----")
_HEADER = re.compile(rb"age-encryption\.org/v1\n(?:(?!---)[\x20-\x7e]*\n)+--- [A-Za-z0-9+/]{43}\n")
_NONCE_AND_TAG = 16 + 16
_BEGINS = base64.b64encode(b"age-encryption.org").decode("ascii")


def age_body(value: str) -> str:
    """The value as base64 on one line, whether it was written so or as an armored file."""
    return re.sub(r"\s+", "", _ARMOR.sub("", value))


def looks_encrypted(value: str) -> bool:
    """Whether somebody meant it to be one, whole or not."""
    return _ARMOR.search(value) is not None or age_body(value).startswith(_BEGINS)


def is_whole(value: str) -> bool:
    """Whether all of it is there: a value that lost a piece on its way into the file can't be read by any host."""
    try:
        data = base64.b64decode(age_body(value), validate=True)
    except (binascii.Error, ValueError):
        return False
    header = _HEADER.match(data)
    return header is not None and len(data) - header.end() > _NONCE_AND_TAG
