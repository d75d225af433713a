"""What market places take from those who sell there: Google Merchant, Amazon."""
