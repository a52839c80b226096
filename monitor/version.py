"""The version of the distribution, read without importing anything heavy."""

__version__ = "0.1.0"
