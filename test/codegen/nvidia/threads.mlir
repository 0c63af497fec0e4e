// RUN: einfall-ptx %s | FileCheck %s

// CHECK-LABEL: .visible .entry threads(
device.kernel @threads target "sm_80" threads 128 shared 0
    parameters ["x", "n"] grid {
^bb0(%x: i64, %n: i32):
  %one = arith.constant 1 : i64
  device.launch %one, %one, %one
} body {
^bb0(%x: i64, %n: i32):
  %zero = arith.constant 0 : i64
  // CHECK-DAG: mov.u32 %r{{[0-9]+}}, %tid.x;
  %t = device.thread
  // CHECK-DAG: mov.u32 %r{{[0-9]+}}, %ctaid.x;
  %bx = device.block x
  // CHECK-DAG: mov.u32 %r{{[0-9]+}}, %ctaid.y;
  %by = device.block y
  // CHECK-DAG: mov.u32 %r{{[0-9]+}}, %ctaid.z;
  %bz = device.block z
  // CHECK: bar.sync 0;
  device.barrier 0
  // CHECK: bar.sync 3, 64;
  device.barrier 3 threads 64
  // CHECK: bar.arrive 4, 96;
  device.arrive 4 threads 96
  // CHECK: bar.warp.sync -1;
  device.warp_barrier
  %s0 = arith.addi %t, %bx : i32
  %s1 = arith.addi %by, %bz : i32
  %s = arith.addi %s0, %s1 : i32
  %f = arith.sitofp %s : i32 to f32
  // CHECK: shfl.sync.bfly.b32 %r{{[0-9]+}}, %r{{[0-9]+}}, %r{{[0-9]+}}, 31, -1;
  %a = device.shuffle xor %f, %n : f32
  // CHECK: shfl.sync.idx.b32 %r{{[0-9]+}}, %r{{[0-9]+}}, %r{{[0-9]+}}, 31, -1;
  %b = device.shuffle index %a, %n : f32
  // CHECK: shfl.sync.up.b32 %r{{[0-9]+}}, %r{{[0-9]+}}, %r{{[0-9]+}}, 0, -1;
  %c = device.shuffle up %b, %n : f32
  // CHECK: shfl.sync.down.b32 %r{{[0-9]+}}, %r{{[0-9]+}}, %r{{[0-9]+}}, 31, -1;
  %d = device.shuffle down %c, %n : f32
  // CHECK: shfl.sync.bfly.b32
  %e = device.shuffle xor %s, %n : i32
  // CHECK: shfl.sync.idx.b32 %r{{[0-9]+}}, %r{{[0-9]+}}, 0, 31, -1;
  %u = device.uniform %e
  %p = arith.cmpi slt, %u, %n : i32
  // CHECK: vote.sync.any.pred %p{{[0-9]+}}, %p{{[0-9]+}}, -1;
  %any = device.vote any %p
  // CHECK: vote.sync.all.pred %p{{[0-9]+}}, %p{{[0-9]+}}, -1;
  %all = device.vote all %p
  %both = arith.xori %any, %all : i1
  // CHECK: bar.red.or.pred %p{{[0-9]+}}, 0, %p{{[0-9]+}};
  %some = device.barrier_any %both, 0
  // CHECK: bar.red.or.pred %p{{[0-9]+}}, 5, 64, %p{{[0-9]+}};
  %named = device.barrier_any %some, 5 threads 64
  scf.if %named {
    device.store global %d, %x[%zero : i64] : i64, f32
  }
  device.return
}
