// RUN: einfall-opt --derive-folds %s | FileCheck %s

// Moments: accumulators around a first value (Welford, Chan).

// Mean and centred variance.
// CHECK-LABEL: cascade.kernel @variance
// CHECK: cascade.fold over ["d"] references 1 monoids [first, sum, sum, sum] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
cascade.kernel @variance {
  cascade.rank "p" default 4
  cascade.rank "d" default 9
  %X = cascade.input "X" [p, d] : <f32, 2>
  %p = cascade.coord "p" : <int[p]>
  %d = cascade.coord "d" : <int[d]>
  %x = cascade.read %X[%p, %d] : <f32, 2>, (!cascade.field<int[p]>, !cascade.field<int[d]>) -> !cascade.field<real[d, p]>
  %nd = cascade.extent "d" : <int[]>
  %t = cascade.map to_real(%nd) : (!cascade.field<int[]>) -> !cascade.field<real[]>
  %sx = cascade.reduce sum over ["d"] %x : <real[d, p]> -> <real[p]> loc("sx")
  %mu = cascade.map div(%sx, %t) : (!cascade.field<real[p]>, !cascade.field<real[]>) -> !cascade.field<real[p]>
  %s = cascade.map sub(%x, %mu) : (!cascade.field<real[d, p]>, !cascade.field<real[p]>) -> !cascade.field<real[d, p]>
  cascade.output "M" [p] : f32 = %mu : <real[p]>
  %m = cascade.map mul(%s, %s) : (!cascade.field<real[d, p]>, !cascade.field<real[d, p]>) -> !cascade.field<real[d, p]>
  %ss = cascade.reduce sum over ["d"] %m : <real[d, p]> -> <real[p]> loc("ss")
  %d1 = cascade.map div(%ss, %t) : (!cascade.field<real[p]>, !cascade.field<real[]>) -> !cascade.field<real[p]>
  cascade.output "Var" [p] : f32 = %d1 : <real[p]>
}

// Layer normalisation followed by a contraction.
// CHECK-LABEL: cascade.kernel @layernorm_matmul
// CHECK: cascade.fold over ["d"] references 1 monoids [first, sum, sum, sum, sum, sum] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
cascade.kernel @layernorm_matmul {
  cascade.rank "p" default 4
  cascade.rank "d" default 9
  cascade.rank "f" default 3
  %X = cascade.input "X" [p, d] : <f32, 2>
  %W = cascade.input "W" [d, f] : <f32, 2>
  %G = cascade.input "G" [d] : <f32, 1>
  %p = cascade.coord "p" : <int[p]>
  %d = cascade.coord "d" : <int[d]>
  %x = cascade.read %X[%p, %d] : <f32, 2>, (!cascade.field<int[p]>, !cascade.field<int[d]>) -> !cascade.field<real[d, p]>
  %f = cascade.coord "f" : <int[f]>
  %w = cascade.read %W[%d, %f] : <f32, 2>, (!cascade.field<int[d]>, !cascade.field<int[f]>) -> !cascade.field<real[d, f]>
  %g = cascade.read %G[%d] : <f32, 1>, (!cascade.field<int[d]>) -> !cascade.field<real[d]>
  %nd = cascade.extent "d" : <int[]>
  %t = cascade.map to_real(%nd) : (!cascade.field<int[]>) -> !cascade.field<real[]>
  %sx = cascade.reduce sum over ["d"] %x : <real[d, p]> -> <real[p]> loc("sx")
  %mu = cascade.map div(%sx, %t) : (!cascade.field<real[p]>, !cascade.field<real[]>) -> !cascade.field<real[p]>
  %s = cascade.map sub(%x, %mu) : (!cascade.field<real[d, p]>, !cascade.field<real[p]>) -> !cascade.field<real[d, p]>
  %m = cascade.map mul(%s, %s) : (!cascade.field<real[d, p]>, !cascade.field<real[d, p]>) -> !cascade.field<real[d, p]>
  %ss = cascade.reduce sum over ["d"] %m : <real[d, p]> -> <real[p]> loc("ss")
  %d1 = cascade.map div(%ss, %t) : (!cascade.field<real[p]>, !cascade.field<real[]>) -> !cascade.field<real[p]>
  %c = cascade.const 1.000000e-05 : f64 -> <real[]>
  %a = cascade.map add(%d1, %c) : (!cascade.field<real[p]>, !cascade.field<real[]>) -> !cascade.field<real[p]>
  %s1 = cascade.map sqrt(%a) : (!cascade.field<real[p]>) -> !cascade.field<real[p]>
  %d2 = cascade.map div(%s, %s1) : (!cascade.field<real[d, p]>, !cascade.field<real[p]>) -> !cascade.field<real[d, p]>
  %m1 = cascade.map mul(%d2, %g) : (!cascade.field<real[d, p]>, !cascade.field<real[d]>) -> !cascade.field<real[d, p]>
  %m2 = cascade.map mul(%m1, %w) : (!cascade.field<real[d, p]>, !cascade.field<real[d, f]>) -> !cascade.field<real[d, f, p]>
  %Y = cascade.reduce sum over ["d"] %m2 : <real[d, f, p]> -> <real[f, p]> loc("Y")
  cascade.output "Y" [p, f] : f32 = %Y : <real[f, p]>
}

// Third moments over a masked rank.
// CHECK-LABEL: cascade.kernel @masked_moments
// CHECK: cascade.fold over ["d"] references 1 monoids [first, count, sum, sum, sum, sum] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
cascade.kernel @masked_moments {
  cascade.rank "p" default 4
  cascade.rank "d" default 9
  %X = cascade.input "X" [p, d] : <f32, 2>
  %p = cascade.coord "p" : <int[p]>
  %d = cascade.coord "d" : <int[d]>
  %x = cascade.read %X[%p, %d] : <f32, 2>, (!cascade.field<int[p]>, !cascade.field<int[d]>) -> !cascade.field<real[d, p]>
  %a = cascade.map add(%p, %p) : (!cascade.field<int[p]>, !cascade.field<int[p]>) -> !cascade.field<int[p]>
  %l = cascade.map lt(%d, %a) : (!cascade.field<int[d]>, !cascade.field<int[p]>) -> !cascade.field<bool[d, p]>
  %w = cascade.where %x, %l : <real[d, p]>, <bool[d, p]> -> <real[d, p]>
  %n = cascade.reduce count over ["d"] %w : <real[d, p]> -> <int[p]> loc("n")
  %t = cascade.map to_real(%n) : (!cascade.field<int[p]>) -> !cascade.field<real[p]>
  %sx = cascade.reduce sum over ["d"] %w : <real[d, p]> -> <real[p]> loc("sx")
  %d1 = cascade.map div(%sx, %t) : (!cascade.field<real[p]>, !cascade.field<real[p]>) -> !cascade.field<real[p]>
  %s = cascade.map sub(%w, %d1) : (!cascade.field<real[d, p]>, !cascade.field<real[p]>) -> !cascade.field<real[d, p]>
  %m = cascade.map mul(%s, %s) : (!cascade.field<real[d, p]>, !cascade.field<real[d, p]>) -> !cascade.field<real[d, p]>
  %ss = cascade.reduce sum over ["d"] %m : <real[d, p]> -> <real[p]> loc("ss")
  %d2 = cascade.map div(%ss, %t) : (!cascade.field<real[p]>, !cascade.field<real[p]>) -> !cascade.field<real[p]>
  %c = cascade.const 0.000000e+00 : f64 -> <real[]>
  %g = cascade.map gt(%t, %c) : (!cascade.field<real[p]>, !cascade.field<real[]>) -> !cascade.field<bool[p]>
  %w1 = cascade.where %d2, %g : <real[p]>, <bool[p]> -> <real[p]>
  %c1 = cascade.const 0.000000e+00 : f64 -> <real[]>
  cascade.output "Var" [p] : f32 = %w1 : <real[p]> else %c1 : !cascade.field<real[]>
  %m1 = cascade.map mul(%s, %s) : (!cascade.field<real[d, p]>, !cascade.field<real[d, p]>) -> !cascade.field<real[d, p]>
  %m2 = cascade.map mul(%m1, %s) : (!cascade.field<real[d, p]>, !cascade.field<real[d, p]>) -> !cascade.field<real[d, p]>
  %s3 = cascade.reduce sum over ["d"] %m2 : <real[d, p]> -> <real[p]> loc("s3")
  cascade.output "C3" [p] : f32 = %s3 : <real[p]>
}

// Entropy: moments and an exponential weight, centred at the maximum.
// CHECK-LABEL: cascade.kernel @entropy
// CHECK: cascade.fold over ["m"] references 1 monoids [max, sum, sum, sum] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
cascade.kernel @entropy {
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
  %l = cascade.map le(%m, %p) : (!cascade.field<int[m]>, !cascade.field<int[p]>) -> !cascade.field<bool[m, p]>
  %w = cascade.where %S, %l : <real[m, p]>, <bool[m, p]> -> <real[m, p]>
  %f = cascade.coord "f" : <int[f]>
  %v = cascade.read %V[%m, %f] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[f]>) -> !cascade.field<real[f, m]>
  %x = cascade.reduce max over ["m"] %w : <real[m, p]> -> <real[p]> loc("x")
  %s = cascade.map sub(%w, %x) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %e1 = cascade.map exp(%s) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %l1 = cascade.reduce sum over ["m"] %e1 : <real[m, p]> -> <real[p]> loc("l")
  %d = cascade.map div(%e1, %l1) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %m2 = cascade.map mul(%d, %v) : (!cascade.field<real[m, p]>, !cascade.field<real[f, m]>) -> !cascade.field<real[f, m, p]>
  %O = cascade.reduce sum over ["m"] %m2 : <real[f, m, p]> -> <real[f, p]> loc("O")
  cascade.output "O" [p, f] : f32 = %O : <real[f, p]>
  %l2 = cascade.map log(%d) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %m3 = cascade.map mul(%d, %l2) : (!cascade.field<real[m, p]>, !cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %H = cascade.reduce sum over ["m"] %m3 : <real[m, p]> -> <real[p]> loc("H")
  %n = cascade.map neg(%H) : (!cascade.field<real[p]>) -> !cascade.field<real[p]>
  cascade.output "H" [p] : f32 = %n : <real[p]>
}

// L2-normalised weights: the norm is pulled out.
// CHECK-LABEL: cascade.kernel @l2_weights
// CHECK: cascade.fold over ["m"] references 0 monoids [sum, sum] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
cascade.kernel @l2_weights {
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
  %m2 = cascade.map mul(%S, %S) : (!cascade.field<real[m, p]>, !cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %n2 = cascade.reduce sum over ["m"] %m2 : <real[m, p]> -> <real[p]> loc("n2")
  %s = cascade.map sqrt(%n2) : (!cascade.field<real[p]>) -> !cascade.field<real[p]>
  %d = cascade.map div(%S, %s) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %m3 = cascade.map mul(%d, %v) : (!cascade.field<real[m, p]>, !cascade.field<real[f, m]>) -> !cascade.field<real[f, m, p]>
  %O = cascade.reduce sum over ["m"] %m3 : <real[f, m, p]> -> <real[f, p]> loc("O")
  cascade.output "O" [p, f] : f32 = %O : <real[f, p]>
}
