// RUN: einfall-opt --derive-folds %s | FileCheck %s

// Variants of softmax attention: each is one fold over the keys.

// The log-sum-exp is a function of the final state.
// CHECK-LABEL: cascade.kernel @lse
// CHECK: cascade.fold over ["m"] references 1 monoids [max, sum, sum] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
cascade.kernel @lse {
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
  %c = cascade.const 5.000000e-01 : f64 -> <real[]>
  %scale = cascade.param "scale" : f32 else %c : !cascade.field<real[]> -> <real[]>
  %m2 = cascade.map mul(%scale, %q) : (!cascade.field<real[]>, !cascade.field<real[e, p]>) -> !cascade.field<real[e, p]>
  %m3 = cascade.map mul(%m2, %k) : (!cascade.field<real[e, p]>, !cascade.field<real[e, m]>) -> !cascade.field<real[e, m, p]>
  %S = cascade.reduce sum over ["e"] %m3 : <real[e, m, p]> -> <real[m, p]> loc("S")
  %l = cascade.map lt(%m, %p) : (!cascade.field<int[m]>, !cascade.field<int[p]>) -> !cascade.field<bool[m, p]>
  %w = cascade.where %S, %l : <real[m, p]>, <bool[m, p]> -> <real[m, p]>
  %x = cascade.reduce max over ["m"] %w : <real[m, p]> -> <real[p]> loc("x")
  %s = cascade.map sub(%w, %x) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %e1 = cascade.map exp(%s) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %l1 = cascade.reduce sum over ["m"] %e1 : <real[m, p]> -> <real[p]> loc("l")
  %d = cascade.map div(%e1, %l1) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %f = cascade.coord "f" : <int[f]>
  %v = cascade.read %V[%m, %f] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[f]>) -> !cascade.field<real[f, m]>
  %m4 = cascade.map mul(%d, %v) : (!cascade.field<real[m, p]>, !cascade.field<real[f, m]>) -> !cascade.field<real[f, m, p]>
  %O = cascade.reduce sum over ["m"] %m4 : <real[f, m, p]> -> <real[f, p]> loc("O")
  cascade.output "O" [p, f] : f32 = %O : <real[f, p]>
  %l2 = cascade.map log(%l1) : (!cascade.field<real[p]>) -> !cascade.field<real[p]>
  %a = cascade.map add(%x, %l2) : (!cascade.field<real[p]>, !cascade.field<real[p]>) -> !cascade.field<real[p]>
  %c1 = cascade.const 0.000000e+00 : f64 -> <real[]>
  cascade.output "L" [p] : f32 = %a : <real[p]> else %c1 : !cascade.field<real[]>
}

// A sink: one more term in the denominator, the same fold.
// CHECK-LABEL: cascade.kernel @sink
// CHECK: cascade.fold over ["m"] references 1 monoids [max, sum, sum] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
cascade.kernel @sink {
  cascade.rank "p" default 4
  cascade.rank "m" default 7
  cascade.rank "e" default 3
  cascade.rank "f" default 2
  %Q = cascade.input "Q" [p, e] : <f32, 2>
  %K = cascade.input "K" [m, e] : <f32, 2>
  %sink = cascade.input "sink" [p] : <f32, 1>
  %V = cascade.input "V" [m, f] : <f32, 2>
  %p = cascade.coord "p" : <int[p]>
  %e = cascade.coord "e" : <int[e]>
  %q = cascade.read %Q[%p, %e] : <f32, 2>, (!cascade.field<int[p]>, !cascade.field<int[e]>) -> !cascade.field<real[e, p]>
  %m = cascade.coord "m" : <int[m]>
  %k = cascade.read %K[%m, %e] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[e]>) -> !cascade.field<real[e, m]>
  %m1 = cascade.map mul(%q, %k) : (!cascade.field<real[e, p]>, !cascade.field<real[e, m]>) -> !cascade.field<real[e, m, p]>
  %S = cascade.reduce sum over ["e"] %m1 : <real[e, m, p]> -> <real[m, p]> loc("S")
  %l = cascade.map lt(%m, %p) : (!cascade.field<int[m]>, !cascade.field<int[p]>) -> !cascade.field<bool[m, p]>
  %w = cascade.where %S, %l : <real[m, p]>, <bool[m, p]> -> <real[m, p]>
  %sink1 = cascade.read %sink[%p] : <f32, 1>, (!cascade.field<int[p]>) -> !cascade.field<real[p]>
  %f = cascade.coord "f" : <int[f]>
  %v = cascade.read %V[%m, %f] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[f]>) -> !cascade.field<real[f, m]>
  %top = cascade.reduce max over ["m"] %w : <real[m, p]> -> <real[p]> loc("top")
  %d = cascade.or_else %top, %sink1 : <real[p]>, <real[p]> -> <real[p]>
  %x = cascade.map max(%d, %sink1) : (!cascade.field<real[p]>, !cascade.field<real[p]>) -> !cascade.field<real[p]>
  %s = cascade.map sub(%w, %x) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %e1 = cascade.map exp(%s) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %l1 = cascade.reduce sum over ["m"] %e1 : <real[m, p]> -> <real[p]> loc("l")
  %s1 = cascade.map sub(%sink1, %x) : (!cascade.field<real[p]>, !cascade.field<real[p]>) -> !cascade.field<real[p]>
  %e2 = cascade.map exp(%s1) : (!cascade.field<real[p]>) -> !cascade.field<real[p]>
  %a = cascade.map add(%l1, %e2) : (!cascade.field<real[p]>, !cascade.field<real[p]>) -> !cascade.field<real[p]>
  %d1 = cascade.map div(%e1, %a) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %m2 = cascade.map mul(%d1, %v) : (!cascade.field<real[m, p]>, !cascade.field<real[f, m]>) -> !cascade.field<real[f, m, p]>
  %O = cascade.reduce sum over ["m"] %m2 : <real[f, m, p]> -> <real[f, p]> loc("O")
  cascade.output "O" [p, f] : f32 = %O : <real[f, p]>
}

// Softmax with an extra one: exp(-x) is complete, so it is no barrier.
// CHECK-LABEL: cascade.kernel @softmax_one
// CHECK: cascade.fold over ["m"] references 1 monoids [max, sum, sum] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
cascade.kernel @softmax_one {
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
  %l = cascade.map lt(%m, %p) : (!cascade.field<int[m]>, !cascade.field<int[p]>) -> !cascade.field<bool[m, p]>
  %w = cascade.where %S, %l : <real[m, p]>, <bool[m, p]> -> <real[m, p]>
  %f = cascade.coord "f" : <int[f]>
  %v = cascade.read %V[%m, %f] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[f]>) -> !cascade.field<real[f, m]>
  %top = cascade.reduce max over ["m"] %w : <real[m, p]> -> <real[p]> loc("top")
  %c = cascade.const 0.000000e+00 : f64 -> <real[]>
  %d = cascade.or_else %top, %c : <real[p]>, <real[]> -> <real[p]>
  %c1 = cascade.const 0.000000e+00 : f64 -> <real[]>
  %x = cascade.map max(%d, %c1) : (!cascade.field<real[p]>, !cascade.field<real[]>) -> !cascade.field<real[p]>
  %s = cascade.map sub(%w, %x) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %e1 = cascade.map exp(%s) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %n = cascade.map neg(%x) : (!cascade.field<real[p]>) -> !cascade.field<real[p]>
  %e2 = cascade.map exp(%n) : (!cascade.field<real[p]>) -> !cascade.field<real[p]>
  %l1 = cascade.reduce sum over ["m"] %e1 : <real[m, p]> -> <real[p]> loc("l")
  %a = cascade.map add(%e2, %l1) : (!cascade.field<real[p]>, !cascade.field<real[p]>) -> !cascade.field<real[p]>
  %d1 = cascade.map div(%e1, %a) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %m2 = cascade.map mul(%d1, %v) : (!cascade.field<real[m, p]>, !cascade.field<real[f, m]>) -> !cascade.field<real[f, m, p]>
  %O = cascade.reduce sum over ["m"] %m2 : <real[f, m, p]> -> <real[f, p]> loc("O")
  cascade.output "O" [p, f] : f32 = %O : <real[f, p]>
}

// A soft cap is part of the score.
// CHECK-LABEL: cascade.kernel @softcap
// CHECK: cascade.fold over ["m"] references 1 monoids [max, sum, sum] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
cascade.kernel @softcap {
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
  %l = cascade.map lt(%m, %p) : (!cascade.field<int[m]>, !cascade.field<int[p]>) -> !cascade.field<bool[m, p]>
  %w = cascade.where %S, %l : <real[m, p]>, <bool[m, p]> -> <real[m, p]>
  %c = cascade.const 5.000000e+00 : f64 -> <real[]>
  %cap = cascade.param "cap" : f32 else %c : !cascade.field<real[]> -> <real[]>
  %d = cascade.map div(%w, %cap) : (!cascade.field<real[m, p]>, !cascade.field<real[]>) -> !cascade.field<real[m, p]>
  %t = cascade.map tanh(%d) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %m2 = cascade.map mul(%cap, %t) : (!cascade.field<real[]>, !cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %f = cascade.coord "f" : <int[f]>
  %v = cascade.read %V[%m, %f] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[f]>) -> !cascade.field<real[f, m]>
  %x = cascade.reduce max over ["m"] %m2 : <real[m, p]> -> <real[p]> loc("x")
  %s = cascade.map sub(%m2, %x) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %e1 = cascade.map exp(%s) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %l1 = cascade.reduce sum over ["m"] %e1 : <real[m, p]> -> <real[p]> loc("l")
  %d1 = cascade.map div(%e1, %l1) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %m3 = cascade.map mul(%d1, %v) : (!cascade.field<real[m, p]>, !cascade.field<real[f, m]>) -> !cascade.field<real[f, m, p]>
  %O = cascade.reduce sum over ["m"] %m3 : <real[f, m, p]> -> <real[f, p]> loc("O")
  cascade.output "O" [p, f] : f32 = %O : <real[f, p]>
}

// Grouped queries: |g| keys' heads serve |h| of queries.
// CHECK-LABEL: cascade.kernel @grouped
// CHECK: cascade.fold over ["m"] references 1 monoids [max, sum, sum] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
cascade.kernel @grouped {
  cascade.rank "p" default 4
  cascade.rank "m" default 7
  cascade.rank "e" default 3
  cascade.rank "f" default 2
  cascade.rank "h" default 4
  cascade.rank "g" default 2
  %Q = cascade.input "Q" [h, p, e] : <f32, 3>
  %K = cascade.input "K" [g, m, e] : <f32, 3>
  %V = cascade.input "V" [g, m, f] : <f32, 3>
  %h = cascade.coord "h" : <int[h]>
  %p = cascade.coord "p" : <int[p]>
  %e = cascade.coord "e" : <int[e]>
  %q = cascade.read %Q[%h, %p, %e] : <f32, 3>, (!cascade.field<int[h]>, !cascade.field<int[p]>, !cascade.field<int[e]>) -> !cascade.field<real[e, h, p]>
  %ng = cascade.extent "g" : <int[]>
  %m = cascade.map mul(%h, %ng) : (!cascade.field<int[h]>, !cascade.field<int[]>) -> !cascade.field<int[h]>
  %nh = cascade.extent "h" : <int[]>
  %f = cascade.map floordiv(%m, %nh) : (!cascade.field<int[h]>, !cascade.field<int[]>) -> !cascade.field<int[h]>
  %m1 = cascade.coord "m" : <int[m]>
  %k = cascade.read %K[%f, %m1, %e] : <f32, 3>, (!cascade.field<int[h]>, !cascade.field<int[m]>, !cascade.field<int[e]>) -> !cascade.field<real[e, h, m]>
  %f1 = cascade.coord "f" : <int[f]>
  %v = cascade.read %V[%f, %m1, %f1] : <f32, 3>, (!cascade.field<int[h]>, !cascade.field<int[m]>, !cascade.field<int[f]>) -> !cascade.field<real[f, h, m]>
  %m2 = cascade.map mul(%q, %k) : (!cascade.field<real[e, h, p]>, !cascade.field<real[e, h, m]>) -> !cascade.field<real[e, h, m, p]>
  %S = cascade.reduce sum over ["e"] %m2 : <real[e, h, m, p]> -> <real[h, m, p]> loc("S")
  %l = cascade.map lt(%m1, %p) : (!cascade.field<int[m]>, !cascade.field<int[p]>) -> !cascade.field<bool[m, p]>
  %w = cascade.where %S, %l : <real[h, m, p]>, <bool[m, p]> -> <real[h, m, p]>
  %x = cascade.reduce max over ["m"] %w : <real[h, m, p]> -> <real[h, p]> loc("x")
  %s = cascade.map sub(%w, %x) : (!cascade.field<real[h, m, p]>, !cascade.field<real[h, p]>) -> !cascade.field<real[h, m, p]>
  %e1 = cascade.map exp(%s) : (!cascade.field<real[h, m, p]>) -> !cascade.field<real[h, m, p]>
  %l1 = cascade.reduce sum over ["m"] %e1 : <real[h, m, p]> -> <real[h, p]> loc("l")
  %d = cascade.map div(%e1, %l1) : (!cascade.field<real[h, m, p]>, !cascade.field<real[h, p]>) -> !cascade.field<real[h, m, p]>
  %m3 = cascade.map mul(%d, %v) : (!cascade.field<real[h, m, p]>, !cascade.field<real[f, h, m]>) -> !cascade.field<real[f, h, m, p]>
  %O = cascade.reduce sum over ["m"] %m3 : <real[f, h, m, p]> -> <real[f, h, p]> loc("O")
  cascade.output "O" [h, p, f] : f32 = %O : <real[f, h, p]>
  %l2 = cascade.map log(%l1) : (!cascade.field<real[h, p]>) -> !cascade.field<real[h, p]>
  %a = cascade.map add(%x, %l2) : (!cascade.field<real[h, p]>, !cascade.field<real[h, p]>) -> !cascade.field<real[h, p]>
  %c = cascade.const 0.000000e+00 : f64 -> <real[]>
  cascade.output "L" [h, p] : f32 = %a : <real[h, p]> else %c : !cascade.field<real[]>
}

// Keys looked up: reads that may be absent need a guard of their own.
// CHECK-LABEL: cascade.kernel @ragged
// CHECK: cascade.fold over ["j"] references 1 monoids [max, sum, sum] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
cascade.kernel @ragged {
  cascade.rank "p" default 4
  cascade.rank "m" default 7
  cascade.rank "e" default 3
  cascade.rank "f" default 2
  cascade.rank "j" default 5
  %Q = cascade.input "Q" [p, e] : <f32, 2>
  %pick = cascade.input "pick" [p, j] : <i32, 2>
  %K = cascade.input "K" [m, e] : <f32, 2>
  %V = cascade.input "V" [m, f] : <f32, 2>
  %p = cascade.coord "p" : <int[p]>
  %e = cascade.coord "e" : <int[e]>
  %q = cascade.read %Q[%p, %e] : <f32, 2>, (!cascade.field<int[p]>, !cascade.field<int[e]>) -> !cascade.field<real[e, p]>
  %j = cascade.coord "j" : <int[j]>
  %pick1 = cascade.read %pick[%p, %j] : <i32, 2>, (!cascade.field<int[p]>, !cascade.field<int[j]>) -> !cascade.field<int[j, p]>
  %k = cascade.read %K[%pick1, %e] : <f32, 2>, (!cascade.field<int[j, p]>, !cascade.field<int[e]>) -> !cascade.field<real[e, j, p]>
  %f = cascade.coord "f" : <int[f]>
  %v = cascade.read %V[%pick1, %f] : <f32, 2>, (!cascade.field<int[j, p]>, !cascade.field<int[f]>) -> !cascade.field<real[f, j, p]>
  %m = cascade.map mul(%q, %k) : (!cascade.field<real[e, p]>, !cascade.field<real[e, j, p]>) -> !cascade.field<real[e, j, p]>
  %S = cascade.reduce sum over ["e"] %m : <real[e, j, p]> -> <real[j, p]> loc("S")
  %c = cascade.const 7 : i64 -> <int[]>
  %l = cascade.map lt(%pick1, %c) : (!cascade.field<int[j, p]>, !cascade.field<int[]>) -> !cascade.field<bool[j, p]>
  %w = cascade.where %S, %l : <real[j, p]>, <bool[j, p]> -> <real[j, p]>
  %x = cascade.reduce max over ["j"] %w : <real[j, p]> -> <real[p]> loc("x")
  %s = cascade.map sub(%w, %x) : (!cascade.field<real[j, p]>, !cascade.field<real[p]>) -> !cascade.field<real[j, p]>
  %e1 = cascade.map exp(%s) : (!cascade.field<real[j, p]>) -> !cascade.field<real[j, p]>
  %l1 = cascade.reduce sum over ["j"] %e1 : <real[j, p]> -> <real[p]> loc("l")
  %d = cascade.map div(%e1, %l1) : (!cascade.field<real[j, p]>, !cascade.field<real[p]>) -> !cascade.field<real[j, p]>
  %m1 = cascade.map mul(%d, %v) : (!cascade.field<real[j, p]>, !cascade.field<real[f, j, p]>) -> !cascade.field<real[f, j, p]>
  %O = cascade.reduce sum over ["j"] %m1 : <real[f, j, p]> -> <real[f, p]> loc("O")
  cascade.output "O" [p, f] : f32 = %O : <real[f, p]>
}

// Softmax over two ranks at once.
// CHECK-LABEL: cascade.kernel @two_ranks
// CHECK: cascade.fold over ["j", "r"] references 1 monoids [max, sum, sum] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
cascade.kernel @two_ranks {
  cascade.rank "p" default 3
  cascade.rank "j" default 3
  cascade.rank "r" default 2
  cascade.rank "e" default 2
  cascade.rank "f" default 2
  %Q = cascade.input "Q" [p, e] : <f32, 2>
  %K = cascade.input "K" [j, r, e] : <f32, 3>
  %V = cascade.input "V" [j, r, f] : <f32, 3>
  %p = cascade.coord "p" : <int[p]>
  %e = cascade.coord "e" : <int[e]>
  %q = cascade.read %Q[%p, %e] : <f32, 2>, (!cascade.field<int[p]>, !cascade.field<int[e]>) -> !cascade.field<real[e, p]>
  %j = cascade.coord "j" : <int[j]>
  %r = cascade.coord "r" : <int[r]>
  %k = cascade.read %K[%j, %r, %e] : <f32, 3>, (!cascade.field<int[j]>, !cascade.field<int[r]>, !cascade.field<int[e]>) -> !cascade.field<real[e, j, r]>
  %f = cascade.coord "f" : <int[f]>
  %v = cascade.read %V[%j, %r, %f] : <f32, 3>, (!cascade.field<int[j]>, !cascade.field<int[r]>, !cascade.field<int[f]>) -> !cascade.field<real[f, j, r]>
  %m = cascade.map mul(%q, %k) : (!cascade.field<real[e, p]>, !cascade.field<real[e, j, r]>) -> !cascade.field<real[e, j, p, r]>
  %S = cascade.reduce sum over ["e"] %m : <real[e, j, p, r]> -> <real[j, p, r]> loc("S")
  %x = cascade.reduce max over ["j", "r"] %S : <real[j, p, r]> -> <real[p]> loc("x")
  %s = cascade.map sub(%S, %x) : (!cascade.field<real[j, p, r]>, !cascade.field<real[p]>) -> !cascade.field<real[j, p, r]>
  %e1 = cascade.map exp(%s) : (!cascade.field<real[j, p, r]>) -> !cascade.field<real[j, p, r]>
  %l = cascade.reduce sum over ["j", "r"] %e1 : <real[j, p, r]> -> <real[p]> loc("l")
  %d = cascade.map div(%e1, %l) : (!cascade.field<real[j, p, r]>, !cascade.field<real[p]>) -> !cascade.field<real[j, p, r]>
  %m1 = cascade.map mul(%d, %v) : (!cascade.field<real[j, p, r]>, !cascade.field<real[f, j, r]>) -> !cascade.field<real[f, j, p, r]>
  %O = cascade.reduce sum over ["j", "r"] %m1 : <real[f, j, p, r]> -> <real[f, p]> loc("O")
  cascade.output "O" [p, f] : f32 = %O : <real[f, p]>
}

// Weights written as exp(s - log-sum-exp).
// CHECK-LABEL: cascade.kernel @lse_form
// CHECK: cascade.fold over ["m"] references 1 monoids [max, sum, sum] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
cascade.kernel @lse_form {
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
  %l2 = cascade.map log(%l1) : (!cascade.field<real[p]>) -> !cascade.field<real[p]>
  %a = cascade.map add(%x, %l2) : (!cascade.field<real[p]>, !cascade.field<real[p]>) -> !cascade.field<real[p]>
  %s1 = cascade.map sub(%w, %a) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %e2 = cascade.map exp(%s1) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %m2 = cascade.map mul(%e2, %v) : (!cascade.field<real[m, p]>, !cascade.field<real[f, m]>) -> !cascade.field<real[f, m, p]>
  %O = cascade.reduce sum over ["m"] %m2 : <real[f, m, p]> -> <real[f, p]> loc("O")
  cascade.output "O" [p, f] : f32 = %O : <real[f, p]>
}

// Two softmaxes: two references in one fold.
// CHECK-LABEL: cascade.kernel @differential
// CHECK: cascade.fold over ["m"] references 2 monoids [max, max, sum, sum, sum, sum] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
cascade.kernel @differential {
  cascade.rank "p" default 4
  cascade.rank "m" default 7
  cascade.rank "e" default 3
  cascade.rank "f" default 2
  %Q = cascade.input "Q" [p, e] : <f32, 2>
  %K = cascade.input "K" [m, e] : <f32, 2>
  %Q2 = cascade.input "Q2" [p, e] : <f32, 2>
  %K2 = cascade.input "K2" [m, e] : <f32, 2>
  %V = cascade.input "V" [m, f] : <f32, 2>
  %p = cascade.coord "p" : <int[p]>
  %e = cascade.coord "e" : <int[e]>
  %q = cascade.read %Q[%p, %e] : <f32, 2>, (!cascade.field<int[p]>, !cascade.field<int[e]>) -> !cascade.field<real[e, p]>
  %m = cascade.coord "m" : <int[m]>
  %k = cascade.read %K[%m, %e] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[e]>) -> !cascade.field<real[e, m]>
  %m1 = cascade.map mul(%q, %k) : (!cascade.field<real[e, p]>, !cascade.field<real[e, m]>) -> !cascade.field<real[e, m, p]>
  %S = cascade.reduce sum over ["e"] %m1 : <real[e, m, p]> -> <real[m, p]> loc("S")
  %l = cascade.map lt(%m, %p) : (!cascade.field<int[m]>, !cascade.field<int[p]>) -> !cascade.field<bool[m, p]>
  %w = cascade.where %S, %l : <real[m, p]>, <bool[m, p]> -> <real[m, p]>
  %q2 = cascade.read %Q2[%p, %e] : <f32, 2>, (!cascade.field<int[p]>, !cascade.field<int[e]>) -> !cascade.field<real[e, p]>
  %k2 = cascade.read %K2[%m, %e] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[e]>) -> !cascade.field<real[e, m]>
  %m2 = cascade.map mul(%q2, %k2) : (!cascade.field<real[e, p]>, !cascade.field<real[e, m]>) -> !cascade.field<real[e, m, p]>
  %S2 = cascade.reduce sum over ["e"] %m2 : <real[e, m, p]> -> <real[m, p]> loc("S2")
  %l1 = cascade.map lt(%m, %p) : (!cascade.field<int[m]>, !cascade.field<int[p]>) -> !cascade.field<bool[m, p]>
  %w1 = cascade.where %S2, %l1 : <real[m, p]>, <bool[m, p]> -> <real[m, p]>
  %x1 = cascade.reduce max over ["m"] %w : <real[m, p]> -> <real[p]> loc("x1")
  %s = cascade.map sub(%w, %x1) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %e1 = cascade.map exp(%s) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %l11 = cascade.reduce sum over ["m"] %e1 : <real[m, p]> -> <real[p]> loc("l1")
  %d = cascade.map div(%e1, %l11) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %x2 = cascade.reduce max over ["m"] %w1 : <real[m, p]> -> <real[p]> loc("x2")
  %s1 = cascade.map sub(%w1, %x2) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %e2 = cascade.map exp(%s1) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %l2 = cascade.reduce sum over ["m"] %e2 : <real[m, p]> -> <real[p]> loc("l2")
  %d1 = cascade.map div(%e2, %l2) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %f = cascade.coord "f" : <int[f]>
  %v = cascade.read %V[%m, %f] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[f]>) -> !cascade.field<real[f, m]>
  %c = cascade.const 3.000000e-01 : f64 -> <real[]>
  %lambda = cascade.param "lambda" : f32 else %c : !cascade.field<real[]> -> <real[]>
  %m3 = cascade.map mul(%lambda, %d1) : (!cascade.field<real[]>, !cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %s2 = cascade.map sub(%d, %m3) : (!cascade.field<real[m, p]>, !cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %m4 = cascade.map mul(%s2, %v) : (!cascade.field<real[m, p]>, !cascade.field<real[f, m]>) -> !cascade.field<real[f, m, p]>
  %O = cascade.reduce sum over ["m"] %m4 : <real[f, m, p]> -> <real[f, p]> loc("O")
  cascade.output "O" [p, f] : f32 = %O : <real[f, p]>
}

// Two scores chosen by a condition, with different temperatures.
// CHECK-LABEL: cascade.kernel @select
// CHECK: cascade.fold over ["m"] references 2 monoids [max, max, sum, sum, sum, sum] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
cascade.kernel @select {
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
  %l = cascade.map le(%m, %p) : (!cascade.field<int[m]>, !cascade.field<int[p]>) -> !cascade.field<bool[m, p]>
  %s = cascade.map sub(%S, %x) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %e1 = cascade.map exp(%s) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %c = cascade.const 2.000000e+00 : f64 -> <real[]>
  %m2 = cascade.map mul(%c, %S) : (!cascade.field<real[]>, !cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %c1 = cascade.const 2.000000e+00 : f64 -> <real[]>
  %m3 = cascade.map mul(%c1, %x) : (!cascade.field<real[]>, !cascade.field<real[p]>) -> !cascade.field<real[p]>
  %s1 = cascade.map sub(%m2, %m3) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %e2 = cascade.map exp(%s1) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %s2 = cascade.map select(%l, %e1, %e2) : (!cascade.field<bool[m, p]>, !cascade.field<real[m, p]>, !cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %l1 = cascade.reduce sum over ["m"] %s2 : <real[m, p]> -> <real[p]> loc("l")
  %d = cascade.map div(%s2, %l1) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %m4 = cascade.map mul(%d, %v) : (!cascade.field<real[m, p]>, !cascade.field<real[f, m]>) -> !cascade.field<real[f, m, p]>
  %O = cascade.reduce sum over ["m"] %m4 : <real[f, m, p]> -> <real[f, p]> loc("O")
  cascade.output "O" [p, f] : f32 = %O : <real[f, p]>
}

// Sums over parts of the keys share the maximum of all.
// CHECK-LABEL: cascade.kernel @partial_sum
// CHECK: cascade.fold over ["m"] references 1 monoids [max, sum, sum, sum, any] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
cascade.kernel @partial_sum {
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
  %c = cascade.const 3 : i64 -> <int[]>
  %l1 = cascade.map lt(%m, %c) : (!cascade.field<int[m]>, !cascade.field<int[]>) -> !cascade.field<bool[m]>
  %w1 = cascade.where %e1, %l1 : <real[m, p]>, <bool[m]> -> <real[m, p]>
  %l2 = cascade.reduce sum over ["m"] %w1 : <real[m, p]> -> <real[p]> loc("l")
  %m2 = cascade.map mul(%e1, %v) : (!cascade.field<real[m, p]>, !cascade.field<real[f, m]>) -> !cascade.field<real[f, m, p]>
  %o = cascade.reduce sum over ["m"] %m2 : <real[f, m, p]> -> <real[f, p]> loc("o")
  cascade.output "O" [p, f] : f32 = %o : <real[f, p]>
  cascade.output "l" [p] : f32 = %l2 : <real[p]>
  %d = cascade.map div(%e1, %l2) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %c1 = cascade.const 2 : i64 -> <int[]>
  %l3 = cascade.map lt(%m, %c1) : (!cascade.field<int[m]>, !cascade.field<int[]>) -> !cascade.field<bool[m]>
  %w2 = cascade.where %d, %l3 : <real[m, p]>, <bool[m]> -> <real[m, p]>
  %r = cascade.reduce sum over ["m"] %w2 : <real[m, p]> -> <real[p]> loc("r")
  cascade.output "r" [p] : f32 = %r : <real[p]>
}
