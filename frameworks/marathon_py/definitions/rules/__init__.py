"""What a complete definition may not be, rule by rule: each violation has its path and Marathon's text.

A rule is a function of the app and the settings that yields what is wrong; ``violations`` asks all of them, so that
everything is said at once. What depends on other definitions (clashing ids, cycles, roles of groups) is not here but
with groups; what depends on the former definition is in ``rules.update``.

Source: mesosphere/marathon .../api/v2/validation, .../state/AppDefinition.scala.
"""

from __future__ import annotations

from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.fields import Violation
from frameworks.marathon_py.definitions.rules.basics import BASICS
from frameworks.marathon_py.definitions.rules.checks import CHECKS
from frameworks.marathon_py.definitions.rules.container import CONTAINERS
from frameworks.marathon_py.definitions.rules.network import NETWORKS
from frameworks.marathon_py.definitions.rules.roles import ROLES
from frameworks.marathon_py.definitions.rules.uris import URIS
from frameworks.marathon_py.definitions.rules.volumes import VOLUMES
from frameworks.marathon_py.definitions.settings import Settings

RULES = (*BASICS, *URIS, *NETWORKS, *CONTAINERS, *VOLUMES, *CHECKS, *ROLES)


def violations(app: App, settings: Settings) -> list[Violation]:
    """All that is wrong with an app, in the order of the rules; the same is not said twice."""
    found = [one for rule in RULES for one in rule(app, settings)]
    return list(dict.fromkeys(found))
