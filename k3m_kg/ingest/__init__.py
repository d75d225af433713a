"""From catalog files to the graph: readers, pictures, quarantine, and the pipeline."""
