"""How product information is managed and passed on: Akeneo, BMEcat, Icecat."""
