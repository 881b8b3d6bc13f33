"""The root logger's handler, in AWS's two formats. Imported with `logging`, never before."""

import os
import time

from lambdad_runtime.payload import MarshalFailed, dumps

LEVELS = {"TRACE": "DEBUG", "DEBUG": "DEBUG", "INFO": "INFO", "WARN": "WARNING", "ERROR": "ERROR", "FATAL": "CRITICAL"}


def configure(logging, sink):
    class LambdaLoggerHandler(logging.Handler):
        def emit(self, record):
            try:
                sink.write(self.format(record), record.levelname)
            except Exception:
                self.handleError(record)

    class LambdaLoggerFilter(logging.Filter):
        def filter(self, record):
            record.aws_request_id = sink.request_id or ""
            record.tenant_id = sink.tenant_id
            return True

    handler = LambdaLoggerHandler()
    handler.addFilter(LambdaLoggerFilter())
    handler.setFormatter(json_formatter(logging, sink) if sink.is_json else text_formatter(logging))
    root = logging.getLogger()
    root.addHandler(handler)
    level = LEVELS.get(os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper())
    if level is not None:
        root.setLevel(level)


def text_formatter(logging):
    # AWS does not pad the milliseconds either.
    formatter = logging.Formatter(
        "[%(levelname)s]\t%(asctime)s.%(msecs)dZ\t%(aws_request_id)s\t%(message)s\n", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    return formatter


def json_formatter(logging, sink):
    own = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "aws_request_id", "tenant_id"}

    class JsonFormatter(logging.Formatter):
        converter = time.gmtime

        def format(self, record):
            line = {
                "timestamp": self.formatTime(record, "%Y-%m-%dT%H:%M:%SZ"),
                "level": record.levelname,
                "message": record.getMessage(),
                "logger": record.name,
            }
            if record.exc_info:
                kind, value, _ = record.exc_info
                line["stackTrace"] = self.formatException(record.exc_info).splitlines()
                line["errorType"] = kind and kind.__name__
                line["errorMessage"] = str(value)
                line["location"] = "%s:%s:%d" % (record.pathname, record.funcName, record.lineno)
            line["requestId"] = record.aws_request_id or None
            line["tenantId"] = record.tenant_id
            line.update((name, value) for name, value in vars(record).items() if name not in own)
            line = {name: value for name, value in line.items() if value is not None}
            try:
                return dumps(line).decode()
            except MarshalFailed:
                return dumps({name: _plain(value) for name, value in line.items()}).decode()

    return JsonFormatter()


def _plain(value):
    """An `extra` without JSON: as text, so that the line is not lost."""
    try:
        dumps(value)
        return value
    except MarshalFailed:
        return str(value)
