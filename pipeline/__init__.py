"""Sources, stages and commands: the way from tables to shortlists.

OpenBLAS and NumPy choose their kernels by processor, and sums that differ in the last digit move thresholds, trees and
with them every table. So that two machines give the same bytes, all use the kernels of AVX2 and FMA, which x86-64
processors have had since 2013. This works where NumPy is not loaded yet: in stages and commands, each a process of its
own. Values of these variables that a person has set are kept.
"""

import os
import sys
from pathlib import Path
from types import TracebackType

INTERRUPTED = 130  # exit code of what ctrl-C ended, as shells have it
STOPPED = "Interrupted; nothing half-written is left. Run again to go on."
KERNELS = {
    "OPENBLAS_NUM_THREADS": "1",  # a sum in two parts differs from one in four
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
}


def has_avx2(cpuinfo: Path) -> bool:
    """Whether Linux lists AVX2 and FMA among what the processor can do."""
    # OpenBLAS does not look whether a processor has what it is told to use.
    return sys.platform == "linux" and cpuinfo.exists() and {"avx2", "fma"} <= set(cpuinfo.read_text().split())


if has_avx2(Path("/proc/cpuinfo")):
    for _name, _value in KERNELS.items():
        os.environ.setdefault(_name, _value)


def one_line_for_ctrl_c(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What the interpreter prints of an error that nobody caught: of ctrl-C one line, for it is no error."""
    if issubclass(kind, KeyboardInterrupt):
        print(f"\n{STOPPED}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


# A stage or command of ours, about to spend seconds on imports; whoever imports the library keeps his own hook.
if sys.argv[:1] == ["-m"] or Path(*sys.argv[:1]).name == "ionsieve":
    sys.excepthook = one_line_for_ctrl_c
