"""`k3m-kg demo`: a generated catalog that goes the whole way through, and a report to look at.

Here: the world that products are drawn from, their pictures, the best anyone could do on them, the
report. Not here: anything that works on a user's catalog only.
"""
