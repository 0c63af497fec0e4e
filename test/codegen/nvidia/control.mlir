// RUN: einfall-ptx %s | FileCheck %s

// A loop with a carried accumulator in four registers: nothing goes through
// memory, and the loop is as it was written.
// CHECK-LABEL: .visible .entry loop(
// CHECK-NOT: .local
// CHECK: [[LOOP:L__BB[0-9_]+]]:
// CHECK: cp.async.wait_group 0;
// CHECK: bar.sync 0;
// CHECK: ldmatrix.sync.aligned.m8n8.x4.shared.b16 {[[A:.*]]}, [%r{{[0-9]+}}];
// CHECK: mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// CHECK-NEXT: {[[ACC:.*]]},
// CHECK-NEXT: {[[A]]},
// CHECK: bar.sync 0;
// CHECK: bra{{.*}}[[LOOP]];
// CHECK: st.global.v4.b32
device.kernel @loop target "sm_80" threads 32 shared 4096
    parameters ["x", "n"] grid {
^bb0(%x: i64, %n: i32):
  %one = arith.constant 1 : i64
  device.launch %one, %one, %one
} body {
^bb0(%x: i64, %n: i32):
  %zero64 = arith.constant 0 : i64
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %sixteen = arith.constant 16 : i32
  %b = arith.constant dense<1065369472> : vector<2xi32>
  %start = arith.constant dense<0.0> : vector<4xf32>
  %t = device.thread
  %to = arith.muli %t, %sixteen : i32
  %sum = scf.for %i = %zero to %n step %one iter_args(%acc = %start)
      -> (vector<4xf32>) : i32 {
    device.copy_async 16 %to, %x valid %sixteen
    device.copy_commit
    device.copy_wait 0
    device.barrier 0
    %a = device.nv.ldmatrix 4 %to : vector<4xi32>
    %d = device.nv.mma bf16 %a, %b, %acc : vector<4xi32>, vector<2xi32>, vector<4xf32>
    device.barrier 0
    scf.yield %d : vector<4xf32>
  }
  device.store global %sum, %x[%zero64 : i64] : i64, vector<4xf32>
  device.return
}

// An scf.if with results becomes a selection, here the lesser; divisions that round up
// are expanded.
// CHECK-LABEL: .visible .entry branch(
// CHECK: div.s32
// CHECK: min.s32
// CHECK: st.global.b32
device.kernel @branch target "sm_80" threads 32 shared 0
    parameters ["x", "n", "m"] grid {
^bb0(%x: i64, %n: i32, %m: i32):
  %one = arith.constant 1 : i64
  device.launch %one, %one, %one
} body {
^bb0(%x: i64, %n: i32, %m: i32):
  %zero = arith.constant 0 : i64
  %q = arith.ceildivsi %n, %m : i32
  %p = arith.cmpi slt, %q, %m : i32
  %r = scf.if %p -> i32 {
    scf.yield %q : i32
  } else {
    scf.yield %m : i32
  }
  device.store global %r, %x[%zero : i64] : i64, i32
  device.return
}
