// RUN: einfall-opt --derive-folds %s | FileCheck %s

// Fields at other coordinates become reads at other indices.

// The index never leaves its rank: nothing is tested.
// CHECK-LABEL: cascade.kernel @rolled
// CHECK: %[[NEXT:.*]] = cascade.map mod
// CHECK: cascade.read %0[%{{.*}}, %[[NEXT]]]
// CHECK: cascade.map to_real(%[[NEXT]])
// CHECK-NOT: cascade.at
// CHECK-NOT: cascade.where
// CHECK: cascade.output
cascade.kernel @rolled {
  %0 = cascade.input "K" [m, e] : <f32, 2>
  cascade.rank "m" default 5
  cascade.rank "e" default 6
  %1 = cascade.coord "m" : <int[m]>
  %2 = cascade.coord "e" : <int[e]>
  %3 = cascade.read %0[%1, %2] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[e]>) -> !cascade.field<real[e, m]>
  %4 = cascade.const 2.000000e+00 : f64 -> <real[]>
  %5 = cascade.map mul(%4, %3) : (!cascade.field<real[]>, !cascade.field<real[e, m]>) -> !cascade.field<real[e, m]>
  %6 = cascade.map to_real(%2) : (!cascade.field<int[e]>) -> !cascade.field<real[e]>
  %7 = cascade.map add(%5, %6) : (!cascade.field<real[e, m]>, !cascade.field<real[e]>) -> !cascade.field<real[e, m]>
  %8 = cascade.const 1 : i64 -> <int[]>
  %9 = cascade.map add(%2, %8) : (!cascade.field<int[e]>, !cascade.field<int[]>) -> !cascade.field<int[e]>
  %10 = cascade.extent "e" : <int[]>
  %11 = cascade.map mod(%9, %10) : (!cascade.field<int[e]>, !cascade.field<int[]>) -> !cascade.field<int[e]>
  %12 = cascade.at %7 ["e"](%11) : <real[e, m]>, (!cascade.field<int[e]>) -> !cascade.field<real[e, m]>
  %13 = cascade.map mul(%12, %7) : (!cascade.field<real[e, m]>, !cascade.field<real[e, m]>) -> !cascade.field<real[e, m]>
  cascade.output "O" [m, e] : f32 = %13 : <real[e, m]>
}

// It may, but the read is absent there.
// CHECK-LABEL: cascade.kernel @shifted
// CHECK: %[[LAST:.*]] = cascade.map sub
// CHECK: cascade.read %0[%[[LAST]], %{{.*}}]
// CHECK-NOT: cascade.at
// CHECK-NOT: cascade.where
// CHECK: cascade.output
cascade.kernel @shifted {
  %0 = cascade.input "K" [m, e] : <f32, 2>
  cascade.rank "m" default 5
  cascade.rank "e" default 6
  %1 = cascade.coord "m" : <int[m]>
  %2 = cascade.coord "e" : <int[e]>
  %3 = cascade.read %0[%1, %2] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[e]>) -> !cascade.field<real[e, m]>
  %4 = cascade.map exp(%3) : (!cascade.field<real[e, m]>) -> !cascade.field<real[e, m]>
  %5 = cascade.const 1 : i64 -> <int[]>
  %6 = cascade.map sub(%1, %5) : (!cascade.field<int[m]>, !cascade.field<int[]>) -> !cascade.field<int[m]>
  %7 = cascade.at %4 ["m"](%6) : <real[e, m]>, (!cascade.field<int[m]>) -> !cascade.field<real[e, m]>
  %8 = cascade.const 0.000000e+00 : f64 -> <real[]>
  cascade.output "O" [m, e] : f32 = %7 : <real[e, m]> else %8 : !cascade.field<real[]>
}

// It may, and only a condition says so.
// CHECK-LABEL: cascade.kernel @outside
// CHECK: %[[TWICE:.*]] = cascade.map mul
// CHECK-DAG: cascade.map ge(%[[TWICE]],
// CHECK-DAG: cascade.map lt(%[[TWICE]],
// CHECK: cascade.where
// CHECK-NOT: cascade.at
// CHECK: cascade.output
cascade.kernel @outside {
  %0 = cascade.input "K" [n] : <f32, 1>
  %1 = cascade.input "W" [m] : <f32, 1>
  %2 = cascade.const 2.000000e+00 : f64 -> <real[]>
  %3 = cascade.param "c" : f32 else %2 : !cascade.field<real[]> -> <real[]>
  cascade.rank "n" default 7
  cascade.rank "m" default 5
  %4 = cascade.coord "n" : <int[n]>
  %5 = cascade.map to_real(%4) : (!cascade.field<int[n]>) -> !cascade.field<real[n]>
  %6 = cascade.map mul(%3, %5) : (!cascade.field<real[]>, !cascade.field<real[n]>) -> !cascade.field<real[n]>
  %7 = cascade.const 2 : i64 -> <int[]>
  %8 = cascade.coord "m" : <int[m]>
  %9 = cascade.map mul(%7, %8) : (!cascade.field<int[]>, !cascade.field<int[m]>) -> !cascade.field<int[m]>
  %10 = cascade.at %6 ["n"](%9) : <real[n]>, (!cascade.field<int[m]>) -> !cascade.field<real[m]>
  %11 = cascade.read %1[%8] : <f32, 1>, (!cascade.field<int[m]>) -> !cascade.field<real[m]>
  %12 = cascade.map add(%10, %11) : (!cascade.field<real[m]>, !cascade.field<real[m]>) -> !cascade.field<real[m]>
  %13 = cascade.const 0.000000e+00 : f64 -> <real[]>
  cascade.output "O" [m] : f32 = %12 : <real[m]> else %13 : !cascade.field<real[]>
}

// The sum's own rank stands in the index: left alone.
// CHECK-LABEL: cascade.kernel @captured
// CHECK: cascade.at
// CHECK: cascade.output
cascade.kernel @captured {
  %0 = cascade.input "X" [p, e] : <f32, 2>
  %1 = cascade.input "K" [m, e] : <f32, 2>
  cascade.rank "p" default 3
  cascade.rank "e" default 6
  cascade.rank "m" default 5
  %2 = cascade.coord "p" : <int[p]>
  %3 = cascade.coord "e" : <int[e]>
  %4 = cascade.read %0[%2, %3] : <f32, 2>, (!cascade.field<int[p]>, !cascade.field<int[e]>) -> !cascade.field<real[e, p]>
  %5 = cascade.coord "m" : <int[m]>
  %6 = cascade.read %1[%5, %3] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[e]>) -> !cascade.field<real[e, m]>
  %7 = cascade.map mul(%4, %6) : (!cascade.field<real[e, p]>, !cascade.field<real[e, m]>) -> !cascade.field<real[e, m, p]>
  %8 = cascade.reduce sum over ["e"] %7 : <real[e, m, p]> -> <real[m, p]>
  %9 = cascade.map add(%5, %3) : (!cascade.field<int[m]>, !cascade.field<int[e]>) -> !cascade.field<int[e, m]>
  %10 = cascade.extent "m" : <int[]>
  %11 = cascade.map mod(%9, %10) : (!cascade.field<int[e, m]>, !cascade.field<int[]>) -> !cascade.field<int[e, m]>
  %12 = cascade.at %8 ["m"](%11) : <real[m, p]>, (!cascade.field<int[e, m]>) -> !cascade.field<real[e, m, p]>
  %13 = cascade.read %0[%2, %3] : <f32, 2>, (!cascade.field<int[p]>, !cascade.field<int[e]>) -> !cascade.field<real[e, p]>
  %14 = cascade.map mul(%12, %13) : (!cascade.field<real[e, m, p]>, !cascade.field<real[e, p]>) -> !cascade.field<real[e, m, p]>
  %15 = cascade.reduce sum over ["e"] %14 : <real[e, m, p]> -> <real[m, p]>
  cascade.output "O" [p, m] : f32 = %15 : <real[m, p]>
}
