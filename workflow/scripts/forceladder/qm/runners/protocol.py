"""The loop that every runner shares. Standard library only, any Python from 3.6 on:
it runs inside Psi4's own interpreter, which is not ours.

environment: FORCELADDER_TASKS    a JSON list of tasks (qm/tasks.py)
             FORCELADDER_RESULTS  a folder; the result of task i becomes i.json
             FORCELADDER_MEMORY   bytes that the engine may use

A result is {success: true, energy, gradient, …} or {success: false, error_type,
error_message}, both with wall_seconds and cpu_seconds. It appears under its final name
only once it is whole, so that whoever waits for it never reads half of one.
"""

import json
import os
import time


def run(compute):
    """Call `compute(task)` for each task; a failure is a result, and the next task still runs."""
    with open(os.environ["FORCELADDER_TASKS"]) as file:
        tasks = json.load(file)
    for index, task in enumerate(tasks):
        wall, cpu = time.time(), time.process_time()
        try:
            result = dict(compute(task), success=True)
            json.dumps(result, allow_nan=False)  # a number that is none is a failure
        except Exception as error:
            result = {
                "success": False,
                "error_type": type(error).__name__,
                "error_message": str(error).strip()[-2000:],
            }
        result["wall_seconds"] = time.time() - wall
        result["cpu_seconds"] = time.process_time() - cpu
        write(index, result)


def write(index, result):
    path = os.path.join(os.environ["FORCELADDER_RESULTS"], f"{index}.json")
    with open(path + ".part", "w") as file:
        json.dump(result, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(path + ".part", path)
