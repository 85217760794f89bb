"""Memory of the process that measures. Imports nothing: what it imported would count."""

from pathlib import Path


def peak_rss_mb() -> float:
    """Of this process alone: what getrusage says is inherited from the process that started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
