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
        return Kernel(handle, name or self.kernels[0], device)


class Kernel:
    """A kernel on a device; call it with its tensors and parameters by name."""

    def __init__(self, handle: ctypes.c_void_p, name: str, device: str):
        self._handle = handle
        self.name = name
        self.device = device
        self.inputs: dict[str, _library.TensorInfo] = {}
        self.outputs: dict[str, _library.TensorInfo] = {}
        self._tensors = _library.tensors_of(handle)
        for info in self._tensors:
            (self.outputs if info.is_output else self.inputs)[info.name] = info
        self._params = _library.params_of(handle)
        self.parameters: dict[str, bool] = {
            info.name: info.has_default for info in self._params
        }
        """Parameters, and whether they have a default."""
        ranks = dict.fromkeys(rank for info in self._tensors for rank in info.dims)
        found = {rank: _library.fixed_extent(handle, rank) for rank in ranks}
        self.extents: dict[str, int] = {r: e for r, e in found.items() if e is not None}
        """The extents that the kernel was compiled for."""
        self._shapes = {name: self._sources(info) for name, info in self.outputs.items()}
        self._makers: dict[Any, Any] = {}
        self._idle: list[_library.Call] = []

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            _library.rt.einfall_kernel_unload(self._handle)
            self._handle = None

    def __repr__(self) -> str:
        def signature(infos: Iterable[_library.TensorInfo]) -> list[str]:
            return [f"{i.name}[{','.join(i.dims)}]: {i.type}" for i in infos]

        given = signature(self.inputs.values())
        for info in self._params:
            given.append(f"{info.name}: {info.type}{' = ...' if info.has_default else ''}")
        fixed = ", ".join(f"{rank} = {extent}" for rank, extent in self.extents.items())
        return (
            f"<einfall.Kernel {self.name}({', '.join(given)})"
            f" -> {', '.join(signature(self.outputs.values()))}"
            f"{' where ' + fixed if fixed else ''} on {self.device}>"
        )

    def __call__(self, *, stream: Optional[int] = None, **given: Any) -> dict[str, Any]:
        """Runs the kernel and gives its outputs by name. `stream` is a
        cudaStream_t as an integer, for kernels on a CUDA device, whose launches
        do not wait."""
        try:
            call = self._idle.pop()
        except IndexError:
            call = _library.Call(self._tensors, self._params)
        try:
            return self._launch(call, given, stream)
        finally:
            self._idle.append(call)

    def _launch(
        self, call: _library.Call, given: dict[str, Any], stream: Optional[int]
    ) -> dict[str, Any]:
        outputs: dict[str, Any] = {}
        kept = []
        used = 0
        like = None
        for slot in call.slots:
            info = slot.info
            array = given.get(info.name)
            if array is not None:
                used += 1
            elif not info.is_output:
                self._refuse_unknown(given)
                raise Error(f"input `{info.name}` of kernel `{self.name}` is not given")
            else:
                array = self._make(info, like, call)
            if info.is_output:
                outputs[info.name] = array
            elif like is None:
                like = array
            kept.append(call.fill(slot, array))
        values = {n: float(given[n]) for n in self.parameters if n in given}
        if used + len(values) != len(given):
            self._refuse_unknown(given)
        call.set_params(values)
        if stream is None:
            call.run(self._handle.value)
        else:
            call.launch(self._handle, stream)
        return outputs

    def _refuse_unknown(self, given: Mapping[str, Any]) -> None:
        known = [*self.inputs, *self.outputs, *self.parameters]
        for name in given:
            if name not in known:
                raise Error(
                    f"kernel `{self.name}` has no argument `{name}`; "
                    f"it has {', '.join(known)}"
                )

    def _sources(self, output: _library.TensorInfo) -> list[Optional[tuple[str, int]]]:
        """For each dimension of an output an input and its dimension that has
        the same rank."""
        return [
            next(
                (
                    (info.name, info.dims.index(rank))
                    for info in self.inputs.values()
                    if rank in info.dims
                ),
                None,
            )
            for rank in output.dims
        ]

    def _make(self, output: _library.TensorInfo, like: Any, call: _library.Call) -> Any:
        """An array for an output, of the shape that follows from the inputs."""
        shape = []
        for rank, source in zip(output.dims, self._shapes[output.name]):
            if source is not None:
                shape.append(call.by_name[source[0]].shape[source[1]])
            elif rank in self.extents:
                shape.append(self.extents[rank])
            else:
                raise Error(
                    f"the shape of output `{output.name}` does not follow from the "
                    f"inputs: rank {rank}; give an array for it, as in "
                    f"{output.name}=..."
                )
        key = (output.name, type(like), getattr(like, "device", None))
        maker = self._makers.get(key)
        if maker is None:
            maker = self._makers[key] = _library.maker_of(like, output)
        return maker(shape)


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
