"""Compiled once and not in each of the many processes of a run, whatever the environment says:
that takes far longer than most tests."""

import os
import sys

sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
