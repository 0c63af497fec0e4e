// RUN: einfall-opt --derive-folds %s | FileCheck %s

// Reductions within reductions.

// Normalised queries and keys: norms move out of the contraction.
// CHECK-LABEL: cascade.kernel @rms_norm
// CHECK: cascade.fold over ["e"] references 0 monoids [sum] step
// CHECK: cascade.fold over ["m"] references 1 monoids [max, sum, sum] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
cascade.kernel @rms_norm {
  cascade.rank "p" default 4
  cascade.rank "m" default 7
  cascade.rank "e" default 3
  cascade.rank "f" default 2
  %Q = cascade.input "Q" [p, e] : <f32, 2>
  %K = cascade.input "K" [m, e] : <f32, 2>
  %g = cascade.input "g" [e] : <f32, 1>
  %V = cascade.input "V" [m, f] : <f32, 2>
  %p = cascade.coord "p" : <int[p]>
  %e = cascade.coord "e" : <int[e]>
  %q = cascade.read %Q[%p, %e] : <f32, 2>, (!cascade.field<int[p]>, !cascade.field<int[e]>) -> !cascade.field<real[e, p]>
  %m = cascade.coord "m" : <int[m]>
  %k = cascade.read %K[%m, %e] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[e]>) -> !cascade.field<real[e, m]>
  %g1 = cascade.read %g[%e] : <f32, 1>, (!cascade.field<int[e]>) -> !cascade.field<real[e]>
  %ne = cascade.extent "e" : <int[]>
  %t = cascade.map to_real(%ne) : (!cascade.field<int[]>) -> !cascade.field<real[]>
  %m1 = cascade.map mul(%g1, %q) : (!cascade.field<real[e]>, !cascade.field<real[e, p]>) -> !cascade.field<real[e, p]>
  %m2 = cascade.map mul(%q, %q) : (!cascade.field<real[e, p]>, !cascade.field<real[e, p]>) -> !cascade.field<real[e, p]>
  %q2 = cascade.reduce sum over ["e"] %m2 : <real[e, p]> -> <real[p]> loc("q2")
  %d = cascade.map div(%q2, %t) : (!cascade.field<real[p]>, !cascade.field<real[]>) -> !cascade.field<real[p]>
  %c = cascade.const 1.000000e-06 : f64 -> <real[]>
  %a = cascade.map add(%d, %c) : (!cascade.field<real[p]>, !cascade.field<real[]>) -> !cascade.field<real[p]>
  %s = cascade.map sqrt(%a) : (!cascade.field<real[p]>) -> !cascade.field<real[p]>
  %d1 = cascade.map div(%m1, %s) : (!cascade.field<real[e, p]>, !cascade.field<real[p]>) -> !cascade.field<real[e, p]>
  %m3 = cascade.map mul(%g1, %k) : (!cascade.field<real[e]>, !cascade.field<real[e, m]>) -> !cascade.field<real[e, m]>
  %m4 = cascade.map mul(%k, %k) : (!cascade.field<real[e, m]>, !cascade.field<real[e, m]>) -> !cascade.field<real[e, m]>
  %k2 = cascade.reduce sum over ["e"] %m4 : <real[e, m]> -> <real[m]> loc("k2")
  %d2 = cascade.map div(%k2, %t) : (!cascade.field<real[m]>, !cascade.field<real[]>) -> !cascade.field<real[m]>
  %c1 = cascade.const 1.000000e-06 : f64 -> <real[]>
  %a1 = cascade.map add(%d2, %c1) : (!cascade.field<real[m]>, !cascade.field<real[]>) -> !cascade.field<real[m]>
  %s1 = cascade.map sqrt(%a1) : (!cascade.field<real[m]>) -> !cascade.field<real[m]>
  %d3 = cascade.map div(%m3, %s1) : (!cascade.field<real[e, m]>, !cascade.field<real[m]>) -> !cascade.field<real[e, m]>
  %c2 = cascade.const 7.000000e-01 : f64 -> <real[]>
  %scale = cascade.param "scale" : f32 else %c2 : !cascade.field<real[]> -> <real[]>
  %m5 = cascade.map mul(%scale, %d1) : (!cascade.field<real[]>, !cascade.field<real[e, p]>) -> !cascade.field<real[e, p]>
  %m6 = cascade.map mul(%m5, %d3) : (!cascade.field<real[e, p]>, !cascade.field<real[e, m]>) -> !cascade.field<real[e, m, p]>
  %S = cascade.reduce sum over ["e"] %m6 : <real[e, m, p]> -> <real[m, p]> loc("S")
  %l = cascade.map le(%m, %p) : (!cascade.field<int[m]>, !cascade.field<int[p]>) -> !cascade.field<bool[m, p]>
  %w = cascade.where %S, %l : <real[m, p]>, <bool[m, p]> -> <real[m, p]>
  %f = cascade.coord "f" : <int[f]>
  %v = cascade.read %V[%m, %f] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[f]>) -> !cascade.field<real[f, m]>
  %x = cascade.reduce max over ["m"] %w : <real[m, p]> -> <real[p]> loc("x")
  %s2 = cascade.map sub(%w, %x) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %e1 = cascade.map exp(%s2) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %l1 = cascade.reduce sum over ["m"] %e1 : <real[m, p]> -> <real[p]> loc("l")
  %d4 = cascade.map div(%e1, %l1) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %m7 = cascade.map mul(%d4, %v) : (!cascade.field<real[m, p]>, !cascade.field<real[f, m]>) -> !cascade.field<real[f, m, p]>
  %O = cascade.reduce sum over ["m"] %m7 : <real[f, m, p]> -> <real[f, p]> loc("O")
  cascade.output "O" [p, f] : f32 = %O : <real[f, p]>
}

// Heads summed after attention: keys are streamed first.
// CHECK-LABEL: cascade.kernel @heads
// CHECK: cascade.fold over ["m"] references 1 monoids [max, sum, sum] step
// CHECK: cascade.fold over ["f", "h"] references 0 monoids [sum] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
cascade.kernel @heads {
  cascade.rank "p" default 4
  cascade.rank "m" default 7
  cascade.rank "e" default 3
  cascade.rank "f" default 2
  cascade.rank "h" default 3
  cascade.rank "n" default 2
  %Q = cascade.input "Q" [h, p, e] : <f32, 3>
  %K = cascade.input "K" [h, m, e] : <f32, 3>
  %V = cascade.input "V" [h, m, f] : <f32, 3>
  %W = cascade.input "W" [h, f, n] : <f32, 3>
  %h = cascade.coord "h" : <int[h]>
  %p = cascade.coord "p" : <int[p]>
  %e = cascade.coord "e" : <int[e]>
  %q = cascade.read %Q[%h, %p, %e] : <f32, 3>, (!cascade.field<int[h]>, !cascade.field<int[p]>, !cascade.field<int[e]>) -> !cascade.field<real[e, h, p]>
  %m = cascade.coord "m" : <int[m]>
  %k = cascade.read %K[%h, %m, %e] : <f32, 3>, (!cascade.field<int[h]>, !cascade.field<int[m]>, !cascade.field<int[e]>) -> !cascade.field<real[e, h, m]>
  %f = cascade.coord "f" : <int[f]>
  %v = cascade.read %V[%h, %m, %f] : <f32, 3>, (!cascade.field<int[h]>, !cascade.field<int[m]>, !cascade.field<int[f]>) -> !cascade.field<real[f, h, m]>
  %n = cascade.coord "n" : <int[n]>
  %w = cascade.read %W[%h, %f, %n] : <f32, 3>, (!cascade.field<int[h]>, !cascade.field<int[f]>, !cascade.field<int[n]>) -> !cascade.field<real[f, h, n]>
  %m1 = cascade.map mul(%q, %k) : (!cascade.field<real[e, h, p]>, !cascade.field<real[e, h, m]>) -> !cascade.field<real[e, h, m, p]>
  %S = cascade.reduce sum over ["e"] %m1 : <real[e, h, m, p]> -> <real[h, m, p]> loc("S")
  %x = cascade.reduce max over ["m"] %S : <real[h, m, p]> -> <real[h, p]> loc("x")
  %s = cascade.map sub(%S, %x) : (!cascade.field<real[h, m, p]>, !cascade.field<real[h, p]>) -> !cascade.field<real[h, m, p]>
  %e1 = cascade.map exp(%s) : (!cascade.field<real[h, m, p]>) -> !cascade.field<real[h, m, p]>
  %l = cascade.reduce sum over ["m"] %e1 : <real[h, m, p]> -> <real[h, p]> loc("l")
  %d = cascade.map div(%e1, %l) : (!cascade.field<real[h, m, p]>, !cascade.field<real[h, p]>) -> !cascade.field<real[h, m, p]>
  %m2 = cascade.map mul(%d, %v) : (!cascade.field<real[h, m, p]>, !cascade.field<real[f, h, m]>) -> !cascade.field<real[f, h, m, p]>
  %O = cascade.reduce sum over ["m"] %m2 : <real[f, h, m, p]> -> <real[f, h, p]> loc("O")
  %m3 = cascade.map mul(%O, %w) : (!cascade.field<real[f, h, p]>, !cascade.field<real[f, h, n]>) -> !cascade.field<real[f, h, n, p]>
  %Y = cascade.reduce sum over ["f", "h"] %m3 : <real[f, h, n, p]> -> <real[n, p]> loc("Y")
  cascade.output "Y" [p, n] : f32 = %Y : <real[n, p]>
}

// Sums of weights over queries recompute the scores.
// CHECK-LABEL: cascade.kernel @column_sums
// CHECK: cascade.fold over ["m"] references 1 monoids [max, sum, sum] step
// CHECK: cascade.fold over ["p"] references 0 monoids [sum] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
cascade.kernel @column_sums {
  cascade.rank "p" default 4
  cascade.rank "m" default 7
  cascade.rank "e" default 3
  cascade.rank "f" default 2
  %Q = cascade.input "Q" [p, e] : <f32, 2>
  %K = cascade.input "K" [m, e] : <f32, 2>
  %V = cascade.input "V" [m, f] : <f32, 2>
  %p = cascade.coord "p" : <int[p]>
  %e = cascade.coord "e" : <int[e]>
  %q = cascade.read %Q[%p, %e] : <f32, 2>, (!cascade.field<int[p]>, !cascade.field<int[e]>) -> !cascade.field<real[e, p]>
  %m = cascade.coord "m" : <int[m]>
  %k = cascade.read %K[%m, %e] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[e]>) -> !cascade.field<real[e, m]>
  %m1 = cascade.map mul(%q, %k) : (!cascade.field<real[e, p]>, !cascade.field<real[e, m]>) -> !cascade.field<real[e, m, p]>
  %S = cascade.reduce sum over ["e"] %m1 : <real[e, m, p]> -> <real[m, p]> loc("S")
  %f = cascade.coord "f" : <int[f]>
  %v = cascade.read %V[%m, %f] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[f]>) -> !cascade.field<real[f, m]>
  %x = cascade.reduce max over ["m"] %S : <real[m, p]> -> <real[p]> loc("x")
  %s = cascade.map sub(%S, %x) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %e1 = cascade.map exp(%s) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %l = cascade.reduce sum over ["m"] %e1 : <real[m, p]> -> <real[p]> loc("l")
  %d = cascade.map div(%e1, %l) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %m2 = cascade.map mul(%d, %v) : (!cascade.field<real[m, p]>, !cascade.field<real[f, m]>) -> !cascade.field<real[f, m, p]>
  %O = cascade.reduce sum over ["m"] %m2 : <real[f, m, p]> -> <real[f, p]> loc("O")
  cascade.output "O" [p, f] : f32 = %O : <real[f, p]>
  %C = cascade.reduce sum over ["p"] %d : <real[m, p]> -> <real[m]> loc("C")
  cascade.output "C" [m] : f32 = %C : <real[m]>
}
