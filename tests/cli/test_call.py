"""What a person may give ``mesos-py call`` as a body: the call's own message, or the whole call."""

from __future__ import annotations

import orjson
import pytest

from mesos_py.cli.call import message_of
from mesos_py.cli.command import CommandFailed
from mesos_py.wire import agent_api, master_api

MASTER = [member.name for member in master_api.Call.Type]
AGENT = [member.name for member in agent_api.Call.Type]
OWN = {"framework_id": {"value": "f-1"}}
WHOLE = {"type": "TEARDOWN", "teardown": OWN}


@pytest.mark.parametrize("body", [OWN, {"teardown": OWN}, WHOLE])
def test_a_body_is_the_calls_own_message_or_the_whole_call(body: object) -> None:
    assert message_of("TEARDOWN", orjson.dumps(body).decode(), MASTER) == WHOLE


def test_a_call_without_a_message_may_be_given_whole() -> None:
    assert message_of("GET_AGENTS", '{"type": "GET_AGENTS"}', MASTER) == {"type": "GET_AGENTS"}
    assert message_of("GET_AGENTS", None, MASTER) == {"type": "GET_AGENTS"}


def test_the_body_of_another_call_is_refused_by_name() -> None:
    with pytest.raises(CommandFailed, match="a whole call, TEARDOWN, and not MARK_AGENT_GONE"):
        message_of("MARK_AGENT_GONE", orjson.dumps(WHOLE).decode(), MASTER)


def test_a_message_may_have_a_type_of_its_own() -> None:
    own = {"type": "CONTAINER_ID", "container_id": {"value": "c"}}
    told = message_of("ATTACH_CONTAINER_INPUT", orjson.dumps(own).decode(), AGENT)
    assert told == {"type": "ATTACH_CONTAINER_INPUT", "attach_container_input": own}


@pytest.mark.parametrize(("body", "why"), [("[]", "a JSON object"), ("{", "not JSON"), ("@/nowhere", "cannot read")])
def test_what_is_no_body_is_refused(body: str, why: str) -> None:
    with pytest.raises(CommandFailed, match=why):
        message_of("TEARDOWN", body, MASTER)
