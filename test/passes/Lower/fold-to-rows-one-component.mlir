// RUN: einfall-opt %s --lower-fold-to-rows | FileCheck %s

// One component has both ranks, p and f. Scores lack f, so f is a column:
// scores are computed once for all of it, and values are read along it.
// CHECK-LABEL: func.func @one(
// CHECK: :16 = scf.for
// CHECK-COUNT-4: llvm.load {{.*}} -> vector<16xbf16>
// CHECK-NOT: gather
// CHECK: math.absf
// CHECK-NOT: gather
// CHECK: :16 = scf.for
// CHECK-COUNT-4: llvm.load {{.*}} -> vector<16xf16>
// CHECK: scf.yield
cascade.kernel @one {
  %Q = cascade.input "Q" [p, e] : <f32, 2>
  %K = cascade.input "K" [m, e] : <bf16, 2>
  %V = cascade.input "V" [m, f] : <f16, 2>
  %p = cascade.coord "p" : <int[p]>
  %e = cascade.coord "e" : <int[e]>
  %m = cascade.coord "m" : <int[m]>
  %f = cascade.coord "f" : <int[f]>
  %r = cascade.fold over ["m"] references 0 monoids [sum] step {
    %q = cascade.read %Q[%p, %e] : <f32, 2>, (!cascade.field<int[p]>, !cascade.field<int[e]>) -> !cascade.field<real[e, p]>
    %k = cascade.read %K[%m, %e] : <bf16, 2>, (!cascade.field<int[m]>, !cascade.field<int[e]>) -> !cascade.field<real[e, m]>
    %v = cascade.read %V[%m, %f] : <f16, 2>, (!cascade.field<int[m]>, !cascade.field<int[f]>) -> !cascade.field<real[f, m]>
    %qk = cascade.map mul(%q, %k) : (!cascade.field<real[e, p]>, !cascade.field<real[e, m]>) -> !cascade.field<real[e, m, p]>
    %s = cascade.reduce sum over ["e"] %qk : <real[e, m, p]> -> <real[m, p]>
    %w = cascade.map abs(%s) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
    %wv = cascade.map mul(%w, %v) : (!cascade.field<real[m, p]>, !cascade.field<real[f, m]>) -> !cascade.field<real[f, m, p]>
    cascade.yield %wv : !cascade.field<real[f, m, p]>
  } act {
  ^bb0(%o: !cascade.field<real[f, p]>):
    cascade.yield %o : !cascade.field<real[f, p]>
  } : !cascade.field<real[f, p]>
  cascade.output "O" [p, f] : f32 = %r : <real[f, p]>
}
