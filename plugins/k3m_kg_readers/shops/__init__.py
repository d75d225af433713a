"""The product files of shop software, a module each, and what goes back into them."""
