// RUN: einfall-opt %s --lower-fold-to-rows --verify-diagnostics

// expected-error @below {{cannot be lowered for few rows: the kernel has 0 folds, this form takes one}}
cascade.kernel @written {
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
  %o = cascade.reduce sum over ["m"] %av : <real[f, m, p]> -> <real[f, p]>
  cascade.output "O" [p, f] : f32 = %o : <real[f, p]>
}

