"""What readers of XML and of JSON Lines have in common."""
