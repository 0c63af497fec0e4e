// RUN: einfall-opt --derive-folds %s | FileCheck %s

// Without a written maximum, range is ours to keep.

// exp(s) takes a running maximum as reference; quotient and logarithm lose it.
// CHECK-LABEL: cascade.kernel @unstable
// CHECK: cascade.fold over ["m"] references 1 monoids [max, sum, sum] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
cascade.kernel @unstable {
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
  %e1 = cascade.map exp(%S) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %l = cascade.reduce sum over ["m"] %e1 : <real[m, p]> -> <real[p]> loc("l")
  %m2 = cascade.map mul(%e1, %v) : (!cascade.field<real[m, p]>, !cascade.field<real[f, m]>) -> !cascade.field<real[f, m, p]>
  %o = cascade.reduce sum over ["m"] %m2 : <real[f, m, p]> -> <real[f, p]> loc("o")
  %d = cascade.map div(%o, %l) : (!cascade.field<real[f, p]>, !cascade.field<real[p]>) -> !cascade.field<real[f, p]>
  cascade.output "O" [p, f] : f32 = %d : <real[f, p]>
  %l1 = cascade.map log(%l) : (!cascade.field<real[p]>) -> !cascade.field<real[p]>
  cascade.output "L" [p] : f32 = %l1 : <real[p]>
}

// So does the extra one in the denominator.
// CHECK-LABEL: cascade.kernel @softmax_one_naive
// CHECK: cascade.fold over ["m"] references 1 monoids [max, sum, sum] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
cascade.kernel @softmax_one_naive {
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
  %e1 = cascade.map exp(%w) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %l1 = cascade.reduce sum over ["m"] %e1 : <real[m, p]> -> <real[p]> loc("l")
  %c = cascade.const 1.000000e+00 : f64 -> <real[]>
  %a = cascade.map add(%c, %l1) : (!cascade.field<real[]>, !cascade.field<real[p]>) -> !cascade.field<real[p]>
  %d = cascade.map div(%e1, %a) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %m2 = cascade.map mul(%d, %v) : (!cascade.field<real[m, p]>, !cascade.field<real[f, m]>) -> !cascade.field<real[f, m, p]>
  %O = cascade.reduce sum over ["m"] %m2 : <real[f, m, p]> -> <real[f, p]> loc("O")
  cascade.output "O" [p, f] : f32 = %O : <real[f, p]>
  %l2 = cascade.map log(%a) : (!cascade.field<real[p]>) -> !cascade.field<real[p]>
  cascade.output "L" [p] : f32 = %l2 : <real[p]>
}

// Weights that add up to 1, or to 0 over nothing.
// CHECK-LABEL: cascade.kernel @naive_weight_sum
// CHECK: cascade.fold over ["m"] references 1 monoids [max, sum, sum] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
cascade.kernel @naive_weight_sum {
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
  %l = cascade.map lt(%m, %p) : (!cascade.field<int[m]>, !cascade.field<int[p]>) -> !cascade.field<bool[m, p]>
  %w = cascade.where %S, %l : <real[m, p]>, <bool[m, p]> -> <real[m, p]>
  %e1 = cascade.map exp(%w) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %l1 = cascade.reduce sum over ["m"] %e1 : <real[m, p]> -> <real[p]> loc("l")
  %d = cascade.map div(%e1, %l1) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %One = cascade.reduce sum over ["m"] %d : <real[m, p]> -> <real[p]> loc("One")
  cascade.output "One" [p] : f32 = %One : <real[p]>
  %cols = cascade.reduce sum over ["p"] %e1 : <real[m, p]> -> <real[m]> loc("cols")
  %c = cascade.const 0 : i64 -> <int[]>
  %l2 = cascade.map lt(%m, %c) : (!cascade.field<int[m]>, !cascade.field<int[]>) -> !cascade.field<bool[m]>
  %w1 = cascade.where %cols, %l2 : <real[m]>, <bool[m]> -> <real[m]>
  %none = cascade.reduce sum over ["m"] %w1 : <real[m]> -> <real[]> loc("none")
  cascade.output "C" [] : f32 = %none : <real[]>
}

// The same where nothing is ever present.
// CHECK-LABEL: cascade.kernel @scalar_weight_sum
// CHECK: cascade.fold over ["m"] references 1 monoids [max, sum] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
cascade.kernel @scalar_weight_sum {
  cascade.rank "m" default 7
  %S = cascade.input "S" [m] : <f32, 1>
  %m = cascade.coord "m" : <int[m]>
  %s = cascade.read %S[%m] : <f32, 1>, (!cascade.field<int[m]>) -> !cascade.field<real[m]>
  %c = cascade.const 0 : i64 -> <int[]>
  %l = cascade.map lt(%m, %c) : (!cascade.field<int[m]>, !cascade.field<int[]>) -> !cascade.field<bool[m]>
  %w = cascade.where %s, %l : <real[m]>, <bool[m]> -> <real[m]>
  %e = cascade.map exp(%w) : (!cascade.field<real[m]>) -> !cascade.field<real[m]>
  %l1 = cascade.reduce sum over ["m"] %e : <real[m]> -> <real[]> loc("l")
  %d = cascade.map div(%e, %l1) : (!cascade.field<real[m]>, !cascade.field<real[]>) -> !cascade.field<real[m]>
  %One = cascade.reduce sum over ["m"] %d : <real[m]> -> <real[]> loc("One")
  cascade.output "One" [] : f32 = %One : <real[]>
}

// Bounded by its form: no reference.
// CHECK-LABEL: cascade.kernel @sigmoid
// CHECK: cascade.fold over ["m"] references 0 monoids [sum] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
cascade.kernel @sigmoid {
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
  %n = cascade.map neg(%S) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %e1 = cascade.map exp(%n) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %c = cascade.const 1.000000e+00 : f64 -> <real[]>
  %a = cascade.map add(%c, %e1) : (!cascade.field<real[]>, !cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %d = cascade.map div(%v, %a) : (!cascade.field<real[f, m]>, !cascade.field<real[m, p]>) -> !cascade.field<real[f, m, p]>
  %O = cascade.reduce sum over ["m"] %d : <real[f, m, p]> -> <real[f, p]> loc("O")
  cascade.output "O" [p, f] : f32 = %O : <real[f, p]>
}

// exp of what cannot be positive: no reference.
// CHECK-LABEL: cascade.kernel @gaussian
// CHECK: cascade.fold over ["m"] references 0 monoids [sum, sum] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
cascade.kernel @gaussian {
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
  %n = cascade.map neg(%m2) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %e1 = cascade.map exp(%n) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %m3 = cascade.map mul(%e1, %v) : (!cascade.field<real[m, p]>, !cascade.field<real[f, m]>) -> !cascade.field<real[f, m, p]>
  %o = cascade.reduce sum over ["m"] %m3 : <real[f, m, p]> -> <real[f, p]> loc("o")
  %l = cascade.reduce sum over ["m"] %e1 : <real[m, p]> -> <real[p]> loc("l")
  %d = cascade.map div(%o, %l) : (!cascade.field<real[f, p]>, !cascade.field<real[p]>) -> !cascade.field<real[f, p]>
  cascade.output "O" [p, f] : f32 = %d : <real[f, p]>
}

// A mean counts what there is; what it is does not enter the count, however
// large.
// CHECK-LABEL: cascade.kernel @counted
// CHECK: cascade.fold over ["m"] references 1 monoids [max, count, sum] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
cascade.kernel @counted {
  %0 = cascade.input "Q" [p, e] : <f32, 2>
  %1 = cascade.input "K" [m, e] : <f32, 2>
  %2 = cascade.input "w" [m] : <f32, 1>
  cascade.rank "p" default 3
  cascade.rank "e" default 4
  cascade.rank "m" default 7
  %3 = cascade.coord "p" : <int[p]>
  %4 = cascade.coord "e" : <int[e]>
  %5 = cascade.read %0[%3, %4] : <f32, 2>, (!cascade.field<int[p]>, !cascade.field<int[e]>) -> !cascade.field<real[e, p]>
  %6 = cascade.coord "m" : <int[m]>
  %7 = cascade.read %1[%6, %4] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[e]>) -> !cascade.field<real[e, m]>
  %8 = cascade.map mul(%5, %7) : (!cascade.field<real[e, p]>, !cascade.field<real[e, m]>) -> !cascade.field<real[e, m, p]>
  %9 = cascade.reduce sum over ["e"] %8 : <real[e, m, p]> -> <real[m, p]>
  %10 = cascade.const 2 : i64 -> <int[]>
  %11 = cascade.map add(%3, %10) : (!cascade.field<int[p]>, !cascade.field<int[]>) -> !cascade.field<int[p]>
  %12 = cascade.map le(%6, %11) : (!cascade.field<int[m]>, !cascade.field<int[p]>) -> !cascade.field<bool[m, p]>
  %13 = cascade.where %9, %12 : <real[m, p]>, <bool[m, p]> -> <real[m, p]>
  %14 = cascade.map exp(%13) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %15 = cascade.read %2[%6] : <f32, 1>, (!cascade.field<int[m]>) -> !cascade.field<real[m]>
  %16 = cascade.map mul(%14, %15) : (!cascade.field<real[m, p]>, !cascade.field<real[m]>) -> !cascade.field<real[m, p]>
  %17 = cascade.reduce sum over ["m"] %16 : <real[m, p]> -> <real[p]>
  %18 = cascade.reduce count over ["m"] %16 : <real[m, p]> -> <int[p]>
  %19 = cascade.map to_real(%18) : (!cascade.field<int[p]>) -> !cascade.field<real[p]>
  %20 = cascade.map div(%17, %19) : (!cascade.field<real[p]>, !cascade.field<real[p]>) -> !cascade.field<real[p]>
  %21 = cascade.reduce count over ["m"] %16 : <real[m, p]> -> <int[p]>
  %22 = cascade.const 0 : i64 -> <int[]>
  %23 = cascade.map gt(%21, %22) : (!cascade.field<int[p]>, !cascade.field<int[]>) -> !cascade.field<bool[p]>
  %24 = cascade.where %20, %23 : <real[p]>, <bool[p]> -> <real[p]>
  %25 = cascade.const 0.000000e+00 : f64 -> <real[]>
  cascade.output "O" [p] : f32 = %24 : <real[p]> else %25 : !cascade.field<real[]>
}
