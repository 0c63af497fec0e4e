// RUN: einfall-opt %s --derive-folds --lower-fold-to-device="extents=e=64,f=32" --cse --canonicalize | FileCheck %s

// Where rows are dense and aligned, a version that copies tiles while it computes:
// two of them lie in shared memory.
// CHECK-LABEL: device.kernel @causal_sm_80_aligned target "sm_80" threads 128 shared 47104
// CHECK: %[[DENSE:.*]] = arith.cmpi eq, %{{.*}}, %c1_i64
// CHECK: device.launch %{{.*}} when
// CHECK: body
// CHECK-COUNT-4: device.copy_async 16
// CHECK: device.copy_commit
// CHECK: scf.for
// CHECK: device.copy_wait 0
// CHECK: device.barrier 0
// CHECK: device.copy_async 16
// CHECK: device.copy_commit
// CHECK-NOT: device.barrier
// CHECK: device.nv.mma

// Causal attention on matrix units: 128 rows and 64 keys at a time. Rows of Q, K
// (64 numbers) and V (32) lie 144 and 80 bytes apart.
// CHECK-LABEL: device.kernel @causal_sm_80 target "sm_80" threads 128 shared 32768
// CHECK-SAME: "Q", "K", "V", "O", "stride Q.0", "stride Q.1"
// One block for 128 rows.
// CHECK: %[[ROWS:.*]] = arith.addi %{{.*}}, %c127_i64
// CHECK: %[[BLOCKS:.*]] = arith.divui %[[ROWS]], %c128_i64
// CHECK: device.launch %[[BLOCKS]]
// CHECK: body
// The stream: accumulators, the running maximum and the sum are carried.
// CHECK: scf.for {{.*}} iter_args
// CHECK: device.barrier 0
// CHECK: device.store shared
// CHECK: device.store shared
// CHECK: device.barrier 0
// 64 / 16 steps along e, 64 / 8 fragments of keys, 2 of rows.
// CHECK-COUNT-64: device.nv.mma bf16
// Full tiles are not tested.
// CHECK: scf.if {{.*}} -> (f32
// CHECK-NOT: arith.cmpi slt
// CHECK: device.shuffle xor
// CHECK: device.approximate exp2
// CHECK: } else {
// CHECK: arith.cmpi slt
// The sums move where a reference of the warp has.
// CHECK: device.vote any
// CHECK: scf.if
// 64 / 16 steps along the keys, 32 / 8 fragments of features, 2 of rows.
// CHECK-COUNT-8: device.pack bf16
// CHECK: device.nv.ldmatrix 4 transpose
// CHECK-COUNT-32: device.nv.mma bf16
// CHECK-NOT: device.nv.mma
// CHECK: scf.yield
// CHECK: arith.divf
// CHECK: device.store global
cascade.kernel @causal {
  %Q = cascade.input "Q" [p, e] : <bf16, 2>
  %K = cascade.input "K" [m, e] : <bf16, 2>
  %V = cascade.input "V" [m, f] : <bf16, 2>
  %p = cascade.coord "p" : <int[p]>
  %e = cascade.coord "e" : <int[e]>
  %m = cascade.coord "m" : <int[m]>
  %f = cascade.coord "f" : <int[f]>
  %q = cascade.read %Q[%p, %e] : <bf16, 2>, (!cascade.field<int[p]>, !cascade.field<int[e]>) -> !cascade.field<real[e, p]>
  %k = cascade.read %K[%m, %e] : <bf16, 2>, (!cascade.field<int[m]>, !cascade.field<int[e]>) -> !cascade.field<real[e, m]>
  %v = cascade.read %V[%m, %f] : <bf16, 2>, (!cascade.field<int[m]>, !cascade.field<int[f]>) -> !cascade.field<real[f, m]>
  %qk = cascade.map mul(%q, %k) : (!cascade.field<real[e, p]>, !cascade.field<real[e, m]>) -> !cascade.field<real[e, m, p]>
  %s0 = cascade.reduce sum over ["e"] %qk : <real[e, m, p]> -> <real[m, p]>
  %c = cascade.map le(%m, %p) : (!cascade.field<int[m]>, !cascade.field<int[p]>) -> !cascade.field<bool[m, p]>
  %s = cascade.where %s0, %c : <real[m, p]>, <bool[m, p]> -> <real[m, p]>
  %x = cascade.reduce max over ["m"] %s : <real[m, p]> -> <real[p]>
  %d = cascade.map sub(%s, %x) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %n = cascade.map exp(%d) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %l = cascade.reduce sum over ["m"] %n : <real[m, p]> -> <real[p]>
  %a = cascade.map div(%n, %l) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %av = cascade.map mul(%a, %v) : (!cascade.field<real[m, p]>, !cascade.field<real[f, m]>) -> !cascade.field<real[f, m, p]>
  %o = cascade.reduce sum over ["m"] %av : <real[f, m, p]> -> <real[f, p]>
  cascade.output "O" [p, f] : f32 = %o : <real[f, p]>
}
