// RUN: einfall-ptx %s | FileCheck %s
// RUN: einfall-ptx %s | FileCheck %s --check-prefix=EXACT

// The functions of the machine.
// CHECK-LABEL: .visible .entry functions(
device.kernel @functions target "sm_80" threads 32 shared 0
    parameters ["x", "s"] grid {
^bb0(%x: i64, %s: f32):
  %one = arith.constant 1 : i64
  device.launch %one, %one, %one
} body {
^bb0(%x: i64, %s: f32):
  %zero = arith.constant 0 : i64
  // CHECK: ex2.approx.ftz.f32
  %a = device.approximate exp2 %s
  // CHECK: lg2.approx.ftz.f32
  %b = device.approximate log2 %a
  // CHECK: rcp.approx.ftz.f32
  %c = device.approximate reciprocal %b
  // CHECK: sin.approx.ftz.f32
  %d = device.approximate sin %c
  // CHECK: cos.approx.ftz.f32
  %e = device.approximate cos %d
  // CHECK: sqrt.approx.ftz.f32 [[F:%r[0-9]+]]
  %f = device.approximate sqrt %e
  // CHECK: fma.rn.f32 [[G:%r[0-9]+]], [[F]],
  %g = device.fma %f, %s, %a
  device.store global %g, %x[%zero : i64] : i64, f32
  device.return
}

// PTX's cvt takes the upper half first.
// CHECK-LABEL: .visible .entry pairs(
device.kernel @pairs target "sm_80" threads 32 shared 0
    parameters ["x", "low", "high"] grid {
^bb0(%x: i64, %low: f32, %high: f32):
  %one = arith.constant 1 : i64
  device.launch %one, %one, %one
} body {
^bb0(%x: i64, %low: f32, %high: f32):
  %zero = arith.constant 0 : i64
  %c4 = arith.constant 4 : i64
  %c8 = arith.constant 8 : i64
  %c12 = arith.constant 12 : i64
  // CHECK: ld.param.b32 [[LOW:%r[0-9]+]], [pairs_param_1];
  // CHECK: ld.param.b32 [[HIGH:%r[0-9]+]], [pairs_param_2];
  // CHECK: cvt.rn.bf16x2.f32 [[B:%r[0-9]+]], [[HIGH]], [[LOW]];
  %b = device.pack bf16 %low, %high
  device.store global %b, %x[%zero : i64] : i64, i32
  // CHECK: cvt.rn.f16x2.f32 [[H:%r[0-9]+]], [[HIGH]], [[LOW]];
  %h = device.pack f16 %low, %high
  device.store global %h, %x[%c4 : i64] : i64, i32
  device.barrier 0
  // CHECK: ld.global.b32 [[V:%r[0-9]+]], [%rd{{[0-9]+}}+8];
  // CHECK: shl.b32 %r{{[0-9]+}}, [[V]], 16;
  // CHECK: and.b32 %r{{[0-9]+}}, [[V]], -65536;
  %v = device.load global %x[%c8 : i64] : i64 -> i32
  %b0, %b1 = device.unpack bf16 %v
  %b2 = arith.addf %b0, %b1 : f32
  device.store global %b2, %x[%c8 : i64] : i64, f32
  device.barrier 0
  // CHECK: mov.b32 {%rs[[H0:[0-9]+]], %rs[[H1:[0-9]+]]}, %r{{[0-9]+}};
  // CHECK-DAG: cvt.f32.f16 [[LO:%r[0-9]+]], %rs[[H0]];
  // CHECK-DAG: cvt.f32.f16 [[HI:%r[0-9]+]], %rs[[H1]];
  // CHECK: sub.rn.f32 %r{{[0-9]+}}, [[LO]], [[HI]];
  %w = device.uniform %v
  %h0, %h1 = device.unpack f16 %w
  %h2 = arith.subf %h0, %h1 : f32
  device.store global %h2, %x[%c12 : i64] : i64, f32
  device.return
}

// Nothing is contracted or relaxed: .rn forbids it to the assembler too.
// EXACT-LABEL: .visible .entry exact(
// EXACT-NOT: fma
// EXACT-NOT: ftz
// EXACT-NOT: approx
device.kernel @exact target "sm_80" threads 32 shared 0
    parameters ["x", "a", "b", "c"] grid {
^bb0(%x: i64, %a: f32, %b: f32, %c: f32):
  %one = arith.constant 1 : i64
  device.launch %one, %one, %one
} body {
^bb0(%x: i64, %a: f32, %b: f32, %c: f32):
  %zero = arith.constant 0 : i64
  // EXACT: mul.rn.f32
  %m = arith.mulf %a, %b : f32
  // EXACT: add.rn.f32
  %s = arith.addf %m, %c : f32
  // EXACT: sub.rn.f32
  %d = arith.subf %s, %b : f32
  // EXACT: div.rn.f32
  %q = arith.divf %d, %a : f32
  // EXACT: max.NaN.f32
  %n = arith.maximumf %q, %c : f32
  // EXACT: min.NaN.f32
  %o = arith.minimumf %n, %a : f32
  // EXACT: max.f32
  %p = arith.maxnumf %o, %b : f32
  // EXACT: cvt.rn.bf16.f32
  %t = arith.truncf %p : f32 to bf16
  device.store global %t, %x[%zero : i64] : i64, bf16
  device.return
}
