"""One step of training, and what repeats it: pieces, processes, schedule, budget."""
