# Runs on Python 3.7.
"""A scheduler on the unmodified pymesos, run by a Python of its own.

    python pymesos_scheduler.py commands|executor|operator|failover MASTER

Prints one JSON object: what came of it. ``failover`` says "running" before, once all of its tasks run: its master may
be killed then, and by the next one it has half of them killed; the others end by themselves, when there is a file.
"""
import base64
import json
import logging
import os
import sys
import threading
import time

import pymesos

TERMINAL = ("TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST", "TASK_DROPPED")
TIMEOUT_S = 90


def scalars(**amounts):
    return [dict(name=name, type="SCALAR", scalar=dict(value=value)) for name, value in amounts.items()]


def amount(offer, name):
    return sum(resource["scalar"]["value"] for resource in offer["resources"] if resource["name"] == name)


class Scheduler(pymesos.Scheduler):
    """Launches ``tasks`` (dicts less ids, agent and resources) and notes what happens to them."""

    def __init__(self, tasks):
        self.tasks = tasks
        self.names = list(tasks)
        self.waiting = list(tasks)
        self.seen = dict((name, []) for name in tasks)
        self.messages = {}
        self.executor_messages = []
        self.registrations = []
        self.reconciled = []
        self.errors = []
        self.kill_when_running = set()
        self.executors = {}
        self.done = threading.Event()

    def registered(self, driver, framework_id, master_info):
        self.registrations.append(["registered", framework_id["value"], master_info.get("version")])

    def reregistered(self, driver, master_info):
        self.registrations.append(["reregistered"])

    def resourceOffers(self, driver, offers):
        for offer in offers:
            left = min(amount(offer, "cpus") / 0.2, amount(offer, "mem") / 64)
            launch = []
            while self.waiting and left >= 2:
                name = self.waiting.pop(0)
                launch.append(dict(
                    self.tasks[name], name=name, task_id=dict(value=name), agent_id=offer["agent_id"],
                    resources=scalars(cpus=0.1, mem=32),
                ))
                left -= 1
            if launch:
                driver.launchTasks(offer["id"], launch, dict(refuse_seconds=1))
            else:
                driver.declineOffer(offer["id"], dict(refuse_seconds=1))

    def statusUpdate(self, driver, update):
        name, state = update["task_id"]["value"], update["state"]
        if update.get("reason") == "REASON_RECONCILIATION":
            self.reconciled.append([name, state])
            return
        self.seen[name].append(state)
        self.messages[name] = update.get("message", "")
        if "data" in update:
            self.messages[name] = base64.b64decode(update["data"]).decode()
        if state == "TASK_RUNNING":
            if name in self.kill_when_running:
                driver.reconcileTasks([dict(task_id=dict(value=name))])
                driver.killTask(dict(value=name))
            if "executor" in self.tasks[name]:
                driver.sendFrameworkMessage(
                    self.tasks[name]["executor"]["executor_id"], update["agent_id"],
                    base64.b64encode(name.encode()).decode(),
                )
        self.look()

    def frameworkMessage(self, driver, executor_id, agent_id, message):
        self.executor_messages.append(base64.b64decode(message).decode())
        self.look()

    def look(self):
        ended = all(seen and seen[-1] in TERMINAL for seen in self.seen.values())
        expected = sum("executor" in task for task in self.tasks.values())
        if ended and len(self.executor_messages) >= expected:
            self.done.set()

    def error(self, driver, message):
        self.errors.append(message)
        self.done.set()

    def executorLost(self, driver, executor_id, agent_id, status):
        self.executors[executor_id["value"]] = status


def run(master, tasks, kill=(), scheduler=None):
    scheduler = scheduler or Scheduler(tasks)
    scheduler.kill_when_running = set(kill)
    framework = dict(user=os.environ.get("USER") or "root", name="pymesos", hostname="localhost", checkpoint=False)
    driver = pymesos.MesosSchedulerDriver(scheduler, framework, master)
    driver.start()
    finished = scheduler.done.wait(TIMEOUT_S)
    driver.stop()
    driver.join()
    return dict(
        finished=finished, seen=scheduler.seen, messages=scheduler.messages, registrations=scheduler.registrations,
        executor_messages=sorted(scheduler.executor_messages), reconciled=scheduler.reconciled,
        errors=scheduler.errors,
    )


class Patient(Scheduler):
    """Kills what is to be killed once another master leads, and insists: that one may not know its agents yet."""

    def reregistered(self, driver, master_info):
        Scheduler.reregistered(self, driver, master_info)
        if len(self.registrations) == 2:
            threading.Thread(target=self.kill, args=(driver,), daemon=True).start()

    def kill(self, driver):
        while not self.done.is_set():
            for name in self.names:
                if name.startswith("killed") and self.seen[name][-1] not in TERMINAL:
                    driver.killTask(dict(value=name))
            time.sleep(0.5)

    def look(self):
        if all(seen[-1:] == ["TASK_RUNNING"] for seen in self.seen.values()):
            print("running", flush=True)
        Scheduler.look(self)


def failover(master):
    waits = dict(command=dict(shell=True, value="while ! [ -e go ]; do sleep 0.1; done"))
    sleeps = dict(command=dict(shell=True, value="exec sleep 600"))
    tasks = dict(("ends-%d" % n, waits) for n in range(4))
    tasks.update(("killed-%d" % n, sleeps) for n in range(4))
    return run(master, tasks, scheduler=Patient(tasks))


def commands(master):
    tasks = dict(("task-%d" % n, dict(command=dict(shell=True, value="echo %d" % n))) for n in range(8))
    tasks["fails"] = dict(command=dict(shell=True, value="exit 3"))
    tasks["argv"] = dict(command=dict(shell=False, value="/bin/sh", arguments=["sh", "-c", "test \"$N\" = 7"],
                                      environment=dict(variables=[dict(name="N", value="7")])))
    tasks["killed"] = dict(command=dict(shell=True, value="sleep 300"))
    return run(master, tasks, kill=["killed"])


def executor(master):
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pymesos_executor.py")
    info = dict(
        executor_id=dict(value="pymesos-executor"), name="pymesos executor",
        command=dict(value=sys.executable + " " + program), resources=scalars(cpus=0.1, mem=32),
    )
    tasks = {}
    for n in range(8):
        data = base64.b64encode(("data-%d" % n).encode()).decode()
        tasks["task-%d" % n] = dict(executor=info, data=data)
    tasks["fails"] = dict(executor=info, data=base64.b64encode(b"fail").decode())
    tasks["killed"] = dict(executor=info, data=base64.b64encode(b"wait").decode())
    return run(master, tasks, kill=["killed"])


def operator(master):
    driver = pymesos.MesosOperatorMasterDriver(master)
    answers = dict(
        health=driver.getHealth(), version=driver.getVersion(), flags=driver.getFlags(), master=driver.getMaster(),
        agents=driver.getAgents(), frameworks=driver.getFrameworks(), tasks=driver.getTasks(), roles=driver.getRoles(),
        state=driver.getState(), metrics=driver.getMetrics(10 ** 9),
    )
    driver.updateWeights([dict(role="pymesos", weight=2.5)])
    driver.setQuota(dict(role="pymesos", guarantee=scalars(cpus=0.5, mem=32)))
    answers.update(weights=driver.getWeights(), quota=driver.getQuota())
    driver.removeQuota("pymesos")
    answers["no_quota"] = driver.getQuota()
    return answers


if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG)
    modes = dict(commands=commands, executor=executor, operator=operator, failover=failover)
    print(json.dumps(modes[sys.argv[1]](sys.argv[2])))
