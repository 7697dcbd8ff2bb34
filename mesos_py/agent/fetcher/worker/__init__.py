"""The helper process that fetches, one per launch with URIs; started by ``python -I -S`` in the sandbox.

::

    main.py      items in order, name rules, log to stderr, one sentence to stdout if it fails
    source.py    paths, file:// and the rest: how large it is, and copying it
    download.py  http and https, one hop at a time, each address judged before it is connected to
    extract.py   archives into the sandbox, each entry judged before it is written
    cached.py    files of the cache, opened before we become the user
    sandbox.py   writing below the sandbox without following links

Imports nothing of the house, so that it starts fast and can run as anybody. Mesos: src/launcher/fetcher.cpp
"""
