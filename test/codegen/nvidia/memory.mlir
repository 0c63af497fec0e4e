// RUN: einfall-ptx %s | FileCheck %s

// The parameters in order, the block size, one array of shared memory.
// CHECK: .extern .shared .align 1024 .b8 einfall_shared[];
// CHECK-LABEL: .visible .entry memory(
// CHECK-NEXT: .param .u64 memory_param_0,
// CHECK-NEXT: .param .u32 memory_param_1,
// CHECK-NEXT: .param .f32 memory_param_2
// CHECK: .reqntid 128
device.kernel @memory target "sm_80" threads 128 shared 4096
    parameters ["x", "o", "s"] grid {
^bb0(%x: i64, %o: i32, %s: f32):
  %one = arith.constant 1 : i64
  device.launch %one, %one, %one
} body {
^bb0(%x: i64, %o: i32, %s: f32):
  %zero = arith.constant 0 : i64
  %c256 = arith.constant 256 : i64
  %c64 = arith.constant 64 : i32
  %c12 = arith.constant 12 : i32
  // A constant offset is in the address.
  // CHECK: ld.global.nc.v4.b32 {[[A:.*]]}, [%rd{{[0-9]+}}];
  %a = device.load global %x[%zero : i64] {readonly} : i64 -> vector<4xf32>
  // CHECK: st.shared.v4.b32 [%r{{[0-9]+}}+64], {[[A]]};
  device.store shared %a, %o[%c64 : i32] : i32, vector<4xf32>
  device.barrier 0
  // CHECK: ld.global.v4.b32 {[[B:.*]]}, [%rd{{[0-9]+}}+256];
  %b = device.load global %x[%c256 : i64] : i64 -> vector<8xbf16>
  // CHECK: st.shared.v4.b32 [%r{{[0-9]+}}+12], {[[B]]};
  device.store shared %b, %o[%c12 : i32] : i32, vector<8xbf16>
  device.barrier 0
  // CHECK: ld.shared.v2.b32 {[[C:.*]]}, [%r{{[0-9]+}}+64];
  %c = device.load shared %o[%c64 : i32] : i32 -> vector<4xf16>
  // CHECK: st.global.v2.b32 [%rd{{[0-9]+}}], {[[C]]};
  device.store global %c, %x[%zero : i64] : i64, vector<4xf16>
  device.barrier 0
  // CHECK: ld.shared.v4.b32 {[[D:.*]]}, [%r{{[0-9]+}}+12];
  %d = device.load shared %o[%c12 : i32] : i32 -> vector<8xi16>
  // CHECK: st.global.v4.b32 [%rd{{[0-9]+}}+256], {[[D]]};
  device.store global %d, %x[%c256 : i64] : i64, vector<8xi16>
  device.barrier 0
  // CHECK: ld.shared.b32 [[E:%r[0-9]+]], [%r{{[0-9]+}}+12];
  %e = device.load shared %o[%c12 : i32] : i32 -> f32
  // CHECK: st.global.b32 [%rd{{[0-9]+}}], [[E]];
  device.store global %e, %x[%zero : i64] : i64, f32
  device.barrier 0
  // CHECK: ld.shared.b16 [[F:%rs[0-9]+]], [%r{{[0-9]+}}+12];
  %f = device.load shared %o[%c12 : i32] : i32 -> bf16
  // CHECK: st.global.b16 [%rd{{[0-9]+}}], [[F]];
  device.store global %f, %x[%zero : i64] : i64, bf16
  device.barrier 0
  // CHECK: ld.shared.b8 [[G:%rs[0-9]+]], [%r{{[0-9]+}}+12];
  %g = device.load shared %o[%c12 : i32] : i32 -> i8
  // CHECK: st.global.b8 [%rd{{[0-9]+}}], [[G]];
  device.store global %g, %x[%zero : i64] : i64, i8
  device.barrier 0
  // CHECK: ld.shared.b64 [[H:%rd[0-9]+]], [%r{{[0-9]+}}+64];
  %h = device.load shared %o[%c64 : i32] : i32 -> i64
  // CHECK: st.global.b64 [%rd{{[0-9]+}}], [[H]];
  device.store global %h, %x[%zero : i64] : i64, i64
  device.return
}

// The copies, and that nothing passes a wait or a barrier.
// CHECK-LABEL: .visible .entry copies(
device.kernel @copies target "sm_80" threads 128 shared 4096
    parameters ["x", "o", "n"] grid {
^bb0(%x: i64, %o: i32, %n: i32):
  %one = arith.constant 1 : i64
  device.launch %one, %one, %one
} body {
^bb0(%x: i64, %o: i32, %n: i32):
  %zero = arith.constant 0 : i32
  %zero64 = arith.constant 0 : i64
  %c4 = arith.constant 4 : i32
  // CHECK: ld.shared.b32 [[EARLY:%r[0-9]+]],
  %early = device.load shared %o[%zero : i32] : i32 -> f32
  // CHECK: cp.async.cg.shared.global [%r{{[0-9]+}}], [%rd{{[0-9]+}}], 16, %r{{[0-9]+}};
  device.copy_async 16 %o, %x valid %n
  // CHECK: cp.async.ca.shared.global [%r{{[0-9]+}}], [%rd{{[0-9]+}}], 8, %r{{[0-9]+}};
  device.copy_async 8 %o, %x valid %n
  // CHECK: cp.async.ca.shared.global [%r{{[0-9]+}}], [%rd{{[0-9]+}}], 4, 4;
  device.copy_async 4 %o, %x valid %c4
  // CHECK: cp.async.commit_group;
  device.copy_commit
  // CHECK: ld.shared.b32 [[INFLIGHT:%r[0-9]+]],
  %inflight = device.load shared %o[%c4 : i32] : i32 -> f32
  // CHECK: cp.async.wait_group 1;
  device.copy_wait 1
  // CHECK: cp.async.wait_group 0;
  device.copy_wait 0
  // CHECK: ld.shared.b32 [[LANDED:%r[0-9]+]],
  %landed = device.load shared %o[%zero : i32] : i32 -> f32
  // CHECK: bar.sync 0;
  device.barrier 0
  // CHECK: ld.shared.b32 [[LATE:%r[0-9]+]],
  %late = device.load shared %o[%zero : i32] : i32 -> f32
  %a = arith.addf %early, %inflight : f32
  %b = arith.addf %landed, %late : f32
  %c = arith.mulf %a, %b : f32
  device.store global %c, %x[%zero64 : i64] : i64, f32
  device.return
}
