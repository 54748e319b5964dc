"""What is written on the medium, on which both sides must agree.

Every document and format: no network, no engine, no subprocess, no printing.
"""

import os

__version__ = "0.1.0"

# Whatever else is installed has no business in how documents are read; and looking takes 25 ms.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
