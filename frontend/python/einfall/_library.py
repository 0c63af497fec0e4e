"""libeinfall_rt as it is declared in einfall/einfall.h and einfall/compiler.h."""

from __future__ import annotations

import ctypes
import os
import pathlib
from ctypes import POINTER, byref, c_char_p, c_double, c_int32, c_int64, c_size_t
from ctypes import c_uint8, c_uint16, c_uint64, c_void_p
from typing import Any, Mapping, Optional


class Error(Exception):
    """What went wrong, in the words of the compiler or the runtime."""


def _find() -> ctypes.CDLL:
    """EINFALL_LIBRARY, the library of the wheel, or the loader's."""
    given = os.environ.get("EINFALL_LIBRARY")
    beside = pathlib.Path(__file__).parent / "lib" / "libeinfall_rt.so.0"
    for path in [given] if given else [str(beside), "libeinfall_rt.so.0"]:
        try:
            return ctypes.CDLL(path)
        except OSError as error:
            reason = error
    raise ImportError(
        f"libeinfall_rt cannot be opened: {reason}; "
        "install Einfall, or name the library by EINFALL_LIBRARY"
    )


rt = _find()


class DataType(ctypes.Structure):
    _fields_ = [("code", c_uint8), ("bits", c_uint8), ("lanes", c_uint16)]


class Device(ctypes.Structure):
    _fields_ = [("device_type", c_int32), ("device_id", c_int32)]


class Tensor(ctypes.Structure):
    """Of the layout of DLTensor."""

    _fields_ = [
        ("data", c_void_p),
        ("device", Device),
        ("ndim", c_int32),
        ("dtype", DataType),
        ("shape", POINTER(c_int64)),
        ("strides", POINTER(c_int64)),
        ("byte_offset", c_uint64),
    ]


class _TensorInfo(ctypes.Structure):
    _fields_ = [
        ("name", c_char_p),
        ("dtype", DataType),
        ("ndim", c_int32),
        ("is_output", c_int32),
    ]


class _ParamInfo(ctypes.Structure):
    _fields_ = [("name", c_char_p), ("dtype", DataType), ("has_default", c_int32)]


class _NamedTensor(ctypes.Structure):
    _fields_ = [("name", c_char_p), ("tensor", POINTER(Tensor))]


class _NamedParam(ctypes.Structure):
    _fields_ = [("name", c_char_p), ("value", c_double)]


class _Arguments(ctypes.Structure):
    _fields_ = [
        ("tensors", POINTER(_NamedTensor)),
        ("tensor_count", c_size_t),
        ("params", POINTER(_NamedParam)),
        ("param_count", c_size_t),
    ]


class _Extent(ctypes.Structure):
    _fields_ = [("rank", c_char_p), ("extent", c_int64)]


class _CompileOptions(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t),
        ("name", c_char_p),
        ("kernel", c_char_p),
        ("targets", POINTER(c_char_p)),
        ("target_count", c_size_t),
        ("extents", POINTER(_Extent)),
        ("extent_count", c_size_t),
        ("without_proofs", c_int32),
        ("without_cache", c_int32),
        ("json_diagnostics", c_int32),
    ]


def _declare(name: str, result: Any, *arguments: Any) -> None:
    function = getattr(rt, name)
    function.restype = result
    function.argtypes = arguments


_declare("einfall_error_message", c_char_p)
_declare("einfall_version", c_char_p)
_declare("einfall_package_open", c_int32, c_char_p, POINTER(c_void_p))
_declare("einfall_package_open_memory", c_int32, c_void_p, c_size_t, POINTER(c_void_p))
_declare("einfall_package_close", None, c_void_p)
_declare("einfall_package_kernel_count", c_size_t, c_void_p)
_declare("einfall_package_kernel_name", c_char_p, c_void_p, c_size_t)
_declare("einfall_package_describe", c_char_p, c_void_p)
_declare("einfall_kernel_load", c_int32, c_void_p, c_char_p, c_char_p, POINTER(c_void_p))
_declare("einfall_kernel_unload", None, c_void_p)
_declare("einfall_kernel_tensor_count", c_size_t, c_void_p)
_declare("einfall_kernel_tensor", c_int32, c_void_p, c_size_t, POINTER(_TensorInfo))
_declare("einfall_kernel_dimension", c_char_p, c_void_p, c_size_t, c_size_t)
_declare("einfall_kernel_param_count", c_size_t, c_void_p)
_declare("einfall_kernel_param", c_int32, c_void_p, c_size_t, POINTER(_ParamInfo))
_declare(
    "einfall_kernel_workspace", c_int32, c_void_p, POINTER(_Arguments), POINTER(c_size_t)
)
_declare(
    "einfall_kernel_launch",
    c_int32,
    c_void_p,
    POINTER(_Arguments),
    c_void_p,
    c_size_t,
    c_void_p,
)
_declare("einfall_kernel_run", c_int32, c_void_p, POINTER(_Arguments))
_declare("einfall_compile", c_void_p, c_char_p, c_size_t, POINTER(_CompileOptions))
_declare("einfall_compilation_status", c_int32, c_void_p)
_declare("einfall_compilation_diagnostics", c_char_p, c_void_p)
_declare("einfall_compilation_package", c_void_p, c_void_p, POINTER(c_size_t))
_declare("einfall_compilation_free", None, c_void_p)


def version() -> str:
    return rt.einfall_version().decode()


def check(status: int) -> None:
    if status != 0:
        raise Error(rt.einfall_error_message().decode())


# --- Packages and compilation -----------------------------------------------


def open_package(path: pathlib.Path) -> c_void_p:
    handle = c_void_p()
    check(rt.einfall_package_open(os.fsencode(path), byref(handle)))
    return handle


def target_of(device: str) -> str:
    """What a kernel is compiled for that runs on `device`."""
    if device.startswith("emulated:"):
        return device.removeprefix("emulated:")
    if device.startswith("cuda"):
        raise Error(
            "a text is not compiled for `cuda` by load(): name the target, as in "
            'einfall.compile(text, targets=["sm_90a"]).kernel(device="cuda")'
        )
    return "cpu"


def compile(
    text: bytes,
    name: str,
    kernel: Optional[str],
    targets: list[str],
    extents: dict[str, int],
    proofs: bool,
    cache: bool,
) -> tuple[c_void_p, str]:
    """The package and what the compiler warned of."""
    options = _CompileOptions(size=ctypes.sizeof(_CompileOptions))
    options.name = name.encode()
    options.kernel = kernel.encode() if kernel else None
    options.targets = (c_char_p * len(targets))(*[t.encode() for t in targets])
    options.target_count = len(targets)
    options.extents = (_Extent * len(extents))(
        *[_Extent(rank.encode(), extent) for rank, extent in extents.items()]
    )
    options.extent_count = len(extents)
    options.without_proofs = not proofs
    options.without_cache = not cache
    made = rt.einfall_compile(text, len(text), byref(options))
    if not made:
        raise Error(rt.einfall_error_message().decode())
    try:
        said = rt.einfall_compilation_diagnostics(made).decode()
        if rt.einfall_compilation_status(made) != 0:
            raise Error(said.rstrip("\n"))
        size = c_size_t()
        data = rt.einfall_compilation_package(made, byref(size))
        handle = c_void_p()
        check(rt.einfall_package_open_memory(data, size, byref(handle)))
        return handle, said
    finally:
        rt.einfall_compilation_free(made)


# --- What a kernel takes ------------------------------------------------------

_CODES = {0: "i", 1: "u", 2: "f", 4: "bf", 6: "bool", 10: "f8e4m3", 12: "f8e5m2"}


def type_name(dtype: DataType) -> str:
    """ "f32", "bf16", "i8", "bool", ..., as Ein writes it."""
    name = _CODES.get(dtype.code, f"type {dtype.code} of bits ")
    return name if dtype.code in (6, 10, 12) else f"{name}{dtype.bits}"


class TensorInfo:
    """What a kernel declares of a tensor."""

    def __init__(self, name: str, dtype: DataType, dims: list[str], is_output: bool):
        self.name, self.dtype, self.dims = name, dtype, dims
        self.type = type_name(dtype)
        self.is_output = is_output


def tensors_of(kernel: c_void_p) -> list[TensorInfo]:
    found = []
    for i in range(rt.einfall_kernel_tensor_count(kernel)):
        info = _TensorInfo()
        check(rt.einfall_kernel_tensor(kernel, i, byref(info)))
        dims = [
            rt.einfall_kernel_dimension(kernel, i, d).decode() for d in range(info.ndim)
        ]
        dtype = DataType.from_buffer_copy(info.dtype)
        found.append(TensorInfo(info.name.decode(), dtype, dims, bool(info.is_output)))
    return found


def params_of(kernel: c_void_p) -> dict[str, bool]:
    found = {}
    for i in range(rt.einfall_kernel_param_count(kernel)):
        info = _ParamInfo()
        check(rt.einfall_kernel_param(kernel, i, byref(info)))
        found[info.name.decode()] = bool(info.has_default)
    return found


# --- Arrays ---------------------------------------------------------------------


class View:
    """An array as a tensor; holds what keeps its memory."""

    def __init__(self, tensor: Tensor, shape: list[int], keep: Any):
        self.tensor, self.shape, self.keep = tensor, shape, keep


def _make_view(
    pointer: int,
    device: tuple[int, int],
    dtype: DataType,
    shape: list[int],
    strides: Optional[list[int]],
    keep: Any,
) -> View:
    held = (c_int64 * len(shape))(*shape)
    steps = (c_int64 * len(shape))(*strides) if strides is not None else None
    tensor = Tensor(
        pointer,
        Device(*device),
        len(shape),
        dtype,
        ctypes.cast(held, POINTER(c_int64)),
        ctypes.cast(steps, POINTER(c_int64)) if steps is not None else None,
        0,
    )
    return View(tensor, shape, (keep, held, steps))


_KINDS = {"i": 0, "u": 1, "f": 2, "b": 6}


def _from_interface(array: Any, info: TensorInfo) -> View:
    """An object with `__array_interface__` (NumPy)."""
    interface = array.__array_interface__
    kind, size = interface["typestr"][1], int(interface["typestr"][2:])
    if interface["typestr"][0] == ">" or kind not in _KINDS:
        raise Error(f"`{info.name}` has elements of type {interface['typestr']}")
    if info.is_output and interface["data"][1]:
        raise Error(f"output `{info.name}` cannot be written: it is read-only")
    dtype = DataType(_KINDS[kind], 8 * size, 1)
    # Types that NumPy lacks are passed by their bits.
    if kind == "u" and info.dtype.code in (4, 10, 12) and info.dtype.bits == 8 * size:
        dtype = info.dtype
    strides = interface.get("strides")
    if strides is not None:
        if any(step % size for step in strides):
            raise Error(f"the strides of `{info.name}` are no whole elements")
        strides = [step // size for step in strides]
    pointer = interface["data"][0]
    return _make_view(pointer, (1, 0), dtype, list(interface["shape"]), strides, array)


class _DLManaged(ctypes.Structure):
    _fields_ = [("tensor", Tensor)]


_capsule_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_capsule_pointer.restype = c_void_p
_capsule_pointer.argtypes = [ctypes.py_object, c_char_p]


def _from_dlpack(array: Any, info: TensorInfo) -> View:
    try:
        capsule = array.__dlpack__()
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise Error(f"`{info.name}` cannot be passed by DLPack: {error}") from None
    given = ctypes.cast(
        _capsule_pointer(capsule, b"dltensor"), POINTER(_DLManaged)
    ).contents.tensor
    shape = given.shape[: given.ndim]
    strides = given.strides[: given.ndim] if given.strides else None
    return _make_view(
        (given.data or 0) + given.byte_offset,
        (given.device.device_type, given.device.device_id),
        DataType.from_buffer_copy(given.dtype),
        list(shape),
        list(strides) if strides is not None else None,
        (array, capsule),
    )


_FORMATS = {"b": "i", "B": "u", "h": "i", "H": "u", "i": "i", "I": "u", "l": "i"}
_FORMATS |= {"L": "u", "q": "i", "Q": "u", "e": "f", "f": "f", "d": "f", "?": "b"}


def _from_buffer(array: Any, info: TensorInfo) -> View:
    buffer = memoryview(array)
    kind = _FORMATS.get(buffer.format.lstrip("@=<"))
    if kind is None:
        raise Error(f"`{info.name}` has elements of format {buffer.format}")
    if buffer.readonly:
        raise Error(f"`{info.name}` is a read-only buffer, which cannot be passed")
    size = buffer.itemsize
    dtype = DataType(_KINDS[kind], 8 * size, 1)
    if kind == "u" and info.dtype.code in (4, 10, 12) and info.dtype.bits == 8 * size:
        dtype = info.dtype
    bytes_type = c_uint8 * max(buffer.nbytes, 1)
    pointer = ctypes.addressof(bytes_type.from_buffer(buffer)) if buffer.nbytes else 0
    strides = [step // size for step in buffer.strides]
    return _make_view(pointer, (1, 0), dtype, list(buffer.shape), strides, buffer)


def view(array: Any, info: TensorInfo) -> View:
    if hasattr(array, "__array_interface__"):
        return _from_interface(array, info)
    if hasattr(array, "__dlpack__"):
        return _from_dlpack(array, info)
    try:
        return _from_buffer(array, info)
    except TypeError:
        raise Error(
            f"`{info.name}` is of type {type(array).__name__}, which is no array: it "
            "has neither DLPack nor the buffer protocol"
        ) from None


def make(like: Any, info: TensorInfo, shape: list[int]) -> Any:
    """An array for an output, of the library that `like` is of."""
    library = type(like).__module__.partition(".")[0]
    if library == "torch":
        import torch

        types = {"f32": "float32", "f16": "float16", "bf16": "bfloat16"}
        types |= {"i32": "int32", "i8": "int8", "bool": "bool"}
        types |= {"f8e4m3": "float8_e4m3fn", "f8e5m2": "float8_e5m2"}
        return torch.empty(
            shape, dtype=getattr(torch, types[info.type]), device=like.device
        )
    try:
        import numpy
    except ImportError:
        raise Error(
            f"output `{info.name}` is not given, and there is no NumPy to make it"
        ) from None
    types = {"f32": "float32", "f16": "float16", "bf16": "uint16", "i32": "int32"}
    types |= {"i8": "int8", "bool": "bool", "f8e4m3": "uint8", "f8e5m2": "uint8"}
    return numpy.empty(shape, dtype=types[info.type])


# --- Launches -------------------------------------------------------------------


def launch(
    kernel: c_void_p,
    views: Mapping[str, View],
    params: Mapping[str, float],
    stream: Optional[int],
) -> None:
    tensors = (_NamedTensor * len(views))(
        *[
            _NamedTensor(name.encode(), ctypes.pointer(v.tensor))
            for name, v in views.items()
        ]
    )
    values = (_NamedParam * len(params))(
        *[_NamedParam(name.encode(), value) for name, value in params.items()]
    )
    arguments = _Arguments(tensors, len(views), values, len(params))
    if stream is None:
        check(rt.einfall_kernel_run(kernel, byref(arguments)))
        return
    size = c_size_t()
    check(rt.einfall_kernel_workspace(kernel, byref(arguments), byref(size)))
    if size.value:
        raise Error(
            f"this launch needs a workspace of {size.value} bytes on the device; "
            "launch it from C or C++, or without a stream"
        )
    check(rt.einfall_kernel_launch(kernel, byref(arguments), None, 0, c_void_p(stream)))
