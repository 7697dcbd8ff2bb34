"""REST: Marathon's v2 API over the core. One row of ``site.ROWS`` is one call.

=============  ==============================================================================
program        what is asked of the process
site           rows, and how a request finds its own
call           what a handler is given: path, query, body, and who asks
errors         answers to what is refused
apps ... pods  handlers, by noun
events         server-sent events: facts as clients know them
openapi        the document that follows from the rows, and a page to browse it
=============  ==============================================================================
"""
