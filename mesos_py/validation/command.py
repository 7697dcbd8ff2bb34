"""Why a CommandInfo is refused. Mesos: src/common/validation.cpp validateCommandInfo, validateEnvironment."""

from __future__ import annotations

from mesos_py.wire.command import CommandInfo, Environment
from mesos_py.wire.secret import Secret

_Type = Environment.Variable.Type


def invalid_command(command: CommandInfo) -> str | None:
    return None if command.environment is None else invalid_environment(command.environment)


def invalid_environment(environment: Environment) -> str | None:
    for variable in environment.variables:
        text = _invalid_variable(variable)
        if text is not None:
            return text
    return None


def _invalid_variable(variable: Environment.Variable) -> str | None:
    name = variable.name
    if variable.type is _Type.VALUE:
        if variable.secret is not None:
            return f"Environment variable '{name}' of type 'VALUE' must not have a secret set"
        if variable.value is None:
            return f"Environment variable '{name}' of type 'VALUE' must have a value set"
        return None
    if variable.type is _Type.SECRET:
        if variable.value is not None:
            return f"Environment variable '{name}' of type 'SECRET' must not have a value set"
        if variable.secret is None:
            return f"Environment variable '{name}' of type 'SECRET' must have a secret set"
        text = invalid_secret(variable.secret)
        if text is not None:
            return f"Environment variable '{name}' specifies an invalid secret: {text}"
        secret = variable.secret
        if secret.type is Secret.Type.VALUE and secret.value is not None and b"\0" in secret.value.data:
            return (
                f"Environment variable '{name}' specifies a secret containing null bytes,"
                " which is not allowed in the environment"
            )
        return None
    return "Environment variable of type 'UNKNOWN' is not allowed"


def invalid_secret(secret: Secret) -> str | None:
    if secret.type is Secret.Type.REFERENCE:
        if secret.reference is None:
            return "Secret of type REFERENCE must have the 'reference' field set"
        if secret.value is not None:
            return f"Secret '{secret.reference.name}' of type REFERENCE must not have the 'value' field set"
        return None
    if secret.type is Secret.Type.VALUE:
        if secret.value is None:
            return "Secret of type VALUE must have the 'value' field set"
        if secret.reference is not None:
            return "Secret of type VALUE must not have the 'reference' field set"
        return None
    return "Secret of type UNKNOWN is not allowed"
