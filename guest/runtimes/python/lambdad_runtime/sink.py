"""Where log lines go: as frames to the log descriptor if lambdad gave one, else to standard output.

A frame keeps its newlines and is one log event; on standard output each line is one, so newlines inside an event
become carriage returns there, as AWS has it.

What is printed goes as frames too, one a line: two pipes have no order between them, and a function's lines do.
"""

import io
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

    def printed(self, stream):
        lines = PrintedLines(self, stream.fileno(), stream.name)
        return PrintedText(io.BufferedWriter(lines), encoding="utf-8", errors="backslashreplace")

    def write(self, text, level):
        kind = (JSON_FRAME if self.is_json else TEXT_FRAME) | LEVEL_BITS.get(level, 0)
        write_all(self._descriptor, frame(kind, text.encode("utf-8", "backslashreplace")))

    def write_lines(self, lines, level):
        self.write("\n".join(lines), level)

    def write_printed(self, lines):
        write_all(self._descriptor, b"".join([frame(TEXT_FRAME, line) for line in lines]))


class PrintedText(io.TextIOWrapper):
    """Passes on what ends with its line: `print` writes the newline after its text, which may have newlines itself."""

    def write(self, text):
        size = super().write(text)
        if text.endswith("\n"):
            self.flush()
        return size


class PrintedLines(io.RawIOBase):
    """Whole lines become frames; one that is not finished yet goes to the descriptor itself, where nobody has to wait
    for its end. So does all of a forked child: what two processes write to one pipe at once may get mixed up, and
    must not tear frames."""

    def __init__(self, sink, descriptor, name):
        self.name = name
        self._sink = sink
        self._descriptor = descriptor
        self._is_begun = False
        self._is_child = False
        os.register_at_fork(after_in_child=self._be_child)

    def writable(self):
        return True

    def fileno(self):
        return self._descriptor

    def write(self, data):
        text = bytes(data)
        begin = 0
        if self._is_child:
            begin = len(text)
        elif self._is_begun:
            begin = text.find(b"\n") + 1 or len(text)
        end = max(begin, text.rfind(b"\n") + 1)
        write_all(self._descriptor, text[:begin])
        if begin < end:
            self._sink.write_printed([line + b"\n" for line in text[begin : end - 1].split(b"\n")])
        write_all(self._descriptor, text[end:])
        if text:
            self._is_begun = not text.endswith(b"\n")
        return len(text)

    def _be_child(self):
        self._is_child = True


def frame(kind, body):
    head = kind.to_bytes(4, "big") + len(body).to_bytes(4, "big")
    return head + int(time.time() * 1000000).to_bytes(8, "big") + body


def write_all(descriptor, data):
    while data:
        data = data[os.write(descriptor, data) :]
