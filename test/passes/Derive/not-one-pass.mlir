// RUN: einfall-opt --derive-folds %s | FileCheck %s
// RUN: einfall-opt --derive-folds --mlir-disable-threading --remark-format=emitRemark --remarks-filter-missed=derive -o /dev/null %s 2>&1 | FileCheck --check-prefix=REMARK %s

// What no rule separates is streamed again, with a remark that says why.

// A temperature that is itself a reduction.
// CHECK-LABEL: cascade.kernel @temperature
// CHECK: cascade.fold over ["m"] references 0 monoids [sum] step
// CHECK: cascade.fold over ["m"] references 1 monoids [max, sum, sum] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
// REMARK: x: R1 does not apply: S / (sqrt((s2 / |m|) + (1e-06))) mixes streamed S with sqrt((s2 / |m|) + (1e-06)), complete only after pass 1
// REMARK: l: R2 does not apply: exp(S/sqrt((s2 / |m|) + (1e-06))) mixes streamed S with sqrt((s2 / |m|) + (1e-06)), complete only after pass 1
// REMARK: O: R2 does not apply: exp(S/sqrt((s2 / |m|) + (1e-06))) mixes streamed S with sqrt((s2 / |m|) + (1e-06)), complete only after pass 1
cascade.kernel @temperature {
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
  %m2 = cascade.map mul(%S, %S) : (!cascade.field<real[m, p]>, !cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %s2 = cascade.reduce sum over ["m"] %m2 : <real[m, p]> -> <real[p]> loc("s2")
  %nm = cascade.extent "m" : <int[]>
  %t = cascade.map to_real(%nm) : (!cascade.field<int[]>) -> !cascade.field<real[]>
  %d = cascade.map div(%s2, %t) : (!cascade.field<real[p]>, !cascade.field<real[]>) -> !cascade.field<real[p]>
  %c = cascade.const 1.000000e-06 : f64 -> <real[]>
  %a = cascade.map add(%d, %c) : (!cascade.field<real[p]>, !cascade.field<real[]>) -> !cascade.field<real[p]>
  %s = cascade.map sqrt(%a) : (!cascade.field<real[p]>) -> !cascade.field<real[p]>
  %f = cascade.coord "f" : <int[f]>
  %v = cascade.read %V[%m, %f] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[f]>) -> !cascade.field<real[f, m]>
  %d1 = cascade.map div(%S, %s) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %x = cascade.reduce max over ["m"] %d1 : <real[m, p]> -> <real[p]> loc("x")
  %s1 = cascade.map sub(%d1, %x) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %e1 = cascade.map exp(%s1) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %l = cascade.reduce sum over ["m"] %e1 : <real[m, p]> -> <real[p]> loc("l")
  %d2 = cascade.map div(%e1, %l) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %m3 = cascade.map mul(%d2, %v) : (!cascade.field<real[m, p]>, !cascade.field<real[f, m]>) -> !cascade.field<real[f, m, p]>
  %O = cascade.reduce sum over ["m"] %m3 : <real[f, m, p]> -> <real[f, p]> loc("O")
  cascade.output "O" [p, f] : f32 = %O : <real[f, p]>
}

// A threshold that is itself a reduction.
// CHECK-LABEL: cascade.kernel @threshold
// CHECK: cascade.fold over ["m"] references 0 monoids [sum] step
// CHECK: cascade.fold over ["m"] references 0 monoids [sum, sum] step
// CHECK-NOT: cascade.fold
// CHECK: cascade.output
// REMARK: O: R4 does not apply: max(S - (total / |m|), 0) mixes streamed S with total / |m|, complete only after pass 1
// REMARK: z: R1 does not apply: the condition S > (total / |m|) compares streamed S with total / |m|, complete only after pass 1
cascade.kernel @threshold {
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
  %total = cascade.reduce sum over ["m"] %S : <real[m, p]> -> <real[p]> loc("total")
  %nm = cascade.extent "m" : <int[]>
  %t = cascade.map to_real(%nm) : (!cascade.field<int[]>) -> !cascade.field<real[]>
  %d = cascade.map div(%total, %t) : (!cascade.field<real[p]>, !cascade.field<real[]>) -> !cascade.field<real[p]>
  %f = cascade.coord "f" : <int[f]>
  %v = cascade.read %V[%m, %f] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[f]>) -> !cascade.field<real[f, m]>
  %g = cascade.map gt(%S, %d) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<bool[m, p]>
  %w = cascade.where %S, %g : <real[m, p]>, <bool[m, p]> -> <real[m, p]>
  %s = cascade.map sub(%S, %d) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %c = cascade.const 0.000000e+00 : f64 -> <real[]>
  %m2 = cascade.map max(%s, %c) : (!cascade.field<real[m, p]>, !cascade.field<real[]>) -> !cascade.field<real[m, p]>
  %m3 = cascade.map mul(%m2, %v) : (!cascade.field<real[m, p]>, !cascade.field<real[f, m]>) -> !cascade.field<real[f, m, p]>
  %O = cascade.reduce sum over ["m"] %m3 : <real[f, m, p]> -> <real[f, p]> loc("O")
  cascade.output "O" [p, f] : f32 = %O : <real[f, p]>
  %z = cascade.reduce sum over ["m"] %w : <real[m, p]> -> <real[p]> loc("z")
  cascade.output "Z" [p] : f32 = %z : <real[p]>
}
