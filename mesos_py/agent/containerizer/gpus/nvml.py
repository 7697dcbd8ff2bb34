"""Which GPUs this host has: NVML, through NVIDIA's own bindings (``nvidia-ml-py``), loaded when somebody asks.

Mesos: src/slave/containerizer/mesos/isolators/gpu/nvml.cpp, allocator.cpp, isolator.cpp
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from typing import Any, Final

from mesos_py.agent.containerizer.gpus.allotment import Gpu, Gpus
from mesos_py.agent.containerizer.isolation import GPU
from mesos_py.agent.containerizer.runtime.bundle import Device
from mesos_py.agent.containerizer.runtime.host import device_at
from mesos_py.wire.linux import DeviceAccess

MAJOR: Final = 195  # of NVIDIA's devices, since ever; linux/Documentation/admin-guide/devices.txt
CONTROL_MINOR: Final = 255
CONTROL: Final = Device(
    path="/dev/nvidiactl", kind="c", major=MAJOR, minor=CONTROL_MINOR, may_read=True, may_write=True, may_make=True
)
#: Devices with majors that the kernel chooses.
OTHERS: Final = ("/dev/nvidia-uvm", "/dev/nvidia-uvm-tools")



class GpusUnavailable(ValueError):
    """This host has not what was asked for; the text is a sentence for its operator."""


def load() -> Any:
    """The library's bindings. Raises GpusUnavailable."""
    try:
        return importlib.import_module("pynvml")
    except ImportError as error:
        raise GpusUnavailable(f"{GPU} needs nvidia-ml-py (pip install 'mesos_py[gpu]'): {error}") from error


def find(nvml: Any, indices: Sequence[int] | None) -> Gpus:
    """Those with these indices, or all. Raises GpusUnavailable."""
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        raise GpusUnavailable(f"{GPU} needs the driver of NVIDIA, with its library: {error}") from error
    try:
        there = [_gpu(nvml, index) for index in range(nvml.nvmlDeviceGetCount())]
    except nvml.NVMLError as error:
        raise GpusUnavailable(f"{GPU}: {error}") from error
    finally:
        nvml.nvmlShutdown()
    for index in indices or ():
        if not 0 <= index < len(there):
            raise GpusUnavailable(f"--nvidia_gpu_devices: there is no GPU {index}; this host has {len(there)}")
    chosen = there if indices is None else [there[index] for index in dict.fromkeys(indices)]
    everything = DeviceAccess.Access(read=True, write=True, mknod=True)
    others = [device_at(path, everything) for path in OTHERS if os.path.exists(path)]
    return Gpus(chosen, (CONTROL, *[device for device in others if device is not None]))


def _gpu(nvml: Any, index: int) -> Gpu:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    minor = nvml.nvmlDeviceGetMinorNumber(handle)
    uuid = nvml.nvmlDeviceGetUUID(handle)
    device = Device(
        path=f"/dev/nvidia{minor}", kind="c", major=MAJOR, minor=minor, may_read=True, may_write=True, may_make=True
    )
    return Gpu(index=index, uuid=uuid if isinstance(uuid, str) else uuid.decode(), device=device)


def check(gpus: int, indices: Sequence[int] | None, named: float) -> None:
    """``named`` is what the agent is to offer of them. Raises GpusUnavailable."""
    if indices is not None and named != gpus:
        text = f"The number of GPUs in --resources ({named:g}) is not that of --nvidia_gpu_devices ({gpus})"
        raise GpusUnavailable(text)
    if named > gpus or named % 1:
        raise GpusUnavailable(f"--resources has {named:g} GPUs; this host has {gpus}")
