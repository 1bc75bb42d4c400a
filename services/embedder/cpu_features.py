"""Read what the CPU can compute."""

from __future__ import annotations

from pathlib import Path
from typing import Final

CPU_INFO: Final = Path("/proc/cpuinfo")
_BF16: Final = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""The names of bfloat16 products among the flags of x86-64 and the features of 64-bit Arm."""


def has_bf16(cpu_info: Path = CPU_INFO) -> bool:
    """Return whether the CPU multiplies bfloat16. Others compute it in software, slower than 32-bit floats."""
    try:
        lines = cpu_info.read_text().splitlines()
    except OSError:
        return False
    names = (line.partition(":") for line in lines)
    return any(not _BF16.isdisjoint(flags.split()) for name, _, flags in names if name.strip() in {"flags", "Features"})
