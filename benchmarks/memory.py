"""How much memory this process holds, from the kernel's own count, in megabytes."""

import os
from pathlib import Path


def resident(pid: int | None = None) -> float:
    """Resident memory now."""
    return _field("VmRSS", pid or os.getpid())


def peak(pid: int | None = None) -> float:
    """The most that was resident since the start or since `forget_peak`."""
    return _field("VmHWM", pid or os.getpid())


def forget_peak() -> None:
    """Let the peak begin anew at what is resident now."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _field(name: str, pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    value = next(line.split()[1] for line in lines if line.startswith(f"{name}:"))
    return int(value) / 1024
