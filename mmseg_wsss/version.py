"""The version, as a literal that setup.py reads without importing us."""

__version__ = '0.2.0'
