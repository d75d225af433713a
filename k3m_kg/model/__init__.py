"""K3M: encoders, interactor, fusion, structure aggregation, and their composition from config."""
