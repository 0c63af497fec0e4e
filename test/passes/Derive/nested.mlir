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

// The latent of a token is key and value; what heads make of it comes after.
// One pass over the tokens, whose scores are computed in its step; the first row
// has none, and its sum is 0.
// CHECK-LABEL: cascade.kernel @latent
// CHECK: cascade.fold over ["d"] references 0 monoids [sum] step
// CHECK: cascade.fold over ["m"] references 1 monoids [max, sum, sum] step
// CHECK: cascade.reduce sum over ["c"]
// CHECK: cascade.fold over ["c"] references 0 monoids [sum] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
cascade.kernel @latent {
  %0 = cascade.input "Q" [p, d] : <f32, 2>
  %1 = cascade.input "C" [m, c] : <f32, 2>
  %2 = cascade.input "Uk" [d, c] : <f32, 2>
  %3 = cascade.input "Uv" [c, f] : <f32, 2>
  cascade.rank "p" default 5
  cascade.rank "d" default 4
  cascade.rank "m" default 19
  cascade.rank "c" default 7
  cascade.rank "f" default 3
  %4 = cascade.coord "p" : <int[p]>
  %5 = cascade.coord "d" : <int[d]>
  %6 = cascade.read %0[%4, %5] : <f32, 2>, (!cascade.field<int[p]>, !cascade.field<int[d]>) -> !cascade.field<real[d, p]>
  %7 = cascade.coord "c" : <int[c]>
  %8 = cascade.read %2[%5, %7] : <f32, 2>, (!cascade.field<int[d]>, !cascade.field<int[c]>) -> !cascade.field<real[c, d]>
  %9 = cascade.map mul(%6, %8) : (!cascade.field<real[d, p]>, !cascade.field<real[c, d]>) -> !cascade.field<real[c, d, p]>
  %10 = cascade.reduce sum over ["d"] %9 : <real[c, d, p]> -> <real[c, p]>
  %11 = cascade.coord "m" : <int[m]>
  %12 = cascade.read %1[%11, %7] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[c]>) -> !cascade.field<real[c, m]>
  %13 = cascade.map mul(%10, %12) : (!cascade.field<real[c, p]>, !cascade.field<real[c, m]>) -> !cascade.field<real[c, m, p]>
  %14 = cascade.reduce sum over ["c"] %13 : <real[c, m, p]> -> <real[m, p]>
  %15 = cascade.map lt(%11, %4) : (!cascade.field<int[m]>, !cascade.field<int[p]>) -> !cascade.field<bool[m, p]>
  %16 = cascade.where %14, %15 : <real[m, p]>, <bool[m, p]> -> <real[m, p]>
  %17 = cascade.reduce max over ["m"] %16 : <real[m, p]> -> <real[p]>
  %18 = cascade.map sub(%16, %17) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %19 = cascade.map exp(%18) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %20 = cascade.reduce sum over ["m"] %19 : <real[m, p]> -> <real[p]>
  %21 = cascade.map div(%19, %20) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %22 = cascade.read %1[%11, %7] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[c]>) -> !cascade.field<real[c, m]>
  %23 = cascade.map mul(%21, %22) : (!cascade.field<real[m, p]>, !cascade.field<real[c, m]>) -> !cascade.field<real[c, m, p]>
  %24 = cascade.reduce sum over ["m"] %23 : <real[c, m, p]> -> <real[c, p]>
  %25 = cascade.coord "f" : <int[f]>
  %26 = cascade.read %3[%7, %25] : <f32, 2>, (!cascade.field<int[c]>, !cascade.field<int[f]>) -> !cascade.field<real[c, f]>
  %27 = cascade.map mul(%24, %26) : (!cascade.field<real[c, p]>, !cascade.field<real[c, f]>) -> !cascade.field<real[c, f, p]>
  %28 = cascade.reduce sum over ["c"] %27 : <real[c, f, p]> -> <real[f, p]>
  cascade.output "O" [p, f] : f32 = %28 : <real[f, p]>
}

// Other sums over the rank of the scores do not make the scores be kept.
// CHECK-LABEL: cascade.kernel @prefix
// CHECK: cascade.fold over ["m"] references 1 monoids [max, sum, sum] step
// CHECK: cascade.reduce sum over ["e"]
// CHECK: cascade.fold over ["e"] references {{[0-9]}} monoids
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
cascade.kernel @prefix {
  %0 = cascade.input "Q" [p, e] : <f32, 2>
  %1 = cascade.input "K" [m, e] : <f32, 2>
  %2 = cascade.input "V" [m, f] : <f32, 2>
  %3 = cascade.input "Z" [e, f] : <f32, 2>
  cascade.rank "p" default 5
  cascade.rank "e" default 5
  cascade.rank "m" default 19
  cascade.rank "f" default 3
  %4 = cascade.coord "p" : <int[p]>
  %5 = cascade.coord "e" : <int[e]>
  %6 = cascade.read %0[%4, %5] : <f32, 2>, (!cascade.field<int[p]>, !cascade.field<int[e]>) -> !cascade.field<real[e, p]>
  %7 = cascade.coord "m" : <int[m]>
  %8 = cascade.read %1[%7, %5] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[e]>) -> !cascade.field<real[e, m]>
  %9 = cascade.map mul(%6, %8) : (!cascade.field<real[e, p]>, !cascade.field<real[e, m]>) -> !cascade.field<real[e, m, p]>
  %10 = cascade.reduce sum over ["e"] %9 : <real[e, m, p]> -> <real[m, p]>
  %11 = cascade.reduce max over ["m"] %10 : <real[m, p]> -> <real[p]>
  %12 = cascade.map sub(%10, %11) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %13 = cascade.map exp(%12) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %14 = cascade.read %0[%4, %5] : <f32, 2>, (!cascade.field<int[p]>, !cascade.field<int[e]>) -> !cascade.field<real[e, p]>
  %15 = cascade.map sub(%14, %11) : (!cascade.field<real[e, p]>, !cascade.field<real[p]>) -> !cascade.field<real[e, p]>
  %16 = cascade.map exp(%15) : (!cascade.field<real[e, p]>) -> !cascade.field<real[e, p]>
  %17 = cascade.coord "f" : <int[f]>
  %18 = cascade.read %2[%7, %17] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[f]>) -> !cascade.field<real[f, m]>
  %19 = cascade.map mul(%13, %18) : (!cascade.field<real[m, p]>, !cascade.field<real[f, m]>) -> !cascade.field<real[f, m, p]>
  %20 = cascade.reduce sum over ["m"] %19 : <real[f, m, p]> -> <real[f, p]>
  %21 = cascade.read %3[%5, %17] : <f32, 2>, (!cascade.field<int[e]>, !cascade.field<int[f]>) -> !cascade.field<real[e, f]>
  %22 = cascade.map mul(%16, %21) : (!cascade.field<real[e, p]>, !cascade.field<real[e, f]>) -> !cascade.field<real[e, f, p]>
  %23 = cascade.reduce sum over ["e"] %22 : <real[e, f, p]> -> <real[f, p]>
  %24 = cascade.map add(%20, %23) : (!cascade.field<real[f, p]>, !cascade.field<real[f, p]>) -> !cascade.field<real[f, p]>
  %25 = cascade.reduce sum over ["m"] %13 : <real[m, p]> -> <real[p]>
  %26 = cascade.reduce sum over ["e"] %16 : <real[e, p]> -> <real[p]>
  %27 = cascade.map add(%25, %26) : (!cascade.field<real[p]>, !cascade.field<real[p]>) -> !cascade.field<real[p]>
  %28 = cascade.map div(%24, %27) : (!cascade.field<real[f, p]>, !cascade.field<real[p]>) -> !cascade.field<real[f, p]>
  cascade.output "O" [p, f] : f32 = %28 : <real[f, p]>
}
