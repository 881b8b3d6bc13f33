"""The Python runtime of a function: what is started in its sandbox.

Nothing happens here but the start: this file is compiled anew each time, its package is not.
"""

from lambdad_runtime.loop import run

if __name__ == "__main__":
    run()
