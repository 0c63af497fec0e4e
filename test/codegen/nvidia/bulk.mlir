// RUN: einfall-ptx %s --target sm_90a | FileCheck %s

// A map is a parameter that stays where it is: no copy on the stack.
// CHECK: .version 8.0
// CHECK: .target sm_90a
// CHECK-LABEL: .visible .entry bulk(
// CHECK: .param .u64 bulk_param_0,
// CHECK-NEXT: .param .align 64 .b8 bulk_param_1[128],
// CHECK-NEXT: .param .align 64 .b8 bulk_param_2[128]
// CHECK-NOT: .local
// CHECK-DAG: cvta.param.u64 [[MAP:%rd[0-9]+]],
device.kernel @bulk target "sm_90a" threads 128 shared 32768
    parameters ["x"] grid {
^bb0(%x: i64):
  %one = arith.constant 1 : i64
  %d = arith.constant 128 : i64
  %n = arith.constant 1000 : i64
  %s = arith.constant 256 : i64
  %m = device.nv.encode_map bf16 %x extents %d, %n strides %s box [64, 128] swizzle 128
  %r = device.nv.encode_map f32 %x extents %d box [32] swizzle 0
  device.launch %one, %one, %one maps %m, %r
} body {
^bb0(%x: i64, %m: !device.tensor_map, %r: !device.tensor_map):
  %zero = arith.constant 0 : i32
  %bar = arith.constant 32760 : i32
  %bytes = arith.constant 16384 : i32
  %row = device.block x
  %t = device.thread
  %first = arith.cmpi eq, %t, %zero : i32
  // CHECK: setp.ne.b32
  scf.if %first {
    // CHECK: mbarrier.init.shared::cta.b64 [%r{{[0-9]+}}], 3;
    device.nv.mbarrier_init %bar, 3
    // CHECK: fence.mbarrier_init.release.cluster;
    device.nv.fence mbarrier_init
    // CHECK: mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r{{[0-9]+}}], %r{{[0-9]+}};
    device.nv.mbarrier_expect %bar, %bytes
    // CHECK: cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%r{{[0-9]+}}], [%rd{{[0-9]+}}, {%r{{[0-9]+}}, %r{{[0-9]+}}}], [%r{{[0-9]+}}];
    device.nv.bulk_load %m[%zero, %row] to %zero barrier %bar
    // CHECK: cp.async.bulk.tensor.1d.shared::cluster.global.mbarrier::complete_tx::bytes [%r{{[0-9]+}}], [%rd{{[0-9]+}}, {%r{{[0-9]+}}}], [%r{{[0-9]+}}];
    device.nv.bulk_load %r[%row] to %zero barrier %bar
  }
  // CHECK: bar.sync 0;
  device.barrier 0
  // CHECK: mbarrier.arrive.shared::cta.b64 _, [%r{{[0-9]+}}];
  device.nv.mbarrier_arrive %bar
  // CHECK: again:
  // CHECK: mbarrier.try_wait.parity.shared::cta.b64 complete, [%r{{[0-9]+}}], %r{{[0-9]+}};
  // CHECK: @complete bra done;
  // CHECK: bra again;
  // CHECK: done:
  device.nv.mbarrier_wait %bar parity %zero
  // CHECK: ld.shared.b32 [[V:%r[0-9]+]],
  %v = device.load shared %zero[%zero : i32] : i32 -> f32
  // CHECK: add.rn.f32 [[W:%r[0-9]+]], [[V]], [[V]];
  %w = arith.addf %v, %v : f32
  // CHECK: st.shared.b32
  device.store shared %w, %zero[%zero : i32] : i32, f32
  // CHECK: fence.proxy.async.shared::cta;
  device.nv.fence async_shared
  // CHECK: bar.sync 0;
  device.barrier 0
  // CHECK: cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%rd{{[0-9]+}}, {%r{{[0-9]+}}, %r{{[0-9]+}}}], [%r{{[0-9]+}}];
  device.nv.bulk_store %m[%zero, %row] from %zero
  // CHECK: cp.async.bulk.commit_group;
  device.nv.bulk_commit
  // CHECK: cp.async.bulk.wait_group.read 1;
  device.nv.bulk_wait 1 read
  // CHECK: cp.async.bulk.wait_group 0;
  device.nv.bulk_wait 0
  device.return
}
