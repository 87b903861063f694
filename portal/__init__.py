"""Careloop: a patient portal's backend in which every request is a loop that must close."""

__version__ = "0.1.0"
