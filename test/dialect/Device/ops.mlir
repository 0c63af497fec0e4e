// RUN: einfall-opt %s | einfall-opt | FileCheck %s

// Every operation once; what each means is in DeviceOps.td.
// CHECK-LABEL: device.kernel @every target "sm_80" threads 128 shared 4096
// CHECK-SAME: parameters ["x", "n", "s"]
device.kernel @every target "sm_80" threads 128 shared 4096
    parameters ["x", "n", "s"] grid {
^bb0(%x: i64, %n: i64, %s: f32):
  %one = arith.constant 1 : i64
  %size = arith.constant 64 : i64
  %blocks = arith.ceildivsi %n, %size : i64
  // CHECK: device.launch
  device.launch %blocks, %one, %one
} body {
^bb0(%x: i64, %n: i64, %s: f32):
  %t = device.thread
  %bx = device.block x
  %zero = arith.constant 0 : i64
  %zero32 = arith.constant 0 : i32
  %one32 = arith.constant 1 : i32
  %sixteen = arith.constant 16 : i32
  %step = arith.constant 1 : index
  // CHECK: device.load global %{{.*}}[%{{.*}} : i64] {readonly} : i64 -> vector<4xf32>
  %v = device.load global %x[%zero : i64] {readonly} : i64 -> vector<4xf32>
  // CHECK: device.store shared %{{.*}}, %{{.*}}[%{{.*}} : i32] : i32, vector<4xf32>
  device.store shared %v, %zero32[%zero32 : i32] : i32, vector<4xf32>
  // CHECK: device.copy_async 16 %{{.*}}, %{{.*}} valid %{{.*}}
  device.copy_async 16 %zero32, %x valid %sixteen
  device.copy_commit
  // CHECK: device.copy_wait 0
  device.copy_wait 0
  // CHECK: device.barrier 0
  device.barrier 0
  // CHECK: device.barrier 1 threads 64
  device.barrier 1 threads 64
  %said = arith.cmpi eq, %t, %zero32 : i32
  // CHECK: device.barrier_any %{{.*}}, 0
  %told = device.barrier_any %said, 0
  // CHECK: device.barrier_any %{{.*}}, 3 threads 64
  %some = device.barrier_any %said, 3 threads 64
  device.arrive 2 threads 64
  device.warp_barrier
  // CHECK: device.nv.ldmatrix 4 transpose
  %a = device.nv.ldmatrix 4 transpose %zero32 : vector<4xi32>
  %b = device.nv.ldmatrix 2 %zero32 : vector<2xi32>
  // CHECK: device.nv.mma bf16
  %d = device.nv.mma bf16 %a, %b, %v : vector<4xi32>, vector<2xi32>, vector<4xf32>
  // CHECK: device.nv.mma f16 {{.*}} : vector<2xi32>, vector<1xi32>, vector<4xf32>
  %b1 = device.nv.ldmatrix 1 %zero32 : vector<1xi32>
  %d8 = device.nv.mma f16 %b, %b1, %d : vector<2xi32>, vector<1xi32>, vector<4xf32>
  %f = vector.extract %d[0] : f32 from vector<4xf32>
  // CHECK: device.shuffle xor
  %r = device.shuffle xor %f, %one32 : f32
  %e = device.approximate exp2 %r
  %g = device.fma %e, %s, %f
  %p = device.pack f16 %g, %e
  %lo, %hi = device.unpack f16 %p
  %c = arith.cmpf olt, %lo, %hi : f32
  // CHECK: device.vote any
  %any = device.vote any %c
  %w = device.uniform %t
  scf.if %any {
    device.store global %lo, %x[%zero : i64] : i64, f32
  }
  device.return
}
