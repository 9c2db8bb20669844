"""Where a network is computed."""

import torch


def chosen_device(setting: str) -> str:
    """'cpu' or 'cuda' of a setting 'cpu', 'cuda' or 'auto': a GPU where there is one."""
    if setting == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return setting
