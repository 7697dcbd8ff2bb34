# Runs on Python 3.7.
"""An executor on the unmodified pymesos: a task's data says what to do; messages are echoed in capitals."""
import base64
import threading

import pymesos


class Executor(pymesos.Executor):
    def __init__(self):
        self.waiting = {}

    def launchTask(self, driver, task):
        what = base64.b64decode(task["data"]).decode()
        self.update(driver, task["task_id"], "TASK_RUNNING")
        if what == "wait":
            self.waiting[task["task_id"]["value"]] = True
            return
        state = "TASK_FAILED" if what == "fail" else "TASK_FINISHED"
        threading.Thread(target=self.update, args=(driver, task["task_id"], state, what)).start()

    def update(self, driver, task_id, state, data=""):
        driver.sendStatusUpdate(dict(
            task_id=task_id, state=state, message="from pymesos", data=base64.b64encode(data.encode()).decode(),
        ))

    def killTask(self, driver, task_id):
        if self.waiting.pop(task_id["value"], None):
            self.update(driver, task_id, "TASK_KILLED", "killed")

    def frameworkMessage(self, driver, message):
        text = base64.b64decode(message).decode().upper()
        driver.sendFrameworkMessage(base64.b64encode(text.encode()).decode())


if __name__ == "__main__":
    pymesos.MesosExecutorDriver(Executor()).run()
