"""Published benchmarks, run from files that the user has, beside the figures that were published.

Here: what each benchmark is and where it is to be had, its files as they were published, several
seeds and their table. Not here: models and trainings, which are those of `k3m_kg.kge` and
`k3m_kg.training`. Nothing is downloaded.
"""
