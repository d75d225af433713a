"""Published collections of products: Open Food Facts, Amazon Berkeley Objects."""
