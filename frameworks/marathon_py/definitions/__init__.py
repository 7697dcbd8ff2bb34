"""Apps, pods and groups as people define them: read, completed, judged and written. Pure.

    given = read_given(body)            # JSON to values; InvalidJson names every path that is wrong
    given = translate(given, settings)  # old forms in today's
    app = complete(given, settings)     # what was left open filled in
    violations(app, settings)           # the rules that it breaks, each with its path
    show(app)                           # JSON, with the fields that Marathon writes

=============  ==============================================================================
fields         how a definition is declared, read and written; errors by path
paths          ids: /group/app
timestamps     moments as clients see them, of which versions are made
network        networks, port definitions, port mappings
volumes        volumes of all kinds
container      container, image, what is particular to Linux
checks         health checks, checks, readiness checks
app            an app, field by field
pods           a pod, field by field, and what it leaves open filled in
legacy         forms of former releases, translated
complete       what a definition leaves open, filled in
constraints    constraints as those that place tasks
rules          what a complete app, or pod, may not be, rule by rule
versioning     what the difference of two definitions means: nothing, other numbers, other instances
service_ports  service ports of 0, assigned
schemas        JSON Schema of all that, for documents
groups         trees of apps and pods: updates, roles, dependencies
trees          trees changed and compared
terms          what labels say about deployments
settings       what the operator decides about definitions
=============  ==============================================================================

Source: mesosphere/marathon docs/docs/rest-api/public/api/v2/types, src/main/scala/.../api/v2.
"""
