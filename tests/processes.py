"""Child processes that hear Ctrl-C, whatever started the tests."""

from __future__ import annotations

import signal


def hear_ctrl_c() -> None:
    """For `preexec_fn`: a job in the background of a script is started with SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
