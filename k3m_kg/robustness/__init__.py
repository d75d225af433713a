"""The experiments of the K3M paper on any snapshot: models, tasks, corruptions, shares, seeds.

Here: the grid, its folder, who is asked, tables, figures, the page. Not here: what a corruption is
(`corruption`), what a task asks (`evaluation`), how models are trained (`training`).
"""
