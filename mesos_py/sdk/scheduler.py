"""``Scheduler``: a framework's program. Subclass it and write handlers, or iterate over its events.

What it does by itself is in ``session``; what each attribute and method below says is how to take it over.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from types import TracebackType
from typing import ClassVar, Self

import structlog

from mesos_py.coordination import Records
from mesos_py.sdk.client import Client
from mesos_py.sdk.host import Account, Elsewhere, Host, KnownAgent, NotReached, host
from mesos_py.sdk.session import words
from mesos_py.sdk.session.book import Task
from mesos_py.sdk.session.core import Habits, Session
from mesos_py.sdk.tasks import Pool
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.ids import AgentID, ExecutorID, FrameworkID, OfferID, TaskID
from mesos_py.wire.offer import Filters, InverseOffer, Offer
from mesos_py.wire.operation import OperationStatus
from mesos_py.wire.scheduler_api import Call, Event
from mesos_py.wire.schema import payload_field
from mesos_py.wire.task import KillPolicy, TaskInfo, TaskStatus

log = structlog.get_logger(__name__)

_Capability = FrameworkInfo.Capability
_Operation = Offer.Operation

#: types of calls that say enough by themselves
NEED_NOTHING = (Call.Type.TEARDOWN, Call.Type.REVIVE, Call.Type.SUPPRESS)

FAILOVER_TIMEOUT_S = 7 * 86400.0  # a week, as the high-availability guide advises


class Scheduler:
    """One framework. ``await scheduler.run()``, or ``async with scheduler: async for event in scheduler.events()``."""

    #: as people see it
    name: str = ""
    #: in which it is offered resources
    roles: Sequence[str] = ("*",)
    #: whom tasks run as; "": who runs this
    user: str = ""
    #: HOST:PORT, zk://..., http(s)://HOST:PORT; "": MESOS_MASTER, or a master on this machine
    master: str = ""
    #: where its id and tasks are kept: memory, sqlite:PATH, zk://...; "": a file of its own (see the module ``store``)
    store: str = ""
    #: how long its tasks go on without it, seconds; then the master ends them
    failover_timeout_s: float = FAILOVER_TIMEOUT_S
    #: its tasks outlive a restart of their agents
    checkpoint: bool = True
    #: what it understands
    capabilities: Sequence[_Capability.Type] = (
        _Capability.Type.MULTI_ROLE, _Capability.Type.PARTITION_AWARE, _Capability.Type.TASK_KILLING_STATE,
        _Capability.Type.RESERVATION_REFINEMENT,
    )  # fmt: skip
    #: for masters that ask who we are
    principal: str = ""
    secret: str = ""
    #: how long a declined offer is not wanted again, seconds
    refuse_s: float = 5.0

    #: False: the program acknowledges every update itself
    acknowledges: ClassVar[bool] = True
    #: False: it asks for its tasks itself
    reconciles: ClassVar[bool] = True
    #: False: it answers every offer itself, or keeps it for later; True: those it has not answered when ``on_offers``
    #: returns are declined
    declines: ClassVar[bool] = True

    def __init__(self, **settings: object) -> None:
        """``settings`` are attributes by name: ``Scheduler(name="mine", master="zk://...")``."""
        self._host: Host = host()
        self._client: Client | None = None
        self._wants_offers = True
        for name, value in settings.items():
            member = getattr(type(self), name, None)
            is_fact = isinstance(member, property) and member.fset is None
            if member is None or callable(member) or is_fact or name.startswith("_"):
                raise TypeError(f"{type(self).__name__} has no setting '{name}'")
            setattr(self, name, value)

    def framework_info(self) -> FrameworkInfo:
        """How the framework introduces itself; override it to say more."""
        return FrameworkInfo(
            name=self.name or type(self).__name__.lower(), user=self.user or self._host.user, roles=tuple(self.roles),
            hostname=self._host.name, failover_timeout=self.failover_timeout_s, checkpoint=self.checkpoint,
            principal=self.principal or None,
            capabilities=tuple(_Capability(type=capability) for capability in self.capabilities),
        )  # fmt: skip

    async def open_records(self) -> Records:
        """Where it keeps things, as ``store`` says; may be overridden. Raises StoreFailed, ValueError."""
        return await self._host.records(self.store, self.framework_info().name, self._master)

    # ---- handlers

    async def on_subscribed(self, subscribed: Event.Subscribed) -> None:
        """The framework is subscribed, for the first time or again; offers of before are gone."""

    async def on_offers(self, offers: Sequence[Offer]) -> None:
        """Resources of agents, to be used or declined."""

    async def on_rescind(self, offer_id: OfferID) -> None:
        """The offer is gone: rescinded, or lost with the master."""

    async def on_update(self, status: TaskStatus) -> None:
        """A task is in another state, or has news; ``self.tasks`` knows it already. Acknowledged when this returns."""

    async def on_message(self, message: Event.Message) -> None:
        """An executor has something to say."""

    async def on_failure(self, failure: Event.Failure) -> None:
        """An agent or an executor is gone; what that means for tasks comes as updates."""

    async def on_inverse_offers(self, offers: Sequence[InverseOffer]) -> None:
        """Agents are about to be unavailable."""

    async def on_rescind_inverse_offer(self, offer_id: OfferID) -> None:
        """Or not."""

    async def on_operation(self, status: OperationStatus) -> None:
        """News of a reservation or a volume. Acknowledged when this returns."""

    def on_refused(self, call: Call, status: int, text: str) -> None:
        """The master has refused a call, as it does when it comes too late; must not wait."""
        log.warning("call refused", call=call.type.name if call.type else None, status=status, text=text)

    def on_disconnected(self, why: str) -> None:
        """No master listens to us until ``on_subscribed``; told again for every attempt that comes to nothing. Must not
        wait."""

    # ---- life

    async def run(self) -> None:
        """Returns when the framework is torn down; raises what has ended it otherwise (``errors``)."""
        async with self:
            async for event in self.events():
                await self.handle(event)

    async def __aenter__(self) -> Self:
        habits = Habits(acknowledges=self.acknowledges, reconciles=self.reconciles)
        session = Session(self.framework_info(), self._host.rng, habits)
        if not self._wants_offers:
            session.suppressed = dict.fromkeys(session.roles)
        account = Account(self.principal, self.secret) if self.secret else None
        client = Client(
            session, self._host, master=self._master, records=self.open_records, account=account,
            refused=self.on_refused, lost=self.on_disconnected,
        )  # fmt: skip
        self._client = await client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._there.__aexit__(kind, error, trace)

    async def events(self) -> AsyncIterator[Event]:
        """Events in their order; asking for the next one says that the last one was dealt with."""
        while (event := await self._there.next()) is not None:
            yield event
            self._there.shell.tell(words.Handled(event))
            await self._there.shell.room()

    async def handle(self, event: Event) -> None:
        """Call the handler of ``event``."""
        match event.type:
            case Event.Type.OFFERS if event.offers is not None:
                await self.on_offers(event.offers.offers)
                if self.declines:
                    await self.decline(offer for offer in event.offers.offers if offer.id in self.offers)
            case Event.Type.UPDATE if event.update is not None:
                await self.on_update(event.update.status)
            case Event.Type.SUBSCRIBED if event.subscribed is not None:
                await self.on_subscribed(event.subscribed)
            case Event.Type.RESCIND if event.rescind is not None:
                await self.on_rescind(event.rescind.offer_id)
            case Event.Type.MESSAGE if event.message is not None:
                await self.on_message(event.message)
            case Event.Type.FAILURE if event.failure is not None:
                await self.on_failure(event.failure)
            case Event.Type.INVERSE_OFFERS if event.inverse_offers is not None:
                await self.on_inverse_offers(event.inverse_offers.inverse_offers)
            case Event.Type.RESCIND_INVERSE_OFFER if event.rescind_inverse_offer is not None:
                await self.on_rescind_inverse_offer(event.rescind_inverse_offer.inverse_offer_id)
            case Event.Type.UPDATE_OPERATION_STATUS if event.update_operation_status is not None:
                await self.on_operation(event.update_operation_status.status)

    @property
    def _master(self) -> str:
        return self.master or self._host.master

    @property
    def _there(self) -> Client:
        if self._client is None:
            raise RuntimeError("the scheduler does not run: 'await scheduler.run()', or enter it with 'async with'")
        return self._client

    # ---- what is known

    @property
    def framework_id(self) -> FrameworkID | None:
        """None: no master has given us one yet."""
        return self._there.session.framework_id

    @property
    def is_subscribed(self) -> bool:
        return self._there.session.is_subscribed

    @property
    def tasks(self) -> Mapping[TaskID, Task]:
        """Every task ever launched, by this run or an earlier one, until it is forgotten."""
        return self._there.session.book

    @property
    def offers(self) -> Mapping[OfferID, Offer]:
        """Those that are outstanding: neither answered nor gone."""
        return self._there.session.offers

    @property
    def wants_offers(self) -> bool:
        """Set it to False when there is nothing to launch, and the master offers to others; True: to us again."""
        return self._wants_offers

    @wants_offers.setter
    def wants_offers(self, wanted: bool) -> None:
        self._wants_offers = wanted
        if self._client is not None:
            self._client.shell.tell(words.OffersWanted(wanted))

    # ---- offers

    async def launch(self, offer: Offer, tasks: Iterable[TaskInfo], refuse_s: float | None = None) -> list[TaskInfo]:
        """Those of ``tasks`` that fit into the offer and were never launched before run on its agent; returns them.

        What they need is taken from what is reserved for nobody first. With none the offer is left as it is.
        """
        pool = Pool(offer)
        launched: dict[TaskID, TaskInfo] = {}
        if offer.id in self.offers:
            for task in tasks:
                if task.task_id not in self.tasks and task.task_id not in launched:
                    placed = pool.take(task)
                    if placed is not None:
                        launched[task.task_id] = placed
        if launched:
            launch = _Operation.Launch(task_infos=tuple(launched.values()))
            is_said = await self.accept([offer], [_Operation(type=_Operation.Type.LAUNCH, launch=launch)], refuse_s)
            return list(launched.values()) if is_said else []
        return []

    async def accept(
        self, offers: Iterable[Offer], operations: Iterable[_Operation], refuse_s: float | None = None
    ) -> bool:
        """The offers, all of one agent, are used for the operations, in order. False: no master listens, and nothing
        was launched. Tasks whose ids are known are not kept from being launched again: that is ``launch``'s."""
        accept = Call.Accept(
            offer_ids=tuple(offer.id for offer in offers), operations=tuple(operations),
            filters=self._filters(refuse_s),
        )  # fmt: skip
        return await self._there.call(Call(type=Call.Type.ACCEPT, accept=accept))

    async def decline(self, offers: Iterable[Offer], refuse_s: float | None = None) -> None:
        """They are given back, and what is in them is not offered again for ``refuse_s``."""
        offer_ids = tuple(offer.id for offer in offers)
        if offer_ids:
            decline = Call.Decline(offer_ids=offer_ids, filters=self._filters(refuse_s))
            await self._there.call(Call(type=Call.Type.DECLINE, decline=decline))

    def _filters(self, refuse_s: float | None) -> Filters:
        return Filters(refuse_seconds=self.refuse_s if refuse_s is None else refuse_s)

    async def suppress(self, roles: Sequence[str] = ()) -> None:
        """Nothing is offered in these roles (none: in any) until they are revived, by whatever master."""
        await self._there.call(Call(type=Call.Type.SUPPRESS, suppress=Call.Suppress(roles=tuple(roles))))

    async def revive(self, roles: Sequence[str] = ()) -> None:
        """Everything may be offered again, whatever was declined or suppressed."""
        await self._there.call(Call(type=Call.Type.REVIVE, revive=Call.Revive(roles=tuple(roles))))

    # ---- tasks

    async def kill(self, task_id: TaskID, policy: KillPolicy | None = None) -> None:
        """The task is killed, again and again until it has ended, by whatever master."""
        task = self.tasks.get(task_id)
        kill = Call.Kill(task_id=task_id, agent_id=task.agent_id if task is not None else None, kill_policy=policy)
        await self._there.call(Call(type=Call.Type.KILL, kill=kill))

    async def acknowledge(self, status: TaskStatus) -> None:
        """The update does not come again; only for those who do not let ``acknowledges`` do it."""
        if status.uuid is not None and status.agent_id is not None:
            acknowledge = Call.Acknowledge(agent_id=status.agent_id, task_id=status.task_id, uuid=status.uuid)
            await self._there.call(Call(type=Call.Type.ACKNOWLEDGE, acknowledge=acknowledge))

    async def reconcile(self, task_ids: Iterable[TaskID] = ()) -> None:
        """The master says how these tasks are, or all it knows of; only for those who do not let ``reconciles``."""
        known = ((task_id, self.tasks.get(task_id)) for task_id in task_ids)
        tasks = tuple(
            Call.Reconcile.Task(task_id=task_id, agent_id=None if task is None else task.agent_id)
            for task_id, task in known
        )
        await self._there.call(Call(type=Call.Type.RECONCILE, reconcile=Call.Reconcile(tasks=tasks)))

    def forget(self, task_id: TaskID) -> None:
        """A task that has ended is not in ``tasks`` any more, and its id may be used again."""
        self._there.shell.tell(words.ForgetAsked(task_id))

    # ---- the rest

    async def agents(self) -> tuple[KnownAgent, ...]:
        """Those that the master knows, with all that they have, whether it is offered to us or not. Raises NotReached
        when no master answers, Refused when it tells operators only."""
        try:
            return await self._there.agents()
        except Elsewhere as elsewhere:
            raise NotReached(str(elsewhere)) from elsewhere

    async def message(self, agent_id: AgentID, executor_id: ExecutorID, data: bytes) -> None:
        """The executor hears it, unless it is lost on the way."""
        message = Call.Message(agent_id=agent_id, executor_id=executor_id, data=data)
        await self._there.call(Call(type=Call.Type.MESSAGE, message=message))

    async def shutdown(self, agent_id: AgentID, executor_id: ExecutorID) -> None:
        """The executor ends, with its tasks."""
        shutdown = Call.Shutdown(executor_id=executor_id, agent_id=agent_id)
        await self._there.call(Call(type=Call.Type.SHUTDOWN, shutdown=shutdown))

    async def update_framework(self, info: FrameworkInfo) -> None:
        """The framework is another one from now on, to this master and the next: other roles, another name."""
        update = Call.UpdateFramework(framework_info=info)
        await self._there.call(Call(type=Call.Type.UPDATE_FRAMEWORK, update_framework=update))

    async def call(self, call: Call) -> bool:
        """Any other call; the framework's id is filled in. False: no master listens. Raises ValueError."""
        if call.type is None or call.type in (Call.Type.UNKNOWN, Call.Type.SUBSCRIBE):
            raise ValueError("a call needs a type, and subscribing is not the program's business")
        if call.type not in NEED_NOTHING and getattr(call, payload_field(call.type)) is None:
            raise ValueError(f"a call of type {call.type.name} needs '{payload_field(call.type)}'")
        return await self._there.call(call)

    async def teardown(self) -> None:
        """The framework ends with all its tasks, and nothing of it is kept; ``run`` returns once a master knows."""
        await self._there.call(Call(type=Call.Type.TEARDOWN))

    # ---- records of its own

    @property
    def records(self) -> Mapping[str, bytes]:
        """What the program has kept, in this run or an earlier one."""
        return self._there.session.records

    def keep(self, name: str, contents: bytes | None) -> None:
        """The record survives us; None: not any more. No call that is made after this leaves before that is so."""
        self._there.shell.tell(words.KeepAsked(name, contents))

    async def stored(self) -> None:
        """Everything kept so far survives. Raises NotKept when nobody can say that any more."""
        await self._there.shell.stored()
