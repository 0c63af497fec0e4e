// RUN: einfall-opt %s --device-to-llvm | FileCheck %s

// CHECK: llvm.mlir.global external @einfall_shared() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
// CHECK: llvm.func @kernel(%[[X:.*]]: i64, %[[N:.*]]: i32, %[[MAP:.*]]: !llvm.ptr {llvm.align = 64 : i64, llvm.byval = !llvm.array<128 x i8>, nvvm.grid_constant})
// CHECK-SAME: nvvm.kernel, nvvm.minctasm = 1 : i32, nvvm.reqntid = array<i32: 128>
// CHECK-NOT: {{device|arith}}.
device.kernel @kernel target "sm_90a" threads 128 shared 1024
    parameters ["x", "n"] grid {
^bb0(%x: i64, %n: i32):
  %m = device.nv.encode_map bf16 %x extents %x box [64] swizzle 0
  device.launch %x, %x, %x maps %m
} body {
^bb0(%x: i64, %n: i32, %m: !device.tensor_map):
  %zero = arith.constant 0 : i64
  %zero32 = arith.constant 0 : i32
  // CHECK: %[[P:.*]] = llvm.inttoptr %[[X]] : i64 to !llvm.ptr<1>
  // CHECK: %[[Q:.*]] = llvm.getelementptr %[[P]]
  // CHECK: llvm.load %[[Q]] invariant {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
  %v = device.load global %x[%zero : i64] {readonly} : i64 -> vector<4xf32>
  // CHECK: llvm.fmul
  %w = arith.mulf %v, %v : vector<4xf32>
  // CHECK: llvm.mlir.addressof @einfall_shared : !llvm.ptr<3>
  // CHECK: llvm.store %{{.*}} {alignment = 16 : i64} : vector<4xf32>, !llvm.ptr<3>
  device.store shared %w, %zero32[%n : i32] : i32, vector<4xf32>
  // CHECK: llvm.call_intrinsic "llvm.nvvm.barrier.cta.sync.aligned.all"
  device.barrier 0
  // CHECK: llvm.inline_asm has_side_effects "cp.async.bulk.tensor.1d.shared::cluster.global.mbarrier::complete_tx::bytes [$0], [$1, {$3}], [$2];", "r,l,r,r,~{memory}" %{{.*}}, %[[MAP]],
  device.nv.bulk_load %m[%n] to %zero32 barrier %n
  // CHECK: llvm.return
  device.return
}
