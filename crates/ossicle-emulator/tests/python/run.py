"""Runs the tests of this folder in a bounded time. `cargo xtask test --step python` calls it.

Exit status 0: all passed and all operations were tried. Names of tests may follow, as for `python -m unittest`.
"""

import faulthandler
import os
import pathlib
import sys
import threading
import unittest

import conforming
from emulator import Emulator

# A run takes well under a minute; this is for a client or an emulator that hangs.
LIMIT_S = 170


def out_of_time():
    print(f"not done after {LIMIT_S} s; what each thread was doing:", file=sys.stderr, flush=True)
    faulthandler.dump_traceback(all_threads=True)
    Emulator.kill_all()
    os._exit(3)


def main(names):
    watch = threading.Timer(LIMIT_S, out_of_time)
    watch.daemon = True
    watch.start()
    loader = unittest.TestLoader()
    if names:
        tests = loader.loadTestsFromNames(names)
    else:
        tests = loader.discover(str(pathlib.Path(__file__).parent))
    result = unittest.TextTestRunner(verbosity=2, buffer=False).run(tests)
    watch.cancel()
    passed = result.wasSuccessful() and result.testsRun > 0 and not result.skipped
    if not names:
        passed = tell() and passed
    return 0 if passed else 1


def tell():
    """Says what was tried with botocore; whether that is every operation, with success and with an error."""
    print("\noperation                          answered  refused", file=sys.stderr)
    for name in sorted(conforming.operations()):
        errors = ", ".join(f"{count} {code}" for code, count in sorted(conforming.refused[name].items()))
        print(f"{name:<34} {conforming.succeeded[name]:>8}  {errors}", file=sys.stderr)
    unlisted = ", ".join(sorted(conforming.unlisted))
    print(f"errors that the model does not list for their operation: {unlisted}", file=sys.stderr)
    tried = conforming.succeeded.keys() & {name for name, errors in conforming.refused.items() if errors}
    never = conforming.operations() - tried
    if never:
        print(f"never answered, or never refused: {', '.join(sorted(never))}", file=sys.stderr)
    return not never


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
