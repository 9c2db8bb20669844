"""The loop that every runner shares. Standard library only, any Python from 3.6 on:
it runs inside Psi4's own interpreter, which is not ours.

environment: FORCELADDER_FOLDER   tasks lie in {n}.task.json, results go to {n}.result.json
             FORCELADDER_ANSWERS  file descriptor to which n is written once its result is whole
standard input: one n a line; its end is the end of the work, also when the caller dies

A task is a JSON object (qm/tasks.py) with `memory_bytes`. A result is {success: true,
energy, gradient, …} or {success: false, error_type, error_message}, both with
wall_seconds and cpu_seconds.
"""

import json
import os
import sys
import time


def run(compute):
    """Call `compute(task)` for each task; a failure is a result, and the next task still runs."""
    folder = os.environ["FORCELADDER_FOLDER"]
    answers = int(os.environ["FORCELADDER_ANSWERS"])
    for line in iter(sys.stdin.readline, ""):
        number = line.strip()
        with open(os.path.join(folder, number + ".task.json")) as file:
            task = json.load(file)
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
        with open(os.path.join(folder, number + ".result.json"), "w") as file:
            json.dump(result, file)
        os.write(answers, (number + "\n").encode())
