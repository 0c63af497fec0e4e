// RUN: einfall-opt --derive-folds %s | FileCheck %s

// Causal softmax attention: three passes become one fold whose maximum is a
// reference; the division is pulled out (R1), the maximum re-referenced (R2).

// CHECK-LABEL: cascade.kernel @causal
// CHECK: %[[R:.*]]:3 = cascade.fold over ["m"] references 1 monoids [max, sum, sum] step {
// CHECK: ^bb0(%[[REF:.*]]: !cascade.field<real[p]>):
// CHECK: %[[S0:.*]] = cascade.reduce sum over ["e"]
// CHECK: %[[S:.*]] = cascade.where %[[S0]]
// CHECK: %[[D:.*]] = cascade.map sub(%[[S]], %[[REF]])
// CHECK: %[[W:.*]] = cascade.map exp(%[[D]])
// CHECK: %[[WV:.*]] = cascade.map mul(%[[W]], %{{.*}})
// CHECK: cascade.yield %[[S]], %[[W]], %[[WV]]
// CHECK: } act {
// CHECK: ^bb0(%[[OLD:.*]]: {{.*}}, %[[NEW:.*]]: {{.*}}, %[[L:.*]]: {{.*}}, %[[O:.*]]: {{.*}}):
// CHECK: %[[DIFF:.*]] = cascade.map sub(%[[OLD]], %[[NEW]])
// CHECK: %[[CHI:.*]] = cascade.map exp(%[[DIFF]])
// CHECK: %[[L2:.*]] = cascade.map mul(%[[L]], %[[CHI]])
// CHECK: %[[O2:.*]] = cascade.map mul(%[[O]], %[[CHI]])
// CHECK: cascade.yield %[[L2]], %[[O2]]
// CHECK: %[[Q:.*]] = cascade.map div(%[[R]]#2, %[[R]]#1)
// CHECK: %[[SOME:.*]] = cascade.present %[[R]]#0
// CHECK: %[[THERE:.*]] = cascade.where %[[Q]], %[[SOME]]
// CHECK: %[[ZERO:.*]] = cascade.const 0.0
// CHECK: %[[OUT:.*]] = cascade.or_else %[[THERE]], %[[ZERO]]
// CHECK: cascade.output "O" [p, f] : f32 = %[[OUT]]
cascade.kernel @causal {
  cascade.rank "p" default 5
  cascade.rank "m" default 6
  cascade.rank "e" default 3
  cascade.rank "f" default 2
  %Q = cascade.input "Q" [p, e] : <f32, 2>
  %K = cascade.input "K" [m, e] : <f32, 2>
  %V = cascade.input "V" [m, f] : <f32, 2>
  %p = cascade.coord "p" : <int[p]>
  %e = cascade.coord "e" : <int[e]>
  %m = cascade.coord "m" : <int[m]>
  %f = cascade.coord "f" : <int[f]>
  %q = cascade.read %Q[%p, %e] : <f32, 2>, (!cascade.field<int[p]>, !cascade.field<int[e]>) -> !cascade.field<real[e, p]>
  %k = cascade.read %K[%m, %e] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[e]>) -> !cascade.field<real[e, m]>
  %v = cascade.read %V[%m, %f] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[f]>) -> !cascade.field<real[f, m]>
  %qk = cascade.map mul(%q, %k) : (!cascade.field<real[e, p]>, !cascade.field<real[e, m]>) -> !cascade.field<real[e, m, p]>
  %s0 = cascade.reduce sum over ["e"] %qk : <real[e, m, p]> -> <real[m, p]>
  %c = cascade.map le(%m, %p) : (!cascade.field<int[m]>, !cascade.field<int[p]>) -> !cascade.field<bool[m, p]>
  %s = cascade.where %s0, %c : <real[m, p]>, <bool[m, p]> -> <real[m, p]>
  %x = cascade.reduce max over ["m"] %s : <real[m, p]> -> <real[p]>
  %d = cascade.map sub(%s, %x) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %n = cascade.map exp(%d) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %l = cascade.reduce sum over ["m"] %n : <real[m, p]> -> <real[p]>
  %a = cascade.map div(%n, %l) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %av = cascade.map mul(%a, %v) : (!cascade.field<real[m, p]>, !cascade.field<real[f, m]>) -> !cascade.field<real[f, m, p]>
  %o = cascade.reduce sum over ["m"] %av : <real[f, m, p]> -> <real[f, p]> loc("O")
  cascade.output "O" [p, f] : f32 = %o : <real[f, p]>
}
