"""What is written on the medium, on which both sides must agree.

Every document and format: no network, no engine, no subprocess, no printing.
"""

__version__ = "0.1.0"
