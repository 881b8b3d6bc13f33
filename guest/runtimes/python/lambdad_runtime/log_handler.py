"""The root logger's handler, in AWS's two formats. Imported with `logging`, never before."""

import os
import time

from lambdad_runtime.payload import MarshalFailed, dumps

LEVELS = {"TRACE": "DEBUG", "DEBUG": "DEBUG", "INFO": "INFO", "WARN": "WARNING", "ERROR": "ERROR", "FATAL": "CRITICAL"}
FRAME_LEVELS = (None, "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def configure(logging, sink):
    # Everybody's formatters, as on AWS.
    logging.Formatter.converter = time.gmtime

    class LambdaLoggerHandler(logging.Handler):
        def emit(self, record):
            # As on AWS, a record that cannot be formatted is the caller's error. Levels between are the one below.
            text = self.format(record)
            sink.write(text, FRAME_LEVELS[min(50, max(10, record.levelno)) // 10])

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
    return logging.Formatter(
        "[%(levelname)s]\t%(asctime)s.%(msecs)dZ\t%(aws_request_id)s\t%(message)s\n", "%Y-%m-%dT%H:%M:%S"
    )


def json_formatter(logging, sink):
    own = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "aws_request_id", "tenant_id"}

    class JsonFormatter(logging.Formatter):
        def format(self, record):
            record.levelno = min(50, max(10, record.levelno)) // 10 * 10
            record.levelname = logging.getLevelName(record.levelno)
            line = {
                "timestamp": self.formatTime(record, "%Y-%m-%dT%H:%M:%SZ"),
                "level": record.levelname,
                "message": record.getMessage(),
                "logger": record.name,
            }
            if record.exc_info:
                from traceback import format_tb

                kind, value, stack = record.exc_info
                line["stackTrace"] = format_tb(stack)
                line["errorType"] = kind and kind.__name__
                line["errorMessage"] = str(value)
            line["requestId"] = record.aws_request_id
            if record.exc_info:
                line["location"] = "%s:%s:%d" % (record.pathname, record.funcName, record.lineno)
            line["tenantId"] = record.tenant_id
            line.update((name, value) for name, value in vars(record).items() if name not in own)
            line = {name: value for name, value in line.items() if value is not None}
            try:
                return dumps(line, ensure_ascii=False).decode() + "\n"
            except MarshalFailed:
                plain = {name: _plain(value) for name, value in line.items()}
                return dumps(plain, ensure_ascii=False).decode() + "\n"

    return JsonFormatter()


def _plain(value):
    """An `extra` without JSON: as text, so that the line is not lost."""
    try:
        dumps(value)
        return value
    except MarshalFailed:
        return str(value)
