"""libeinfall_rt as it is declared in einfall/einfall.h and einfall/compiler.h."""

from __future__ import annotations

import ctypes
import os
import pathlib
from ctypes import POINTER, byref, c_char_p, c_double, c_int32, c_int64, c_size_t
from ctypes import c_uint8, c_uint16, c_uint64, c_void_p
from typing import Any, Callable, Mapping, Optional, Sequence


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
_declare("einfall_kernel_fixed_extent", c_int64, c_void_p, c_char_p)
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


class ParamInfo:
    """What a kernel declares of a parameter."""

    def __init__(self, name: str, dtype: DataType, has_default: bool):
        self.name, self.has_default = name, has_default
        self.type = type_name(dtype)


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


def params_of(kernel: c_void_p) -> list[ParamInfo]:
    found = []
    for i in range(rt.einfall_kernel_param_count(kernel)):
        info = _ParamInfo()
        check(rt.einfall_kernel_param(kernel, i, byref(info)))
        found.append(ParamInfo(info.name.decode(), info.dtype, bool(info.has_default)))
    return found


def fixed_extent(kernel: c_void_p, rank: str) -> Optional[int]:
    """The extent that the code of a kernel relies on."""
    extent = rt.einfall_kernel_fixed_extent(kernel, rank.encode())
    return None if extent < 0 else extent


# --- Arrays ---------------------------------------------------------------------

# Types that NumPy lacks are passed by their bits.
_BITS = (4, 10, 12)
_NUMPY = {"f32": "float32", "f16": "float16", "bf16": "uint16", "i32": "int32"}
_NUMPY |= {"i8": "int8", "bool": "bool", "f8e4m3": "uint8", "f8e5m2": "uint8"}
_NUMPY |= {"u8": "uint8"}
_TORCH = {"f32": "float32", "f16": "float16", "bf16": "bfloat16", "i32": "int32"}
_TORCH |= {"i8": "int8", "bool": "bool", "u8": "uint8"}
_TORCH |= {"f8e4m3": "float8_e4m3fn", "f8e5m2": "float8_e5m2"}


def _remedy(array: Any, info: TensorInfo) -> str:
    """How an array of another type becomes one that the kernel takes."""
    name, library = info.name, library_of(array)
    if library == "torch" and info.type in _TORCH:
        return f"{name}.to(torch.{_TORCH[info.type]})"
    if library == "numpy" and info.dtype.code in _BITS:
        return f"an array of {_NUMPY[info.type]} with the bits of {info.type}"
    if library == "numpy" and info.type in _NUMPY:
        return f"{name}.astype(numpy.{_NUMPY[info.type]})"
    return f"an array of {info.type}"


def library_of(array: Any) -> str:
    """The top package that the type of an array is of: "numpy", "torch"."""
    return type(array).__module__.partition(".")[0]


class Slot:
    """A tensor of a launch. What is known of the array that was there last is
    kept: most launches differ in addresses only."""

    __slots__ = ("info", "tensor", "key", "shape", "held")

    def __init__(self, info: TensorInfo):
        self.info, self.tensor = info, Tensor()
        self.key: Any = None
        self.shape: tuple[int, ...] = ()
        self.held: Any = None

    def describe(
        self,
        array: Any,
        dtype: DataType,
        shape: tuple[int, ...],
        strides: Optional[Sequence[int]],
        device: tuple[int, int] = (1, 0),
    ) -> None:
        """Everything but the address."""
        self.key = None
        info, tensor = self.info, self.tensor
        if len(shape) != len(info.dims):
            raise Error(
                f"`{info.name}` is given with {len(shape)} dimensions, the kernel "
                f"has {len(info.dims)}: [{', '.join(info.dims)}]"
            )
        wanted = info.dtype
        if dtype.code == 1 and dtype.bits == wanted.bits and wanted.code in _BITS:
            dtype = wanted
        if (dtype.code, dtype.bits) != (wanted.code, wanted.bits):
            raise Error(
                f"`{info.name}` is given as {type_name(dtype)}, the kernel has "
                f"{info.type}; give {_remedy(array, info)}"
            )
        extents = (c_int64 * len(shape))(*shape)
        steps = (c_int64 * len(shape))(*strides) if strides is not None else None
        tensor.device = Device(*device)
        tensor.ndim = len(shape)
        tensor.dtype = dtype
        tensor.shape = ctypes.cast(extents, POINTER(c_int64))
        tensor.strides = None if steps is None else ctypes.cast(steps, POINTER(c_int64))
        self.shape, self.held = tuple(shape), (extents, steps)


_KINDS = {"i": 0, "u": 1, "f": 2, "b": 6}


def _fill_interface(slot: Slot, array: Any) -> Any:
    """An object with `__array_interface__` (NumPy)."""
    interface = array.__array_interface__
    strides = interface.get("strides")
    key = (interface["typestr"], interface["shape"], strides)
    info = slot.info
    if key != slot.key:
        kind, size = key[0][1], int(key[0][2:])
        if key[0][0] == ">" or kind not in _KINDS:
            raise Error(f"`{info.name}` has elements of type {key[0]}")
        if strides is not None:
            if any(step % size for step in strides):
                raise Error(f"the strides of `{info.name}` are no whole elements")
            strides = [step // size for step in strides]
        slot.describe(array, DataType(_KINDS[kind], 8 * size, 1), key[1], strides)
        slot.key = key
    slot.tensor.data, frozen = interface["data"]
    if frozen and info.is_output:
        raise Error(f"output `{info.name}` cannot be written: it is read-only")
    return array


class _DLManaged(ctypes.Structure):
    _fields_ = [("tensor", Tensor)]


_capsule_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_capsule_pointer.restype = c_void_p
_capsule_pointer.argtypes = [ctypes.py_object, c_char_p]


def _fill_dlpack(slot: Slot, array: Any) -> Any:
    """Anything with DLPack; what is given keeps its memory."""
    try:
        capsule = array.__dlpack__()
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise Error(f"`{slot.info.name}` cannot be passed by DLPack: {error}") from None
    given = ctypes.cast(
        _capsule_pointer(capsule, b"dltensor"), POINTER(_DLManaged)
    ).contents.tensor
    slot.describe(
        array,
        DataType.from_buffer_copy(given.dtype),
        tuple(given.shape[: given.ndim]),
        given.strides[: given.ndim] if given.strides else None,
        (given.device.device_type, given.device.device_id),
    )
    slot.tensor.data = (given.data or 0) + given.byte_offset
    return capsule


def _fill_torch(slot: Slot, array: Any) -> Any:
    """A tensor of PyTorch: in memory of the host without a capsule."""
    if not array.is_cpu or array.requires_grad:
        return _fill_dlpack(slot, array)
    key = (array.dtype, array.shape, array.stride())
    if key != slot.key:
        kept = _fill_dlpack(slot, array)
        slot.key = key
        return kept
    slot.tensor.data = array.data_ptr()
    return array


_FORMATS = {"b": "i", "B": "u", "h": "i", "H": "u", "i": "i", "I": "u", "l": "i"}
_FORMATS |= {"L": "u", "q": "i", "Q": "u", "e": "f", "f": "f", "d": "f", "?": "b"}


def _fill_buffer(slot: Slot, array: Any) -> Any:
    """Anything with the buffer protocol."""
    info = slot.info
    try:
        buffer = memoryview(array)
    except TypeError:
        raise Error(
            f"`{info.name}` is of type {type(array).__name__}, which is no array: it "
            "has neither DLPack nor the buffer protocol"
        ) from None
    kind = _FORMATS.get(buffer.format.lstrip("@=<"))
    if kind is None:
        raise Error(f"`{info.name}` has elements of format {buffer.format}")
    if buffer.readonly:
        raise Error(f"`{info.name}` is a read-only buffer, which cannot be passed")
    size = buffer.itemsize
    strides = [step // size for step in buffer.strides]
    slot.describe(array, DataType(_KINDS[kind], 8 * size, 1), buffer.shape, strides)
    bytes_type = c_uint8 * max(buffer.nbytes, 1)
    slot.tensor.data = (
        ctypes.addressof(bytes_type.from_buffer(buffer)) if buffer.nbytes else 0
    )
    return buffer


def _filler_of(array: Any) -> Any:
    """The function for arrays of this type."""
    if hasattr(array, "__array_interface__"):
        return _fill_interface
    if hasattr(array, "__dlpack__"):
        is_torch = library_of(array) == "torch" and hasattr(array, "is_cpu")
        return _fill_torch if is_torch else _fill_dlpack
    return _fill_buffer


def maker_of(like: Any, info: TensorInfo) -> Callable[[Sequence[int]], Any]:
    """What makes arrays for an output, of the library that `like` is of."""
    if library_of(like) == "torch":
        import torch

        dtype, device = getattr(torch, _TORCH[info.type]), like.device
        return lambda shape: torch.empty(shape, dtype=dtype, device=device)
    try:
        import numpy
    except ImportError:
        raise Error(
            f"output `{info.name}` is not given, and there is no NumPy to make it"
        ) from None
    dtype = numpy.dtype(_NUMPY[info.type])
    return lambda shape: numpy.empty(shape, dtype)


# --- Launches -------------------------------------------------------------------

# By addresses, which is faster than by structures.
_run = ctypes.CFUNCTYPE(c_int32, c_void_p, c_void_p)(("einfall_kernel_run", rt))


class Call:
    """The arguments of a launch, made once and filled for each."""

    def __init__(self, tensors: Sequence[TensorInfo], params: Sequence[ParamInfo]):
        self.slots = [Slot(info) for info in tensors]
        self.by_name = {slot.info.name: slot for slot in self.slots}
        self._fillers: dict[type, Any] = {}
        self._tensors = (_NamedTensor * len(tensors))(
            *[
                _NamedTensor(slot.info.name.encode(), ctypes.pointer(slot.tensor))
                for slot in self.slots
            ]
        )
        self._params = (_NamedParam * len(params))()
        self._names = {info.name: info.name.encode() for info in params}
        self._arguments = _Arguments(self._tensors, len(tensors), self._params, 0)
        self._address = ctypes.addressof(self._arguments)

    def fill(self, slot: Slot, array: Any) -> Any:
        """Gives what must be kept until the launch is done."""
        filler = self._fillers.get(type(array))
        if filler is None:
            filler = self._fillers[type(array)] = _filler_of(array)
        return filler(slot, array)

    def set_params(self, values: Mapping[str, Any]) -> None:
        for i, (name, value) in enumerate(values.items()):
            self._params[i].name = self._names[name]
            self._params[i].value = value
        self._arguments.param_count = len(values)

    def run(self, kernel: int) -> None:
        if _run(kernel, self._address):
            raise Error(rt.einfall_error_message().decode())

    def launch(self, kernel: int, stream: int) -> None:
        size = c_size_t()
        arguments = byref(self._arguments)
        check(rt.einfall_kernel_workspace(kernel, arguments, byref(size)))
        if size.value:
            raise Error(
                f"this launch needs a workspace of {size.value} bytes on the device; "
                "launch it from C or C++, or without a stream"
            )
        check(rt.einfall_kernel_launch(kernel, arguments, None, 0, c_void_p(stream)))
