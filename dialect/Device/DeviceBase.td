// The device dialect and its enumerations.
#ifndef EINFALL_DEVICE_BASE
#define EINFALL_DEVICE_BASE

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Device_Dialect : Dialect {
  let name = "device";
  let summary = "programs of a GPU's threads, machine operations included";
  let description = [{
    The last level that is ours: what every thread of a block does, with the
    machine's own operations (copies that land later, barriers, matrix units)
    still visible. Next to it stand `arith` on scalars and on vectors of
    registers, `vector.extract`, `vector.from_elements`, `vector.broadcast` and
    `scf.for`, `scf.if`, `scf.yield`; nothing else.

    Two readers exist, and they must agree: codegen turns it into text for the
    assembler, one operation after another, and the emulated device executes it.

    *Threads.* A block has `threads` threads, lanes of warps of 32 that run in
    lockstep. Values are per thread. `scf.if` and `scf.for` may diverge within a
    warp; an operation that is marked *converged* must be reached by all lanes
    of a warp at once.

    *Addresses.* Global memory is addressed by i64 (bytes), shared memory by i32
    (bytes from the start of the block's shared memory). An access is aligned to
    its size.

    *Later effects.* `device.copy_async` may land at any moment up to the
    `device.copy_wait` that covers it. Other threads see it after a barrier.
  }];
  let cppNamespace = "::einfall::device";
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
}

class Device_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::einfall::device";
  let genSpecializedAttr = 0;
}

def Device_Space : Device_Enum<"Space", "a memory space", [
  I32EnumAttrCase<"Global", 0, "global">,
  I32EnumAttrCase<"Shared", 1, "shared">,
]>;
def Device_SpaceAttr : EnumAttr<Device_Dialect, Device_Space, "space">;

def Device_Dimension : Device_Enum<"Dimension", "a dimension of the grid", [
  I32EnumAttrCase<"X", 0, "x">,
  I32EnumAttrCase<"Y", 1, "y">,
  I32EnumAttrCase<"Z", 2, "z">,
]>;
def Device_DimensionAttr
    : EnumAttr<Device_Dialect, Device_Dimension, "dimension">;

def Device_Shuffle : Device_Enum<"Shuffle", "whose value a lane takes", [
  I32EnumAttrCase<"Xor", 0, "xor">,
  I32EnumAttrCase<"Index", 1, "index">,
  I32EnumAttrCase<"Up", 2, "up">,
  I32EnumAttrCase<"Down", 3, "down">,
]>;
def Device_ShuffleAttr : EnumAttr<Device_Dialect, Device_Shuffle, "shuffle">;

def Device_Vote : Device_Enum<"Vote", "what the lanes of a warp agree on", [
  I32EnumAttrCase<"Any", 0, "any">,
  I32EnumAttrCase<"All", 1, "all">,
]>;
def Device_VoteAttr : EnumAttr<Device_Dialect, Device_Vote, "vote">;

/// Functions that a machine has as one approximate instruction. `exp2` is 2^x
/// with 0 for results below the normal range, `log2` the binary logarithm,
/// `reciprocal` 1/x.
def Device_Approximate : Device_Enum<"Approximate", "an approximate function", [
  I32EnumAttrCase<"Exp2", 0, "exp2">,
  I32EnumAttrCase<"Log2", 1, "log2">,
  I32EnumAttrCase<"Reciprocal", 2, "reciprocal">,
  I32EnumAttrCase<"Sin", 3, "sin">,
  I32EnumAttrCase<"Cos", 4, "cos">,
  I32EnumAttrCase<"Sqrt", 5, "sqrt">,
]>;
def Device_ApproximateAttr
    : EnumAttr<Device_Dialect, Device_Approximate, "approximate">;

/// What the 32-bit registers of a matrix operand hold.
def Device_Pair : Device_Enum<"Pair", "two 16-bit numbers in a register", [
  I32EnumAttrCase<"F16", 0, "f16">,
  I32EnumAttrCase<"BF16", 1, "bf16">,
]>;
def Device_PairAttr : EnumAttr<Device_Dialect, Device_Pair, "pair">;

/// A tensor in global memory, described for copies of boxes; only NVIDIA's
/// machines have it. Handed to the body of a kernel by its launch.
def Device_TensorMap : TypeDef<Device_Dialect, "TensorMap"> {
  let mnemonic = "tensor_map";
}

def Device_Float32 : TypeConstraint<F32.predicate, "f32", "::mlir::FloatType">;

/// What one access moves: a scalar, or a vector of 4, 8 or 16 bytes.
def Device_Movable : AnyTypeOf<[I8, I16, I32, I64, F16, BF16, F32,
    VectorOfLengthAndType<[2, 4], [I32, F32]>,
    VectorOfLengthAndType<[2, 4, 8], [F16, BF16, I16]>]>;

#endif // EINFALL_DEVICE_BASE
