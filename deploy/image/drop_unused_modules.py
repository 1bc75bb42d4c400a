"""Delete the modules that encoding does not import: `python drop_unused_modules.py GOLDEN_VECTORS`.

Only from the packages of which sentence-transformers and torch use a small part, whatever the model is. A later import of one of
these modules fails; the golden check in a new process shows that none is needed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from golden_check import check

PARTLY_USED = ("scipy", "sklearn", "sympy", "torch/_inductor", "torch/testing")
"""Statistics of evaluations, estimators, symbolic mathematics, a compiler that would need a C++ compiler, and torch's tests."""

check(Path(sys.argv[1]))
imported = {Path(module.__file__) for module in list(sys.modules.values()) if getattr(module, "__file__", None)}
packages = Path(sys.modules["torch"].__file__ or "").parents[1]
for package in PARTLY_USED:
    folder = packages / package
    # Not every *.so: the others are libraries that extension modules are linked with.
    for module in (*folder.rglob("*.py"), *folder.rglob("*.cpython-*.so")):
        if module not in imported:
            module.unlink()
