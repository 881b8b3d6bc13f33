"""Where log lines go: as frames to the log descriptor if lambdad gave one, else to standard output.

A frame keeps its newlines and is one log event; on standard output each line is one, so newlines inside an event
become carriage returns there, as AWS has it.
"""

import os
import sys
import time

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

    def write(self, text, level):
        body = text.encode("utf-8", "backslashreplace")
        kind = (JSON_FRAME if self.is_json else TEXT_FRAME) | LEVEL_BITS.get(level, 0)
        head = kind.to_bytes(4, "big") + len(body).to_bytes(4, "big")
        frame = head + int(time.time() * 1000000).to_bytes(8, "big") + body
        while frame:
            frame = frame[os.write(self._descriptor, frame) :]

    def write_lines(self, lines, level):
        self.write("\n".join(lines), level)
