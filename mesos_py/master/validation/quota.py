"""Why a quota is none, whatever the cluster is like: pure, in Mesos' words.

Mesos: src/master/quota.cpp namespace quota, src/common/validation.cpp validateInputScalarValue.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping

from mesos_py.algebra.kinds import Kind
from mesos_py.algebra.quantities import milli_text, to_milli
from mesos_py.algebra.roles import invalid_role
from mesos_py.algebra.validation import validate_all
from mesos_py.master.quotas import quota_of
from mesos_py.master.validation.records import too_long, too_much
from mesos_py.wire.quota import QuotaConfig, QuotaRequest
from mesos_py.wire.value import Value

EXABYTE_MB = 1024**4  # of mem and disk, which are counted in MB
TRILLION = 1000**4  # of anything else

Amounts = Mapping[str, Value.Scalar]


def invalid_config(config: QuotaConfig) -> str | None:
    """Why a role cannot have these guarantees and limits."""
    wrong = too_long(config.role) or invalid_role(config.role)
    if wrong is not None:
        return f"Invalid 'QuotaConfig.role': {wrong}"
    wrong = too_much("it", config)
    if wrong is not None:
        return f"Invalid 'QuotaConfig': {wrong}"
    both = (("guarantee", config.guarantees), ("limit", config.limits))
    for what, amounts in both:
        wrong = _too_large(amounts)
        if wrong is not None:
            return f"Invalid 'QuotaConfig.{what}s': {wrong}"
    for what, amounts in both:
        for name, scalar in amounts.items():
            wrong = _no_amount(scalar.value)
            if wrong is not None:
                return f"Invalid {what} configuration {{'{name}': {_amount(scalar)}}}: {wrong}"
    quota = quota_of(config)
    if not quota.limits.admits(quota.guarantees):
        return (
            f"'QuotaConfig.guarantees' {_text(config.guarantees)} is not contained within the 'QuotaConfig.limits'"
            f" {_text(config.limits)}"
        )
    return None


def invalid_request(request: QuotaRequest) -> str | None:
    """Why this cannot be a guarantee of the old form."""
    wrong = too_much("it", request)
    if wrong is not None:
        return f"QuotaInfo is too large: {wrong}"
    wrong = validate_all(request.guarantee)
    if wrong is not None:
        return f"QuotaInfo with invalid resource: {wrong}"
    role = request.role or ""
    wrong = too_long(role) or invalid_role(role)
    if wrong is not None:
        return f"QuotaInfo with invalid role: {wrong}"
    if not request.guarantee:
        return "QuotaInfo with empty 'guarantee'"
    names: dict[str, None] = {}
    for resource in request.guarantee:
        if Kind.of(resource).reservations:
            return "QuotaInfo must not contain any ReservationInfo"
        if resource.disk is not None:
            return "QuotaInfo must not contain DiskInfo"
        if resource.revocable is not None:
            return "QuotaInfo must not contain RevocableInfo"
        if resource.type is not Value.Type.SCALAR:
            return "QuotaInfo must not include non-scalar resources"
        if resource.name in names:
            return f"QuotaInfo contains duplicate resource name '{resource.name}'"
        names[resource.name] = None
    return None


def _too_large(amounts: Amounts) -> str | None:
    for name, scalar in amounts.items():
        most, text = (EXABYTE_MB, "1 exabyte") if name in ("mem", "disk") else (TRILLION, "1 trillion")
        if scalar.value > most:
            shown = f"{{'{name}': {_amount(scalar)}}}"
            return f"{shown} is invalid: values greater than {text} ({most}) are not supported"
    return None


def _no_amount(amount: float) -> str | None:
    if math.isinf(amount):
        return "Infinite values not supported"
    if math.isnan(amount):
        return "NaN not supported"
    if 0 < abs(amount) < sys.float_info.min:
        return "Subnormal values not supported"
    return "Negative values not supported" if amount < 0 else None


def _text(amounts: Amounts) -> str:
    """``{ cpus: 2, mem: 64 }``."""
    return f"{{ {', '.join(f'{name}: {_amount(scalar)}' for name, scalar in sorted(amounts.items()))} }}"


def _amount(scalar: Value.Scalar) -> str:
    """As Mesos shows scalars, to the thousandth."""
    return milli_text(to_milli(scalar.value)) if math.isfinite(scalar.value) else f"{scalar.value:g}"
