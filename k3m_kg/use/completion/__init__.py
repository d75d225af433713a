"""Values that products lack: what can be asked, what is proposed for it, and what speaks for it."""
