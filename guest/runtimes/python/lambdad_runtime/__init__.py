"""A function's runtime for Python 3.8 and newer, with nothing but the interpreter.

Whatever is imported here is paid for at each cold start: `json`, `logging`, `traceback` and `socket` double the
interpreter's own start, so each is imported by whom needs it, when it is needed.
"""
