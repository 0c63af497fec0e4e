// RUN: einfall-opt %s --lower-fold-to-rows | FileCheck %s

// Four heads that share a key head are worked on together: the keys (bf16) are
// read once for all of them, four keys at a time, in the loop along e ...
// CHECK-LABEL: func.func @grouped(
// CHECK: :16 = scf.for
// CHECK-COUNT-4: llvm.load {{.*}} -> vector<16xbf16>
// CHECK-NOT: -> vector<16xbf16>
// CHECK: scf.yield
// ... and so are the values (f16), four vectors of columns at a time.
// CHECK: math.exp {{.*}} : vector<16xf32>
// CHECK: :16 = scf.for
// CHECK-COUNT-4: llvm.load {{.*}} -> vector<16xf16>
// CHECK-NOT: -> vector<16xf16>
// CHECK: scf.yield
cascade.kernel @grouped {
  %Q = cascade.input "Q" [h, p, e] : <f32, 3>
  %K = cascade.input "K" [g, m, e] : <bf16, 3>
  %V = cascade.input "V" [g, m, f] : <f16, 3>
  %h = cascade.coord "h" : <int[h]>
  %p = cascade.coord "p" : <int[p]>
  %e = cascade.coord "e" : <int[e]>
  %m = cascade.coord "m" : <int[m]>
  %f = cascade.coord "f" : <int[f]>
  %eg = cascade.extent "g" : <int[]>
  %eh = cascade.extent "h" : <int[]>
  %hg = cascade.map mul(%h, %eg) : (!cascade.field<int[h]>, !cascade.field<int[]>) -> !cascade.field<int[h]>
  %g = cascade.map floordiv(%hg, %eh) : (!cascade.field<int[h]>, !cascade.field<int[]>) -> !cascade.field<int[h]>
  %q = cascade.read %Q[%h, %p, %e] : <f32, 3>, (!cascade.field<int[h]>, !cascade.field<int[p]>, !cascade.field<int[e]>) -> !cascade.field<real[e, h, p]>
  %r:3 = cascade.fold over ["m"] references 1 monoids [max, sum, sum] step {
  ^bb0(%ref: !cascade.field<real[h, p]>):
    %k = cascade.read %K[%g, %m, %e] : <bf16, 3>, (!cascade.field<int[h]>, !cascade.field<int[m]>, !cascade.field<int[e]>) -> !cascade.field<real[e, h, m]>
    %v = cascade.read %V[%g, %m, %f] : <f16, 3>, (!cascade.field<int[h]>, !cascade.field<int[m]>, !cascade.field<int[f]>) -> !cascade.field<real[f, h, m]>
    %qk = cascade.map mul(%q, %k) : (!cascade.field<real[e, h, p]>, !cascade.field<real[e, h, m]>) -> !cascade.field<real[e, h, m, p]>
    %s = cascade.reduce sum over ["e"] %qk : <real[e, h, m, p]> -> <real[h, m, p]>
    %d = cascade.map sub(%s, %ref) : (!cascade.field<real[h, m, p]>, !cascade.field<real[h, p]>) -> !cascade.field<real[h, m, p]>
    %w = cascade.map exp(%d) : (!cascade.field<real[h, m, p]>) -> !cascade.field<real[h, m, p]>
    %wv = cascade.map mul(%w, %v) : (!cascade.field<real[h, m, p]>, !cascade.field<real[f, h, m]>) -> !cascade.field<real[f, h, m, p]>
    cascade.yield %s, %w, %wv : !cascade.field<real[h, m, p]>, !cascade.field<real[h, m, p]>, !cascade.field<real[f, h, m, p]>
  } act {
  ^bb0(%old: !cascade.field<real[h, p]>, %new: !cascade.field<real[h, p]>, %l: !cascade.field<real[h, p]>, %o: !cascade.field<real[f, h, p]>):
    %d = cascade.map sub(%old, %new) : (!cascade.field<real[h, p]>, !cascade.field<real[h, p]>) -> !cascade.field<real[h, p]>
    %chi = cascade.map exp(%d) : (!cascade.field<real[h, p]>) -> !cascade.field<real[h, p]>
    %l2 = cascade.map mul(%l, %chi) : (!cascade.field<real[h, p]>, !cascade.field<real[h, p]>) -> !cascade.field<real[h, p]>
    %o2 = cascade.map mul(%o, %chi) : (!cascade.field<real[f, h, p]>, !cascade.field<real[h, p]>) -> !cascade.field<real[f, h, p]>
    cascade.yield %l2, %o2 : !cascade.field<real[h, p]>, !cascade.field<real[f, h, p]>
  } : !cascade.field<real[h, p]>, !cascade.field<real[h, p]>, !cascade.field<real[f, h, p]>
  %some = cascade.present %r#0 : <real[h, p]> -> <bool[h, p]>
  %quot = cascade.map div(%r#2, %r#1) : (!cascade.field<real[f, h, p]>, !cascade.field<real[h, p]>) -> !cascade.field<real[f, h, p]>
  %there = cascade.where %quot, %some : <real[f, h, p]>, <bool[h, p]> -> <real[f, h, p]>
  %zero = cascade.const 0.0 : f64 -> <real[]>
  %out = cascade.or_else %there, %zero : <real[f, h, p]>, <real[]> -> <real[f, h, p]>
  cascade.output "O" [h, p, f] : f32 = %out : <real[f, h, p]>
}
