"""The one way to write a file or a folder: whole or not at all.

What lives here: staging beside the target, the swap that makes it visible, the sweep of what killed
processes left, the guard that no output overwrites an input, and manifests of folders that are
checked file by file. No SQL, no tensors, no formats. Every writer of the project stands on it;
what is exempt is a log that is to be read while it grows (quarantine, metrics of a training), and
databases, which have transactions of their own.

`manifests` and `records` read such folders back, checked; they are imported by their own names, as
they need pydantic and commands of the graph do without.

Promises of `whole_file` and `whole_folder`:

- Under its name there is the old state or the new one, each whole, whatever is killed when.
- The content is on the disk before its name is, and the name before the block is left.
- If the block raises, nothing changed and nothing is left.
- Permissions are those of any new file: the process's umask decides.
- What a killed process left is called `.k3m-kg-*.part`, lies beside the target, and goes when
  something is written there again. What a living process works on is locked by it, and stays.
"""

from k3m_kg.files.beside import beside
from k3m_kg.files.folder import put_folder, whole_folder
from k3m_kg.files.guard import Kept, check_output
from k3m_kg.files.modes import usual_mode
from k3m_kg.files.ordinary import ordinary
from k3m_kg.files.spreadsheet import inert
from k3m_kg.files.staging import staging_file, staging_folder, sweep
from k3m_kg.files.sync import sync
from k3m_kg.files.target import target_of
from k3m_kg.files.whole import put_file, whole_file, write_text
from k3m_kg.files.writing import write_errors

__all__ = [
    "Kept",
    "beside",
    "check_output",
    "inert",
    "ordinary",
    "put_file",
    "put_folder",
    "staging_file",
    "staging_folder",
    "sweep",
    "sync",
    "target_of",
    "usual_mode",
    "whole_file",
    "whole_folder",
    "write_errors",
    "write_text",
]
