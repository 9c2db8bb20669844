"""Message passing on the molecular graph: on DGL where it serves, else on plain torch.

This is the only module that imports dgl. Both give the same numbers to rounding.
"""

import os
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor, nn

from forceladder.energy.topology import Topology

# (node values [atoms, w], edge values [edges, w]) → [atoms, w]
MessageSum = Callable[[Tensor, Tensor], Tensor]


def directed_edges(topology: Topology) -> tuple[Tensor, Tensor]:
    """Sources and destinations, [2 × bonds] each: every bond one way, then the other."""
    bonds = topology.atoms["bond"]
    return torch.cat([bonds[:, 0], bonds[:, 1]]), torch.cat([bonds[:, 1], bonds[:, 0]])


def message_sum(topology: Topology, backend: str) -> MessageSum:
    """Function that sums silu(node value of the neighbour + edge value) over neighbours.

    backend: 'dgl', 'torch', or 'auto': DGL if it is installed and supports the device
    """
    device = topology.atomic_number.device
    if backend == "auto":
        backend = "dgl" if dgl_supports(device) else "torch"
    source, destination = directed_edges(topology)
    return {"dgl": _dgl_message_sum, "torch": _torch_message_sum}[backend](
        source, destination, len(topology.atomic_number)
    )


@lru_cache
def dgl_supports(device: torch.device) -> bool:
    """Whether DGL is installed and can work on `device`: no GPU build is on PyPI."""
    try:
        import_dgl().graph(([0], [0])).to(device)
    except Exception:
        return False
    return True


def import_dgl():
    os.environ.setdefault("DGLBACKEND", "pytorch")
    import dgl

    return dgl


def _torch_message_sum(source: Tensor, destination: Tensor, atoms: int) -> MessageSum:
    def sum_messages(node: Tensor, edge: Tensor) -> Tensor:
        message = nn.functional.silu(node[source] + edge)
        return torch.zeros_like(node).index_add(0, destination, message)

    return sum_messages


def _dgl_message_sum(source: Tensor, destination: Tensor, atoms: int) -> MessageSum:
    dgl = import_dgl()
    graph = dgl.graph((source, destination), num_nodes=atoms)

    def sum_messages(node: Tensor, edge: Tensor) -> Tensor:
        with graph.local_scope():
            graph.ndata["node"], graph.edata["edge"] = node, edge
            graph.apply_edges(dgl.function.u_add_e("node", "edge", "sum"))
            graph.edata["message"] = nn.functional.silu(graph.edata["sum"])
            graph.update_all(
                dgl.function.copy_e("message", "message"), dgl.function.sum("message", "total")
            )
            return graph.ndata["total"]

    return sum_messages
