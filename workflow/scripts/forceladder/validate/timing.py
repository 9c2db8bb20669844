"""Clocks that are fair on a busy machine."""

import time

import numpy as np
import torch

SHORTEST_MEASURE = 0.02  # s; shorter actions would be at the mercy of one interruption


def alternating_seconds(actions: dict, rounds: int) -> dict[str, np.ndarray]:
    """Seconds of each action in each round, [rounds]; every round takes all of them in turn, so
    that a busy machine slows all alike. Short actions are repeated within a round."""
    repeats = {}
    for name, action in actions.items():
        seconds(action, 1)  # fills caches
        repeats[name] = max(1, round(SHORTEST_MEASURE / max(seconds(action, 1), 1e-6)))
    found = [{name: seconds(action, repeats[name]) for name, action in actions.items()}
             for _ in range(rounds)]  # fmt: skip
    return {name: np.array([one[name] for one in found]) for name in actions}


def seconds(action, repeats: int) -> float:
    """Of one call. CPU time of this process, which counts no one else's work (let torch have one
    thread); on a machine with a GPU, time on the clock until all is done that was sent there."""
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    synchronize()
    start = clock()
    for _ in range(repeats):
        action()
    synchronize()
    return (clock() - start) / repeats


def synchronize():
    """Wait for what was sent to the GPU."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
