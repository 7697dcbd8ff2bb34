"""The helper process that fetches, one per launch with URIs; started by ``python -I -S`` in the sandbox.

::

    main.py      items in order, name rules, log to stderr, one sentence to stdout if it fails
    download.py  http and https, one hop at a time, each address judged before it is connected to
    extract.py   archives into the sandbox, each entry judged before it is written
    sandbox.py   writing below the sandbox without following links

Imports nothing of the house, so that it starts fast and can run as anybody. Mesos: src/launcher/fetcher.cpp
"""
