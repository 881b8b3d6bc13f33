"""AWS's JSON of what went wrong, and the lines that it is in the log.

A `Fault` is the runtime's own finding, with a type of AWS's and no stack; everything else is what the function raised,
with the stack from its first frame outside this package on.
"""

import os
import sys

# AWS's words before each error that the function did not catch, to the last byte.
UNHANDLED = (
    "LAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code. However, in rare "
    "cases, a Lambda runtime update can cause unexpected function behavior. For functions using managed runtimes, "
    "runtime updates can be triggered by a function change, or can be applied automatically. To determine if the "
    "runtime has been updated, check the runtime version in the INIT_START log entry. If this error correlates with a "
    "change in the runtime version, you may be able to mitigate this error by temporarily rolling back to the previous "
    "runtime version. For more information, see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html\r"
)


class Fault(Exception):
    def __init__(self, error_type, message, trace=()):
        super().__init__(message)
        self.error_type = error_type
        self.message = message
        self.trace = list(trace)


def fault_error(fault, request_id):
    return _error(fault.message, fault.error_type, request_id, fault.trace)


def error_of(exc_info, request_id):
    import traceback

    kind, value, frame = exc_info
    # The last frame stays whosever it is: what cannot be called at all has none of the function's.
    while frame.tb_next and frame.tb_frame.f_globals.get("__name__", "").startswith("lambdad_runtime."):
        frame = frame.tb_next
    # As tuples: newer Pythons would mark the columns, AWS does not.
    stack = [(as_on_aws(entry.filename), entry.lineno, entry.name, entry.line) for entry in traceback.extract_tb(frame)]
    return _error(str(value), kind.__name__, request_id, traceback.format_list(stack))


def as_on_aws(filename):
    """The path of a file of the interpreter's where AWS has it."""
    library = os.path.dirname(os.__file__)
    if not filename.startswith(library + "/"):
        return filename
    return "/var/lang/lib/python%d.%d" % sys.version_info[:2] + filename[len(library) :]


def _error(message, error_type, request_id, stack):
    return {"errorMessage": message, "errorType": error_type, "requestId": request_id, "stackTrace": stack}


def log_lines(error):
    """The error as lines of one log event; indented with no-break spaces, because AWS's console eats the others."""
    first = "[ERROR] " + error["errorType"]
    lines = [first + ": " + error["errorMessage"] if error["errorMessage"] else first]
    lines.append("Traceback (most recent call last):")
    for entry in error["stackTrace"]:
        for line in entry.splitlines() or [""]:
            text = line.lstrip(" ")
            lines.append("\u00a0" * (len(line) - len(text)) + text)
    return lines
