"""SnapStart: the function's hooks, and the wait between them. Imported by such functions only.

Order, error types and exit codes are recalled from AWS's published client. The hooks are in whichever copy of
`snapshot_restore_py` the function has imported.
"""

import sys

from lambdad_runtime.errors import error_of
from lambdad_runtime.payload import dumps


def await_restore(api, flush, report):
    """Returns when the snapshot has been restored, and its hooks have run."""
    from snapshot_restore_py import get_after_restore, get_before_snapshot

    try:
        hooks = get_before_snapshot()
        while hooks:
            call(hooks.pop())
    except BaseException:
        fail(api, report, ("init", "Runtime.BeforeSnapshotError", 64))
    flush()
    api.restore_next()
    try:
        for hook in get_after_restore():
            call(hook)
    except BaseException:
        fail(api, report, ("restore", "Runtime.AfterRestoreError", 65))


def call(hook):
    func, args, kwargs = hook
    func(*args, **kwargs)


def fail(api, report, failure):
    phase, error_type, code = failure
    error = error_of(sys.exc_info(), "")
    report(error)
    api.start_error(phase, error_type, dumps(error))
    sys.exit(code)
