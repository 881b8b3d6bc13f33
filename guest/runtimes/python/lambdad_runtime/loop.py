"""Loads the handler, then answers one invocation after the other.

It may have been started before anyone knew for which function; then it waits for its orders first.

An answer and the request for the next invocation leave in one write. What the function printed is flushed before it.
Must never show the function a variable of ours.
"""

import os
import sys
import time

from lambdad_runtime.api import JSON, RuntimeApi
from lambdad_runtime.context import LambdaContext, parse_header
from lambdad_runtime.errors import UNHANDLED, Fault, error_of, fault_error, log_lines
from lambdad_runtime.handler import load_handler
from lambdad_runtime.payload import MarshalFailed, dumps, loads
from lambdad_runtime.sink import open_sink


def run():
    orders = os.environ.get("_LAMBDAD_ORDERS")
    if orders is not None:
        with open(orders, "rb") as pipe:
            follow_orders(loads(pipe.read()))
    api = RuntimeApi(os.environ.get("_LAMBDAD_RUNTIME_SOCKET"), os.environ["AWS_LAMBDA_RUNTIME_API"])
    sink = open_sink(os.environ.get("_LAMBDA_TELEMETRY_LOG_FD"))
    layer_root = os.environ.get("_LAMBDAD_LAYER_ROOT", "/opt")
    packages = os.environ.get("_LAMBDAD_PACKAGES")
    debugger = os.environ.get("_LAMBDAD_DEBUGPY")
    forget_our_variables()
    sys.stdout = sink.printed(sys.stdout)
    sys.stderr = sink.printed(sys.stderr)
    install_logging(sink)
    task_root = os.environ.get("LAMBDA_TASK_ROOT", "/var/task")
    set_module_path(task_root, layer_root, packages)
    error = None
    try:
        if debugger is not None:
            listen_for_debugger(debugger)
        handler = load_handler(os.environ.get("_HANDLER", ""))
    except Fault as fault:
        error = fault_error(fault, "")
    except Exception:
        error = error_of(sys.exc_info(), "")
    if error is not None:
        report(sink, error)
        api.start_error("init", error["errorType"], dumps(error))
        sys.exit(1)

    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        from lambdad_runtime.snap_start import await_restore

        await_restore(api, flush, lambda failure: report(sink, failure))
    headers, body = api.next()
    while True:
        headers, body = serve(api, sink, handler, headers, body)


def listen_for_debugger(where):
    """`where`: address, port, and perhaps "wait". debugpy is the function's own, a layer's or the interpreter's."""
    address, port, *wait = where.split(":")
    try:
        import debugpy
    except ImportError:
        raise Fault(
            "Runtime.ImportModuleError",
            "Unable to import module 'debugpy': put it into the function's package or a layer to debug it",
        ) from None
    debugpy.listen((address, int(port)))
    if wait:
        debugpy.wait_for_client()


def follow_orders(orders):
    """From now on this process is the function's: its variables in their order, and its working directory."""
    zone = os.environ.get("TZ")
    os.environ.clear()
    for name, value in orders["variables"]:
        os.environ[name] = value
    if os.environ.get("TZ") != zone:
        time.tzset()
    os.chdir(orders["cwd"])


def serve(api, sink, handler, headers, body):
    """Answers one invocation; returns the next one."""
    request_id = headers["lambda-runtime-aws-request-id"]
    sink.request_id = request_id
    sink.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
    trace = headers.get("lambda-runtime-trace-id")
    if trace is None:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
    else:
        os.environ["_X_AMZN_TRACE_ID"] = trace
    try:
        result, content_type = marshal(handler(unmarshal(body), make_context(sink, headers, request_id)))
        error = None
    except Fault as fault:
        error = fault_error(fault, request_id)
    except Exception:
        error = error_of(sys.exc_info(), request_id)
    if error is not None:
        report(sink, error)
    flush()
    if error is None:
        return api.respond(request_id, result, content_type)
    return api.fail(request_id, error["errorType"], dumps(error))


def flush():
    sys.stdout.flush()
    sys.stderr.flush()


def unmarshal(body):
    try:
        return loads(body)
    except Exception as cause:
        raise Fault("Runtime.UnmarshalError", "Unable to unmarshal input: %s" % cause)


def marshal(result):
    # documented: bytes are the answer as they are.
    if isinstance(result, bytes):
        return result, "application/unknown"
    try:
        return dumps(result), JSON
    except MarshalFailed as failed:
        raise Fault("Runtime.MarshalError", "Unable to marshal response: %s" % failed)


def make_context(sink, headers, request_id):
    return LambdaContext(
        sink,
        request_id,
        parse_header(headers.get("lambda-runtime-client-context")),
        parse_header(headers.get("lambda-runtime-cognito-identity")),
        int(headers["lambda-runtime-deadline-ms"]),
        headers.get("lambda-runtime-invoked-function-arn"),
        headers.get("lambda-runtime-aws-tenant-id"),
    )


def report(sink, error):
    """AWS's warning, then one log event for the error, whichever way the function writes its log."""
    sink.write(UNHANDLED, "WARNING")
    if sink.is_json:
        sink.write(dumps(dict({"timestamp": sink.timestamp(), "log_level": "ERROR"}, **error)).decode(), "ERROR")
    else:
        sink.write_lines(log_lines(error), "ERROR")


def forget_our_variables():
    for name in [name for name in os.environ if name.startswith("_LAMBDAD_")]:
        del os.environ[name]
    os.environ.pop("_LAMBDA_TELEMETRY_LOG_FD", None)


def set_module_path(task_root, layer_root, packages):
    version = "python%d.%d" % sys.version_info[:2]
    # AWS's order, recalled: a layer's site-packages before the layer's own folder.
    in_layers = [layer_root + "/python/lib/%s/site-packages" % version, layer_root + "/python"]
    sys.path[:0] = [task_root] + in_layers
    # What the runtime brings stays within reach of a function that sets PYTHONPATH itself.
    if packages is not None and packages not in sys.path:
        sys.path.append(packages)
    for folder in [task_root] + in_layers:
        if has_path_files(folder):
            import site

            site.addsitedir(folder)


def has_path_files(folder):
    """Whether there are .pth files, which namespace packages and editable ones come with."""
    try:
        return any(name.endswith(".pth") for name in os.listdir(folder))
    except OSError:
        return False


def install_logging(sink):
    """Makes the root logger AWS's as soon as the function imports `logging`, and costs nothing before."""

    class Finder:
        @staticmethod
        def find_spec(name, path=None, target=None):
            if name != "logging":
                return None
            sys.meta_path.remove(Finder)
            for finder in sys.meta_path:
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    break
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                from lambdad_runtime.log_handler import configure

                configure(module, sink)

            spec.loader.exec_module = exec_module
            return spec

    sys.meta_path.insert(0, Finder)
