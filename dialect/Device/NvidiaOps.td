// Operations of NVIDIA's machines, named as the PTX ISA names them.
#ifndef EINFALL_DEVICE_NVIDIA_OPS
#define EINFALL_DEVICE_NVIDIA_OPS

//===----------------------------------------------------------------------===//
// sm_80 and later
//===----------------------------------------------------------------------===//

def Device_LdMatrixOp : Device_Op<"nv.ldmatrix"> {
  let summary = "8 x 8 matrices of 16-bit numbers from shared memory (converged)";
  let description = [{
    `ldmatrix.sync.aligned.m8n8.x{count}{.trans}.shared.b16` (PTX ISA,
    "Warp-level matrix load instruction: ldmatrix"). Lanes 8i to 8i + 7 give the
    addresses of the rows (16 bytes, aligned) of matrix i. A lane receives in
    register i the elements (lane / 4, 2 (lane mod 4)) and the one after it in
    that row; with `transpose`, of the transposed matrix.

    Example: `%a = device.nv.ldmatrix 4 transpose %address : vector<4xi32>`
  }];
  let arguments = (ins I64Attr:$count, UnitAttr:$transpose, I32:$address);
  let results = (outs VectorOfLengthAndType<[1, 2, 4], [I32]>:$result);
  let assemblyFormat = [{
    $count (`transpose` $transpose^)? $address attr-dict `:` type($result)
  }];
  let hasVerifier = 1;
}

def Device_MmaOp : Device_Op<"nv.mma",
    [AllTypesMatch<["c", "result"]>, NoMemoryEffect]> {
  let summary = "D = A B + C on 16 x 8 x 16 or 16 x 8 x 8 (converged)";
  let description = [{
    `mma.sync.aligned.m16n8k{depth}.row.col.f32.{type}.{type}.f32` (PTX ISA,
    "Matrix fragments for mma.m16n8k16", "... for mma.m16n8k8"): C and D are
    16 x 8 in four f32. 16 deep, A is 16 x 16 in four registers of pairs and B
    16 x 8 in two; 8 deep, A is 16 x 8 in two and B 8 x 8 in one: the first
    halves of the others.

    Example: `%d = device.nv.mma bf16 %a, %b, %c`
  }];
  let arguments = (ins Device_PairAttr:$type,
                       VectorOfLengthAndType<[2, 4], [I32]>:$a,
                       VectorOfLengthAndType<[1, 2], [I32]>:$b,
                       VectorOfLengthAndType<[4], [F32]>:$c);
  let results = (outs VectorOfLengthAndType<[4], [F32]>:$result);
  let assemblyFormat = [{
    $type $a `,` $b `,` $c attr-dict `:` type($a) `,` type($b) `,` type($c)
  }];
  let extraClassDeclaration = [{
    /// 16 or 8: elements that are multiplied and added for each of D.
    int64_t getDepth() { return getB().getType().getNumElements() * 8; }
  }];
  let hasVerifier = 1;
}

def Device_ToTf32Op : Device_PureOp<"nv.to_tf32"> {
  let summary = "an f32 rounded to what tf32 products take";
  let description = [{
    `cvt.rna.tf32.f32` (PTX ISA, "Data Movement and Conversion Instructions:
    cvt"): to the nearest number with 10 bits of fraction, ties away from zero;
    at most 2^-11 of the number away. The register is f32 with 13 zeros below.

    Example: `%r = device.nv.to_tf32 %x`
  }];
  let arguments = (ins F32:$value);
  let results = (outs I32:$result);
  let assemblyFormat = "$value attr-dict";
}

def Device_MmaTf32Op : Device_Op<"nv.mma_tf32",
    [AllTypesMatch<["c", "result"]>, NoMemoryEffect]> {
  let summary = "D = A B + C on 16 x 8 x 8 of tf32 (converged)";
  let description = [{
    `mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32` (PTX ISA, "Matrix
    fragments for mma.m16n8k8"): A is 16 x 8 in four registers, B 8 x 8 in two,
    C and D 16 x 8 in four f32. With r = lane / 4 and c = lane mod 4, registers
    of A are elements (r, c), (r + 8, c), (r, c + 4), (r + 8, c + 4), of B (c, r)
    and (c + 4, r); C lies as in `device.nv.mma`.

    Registers come from `device.nv.to_tf32`: what the machine makes of others is
    not defined, so what `device.nv.ldmatrix` loaded is refused.

    Example: `%d = device.nv.mma_tf32 %a, %b, %c`
  }];
  let arguments = (ins VectorOfLengthAndType<[4], [I32]>:$a,
                       VectorOfLengthAndType<[2], [I32]>:$b,
                       VectorOfLengthAndType<[4], [F32]>:$c);
  let results = (outs VectorOfLengthAndType<[4], [F32]>:$result);
  let assemblyFormat = [{
    $a `,` $b `,` $c attr-dict `:` type($a) `,` type($b) `,` type($c)
  }];
  let hasVerifier = 1;
}

include "dialect/Device/NvidiaBulkOps.td"
include "dialect/Device/NvidiaWarpgroupOps.td"

#endif // EINFALL_DEVICE_NVIDIA_OPS
