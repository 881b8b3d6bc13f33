"""A client of the Runtime API, for one invocation at a time over one connection.

Blocking and on `_socket`, the part of `socket` that is in C: importing the rest costs as much as a third of the
interpreter's start. Responses are read in the order of their requests; all have a Content-Length. When the server is
gone there is nothing to live for: the process exits.
"""

import os

import _socket

BASE = "/2018-06-01/runtime"
JSON = "application/json"
READ_BYTES = 64 * 1024
HEAD_BYTES_MAX = 1024 * 1024  # headers of one response: lambdad sends at most AWS's 1 MB


class RuntimeApi:
    def __init__(self, socket_path, address):
        self._socket_path = socket_path
        self._address = address
        self._next_request = b"GET %s/invocation/next HTTP/1.1\r\nHost: %s\r\n\r\n" % (
            BASE.encode(),
            address.encode(),
        )
        self._connect()

    def next(self):
        """Waits for an invocation: its headers (lower case) and its body."""
        self._socket.sendall(self._next_request)
        return self._read_invocation()

    def respond(self, request_id, body, content_type):
        """Answers, and waits for the next invocation."""
        return self._answer(self._post("/invocation/%s/response" % request_id, body, content_type))

    def fail(self, request_id, error_type, body):
        """Answers with an error, and waits for the next invocation."""
        return self._answer(self._post("/invocation/%s/error" % request_id, body, JSON, error_type))

    def restore_next(self):
        """Waits until the snapshot that this process is has been restored."""
        request = "GET %s/restore/next HTTP/1.1\r\nHost: %s\r\n\r\n" % (BASE, self._address)
        self._socket.sendall(request.encode())
        status, _, _ = self._read_response()
        if status != 200:
            leave()

    def start_error(self, phase, error_type, body):
        """`phase`: "init" or "restore". Returns once it has arrived, or cannot any more."""
        try:
            self._socket.sendall(self._post("/%s/error" % phase, body, JSON, error_type))
            self._read_response()
        except OSError:
            pass

    def _connect(self):
        self._unread = b""
        if self._socket_path:
            self._socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
            self._socket.connect(self._socket_path)
        else:
            host, _, port = self._address.rpartition(":")
            self._socket = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
            self._socket.connect((host, int(port)))
            self._socket.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)

    def _post(self, path, body, content_type, error_type=None):
        kind = "" if error_type is None else "Lambda-Runtime-Function-Error-Type: %s\r\n" % token(error_type)
        head = "POST %s%s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\n%sContent-Length: %d\r\n\r\n" % (
            BASE,
            path,
            self._address,
            content_type,
            kind,
            len(body),
        )
        return head.encode() + body

    def _answer(self, request):
        status = 0
        try:
            self._socket.sendall(request + self._next_request)
            status, _, _ = self._read_response()
            return self._read_invocation()
        except OSError:
            # A server that refused the answer (too large, too late) may hang up; the next invocation is asked for
            # anew. Any other loss is the end.
            if status < 300:
                leave()
        self._connect()
        return self.next()

    def _read_invocation(self):
        status, headers, body = self._read_response()
        if status != 200:
            leave()
        return headers, body

    def _read_response(self):
        unread = self._unread
        end = unread.find(b"\r\n\r\n")
        while end == -1:
            if len(unread) > HEAD_BYTES_MAX:
                leave()
            unread += self._receive()
            end = unread.find(b"\r\n\r\n")
        lines = unread[:end].decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = unread[end + 4 :]
        length = int(headers.get("content-length", 0))
        if len(body) < length:
            body = self._receive_rest(body, length)
        self._unread = body[length:]
        return int(lines[0][9:12]), headers, body[:length]

    def _receive_rest(self, begin, length):
        body = bytearray(length)
        filled = len(begin)
        body[:filled] = begin
        view = memoryview(body)
        while filled < length:
            size = self._socket.recv_into(view[filled:])
            if size == 0:
                raise ConnectionResetError
            filled += size
        return bytes(body)

    def _receive(self):
        piece = self._socket.recv(READ_BYTES)
        if not piece:
            raise ConnectionResetError
        return piece


def token(value):
    """A header value of someone else's making."""
    return "".join(char if " " <= char <= "~" else "?" for char in value[:256])


def leave():
    # Not sys.exit: the function's own clean-up must not keep a runtime alive that nobody can reach.
    os._exit(1)
