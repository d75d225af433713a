"""Child processes that hear Ctrl-C, and those that are interrupted or killed at a chosen place."""

from __future__ import annotations

import signal


def hear_ctrl_c() -> None:
    """For `preexec_fn`: a job in the background of a script is started with SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


AT = """
import os, sys
from importlib import import_module
module, _, path = sys.argv[1].partition(":")
nth, number = map(int, sys.argv[2:4])
sys.argv[1:] = sys.argv[4:]
*holders, name = path.split(".")
holder = import_module(module)
for part in holders:
    holder = getattr(holder, part)
inner = getattr(holder, name)
def injected(*arguments, **options):
    global nth
    nth -= 1
    if nth == 0:
        os.kill(os.getpid(), number)
    return inner(*arguments, **options)
setattr(holder, name, injected)
from k3m_kg.cli.app import main
main()
"""
"""For `python -c`: `module:name nth signal arguments...` runs `k3m-kg arguments...`, which
gets the signal when it calls that function for the nth time, or never."""
