// RUN: einfall-opt %s --derive-folds --lower-fold-to-device="target=sm_90a extents=e=64,f=32" --cse --canonicalize | FileCheck %s

// Three consumers of 64 rows and a producer: 512 threads. 192 rows of Q, two
// stages of 128 keys of K and V, each 128 bytes a row, and nine barriers.
// CHECK-LABEL: device.kernel @causal_sm_90a_boxes target "sm_90a" threads 512 shared 90188
// CHECK-DAG: %[[Q:.*]] = device.nv.encode_map bf16 {{.*}} box [64, 192] swizzle 128
// CHECK-DAG: %[[K:.*]] = device.nv.encode_map bf16 {{.*}} box [64, 128] swizzle 128
// CHECK-DAG: %[[V:.*]] = device.nv.encode_map bf16 {{.*}} box [64, 128] swizzle 128
// CHECK: device.launch {{.*}} when {{.*}} maps %[[Q]], %[[K]], %[[V]]
// CHECK: body
// One arrival and bytes fill a stage, one arrival of each of 12 warps empties it.
// CHECK-COUNT-1: device.nv.mbarrier_init %{{.*}}, 1
// CHECK: device.nv.mbarrier_init %{{.*}}, 12
// CHECK: device.nv.fence mbarrier_init
// CHECK: device.barrier 0

// The producer.
// CHECK: device.nv.set_max_registers decrease 32
// CHECK: device.nv.mbarrier_expect %{{.*}}, %c24576_i32
// CHECK: device.nv.bulk_load
// CHECK: scf.for
// CHECK: device.nv.mbarrier_wait
// CHECK: device.nv.mbarrier_expect %{{.*}}, %c16384_i32
// CHECK: device.nv.bulk_load
// CHECK: device.nv.mbarrier_wait
// CHECK: device.nv.mbarrier_expect %{{.*}}, %c16384_i32
// CHECK: device.nv.bulk_load

// The consumers: the first tile, alone.
// CHECK: device.nv.set_max_registers increase 160
// CHECK: device.nv.wgmma_fence
// CHECK-COUNT-4: device.nv.wgmma bf16 128
// CHECK: device.nv.wgmma_commit
// CHECK: device.nv.wgmma_wait 0
// CHECK: device.nv.mbarrier_arrive

// The others: scores, then the accumulators of the tile before, in one turn.
// CHECK: scf.for
// CHECK: device.barrier 1 threads 256
// CHECK-COUNT-4: device.nv.wgmma bf16 128
// CHECK: device.nv.wgmma_commit
// CHECK: device.nv.wgmma_fence of
// CHECK-COUNT-8: device.nv.wgmma bf16 32 {{.*}} transpose_b plus
// CHECK: device.nv.wgmma_commit
// CHECK: device.arrive 2 threads 256
// The scores have landed, the accumulators have not.
// CHECK: device.nv.wgmma_wait 1
// CHECK: device.nv.mbarrier_arrive
// CHECK: device.approximate exp2
// CHECK: device.nv.wgmma_wait 0
// CHECK: device.nv.mbarrier_arrive
// CHECK: device.vote any
// CHECK: device.pack bf16

// The accumulators of the last tile.
// CHECK: device.nv.wgmma_fence of
// CHECK-COUNT-8: device.nv.wgmma bf16 32 {{.*}} transpose_b plus
// CHECK: device.nv.wgmma_wait 0
// CHECK: device.store global

// CHECK-LABEL: device.kernel @causal_sm_90a_aligned
// CHECK-LABEL: device.kernel @causal_sm_90a target
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
