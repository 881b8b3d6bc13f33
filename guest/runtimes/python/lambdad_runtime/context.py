"""The context object that a handler gets: AWS's members and classes.

What belongs to the function comes from the environment, what belongs to the invocation from the headers of `next`.
"""

import os
import time

from lambdad_runtime.payload import loads


def parse_header(value):
    """The JSON of a header: UTF-8, though headers are read as Latin-1."""
    return None if value is None else loads(value.encode("latin-1"))


class LambdaContext:
    def __init__(
        self,
        sink,
        invoke_id,
        client_context,
        cognito_identity,
        epoch_deadline_time_in_ms,
        invoked_function_arn=None,
        tenant_id=None,
    ):
        self.aws_request_id = invoke_id
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.invoked_function_arn = invoked_function_arn
        self.tenant_id = tenant_id
        self.client_context = _filled(ClientContext, client_context)
        if self.client_context is not None:
            self.client_context.client = _filled(Client, self.client_context.client)
        identity = cognito_identity or {}
        self.identity = CognitoIdentity()
        self.identity.cognito_identity_id = identity.get("cognitoIdentityId")
        self.identity.cognito_identity_pool_id = identity.get("cognitoIdentityPoolId")
        self._epoch_deadline_time_in_ms = epoch_deadline_time_in_ms
        self._sink = sink

    def get_remaining_time_in_millis(self):
        return max(0, self._epoch_deadline_time_in_ms - int(time.time() * 1000))

    def log(self, msg):
        self._sink.write(str(msg), None)

    def __repr__(self):
        return _shown(self, {name: value for name, value in vars(self).items() if name[0] != "_"})


class _Record:
    __slots__ = ()

    def __repr__(self):
        return _shown(self, {name: getattr(self, name, None) for name in self.__slots__})


class CognitoIdentity(_Record):
    __slots__ = ["cognito_identity_id", "cognito_identity_pool_id"]


class Client(_Record):
    __slots__ = ["installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name"]


class ClientContext(_Record):
    __slots__ = ["custom", "env", "client"]


def _filled(kind, fields):
    if fields is None:
        return None
    record = kind()
    for name in kind.__slots__:
        setattr(record, name, fields.get(name))
    return record


def _shown(record, fields):
    return "%s([%s])" % (type(record).__name__, ",".join("%s=%s" % field for field in fields.items()))
