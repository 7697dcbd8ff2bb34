"""linux/seccomp: which system calls a container's processes may make.

Profiles are files in the format of Docker's, as Mesos reads them: a default action, architectures, and rules that may
be for certain capabilities or architectures only. What is left of them for one container is the runtime's to load;
its libseccomp knows the names of calls.
Mesos: src/slave/containerizer/mesos/isolators/linux/seccomp.cpp, src/linux/seccomp/seccomp_parser.cpp
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import attrs

from mesos_py.agent.containerizer.runtime.bundle import Bundle
from mesos_py.machine.problem import Problem, bad_request

ACTIONS: Final = (
    "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_LOG", "SCMP_ACT_TRACE",
    "SCMP_ACT_TRAP",
)  # fmt: skip
OPERATORS: Final = (
    "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ",
)  # fmt: skip

#: Our machine's names: the kernel's, libseccomp's, and that of Docker's profiles.
_MACHINES: Final = {
    "x86_64": ("SCMP_ARCH_X86_64", "amd64"), "aarch64": ("SCMP_ARCH_AARCH64", "arm64"),
    "ppc64le": ("SCMP_ARCH_PPC64LE", "ppc64le"), "s390x": ("SCMP_ARCH_S390X", "s390x"),
    "riscv64": ("SCMP_ARCH_RISCV64", "riscv64"),
}  # fmt: skip

UNCONFINED_BUT_NAMED: Final = (
    "Invalid Seccomp configuration: 'profile_name' given even though 'unconfined' Seccomp setting is enabled"
)


@attrs.frozen(kw_only=True)
class Rule:
    """What happens to some calls, if its conditions hold."""

    names: tuple[str, ...]
    action: str
    arguments: tuple[Mapping[str, Any], ...] = ()
    errno: int | None = None
    #: it is for whoever has all of these, and for none who has any of those
    capabilities: tuple[str, ...] = ()
    not_capabilities: tuple[str, ...] = ()
    #: likewise of machines, any of them; empty: all
    machines: tuple[str, ...] = ()
    not_machines: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Profile:
    """One file, understood."""

    default_action: str
    default_errno: int | None
    architectures: tuple[str, ...]
    rules: tuple[Rule, ...]

    def config(self, capabilities: Collection[str], machine: str = "") -> dict[str, Any]:
        """``linux.seccomp`` of the OCI runtime specification, for who has these capabilities on such a machine."""
        native, name = _MACHINES.get(machine or platform.machine(), ("", ""))
        applying = [
            rule for rule in self.rules
            if set(rule.capabilities) <= set(capabilities) and not set(rule.not_capabilities) & set(capabilities)
            and (not rule.machines or name in rule.machines) and name not in rule.not_machines
        ]  # fmt: skip
        return {
            "defaultAction": self.default_action,
            **({} if self.default_errno is None else {"defaultErrnoRet": self.default_errno}),
            "architectures": list(self.architectures or ([native] if native else [])),
            "syscalls": [
                {
                    "names": list(rule.names), "action": rule.action, "args": [dict(one) for one in rule.arguments],
                    **({} if rule.errno is None else {"errnoRet": rule.errno}),
                }
                for rule in applying
            ],
        }  # fmt: skip


def parse(text: str, machine: str = "") -> Profile:
    """Raises ValueError with a sentence for what is no profile."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError("expecting a JSON object")
    architectures = [_text(one, "an architecture") for one in _list(found, "architectures")]
    native = _MACHINES.get(machine or platform.machine(), ("", ""))[0]
    for one in _list(found, "archMap"):
        if isinstance(one, dict) and one.get("architecture") == native:
            below = [_text(sub, "an architecture") for sub in _list(one, "subArchitectures")]
            architectures = [native, *below]
    return Profile(
        default_action=_one_of(found.get("defaultAction"), ACTIONS, "defaultAction"),
        default_errno=_number(found, "defaultErrnoRet"),
        architectures=tuple(architectures),
        rules=tuple([_rule(one) for one in _list(found, "syscalls")]),
    )


def isolate(
    bundle: Bundle, default: Profile | None, named: Callable[[str], Profile | Problem]
) -> Problem | None:
    """The task's own profile, else the agent's, else none; ``named`` reads a file of --seccomp_config_dir."""
    container = bundle.spec.container
    asked = None if container is None or container.linux_info is None else container.linux_info.seccomp
    profile = default
    if asked is not None:
        if asked.unconfined:
            return bad_request(UNCONFINED_BUT_NAMED) if asked.profile_name is not None else None
        if asked.profile_name is None:
            return bad_request("Missing Seccomp profile name")
        found = named(asked.profile_name)
        if isinstance(found, Problem):
            return found
        profile = found
    if profile is not None:
        bundle.seccomp = profile.config(bundle.bounding)
    return None


# ---- parts


def _rule(found: Any) -> Rule:
    if not isinstance(found, dict):
        raise ValueError("expecting an object for each of 'syscalls'")
    names = [_text(one, "a system call") for one in _list(found, "names")]
    if isinstance(found.get("name"), str):
        names.append(found["name"])
    if not names:
        raise ValueError("expecting 'names' in each of 'syscalls'")
    includes, excludes = [_dict(found, part) for part in ("includes", "excludes")]
    return Rule(
        names=tuple(names),
        action=_one_of(found.get("action"), ACTIONS, f"the action of '{names[0]}'"),
        arguments=tuple([_argument(one, names[0]) for one in _list(found, "args")]),
        errno=_number(found, "errnoRet"),
        capabilities=tuple([_text(one, "a capability") for one in _list(includes, "caps")]),
        not_capabilities=tuple([_text(one, "a capability") for one in _list(excludes, "caps")]),
        machines=tuple([_text(one, "an architecture") for one in _list(includes, "arches")]),
        not_machines=tuple([_text(one, "an architecture") for one in _list(excludes, "arches")]),
    )


def _argument(found: Any, name: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise ValueError(f"expecting an object for each of the arguments of '{name}'")
    numbers = {part: _number(found, part) or 0 for part in ("index", "value", "valueTwo")}
    if not 0 <= numbers["index"] <= 5:
        raise ValueError(f"a system call has arguments 0 to 5, not {numbers['index']}")
    return {**numbers, "op": _one_of(found.get("op"), OPERATORS, f"an operator of '{name}'")}


def _list(found: Mapping[str, Any], name: str) -> list[Any]:
    value = found.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"expecting a list for '{name}'")
    return value


def _dict(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = found.get(name)
    return value if isinstance(value, dict) else {}


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"expecting the name of {what}, found {value!r}")
    return value


def _one_of(value: Any, known: Collection[str], what: str) -> str:
    if value not in known:
        raise ValueError(f"{what}: expecting one of {', '.join(known)}, found {value!r}")
    return str(value)


def _number(found: Mapping[str, Any], name: str) -> int | None:
    value = found.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 64:
        raise ValueError(f"expecting a number for '{name}', found {value!r}")
    return value
