"""What readers and change writers of delimited text have in common: dialects, variants, cells."""
