// RUN: einfall-opt --derive-folds %s | FileCheck %s

// Reductions that need no rule become components as they are.

// Four monoids, one fold.
// CHECK-LABEL: cascade.kernel @plain
// CHECK: cascade.fold over ["m"] references 0 monoids [max, argmax, any, sum] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
cascade.kernel @plain {
  cascade.rank "p" default 4
  cascade.rank "m" default 7
  %X = cascade.input "X" [p, m] : <f32, 2>
  %p = cascade.coord "p" : <int[p]>
  %m = cascade.coord "m" : <int[m]>
  %x = cascade.read %X[%p, %m] : <f32, 2>, (!cascade.field<int[p]>, !cascade.field<int[m]>) -> !cascade.field<real[m, p]>
  %A = cascade.reduce max over ["m"] %x : <real[m, p]> -> <real[p]> loc("A")
  cascade.output "A" [p] : f32 = %A : <real[p]>
  %B = cascade.reduce argmax over ["m"] %x : <real[m, p]> -> <int[p]> loc("B")
  cascade.output "B" [p] : i32 = %B : <int[p]>
  %m1 = cascade.map mul(%x, %x) : (!cascade.field<real[m, p]>, !cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %C = cascade.reduce sum over ["m"] %m1 : <real[m, p]> -> <real[p]> loc("C")
  cascade.output "C" [p] : f32 = %C : <real[p]>
  %c = cascade.const 1.000000e+00 : f64 -> <real[]>
  %g = cascade.map gt(%x, %c) : (!cascade.field<real[m, p]>, !cascade.field<real[]>) -> !cascade.field<bool[m, p]>
  %D = cascade.reduce any over ["m"] %g : <bool[m, p]> -> <bool[p]> loc("D")
  cascade.output "D" [p] : i1 = %D : <bool[p]>
}

// max(s - b) is max(s) - b.
// CHECK-LABEL: cascade.kernel @shifted_max
// CHECK: cascade.fold over ["m"] references 0 monoids [max, sum] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
cascade.kernel @shifted_max {
  cascade.rank "p" default 4
  cascade.rank "m" default 7
  cascade.rank "e" default 3
  cascade.rank "f" default 2
  %Q = cascade.input "Q" [p, e] : <f32, 2>
  %K = cascade.input "K" [m, e] : <f32, 2>
  %p = cascade.coord "p" : <int[p]>
  %e = cascade.coord "e" : <int[e]>
  %q = cascade.read %Q[%p, %e] : <f32, 2>, (!cascade.field<int[p]>, !cascade.field<int[e]>) -> !cascade.field<real[e, p]>
  %m = cascade.coord "m" : <int[m]>
  %k = cascade.read %K[%m, %e] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[e]>) -> !cascade.field<real[e, m]>
  %m1 = cascade.map mul(%q, %k) : (!cascade.field<real[e, p]>, !cascade.field<real[e, m]>) -> !cascade.field<real[e, m, p]>
  %S = cascade.reduce sum over ["e"] %m1 : <real[e, m, p]> -> <real[m, p]> loc("S")
  %b = cascade.reduce sum over ["m"] %S : <real[m, p]> -> <real[p]> loc("b")
  %s = cascade.map sub(%S, %b) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %M = cascade.reduce max over ["m"] %s : <real[m, p]> -> <real[p]> loc("M")
  cascade.output "M" [p] : f32 = %M : <real[p]>
}
