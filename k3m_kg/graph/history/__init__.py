"""The runs: what each of them changed, and how it is taken back."""
