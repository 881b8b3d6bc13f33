"""JSON in and out.

The scanner and the encoder in C that `json` itself uses, without the import of `json`, which takes half as long as the
interpreter's start. Whatever they do not like goes to `json`, which then says what is wrong.
"""

import sys
from types import SimpleNamespace

try:
    from _json import encode_basestring, encode_basestring_ascii, make_encoder, make_scanner
except ImportError:  # an interpreter without the C part
    make_scanner = None

# AWS writes Unicode as it is from Python 3.12 on, and escaped before.
ENSURE_ASCII = sys.version_info < (3, 12)


class MarshalFailed(Exception):
    """What the handler returned has no JSON; the message is Python's own."""


def _constant(name):
    return {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}[name]


if make_scanner:
    _scan = make_scanner(
        SimpleNamespace(
            strict=True,
            object_hook=None,
            object_pairs_hook=None,
            parse_float=float,
            parse_int=int,
            parse_constant=_constant,
            memo={},
        )
    )
    _encode_text = encode_basestring_ascii if ENSURE_ASCII else encode_basestring


def loads(body):
    text = body.decode("utf-8")
    if make_scanner:
        try:
            value, end = _scan(text, 0)
            if end == len(text):
                return value
        except Exception:  # also SystemError: 3.10 and 3.11 look for json's own error, which is not imported
            pass
    import json

    return json.loads(text)


def dumps(value):
    """UTF-8, half a surrogate pair as its escape in JSON. Raises `MarshalFailed`."""
    if make_scanner:
        try:
            encode = make_encoder({}, _refuse, _encode_text, None, ": ", ", ", False, False, True)
            return "".join(encode(value, 0)).encode("utf-8", "backslashreplace")
        except Exception:
            pass
    import json

    try:
        return json.dumps(value, ensure_ascii=ENSURE_ASCII).encode("utf-8", "backslashreplace")
    except Exception as cause:
        raise MarshalFailed(str(cause))


def _refuse(value):
    raise TypeError
