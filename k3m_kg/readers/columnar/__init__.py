"""Parquet, Arrow and Feather: a row a product, or a row a triple."""
