// RUN: einfall-ptx %s | FileCheck %s

// CHECK-LABEL: .visible .entry matrix(
device.kernel @matrix target "sm_80" threads 32 shared 4096
    parameters ["x", "o"] grid {
^bb0(%x: i64, %o: i32):
  %one = arith.constant 1 : i64
  device.launch %one, %one, %one
} body {
^bb0(%x: i64, %o: i32):
  %zero = arith.constant 0 : i64
  %c64 = arith.constant 64 : i64
  %c128 = arith.constant 128 : i64
  // CHECK: ldmatrix.sync.aligned.m8n8.x4.shared.b16 {[[A:.*]]}, [%r{{[0-9]+}}];
  %a = device.nv.ldmatrix 4 %o : vector<4xi32>
  // CHECK: ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {[[B:.*]]}, [%r{{[0-9]+}}];
  %b = device.nv.ldmatrix 2 transpose %o : vector<2xi32>
  // CHECK: ldmatrix.sync.aligned.m8n8.x1.shared.b16 {[[S:%r[0-9]+]]}, [%r{{[0-9]+}}];
  %s = device.nv.ldmatrix 1 %o : vector<1xi32>
  %s0 = vector.extract %s[0] : i32 from vector<1xi32>
  device.store global %s0, %x[%c64 : i64] : i64, i32
  device.barrier 0
  // CHECK: ld.global.v4.b32 {[[C:.*]]}, [%rd{{[0-9]+}}];
  %c = device.load global %x[%zero : i64] : i64 -> vector<4xf32>
  // CHECK: mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
  // CHECK-NEXT: {[[D:.*]]},
  // CHECK-NEXT: {[[A]]},
  // CHECK-NEXT: {[[B]]},
  // CHECK-NEXT: {[[C]]};
  %d = device.nv.mma bf16 %a, %b, %c : vector<4xi32>, vector<2xi32>, vector<4xf32>
  // CHECK: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
  // CHECK-NEXT: {[[E:.*]]},
  // CHECK-NEXT: {[[A]]},
  // CHECK-NEXT: {[[B]]},
  // CHECK-NEXT: {[[D]]};
  %e = device.nv.mma f16 %a, %b, %d : vector<4xi32>, vector<2xi32>, vector<4xf32>
  // Half as deep.
  // CHECK: mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32
  // CHECK-NEXT: {[[D8:.*]]},
  // CHECK-NEXT: {[[B]]},
  // CHECK-NEXT: {[[S]]},
  // CHECK-NEXT: {[[E]]};
  %d8 = device.nv.mma bf16 %b, %s, %e : vector<2xi32>, vector<1xi32>, vector<4xf32>
  // CHECK: mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32
  // CHECK-NEXT: {[[E8:.*]]},
  // CHECK-NEXT: {[[B]]},
  // CHECK-NEXT: {[[S]]},
  // CHECK-NEXT: {[[D8]]};
  %e8 = device.nv.mma f16 %b, %s, %d8 : vector<2xi32>, vector<1xi32>, vector<4xf32>
  // CHECK: st.global.v4.b32 [%rd{{[0-9]+}}], {[[E8]]};
  device.store global %e8, %x[%zero : i64] : i64, vector<4xf32>

  // CHECK: cvt.rna.tf32.f32 [[T:%r[0-9]+]], %r{{[0-9]+}};
  %e0 = vector.extract %e[0] : f32 from vector<4xf32>
  %t = device.nv.to_tf32 %e0
  %ta = vector.broadcast %t : i32 to vector<4xi32>
  %tb = vector.broadcast %t : i32 to vector<2xi32>
  // CHECK: mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32
  // CHECK-NEXT: {{{.*}}},
  // CHECK-NEXT: {[[T]], [[T]], [[T]], [[T]]},
  // CHECK-NEXT: {[[T]], [[T]]},
  // CHECK-NEXT: {[[E]]};
  %g = device.nv.mma_tf32 %ta, %tb, %e : vector<4xi32>, vector<2xi32>, vector<4xf32>
  device.store global %g, %x[%c128 : i64] : i64, vector<4xf32>
  device.return
}
