"""What an unfinished training keeps beside its artifact, and how it goes on from there."""
