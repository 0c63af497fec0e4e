// RUN: einfall-opt %s | einfall-opt | FileCheck %s

// What sm_90a adds; what each means is in NvidiaBulkOps.td and
// NvidiaWarpgroupOps.td.
// CHECK-LABEL: device.kernel @hopper target "sm_90a"
device.kernel @hopper target "sm_90a" threads 128 shared 65536
    parameters ["x"] grid {
^bb0(%x: i64):
  %one = arith.constant 1 : i64
  %d = arith.constant 128 : i64
  // CHECK: %[[M:.*]] = device.nv.encode_map bf16 %{{.*}} extents %{{.*}}, %{{.*}} strides %{{.*}} box [64, 128] swizzle 128
  %m = device.nv.encode_map bf16 %x extents %d, %d strides %d box [64, 128] swizzle 128
  // CHECK: device.launch %{{.*}}, %{{.*}}, %{{.*}} maps %[[M]]
  device.launch %one, %one, %one maps %m
} body {
// CHECK: ^bb0(%{{.*}}: i64, %[[MAP:.*]]: !device.tensor_map):
^bb0(%x: i64, %m: !device.tensor_map):
  %zero = arith.constant 0 : i32
  // CHECK: device.nv.mbarrier_init %{{.*}}, 1
  device.nv.mbarrier_init %zero, 1
  // CHECK: device.nv.fence mbarrier_init
  device.nv.fence mbarrier_init
  // CHECK: device.nv.mbarrier_expect %{{.*}}, %{{.*}}
  device.nv.mbarrier_expect %zero, %zero
  // CHECK: device.nv.bulk_load %[[MAP]][%{{.*}}, %{{.*}}] to %{{.*}} barrier %{{.*}}
  device.nv.bulk_load %m[%zero, %zero] to %zero barrier %zero
  // CHECK: device.nv.mbarrier_arrive %{{.*}}
  device.nv.mbarrier_arrive %zero
  // CHECK: device.nv.mbarrier_wait %{{.*}} parity %{{.*}}
  device.nv.mbarrier_wait %zero parity %zero
  // CHECK: device.nv.fence async_shared
  device.nv.fence async_shared
  // CHECK: device.nv.bulk_store %[[MAP]][%{{.*}}, %{{.*}}] from %{{.*}}
  device.nv.bulk_store %m[%zero, %zero] from %zero
  device.nv.bulk_commit
  // CHECK: device.nv.bulk_wait 0 read
  device.nv.bulk_wait 0 read
  // CHECK: device.nv.set_max_registers increase 240
  device.nv.set_max_registers increase 240
  // CHECK: %[[A:.*]] = device.nv.descriptor %{{.*}} leading 16 stride 1024 swizzle 128
  %a = device.nv.descriptor %zero leading 16 stride 1024 swizzle 128
  device.nv.wgmma_fence
  // CHECK: %[[S:.*]] = device.nv.wgmma bf16 8 %[[A]], %[[A]] : i64 -> vector<4xf32>
  %s = device.nv.wgmma bf16 8 %a, %a : i64 -> vector<4xf32>
  // CHECK: device.nv.wgmma bf16 8 %[[A]] transpose_a, %[[A]] transpose_b plus %[[S]] : vector<4xf32> : i64 -> vector<4xf32>
  %t = device.nv.wgmma bf16 8 %a transpose_a, %a transpose_b plus %s : vector<4xf32> : i64 -> vector<4xf32>
  device.nv.wgmma_commit
  // CHECK: device.nv.wgmma_wait 0 of %{{.*}} : vector<4xf32> -> vector<4xf32>
  %w = device.nv.wgmma_wait 0 of %t : vector<4xf32> -> vector<4xf32>
  %p = arith.constant dense<0> : vector<4xi32>
  // CHECK: device.nv.wgmma_fence of
  %f:2 = device.nv.wgmma_fence of %w, %p : vector<4xf32>, vector<4xi32> -> vector<4xf32>, vector<4xi32>
  %o = device.nv.wgmma f16 8 %f#1, %a plus %f#0 : vector<4xf32> : vector<4xi32> -> vector<4xf32>
  // CHECK: device.nv.stmatrix 4 transpose %{{.*}}, %{{.*}} : vector<4xi32>
  device.nv.stmatrix 4 transpose %zero, %p : vector<4xi32>
  device.return
}
