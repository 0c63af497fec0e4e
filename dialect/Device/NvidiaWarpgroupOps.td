// sm_90a: matrix products of a warpgroup, which run while threads go on.
#ifndef EINFALL_DEVICE_NVIDIA_WARPGROUP_OPS
#define EINFALL_DEVICE_NVIDIA_WARPGROUP_OPS

/// Of a 64 x N result: N / 2 numbers per thread.
def Device_Accumulator : FixedVectorOfRankAndType<[1], [F32]>;
/// Registers that asynchronous products read or write.
def Device_Registers : FixedVectorOfRankAndType<[1], [F32, I32]>;

//===----------------------------------------------------------------------===//
// Operands in shared memory
//===----------------------------------------------------------------------===//

def Device_DescriptorOp : Device_PureOp<"nv.descriptor"> {
  let summary = "a matrix in shared memory as wgmma takes it";
  let description = [{
    The 64 bits of PTX ISA, "Asynchronous warpgroup level matrix instructions:
    matrix descriptor format": bits 0 to 13 hold the address / 16, 16 to 29
    `leading` / 16, 32 to 45 `stride` / 16, 62 and 63 the swizzle (0: 0, 128: 1,
    64: 2, 32: 3). Adding n to it advances the address by 16 n bytes.

    `leading` and `stride` are bytes, multiples of 16: with a K-major operand and
    a swizzle, `stride` leads from 8 rows to the next 8 and `leading` is not
    used (give 16); else see PTX ISA, "Strides". With a swizzle of w bytes the
    pattern that the address lies in starts at a multiple of 8 w (base offset 0).

    Example: `%d = device.nv.descriptor %tile leading 16 stride 1024 swizzle 128`
  }];
  let arguments = (ins I32:$address, I64Attr:$leading, I64Attr:$stride,
                       I64Attr:$swizzle);
  let results = (outs I64:$result);
  let assemblyFormat = [{
    $address `leading` $leading `stride` $stride `swizzle` $swizzle attr-dict
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

def Device_WgmmaOp : Device_Op<"nv.wgmma"> {
  let summary = "D = A B + C on 64 x N x 16, landing later (converged)";
  let description = [{
    `wgmma.mma_async.sync.aligned.m64n{columns}k16.f32.{type}.{type}` (PTX ISA,
    "Asynchronous warpgroup level matrix multiply-accumulate instructions"), by
    the four warps of a warpgroup together: warps 4i to 4i + 3.

    A is 64 x 16: a descriptor (i64), or the registers of each thread
    (vector<4xi32>: of warp w rows 16 w to 16 w + 15, as `device.nv.mma` takes
    them). B is 16 x `columns` (8 to 256 in steps of 8) by its descriptor. As
    they lie in shared memory both have their 16 along the rows (K-major, B as
    columns x 16); `transpose_a` and `transpose_b` say the other order.

    Without `plus` C is zero. Register i of the result is element
    (16 w + lane / 4 + 8 (i / 2 mod 2), 8 (i / 4) + 2 (lane mod 4) + i mod 2).

    The result may be used by further `device.nv.wgmma` as C, and by anything
    else as what `device.nv.wgmma_wait` makes of it. What A and C had from
    ordinary operations comes through `device.nv.wgmma_fence`, and registers of A
    live until the wait.

    Example:
    ```mlir
    %s = device.nv.wgmma bf16 128 %q, %k : i64 -> vector<64xf32>
    %o = device.nv.wgmma bf16 64 %p, %v transpose_b plus %c : vector<32xf32> :
        vector<4xi32> -> vector<32xf32>
    ```
  }];
  let arguments = (ins Device_PairAttr:$type, I64Attr:$columns,
      AnyTypeOf<[I64, VectorOfLengthAndType<[4], [I32]>]>:$a, I64:$b,
      Optional<Device_Accumulator>:$c, UnitAttr:$transposeA,
      UnitAttr:$transposeB);
  let results = (outs Device_Accumulator:$result);
  let assemblyFormat = [{
    $type $columns $a (`transpose_a` $transposeA^)? `,` $b
    (`transpose_b` $transposeB^)? (`plus` $c^ `:` type($c))? attr-dict
    `:` type($a) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Device_WgmmaFenceOp : Device_Op<"nv.wgmma_fence"> {
  let summary = "gives registers to matrix products (converged)";
  let description = [{
    `wgmma.fence.sync.aligned`: before the first product of a kernel, and
    wherever registers that products read or add to were written by something
    else. The results are the operands; products take those.

    Example:
    `%c1 = device.nv.wgmma_fence of %c0 : vector<64xf32> -> vector<64xf32>`
  }];
  let arguments = (ins Variadic<Device_Registers>:$values);
  let results = (outs Variadic<Device_Registers>:$results);
  let assemblyFormat = [{
    (`of` $values^ `:` type($values) `->` type($results))? attr-dict
  }];
  let hasVerifier = 1;
}

def Device_WgmmaCommitOp : Device_Op<"nv.wgmma_commit"> {
  let summary = "closes a group of the warpgroup's products (converged)";
  let assemblyFormat = "attr-dict";
}

def Device_WgmmaWaitOp : Device_Op<"nv.wgmma_wait"> {
  let summary = "waits for the warpgroup's products (converged)";
  let description = [{
    `wgmma.wait_group.sync.aligned`: returns when all but the newest `pending`
    groups have landed. The results are the operands as they then are: registers
    of landed products may be used, those of products in flight only handed on.
    Name all accumulators that are in use, and the registers of A that must live
    until here.

    Example: `%w:2 = device.nv.wgmma_wait 1 of %s, %o : ... -> ...`
  }];
  let arguments = (ins I64Attr:$pending, Variadic<Device_Registers>:$values);
  let results = (outs Variadic<Device_Registers>:$results);
  let assemblyFormat = [{
    $pending (`of` $values^ `:` type($values) `->` type($results))? attr-dict
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Registers, and results on their way to memory
//===----------------------------------------------------------------------===//

def Device_RegisterBudget : Device_Enum<"RegisterBudget", "which way", [
  I32EnumAttrCase<"Decrease", 0, "decrease">,
  I32EnumAttrCase<"Increase", 1, "increase">,
]>;
def Device_RegisterBudgetAttr
    : EnumAttr<Device_Dialect, Device_RegisterBudget, "register_budget">;

def Device_SetMaxRegistersOp : Device_Op<"nv.set_max_registers"> {
  let summary = "changes how many registers a warpgroup's threads have";
  let description = [{
    `setmaxnreg.{dec,inc}.sync.aligned.u32` (converged, by all four warps). 24 to
    256 in steps of 8. An increase waits until others have given registers back.

    Example: `device.nv.set_max_registers increase 240`
  }];
  let arguments = (ins Device_RegisterBudgetAttr:$direction, I64Attr:$count);
  let assemblyFormat = "$direction $count attr-dict";
  let hasVerifier = 1;
}

def Device_StMatrixOp : Device_Op<"nv.stmatrix"> {
  let summary = "8 x 8 matrices of 16-bit numbers to shared memory (converged)";
  let description = [{
    `stmatrix.sync.aligned.m8n8.x{count}{.trans}.shared.b16`: the inverse of
    `device.nv.ldmatrix`. Lanes 8i to 8i + 7 give the addresses of the rows of
    matrix i, and register i of a lane goes to elements (lane / 4,
    2 (lane mod 4)) and the one after it.

    Example: `device.nv.stmatrix 4 %address, %v : vector<4xi32>`
  }];
  let arguments = (ins I64Attr:$count, UnitAttr:$transpose, I32:$address,
                       VectorOfLengthAndType<[1, 2, 4], [I32]>:$value);
  let assemblyFormat = [{
    $count (`transpose` $transpose^)? $address `,` $value attr-dict `:`
    type($value)
  }];
  let hasVerifier = 1;
}

#endif // EINFALL_DEVICE_NVIDIA_WARPGROUP_OPS
