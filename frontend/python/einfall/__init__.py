"""Compiles kernels written in Ein and calls them on arrays, without copying.

    import einfall
    attention = einfall.load("attention.ein", extents={"e": 64, "f": 64})
    result = attention(Q=q, K=k, V=v)          # {"O": ..., "L": ...}
    attention(Q=q, K=k, V=v, O=o, L=l)         # into arrays of the caller

Arrays are NumPy's, PyTorch's, or anything else with DLPack or the buffer
protocol, in memory of the host (or of the CUDA device that the kernel was
loaded on). Elements are never copied. Outputs that are not given are made by
the library that the first input is of; NumPy has no bf16 and no 8-bit floats,
which are arrays of uint16 and uint8 with the bits there.

This module is a thin layer over libeinfall_rt (einfall/einfall.h and
einfall/compiler.h); it needs nothing but Python. Errors are `einfall.Error`,
whose text is the compiler's diagnostic. Kernels may be called from any thread.
"""

from __future__ import annotations

import ctypes
import os
import pathlib
import sys
from typing import Any, Iterable, Mapping, Optional, Union

from einfall import _library
from einfall._library import Error, version

__all__ = ["Error", "Kernel", "Module", "compile", "load", "version"]
__version__ = version()


class Module:
    """A package of compiled kernels."""

    def __init__(self, handle: ctypes.c_void_p, warnings: str = ""):
        self._handle = handle
        self.warnings = warnings
        """What the compiler warned of, as text."""

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            _library.rt.einfall_package_close(self._handle)
            self._handle = None

    @property
    def kernels(self) -> list[str]:
        """The names of the kernels."""
        count = _library.rt.einfall_package_kernel_count(self._handle)
        return [
            _library.rt.einfall_package_kernel_name(self._handle, i).decode()
            for i in range(count)
        ]

    def describe(self) -> str:
        """The launch plan, for people."""
        return _library.rt.einfall_package_describe(self._handle).decode()

    def kernel(self, name: Optional[str] = None, device: str = "cpu") -> Kernel:
        """Loads a kernel, the only one without a name, on a device: "cpu",
        "cpu:4", "emulated:sm_80", "cuda", "cuda:1"."""
        handle = ctypes.c_void_p()
        _library.check(
            _library.rt.einfall_kernel_load(
                self._handle,
                name.encode() if name else None,
                device.encode(),
                ctypes.byref(handle),
            )
        )
        return Kernel(handle, name or self.kernels[0])


class Kernel:
    """A kernel on a device; call it with its tensors and parameters by name."""

    def __init__(self, handle: ctypes.c_void_p, name: str):
        self._handle = handle
        self.name = name
        self.inputs: dict[str, _library.TensorInfo] = {}
        self.outputs: dict[str, _library.TensorInfo] = {}
        for info in _library.tensors_of(handle):
            (self.outputs if info.is_output else self.inputs)[info.name] = info
        self.parameters: dict[str, bool] = _library.params_of(handle)
        """Parameters, and whether they have a default."""

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            _library.rt.einfall_kernel_unload(self._handle)
            self._handle = None

    def __repr__(self) -> str:
        def signature(infos: Iterable[_library.TensorInfo]) -> str:
            return ", ".join(f"{i.name}[{','.join(i.dims)}]: {i.type}" for i in infos)

        return (
            f"<einfall.Kernel {self.name}({signature(self.inputs.values())})"
            f" -> {signature(self.outputs.values())}>"
        )

    def __call__(self, *, stream: Optional[int] = None, **given: Any) -> dict[str, Any]:
        """Runs the kernel and gives its outputs by name. `stream` is a
        cudaStream_t as an integer, for kernels on a CUDA device, whose launches
        do not wait."""
        known = {**self.inputs, **self.outputs, **self.parameters}
        for name in given:
            if name not in known:
                raise Error(
                    f"kernel `{self.name}` has no argument `{name}`; "
                    f"it has {', '.join(known)}"
                )
        for name in self.inputs:
            if name not in given:
                raise Error(f"input `{name}` of kernel `{self.name}` is not given")
        arrays = {n: given[n] for n in given if n not in self.parameters}
        views = {n: _library.view(arrays[n], known[n]) for n in arrays}
        for name, info in self.outputs.items():
            if name in arrays:
                continue
            like = next((arrays[n] for n in self.inputs), None)
            arrays[name] = _library.make(like, info, self._shape(info, views))
            views[name] = _library.view(arrays[name], info)
        params = {n: float(given[n]) for n in self.parameters if n in given}
        _library.launch(self._handle, views, params, stream)
        return {name: arrays[name] for name in self.outputs}

    def _shape(
        self, output: _library.TensorInfo, views: Mapping[str, _library.View]
    ) -> list[int]:
        """The shape of an output from those of the inputs."""
        extents: dict[str, int] = {}
        for name, info in self.inputs.items():
            extents.update(zip(info.dims, views[name].shape))
        missing = [rank for rank in output.dims if rank not in extents]
        if missing:
            raise Error(
                f"the shape of output `{output.name}` does not follow from the "
                f"inputs: rank {', '.join(missing)}; give an array for it, as in "
                f"{output.name}=..."
            )
        return [extents[rank] for rank in output.dims]


def compile(
    text: str,
    *,
    name: str = "<source>",
    kernel: Optional[str] = None,
    targets: Iterable[str] = ("cpu",),
    extents: Optional[Mapping[str, int]] = None,
    proofs: bool = True,
    cache: bool = True,
) -> Module:
    """Compiles a text. The code may rely on `extents`: those of ranks that are
    contracted or stored (head dimensions) make it fast."""
    return Module(
        *_library.compile(
            text.encode(), name, kernel, list(targets), dict(extents or {}), proofs, cache
        )
    )


def load(
    path: Union[str, os.PathLike],
    *,
    kernel: Optional[str] = None,
    device: str = "cpu",
    extents: Optional[Mapping[str, int]] = None,
    proofs: bool = True,
    cache: bool = True,
) -> Kernel:
    """The kernel of a file, an Ein text or a package (.efk), on a device."""
    path = pathlib.Path(path)
    if path.suffix == ".efk":
        return Module(_library.open_package(path)).kernel(kernel, device)
    target = _library.target_of(device)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Error(f"cannot read {path}: {error}") from None
    module = compile(
        text,
        name=str(path),
        kernel=kernel,
        targets=[target],
        extents=extents,
        proofs=proofs,
        cache=cache,
    )
    if module.warnings:
        print(module.warnings, end="", file=sys.stderr)
    return module.kernel(kernel, device)
