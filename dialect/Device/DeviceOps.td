// The operations that GPUs share. NVIDIA's own are in NvidiaOps.td.
#ifndef EINFALL_DEVICE_OPS
#define EINFALL_DEVICE_OPS

include "dialect/Device/DeviceBase.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Device_Op<string mnemonic, list<Trait> traits = []>
    : Op<Device_Dialect, mnemonic, traits>;
class Device_PureOp<string mnemonic, list<Trait> traits = []>
    : Device_Op<mnemonic, !listconcat([Pure], traits)>;

//===----------------------------------------------------------------------===//
// The kernel and its launch
//===----------------------------------------------------------------------===//

def Device_KernelOp : Device_Op<"kernel", [IsolatedFromAbove, Symbol,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a program of a block's threads, and how many blocks there are";
  let description = [{
    Both regions have the kernel's parameters as arguments: pointers to global
    memory and strides as i64, extents as i64, scalars as f32 or i32. The body
    has the maps of the launch as further ones.
    `parameters` names them. The host computes `grid`, which reads no memory; the
    device runs `body`. A block has `threads` threads and `shared` bytes of
    shared memory, aligned to 1024.

    A launch that brings a *workspace* (see device.launch) passes its address as
    the last parameter. `then` names a kernel with the same parameters that is
    launched when this one has ended; both are one version of a program, and
    what the first left in the workspace the second finds there.

    Example:
    ```mlir
    device.kernel @fill target "sm_80" threads 128 shared 0
        parameters ["x", "n"] grid {
      ^bb0(%x: i64, %n: i64):
        %one = arith.constant 1 : i64
        device.launch %one, %one, %one
    } body {
      ^bb0(%x: i64, %n: i64):
        %t = device.thread
        ...
        device.return
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$target,
                       I64Attr:$threads, I64Attr:$shared,
                       StrArrayAttr:$parameters,
                       OptionalAttr<FlatSymbolRefAttr>:$then);
  let regions = (region SizedRegion<1>:$grid, SizedRegion<1>:$body);
  let assemblyFormat = [{
    $sym_name `target` $target `threads` $threads `shared` $shared
    `parameters` $parameters (`then` $then^)? attr-dict-with-keyword
    `grid` $grid `body` $body
  }];
  let builders = [
    OpBuilder<(ins "::llvm::StringRef":$name, "::llvm::StringRef":$target,
                   "int64_t":$threads, "int64_t":$shared,
                   "::mlir::ArrayAttr":$parameters), [{
      build($_builder, $_state, name, target, threads, shared, parameters,
            ::mlir::FlatSymbolRefAttr());
    }]>,
  ];
  let extraClassDeclaration = [{
    LaunchOp getLaunch();
    /// The last parameter is the address of a workspace.
    bool hasWorkspace();
  }];
  let hasRegionVerifier = 1;
}

def Device_LaunchOp : Device_Op<"launch",
    [Terminator, Pure, AttrSizedOperandSegments, HasParent<"KernelOp">]> {
  let summary = "the blocks of a grid";
  let description = [{
    Ends the `grid` region: numbers of blocks along x, y and z. With one that is
    0 nothing runs. Where `when` is false, the kernel relies on something that
    these arguments do not have (an alignment): another version is to be taken.
    `workspace` is how many bytes of global memory the kernel needs besides its
    tensors, aligned to 64; what is in them at first is not known. `maps` are
    handed to the body, as its arguments after the parameters.

    Example: `device.launch %x, %one, %one when %aligned`
  }];
  let arguments = (ins I64:$x, I64:$y, I64:$z, Optional<I1>:$when,
                       Optional<I64>:$workspace,
                       Variadic<Device_TensorMap>:$maps);
  let builders = [
    OpBuilder<(ins "::mlir::Value":$x, "::mlir::Value":$y, "::mlir::Value":$z,
                   CArg<"::mlir::Value", "{}">:$when),
              [{
      build($_builder, $_state, x, y, z, when, ::mlir::Value(),
            ::mlir::ValueRange());
    }]>,
  ];
  let assemblyFormat = [{
    $x `,` $y `,` $z (`when` $when^)? (`workspace` $workspace^)?
    (`maps` $maps^)? attr-dict
  }];
}

def Device_ReturnOp : Device_Op<"return", [Terminator, HasParent<"KernelOp">]> {
  let summary = "ends a thread";
  let assemblyFormat = "attr-dict";
}

def Device_ThreadOp : Device_PureOp<"thread"> {
  let summary = "the thread's number in its block, from 0";
  let results = (outs I32:$result);
  let assemblyFormat = "attr-dict";
}

def Device_BlockOp : Device_PureOp<"block"> {
  let summary = "the block's number along a dimension of the grid";
  let arguments = (ins Device_DimensionAttr:$dimension);
  let results = (outs I32:$result);
  let assemblyFormat = "$dimension attr-dict";
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

def Device_LoadOp : Device_Op<"load"> {
  let summary = "reads memory";
  let description = [{
    Reads at `base + offset` bytes, aligned to the size of the result. The base
    is an i64 in global, an i32 in shared memory; the offset has the same type.

    `readonly`: no thread of the grid writes there while the kernel runs.

    Example: `%v = device.load global %q[%o] {readonly} : i64 -> vector<4xf32>`
  }];
  let arguments = (ins Device_SpaceAttr:$space, AnyTypeOf<[I32, I64]>:$base,
                       AnyTypeOf<[I32, I64]>:$offset, UnitAttr:$readonly);
  let results = (outs Device_Movable:$result);
  let assemblyFormat = [{
    $space $base `[` $offset `:` type($offset) `]` attr-dict `:` type($base)
    `->` type($result)
  }];
  let hasVerifier = 1;
}

def Device_StoreOp : Device_Op<"store"> {
  let summary = "writes memory";
  let description = [{
    Example: `device.store shared %v, %base[%o] : i32, vector<4xi32>`
  }];
  let arguments = (ins Device_SpaceAttr:$space, Device_Movable:$value,
                       AnyTypeOf<[I32, I64]>:$base,
                       AnyTypeOf<[I32, I64]>:$offset);
  let assemblyFormat = [{
    $space $value `,` $base `[` $offset `:` type($offset) `]` attr-dict `:`
    type($base) `,` type($value)
  }];
  let hasVerifier = 1;
}

def Device_CopyAsyncOp : Device_Op<"copy_async"> {
  let summary = "copies global to shared memory, landing later";
  let description = [{
    Copies the first `valid` bytes at `source` to `destination` and fills up to
    `bytes` (4, 8 or 16) with zeros; both are aligned to `bytes`. With `valid` 0
    the source is not read and may be anything. Belongs to the group that the
    thread's next `device.copy_commit` closes.

    Example: `device.copy_async 16 %d, %s valid %n`
  }];
  let arguments = (ins I64Attr:$bytes, I32:$destination, I64:$source,
                       I32:$valid);
  let assemblyFormat = "$bytes $destination `,` $source `valid` $valid attr-dict";
  let hasVerifier = 1;
}

def Device_CopyCommitOp : Device_Op<"copy_commit"> {
  let summary = "closes a group of the thread's copies";
  let assemblyFormat = "attr-dict";
}

def Device_CopyWaitOp : Device_Op<"copy_wait"> {
  let summary = "waits for the thread's copies";
  let description = [{
    Returns when all but the newest `pending` groups of this thread have landed.
    What has landed is visible to this thread; to others after a barrier.
  }];
  let arguments = (ins I64Attr:$pending);
  let assemblyFormat = "$pending attr-dict";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Threads together
//===----------------------------------------------------------------------===//

def Device_BarrierOp : Device_Op<"barrier"> {
  let summary = "waits for threads of the block (converged)";
  let description = [{
    Returns when `threads` threads have arrived at barrier `id` (0 to 15): a
    multiple of 32. Without `threads`, all of the block. Orders their accesses
    to shared and global memory.

    Example: `device.barrier 1 threads 256`
  }];
  let arguments = (ins DefaultValuedAttr<I64Attr, "0">:$id,
                       OptionalAttr<I64Attr>:$threads);
  let assemblyFormat = "$id (`threads` $threads^)? attr-dict";
  let hasVerifier = 1;
}

def Device_BarrierAnyOp : Device_Op<"barrier_any"> {
  let summary = "a barrier that tells whether some thread says so (converged)";
  let description = [{
    As `device.barrier`; the result is true for all threads where `value` is
    for some.

    Example: `%any = device.barrier_any %mine, 4 threads 128`
  }];
  let arguments = (ins I1:$value, DefaultValuedAttr<I64Attr, "0">:$id,
                       OptionalAttr<I64Attr>:$threads);
  let results = (outs I1:$result);
  let assemblyFormat = "$value `,` $id (`threads` $threads^)? attr-dict";
  let hasVerifier = 1;
}

def Device_ArriveOp : Device_Op<"arrive"> {
  let summary = "arrives at a barrier without waiting (converged)";
  let description = [{
    Counts for barrier `id` as `device.barrier` does; goes on at once.
  }];
  let arguments = (ins I64Attr:$id, I64Attr:$threads);
  let assemblyFormat = "$id `threads` $threads attr-dict";
  let hasVerifier = 1;
}

def Device_WarpBarrierOp : Device_Op<"warp_barrier"> {
  let summary = "orders the accesses of a warp's lanes (converged)";
  let assemblyFormat = "attr-dict";
}

def Device_ShuffleOp : Device_Op<"shuffle",
    [AllTypesMatch<["value", "result"]>, NoMemoryEffect]> {
  let summary = "takes a value from another lane of the warp (converged)";
  let description = [{
    From lane `lane xor operand`, `operand`, `lane - operand` or
    `lane + operand`, where the low five bits of `operand` count; from itself
    where that is no lane of the warp.

    Example: `%r = device.shuffle xor %v, %one : f32`
  }];
  let arguments = (ins Device_ShuffleAttr:$mode,
                       AnyTypeOf<[I32, F32]>:$value, I32:$operand);
  let results = (outs AnyTypeOf<[I32, F32]>:$result);
  let assemblyFormat = "$mode $value `,` $operand attr-dict `:` type($value)";
}

def Device_VoteOp : Device_Op<"vote", [NoMemoryEffect]> {
  let summary = "what the lanes of a warp say together (converged)";
  let arguments = (ins Device_VoteAttr:$mode, I1:$value);
  let results = (outs I1:$result);
  let assemblyFormat = "$mode $value attr-dict";
}

def Device_UniformOp : Device_Op<"uniform", [NoMemoryEffect]> {
  let summary = "lane 0's value, so that it is known to be one for the warp";
  let description = [{ Converged. }];
  let arguments = (ins I32:$value);
  let results = (outs I32:$result);
  let assemblyFormat = "$value attr-dict";
}

//===----------------------------------------------------------------------===//
// Arithmetic that arith has not
//===----------------------------------------------------------------------===//

def Device_ApproximateOp : Device_PureOp<"approximate"> {
  let summary = "a function as the machine's one instruction computes it";
  let description = [{
    Subnormal inputs and results are zeros. Example:
    `%e = device.approximate exp2 %x`
  }];
  let arguments = (ins Device_ApproximateAttr:$function, F32:$value);
  let results = (outs F32:$result);
  let assemblyFormat = "$function $value attr-dict";
}

def Device_FmaOp : Device_PureOp<"fma"> {
  let summary = "x * y + z, rounded once";
  let arguments = (ins F32:$x, F32:$y, F32:$z);
  let results = (outs F32:$result);
  let assemblyFormat = "$x `,` $y `,` $z attr-dict";
}

def Device_PackOp : Device_PureOp<"pack"> {
  let summary = "two f32 as 16-bit numbers in one register";
  let description = [{
    Rounds to nearest even; `low` lies in bits 0 to 15.
    Example: `%p = device.pack bf16 %x, %y`
  }];
  let arguments = (ins Device_PairAttr:$type, F32:$low, F32:$high);
  let results = (outs I32:$result);
  let assemblyFormat = "$type $low `,` $high attr-dict";
}

def Device_UnpackOp : Device_PureOp<"unpack"> {
  let summary = "the two 16-bit numbers of a register as f32";
  let arguments = (ins Device_PairAttr:$type, I32:$value);
  let results = (outs F32:$low, F32:$high);
  let assemblyFormat = "$type $value attr-dict";
}

include "dialect/Device/NvidiaOps.td"

#endif // EINFALL_DEVICE_OPS
