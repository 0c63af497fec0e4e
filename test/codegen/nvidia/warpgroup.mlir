// RUN: einfall-ptx %s --target sm_90a | FileCheck %s

// CHECK-LABEL: .visible .entry warpgroup(
// CHECK: .reqntid 128
// CHECK: .minnctapersm 1
device.kernel @warpgroup target "sm_90a" threads 128 shared 65536
    parameters ["x"] grid {
^bb0(%x: i64):
  %one = arith.constant 1 : i64
  device.launch %one, %one, %one
} body {
^bb0(%x: i64):
  %zero = arith.constant 0 : i64
  %zero32 = arith.constant 0 : i32
  %k = arith.constant 32768 : i32
  %two = arith.constant 2 : i64
  %t = device.thread
  // CHECK: setmaxnreg.inc.sync.aligned.u32 240;
  device.nv.set_max_registers increase 240
  // CHECK: setmaxnreg.dec.sync.aligned.u32 40;
  device.nv.set_max_registers decrease 40
  // Leading 16 and stride 1024 bytes in 16ths, swizzle 128 as 1 in bit 62.
  // CHECK: shr.u32 [[HIGH:%r[0-9]+]], %r{{[0-9]+}}, 4;
  // CHECK: and.b32 [[LOW:%r[0-9]+]], [[HIGH]], 16320;
  // CHECK: or.b64 {{.*}}, 4611686293305360384;
  %q = device.nv.descriptor %zero32 leading 16 stride 1024 swizzle 128
  %b = device.nv.descriptor %k leading 16 stride 1024 swizzle 128
  %q2 = arith.addi %q, %two : i64
  %b2 = arith.addi %b, %two : i64
  // CHECK: wgmma.fence.sync.aligned;
  device.nv.wgmma_fence
  // Without C nothing is added, and no register is cleared for it.
  // CHECK-NOT: mov.b32 {{.*}} 0
  // CHECK: setp.ne.b32 adds, 0, 0;
  // CHECK: wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16
  // CHECK: {%r{{[0-9]+}}, %r{{[0-9]+}}, %r{{[0-9]+}}, %r{{[0-9]+}}},
  // CHECK: [[Q:%rd[0-9]+]], [[B:%rd[0-9]+]], adds, 1, 1, 0, 0;
  %s0 = device.nv.wgmma bf16 8 %q, %b : i64 -> vector<4xf32>
  // CHECK: setp.ne.b32 adds, 1, 0;
  // CHECK: wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16
  // CHECK: adds, 1, 1, 1, 1;
  %s1 = device.nv.wgmma bf16 8 %q2 transpose_a, %b2 transpose_b plus %s0 : vector<4xf32> : i64 -> vector<4xf32>
  // CHECK: wgmma.commit_group.sync.aligned;
  device.nv.wgmma_commit
  // CHECK: wgmma.wait_group.sync.aligned 0;
  %s = device.nv.wgmma_wait 0 of %s1 : vector<4xf32> -> vector<4xf32>
  %e0 = vector.extract %s[0] : f32 from vector<4xf32>
  %e1 = vector.extract %s[1] : f32 from vector<4xf32>
  %e2 = vector.extract %s[2] : f32 from vector<4xf32>
  %e3 = vector.extract %s[3] : f32 from vector<4xf32>
  // CHECK: cvt.rn.f16x2.f32
  %p0 = device.pack f16 %e0, %e1
  %p1 = device.pack f16 %e2, %e3
  %p = vector.from_elements %p0, %p1, %p0, %p1 : vector<4xi32>
  // What registers hold comes through the fence.
  // CHECK: wgmma.fence.sync.aligned;
  %f:2 = device.nv.wgmma_fence of %p, %s : vector<4xi32>, vector<4xf32> -> vector<4xi32>, vector<4xf32>
  // CHECK: wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16
  // CHECK: {%r{{[0-9]+}}, %r{{[0-9]+}}, %r{{[0-9]+}}, %r{{[0-9]+}}},
  // CHECK: {%r{{[0-9]+}}, %r{{[0-9]+}}, %r{{[0-9]+}}, %r{{[0-9]+}}}, %rd{{[0-9]+}}, adds, 1, 1, 1;
  %o0 = device.nv.wgmma f16 8 %f#0, %b transpose_b plus %f#1 : vector<4xf32> : vector<4xi32> -> vector<4xf32>
  device.nv.wgmma_commit
  // CHECK: wgmma.wait_group.sync.aligned 0;
  %o:2 = device.nv.wgmma_wait 0 of %o0, %f#0 : vector<4xf32>, vector<4xi32> -> vector<4xf32>, vector<4xi32>
  // CHECK: st.global.v4.b32
  device.store global %o#0, %x[%zero : i64] : i64, vector<4xf32>
  // CHECK: stmatrix.sync.aligned.m8n8.x4.shared.b16 [%r{{[0-9]+}}], {%r{{[0-9]+}}, %r{{[0-9]+}}, %r{{[0-9]+}}, %r{{[0-9]+}}};
  device.nv.stmatrix 4 %t, %p : vector<4xi32>
  // CHECK: stmatrix.sync.aligned.m8n8.x4.trans.shared.b16
  device.nv.stmatrix 4 transpose %t, %p : vector<4xi32>
  device.return
}
