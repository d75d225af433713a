"""The application in the browser, and the same over HTTP: `k3m-kg serve`.

Here: the app and its guard, pages, the API, what is kept in memory to answer fast, templates and
static files. Not here: anything that a program without a web server would want to call; that
lives in the rooms below and is only called.
"""
