"""Where log lines go: as frames to the log descriptor if lambdad gave one, else to standard output.

A frame keeps its newlines and is one log event; on standard output each line is one, so newlines inside an event
become carriage returns there, as AWS has it.

Standard output and error are turned to the log descriptor too: two pipes have no order between them, and the lines of a
function and its children do. What is between frames is lines.
"""

import io
import os
import sys
import time
from _thread import RLock

LEVEL_BITS = {
    "TRACE": 0x04,
    "DEBUG": 0x08,
    "INFO": 0x0C,
    "WARN": 0x10,
    "WARNING": 0x10,
    "ERROR": 0x14,
    "FATAL": 0x18,
    "CRITICAL": 0x18,
}
TEXT_FRAME = 0xA55A0003
JSON_FRAME = 0xA55A0002


def open_sink(descriptor):
    return Sink() if descriptor is None else FrameSink(int(descriptor))


class Sink:
    request_id = None
    tenant_id = None

    def __init__(self):
        self.is_json = os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"

    def printed(self, stream):
        """The stream that the function prints to, in the place of `stream`."""
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
        return stream

    def write(self, text, level):
        sys.stdout.write(text if text.endswith("\n") else text + "\n")

    def write_lines(self, lines, level):
        self.write("\r".join(lines), level)

    @staticmethod
    def timestamp():
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class FrameSink(Sink):
    def __init__(self, descriptor):
        super().__init__()
        self._descriptor = descriptor
        self._free_lock()
        os.register_at_fork(after_in_child=self._free_lock)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)

    def printed(self, stream):
        return PrintedText(io.BufferedWriter(Printed(self, stream)), encoding="utf-8", errors="backslashreplace")

    def write(self, text, level):
        kind = (JSON_FRAME if self.is_json else TEXT_FRAME) | LEVEL_BITS.get(level, 0)
        body = text.encode("utf-8", "backslashreplace")
        head = kind.to_bytes(4, "big") + len(body).to_bytes(4, "big")
        self.write_whole(self._descriptor, head + int(time.time() * 1000000).to_bytes(8, "big") + body)

    def write_lines(self, lines, level):
        self.write("\n".join(lines), level)

    def write_whole(self, descriptor, data):
        # The kernel keeps only small writes whole, and threads print and log at once.
        with self._lock:
            write_all(descriptor, data)

    def _free_lock(self):
        self._lock = RLock()


class PrintedText(io.TextIOWrapper):
    """Passes on whatever it gets, as AWS's does: what ends suddenly has shown all that it printed."""

    def write(self, text):
        size = super().write(text)
        self.flush()
        return size


class Printed(io.RawIOBase):
    """Writes to the stream's descriptor, and tears no frame."""

    def __init__(self, sink, stream):
        self.name = stream.name
        self._sink = sink
        self._descriptor = stream.fileno()

    def writable(self):
        return True

    def fileno(self):
        return self._descriptor

    def write(self, data):
        printed = bytes(data)
        self._sink.write_whole(self._descriptor, printed)
        return len(printed)


def write_all(descriptor, data):
    while data:
        data = data[os.write(descriptor, data) :]
