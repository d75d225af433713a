"""XML as a stream of elements: catalogs and feeds, whatever the size of the file."""
