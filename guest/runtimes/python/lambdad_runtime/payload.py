"""JSON in and out.

The scanner and the encoder in C that `json` itself uses, without the import of `json`, which takes half as long as the
interpreter's start. What the encoder does not like, or would write otherwise than AWS does, goes through `_written`:
AWS's runtime uses simplejson, and writes decimals as numbers, named tuples as objects and bytes as text.
"""

import marshal
import sys
from types import SimpleNamespace

try:
    from _json import encode_basestring, encode_basestring_ascii, make_encoder, make_scanner
except ImportError:  # an interpreter without the C part
    make_scanner = None

# AWS writes Unicode as it is from Python 3.12 on, and escaped before.
ENSURE_ASCII = sys.version_info < (3, 12)


class MarshalFailed(Exception):
    """What the handler returned has no JSON; the message is Python's and simplejson's."""


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
else:
    from json.encoder import py_encode_basestring as encode_basestring
    from json.encoder import py_encode_basestring_ascii as encode_basestring_ascii


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


def dumps(value, ensure_ascii=ENSURE_ASCII):
    """UTF-8, half a surrogate pair as its escape in JSON. Raises `MarshalFailed`."""
    encode_text = encode_basestring_ascii if ensure_ascii else encode_basestring
    if make_scanner and _is_plain(value):
        try:
            encode = make_encoder({}, _refuse, encode_text, None, ": ", ", ", False, False, True)
            return "".join(encode(value, 0)).encode("utf-8", "backslashreplace")
        except Exception:
            pass
    try:
        return _written(value, encode_text, set()).encode("utf-8", "backslashreplace")
    except Exception as cause:
        raise MarshalFailed(str(cause))


def _is_plain(value):
    """Whether all of it is of Python's own types, no subclasses: `marshal` refuses those, ten times as fast as we can."""
    try:
        marshal.dumps(value, 2)
        return True
    except ValueError:
        return False


def _refuse(value):
    raise TypeError


def _written(value, encode_text, parents):
    """The rules of simplejson as AWS has set it up, one after the other."""
    if isinstance(value, (str, bytes)):
        return encode_text(_text(value))
    if value is None or isinstance(value, (int, float)):
        return _number(value)
    if id(value) in parents:
        raise ValueError("Circular reference detected")
    parents.add(id(value))
    fields = getattr(value, "_asdict", None)
    if not isinstance(value, (list, dict)) and not isinstance(value, type) and callable(fields):
        written = _written(fields(), encode_text, parents)
    elif isinstance(value, (list, tuple)):
        written = "[" + ", ".join([_written(item, encode_text, parents) for item in value]) + "]"
    elif isinstance(value, dict):
        members = [
            encode_text(_key(name)) + ": " + _written(member, encode_text, parents) for name, member in value.items()
        ]
        written = "{" + ", ".join(members) + "}"
    elif type(value).__name__ == "Decimal" and callable(getattr(value, "is_nan", None)):
        written = "NaN" if value.is_nan() else str(value)
    else:
        raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)
    parents.discard(id(value))
    return written


def _text(value):
    return value if isinstance(value, str) else value.decode("utf-8")


def _number(value):
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int):
        return int.__repr__(value)
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return float.__repr__(value)


def _key(name):
    if isinstance(name, (str, bytes)):
        return _text(name)
    if name is None or isinstance(name, (int, float)):
        return _number(name)
    raise TypeError("keys must be str, int, float, bool or None, not " + type(name).__name__)
