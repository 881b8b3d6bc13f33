"""Finds and loads the handler: `path/to/module.function`. Every failure is a `Fault` with AWS's type and text."""

import sys
from importlib import import_module

from lambdad_runtime.errors import Fault


def load_handler(handler):
    try:
        module_name, function_name = handler.rsplit(".", 1)
    except ValueError as cause:
        raise Fault("Runtime.MalformedHandlerName", "Bad handler '%s': %s" % (handler, cause))
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise Fault(
            "Runtime.BuiltInModuleConflict", "Cannot use built-in module %s as a handler module" % module_name
        )
    try:
        module = import_module(module_name.replace("/", "."))
    except ImportError as cause:
        raise Fault("Runtime.ImportModuleError", "Unable to import module '%s': %s" % (module_name, cause))
    except SyntaxError as cause:
        place = '  File "%s" Line %s\n    %s' % (cause.filename, cause.lineno, cause.text)
        raise Fault(
            "Runtime.UserCodeSyntaxError", "Syntax error in module '%s': %s" % (module_name, cause), [place]
        )
    try:
        return getattr(module, function_name)
    except AttributeError:
        raise Fault(
            "Runtime.HandlerNotFound", "Handler '%s' missing on module '%s'" % (function_name, module_name)
        )
