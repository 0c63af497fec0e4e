// RUN: einfall-opt --print-passes -o /dev/null %s | FileCheck %s

// Golden pass counts.

// A product with a complete sum: FuseMax, cascade 1.
// CHECK-LABEL: passes of two_pass_product:
// CHECK-NEXT: rank k: 2 passes
// CHECK-NEXT:   1: Y = sum over k
// CHECK-NEXT:   2: Z = sum over k
// CHECK-NEXT:   reads A in 1 2
// CHECK-NEXT:   reads B in 1
cascade.kernel @two_pass_product {
  cascade.rank "k" default 5
  %A = cascade.input "A" [k] : <f32, 1>
  %B = cascade.input "B" [k] : <f32, 1>
  %k = cascade.coord "k" : <int[k]>
  %a = cascade.read %A[%k] : <f32, 1>, (!cascade.field<int[k]>) -> !cascade.field<real[k]>
  %b = cascade.read %B[%k] : <f32, 1>, (!cascade.field<int[k]>) -> !cascade.field<real[k]>
  %m = cascade.map mul(%a, %b) : (!cascade.field<real[k]>, !cascade.field<real[k]>) -> !cascade.field<real[k]>
  %Y = cascade.reduce sum over ["k"] %m : <real[k]> -> <real[]> loc("Y")
  %m1 = cascade.map mul(%Y, %a) : (!cascade.field<real[]>, !cascade.field<real[k]>) -> !cascade.field<real[k]>
  %Z = cascade.reduce sum over ["k"] %m1 : <real[k]> -> <real[]> loc("Z")
  cascade.output "Z" [] : f32 = %Z : <real[]>
}

// The same factored: cascade 2.
// CHECK-LABEL: passes of factored_product:
// CHECK-NEXT: rank k: 1 pass
// CHECK-NEXT:   1: X = sum over k
// CHECK-NEXT:   reads A in 1
// CHECK-NEXT:   reads B in 1
cascade.kernel @factored_product {
  cascade.rank "k" default 5
  %A = cascade.input "A" [k] : <f32, 1>
  %B = cascade.input "B" [k] : <f32, 1>
  %k = cascade.coord "k" : <int[k]>
  %a = cascade.read %A[%k] : <f32, 1>, (!cascade.field<int[k]>) -> !cascade.field<real[k]>
  %b = cascade.read %B[%k] : <f32, 1>, (!cascade.field<int[k]>) -> !cascade.field<real[k]>
  %m = cascade.map mul(%a, %b) : (!cascade.field<real[k]>, !cascade.field<real[k]>) -> !cascade.field<real[k]>
  %Y = cascade.reduce sum over ["k"] %m : <real[k]> -> <real[]> loc("Y")
  %X = cascade.reduce sum over ["k"] %a : <real[k]> -> <real[]> loc("X")
  %m1 = cascade.map mul(%Y, %X) : (!cascade.field<real[]>, !cascade.field<real[]>) -> !cascade.field<real[]>
  cascade.output "Z" [] : f32 = %m1 : <real[]>
}

// The same as an iteration: cascade 3.
// CHECK-LABEL: passes of iterative_product:
// CHECK-NEXT: rank k: 1 pass
// CHECK-NEXT:   1: fold over k
// CHECK-NEXT:   reads A in 1
// CHECK-NEXT:   reads B in 1
// CHECK-NEXT: rank k.0: 1 pass
// CHECK-NEXT:   1: fold over k
// CHECK-NEXT:   reads A in 1
// CHECK-NEXT:   reads B in 1
cascade.kernel @iterative_product {
  cascade.rank "k" default 5
  %A = cascade.input "A" [k] : <f32, 1>
  %B = cascade.input "B" [k] : <f32, 1>
  %k = cascade.coord "k" : <int[k]>
  %r:2 = cascade.fold over ["k"] references 0 monoids [sum, sum] step {
    %a = cascade.read %A[%k] : <f32, 1>, (!cascade.field<int[k]>) -> !cascade.field<real[k]>
    %b = cascade.read %B[%k] : <f32, 1>, (!cascade.field<int[k]>) -> !cascade.field<real[k]>
    %ab = cascade.map mul(%a, %b) : (!cascade.field<real[k]>, !cascade.field<real[k]>) -> !cascade.field<real[k]>
    cascade.yield %ab, %a : !cascade.field<real[k]>, !cascade.field<real[k]>
  } act {
  ^bb0(%y: !cascade.field<real[]>, %x: !cascade.field<real[]>):
    cascade.yield %y, %x : !cascade.field<real[]>, !cascade.field<real[]>
  } : !cascade.field<real[]>, !cascade.field<real[]>
  %z = cascade.map mul(%r#0, %r#1) : (!cascade.field<real[]>, !cascade.field<real[]>) -> !cascade.field<real[]>
  cascade.output "Z" [] : f32 = %z : <real[]>
}

// Attention in three passes: cascade 4.
// CHECK-LABEL: passes of attention:
// CHECK-NEXT: rank e: 1 pass
// CHECK-NEXT:   1: S = sum over e
// CHECK-NEXT:   reads Q in 1
// CHECK-NEXT:   reads K in 1
// CHECK-NEXT: rank m: 3 passes
// CHECK-NEXT:   1: GM = max over m
// CHECK-NEXT:   2: SD = sum over m
// CHECK-NEXT:   3: AV = sum over m
// CHECK-NEXT:   reads K in 1 2 3
// CHECK-NEXT:   reads V in 3
cascade.kernel @attention {
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
  %GM = cascade.reduce max over ["m"] %S : <real[m, p]> -> <real[p]> loc("GM")
  %s = cascade.map sub(%S, %GM) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %e1 = cascade.map exp(%s) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %SD = cascade.reduce sum over ["m"] %e1 : <real[m, p]> -> <real[p]> loc("SD")
  %d = cascade.map div(%e1, %SD) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %m2 = cascade.map mul(%d, %v) : (!cascade.field<real[m, p]>, !cascade.field<real[f, m]>) -> !cascade.field<real[f, m, p]>
  %AV = cascade.reduce sum over ["m"] %m2 : <real[f, m, p]> -> <real[f, p]> loc("AV")
  cascade.output "AV" [p, f] : f32 = %AV : <real[f, p]>
}

// With the division deferred.
// CHECK-LABEL: passes of attention_deferred:
// CHECK-NEXT: rank e: 1 pass
// CHECK-NEXT:   1: S = sum over e
// CHECK-NEXT:   reads Q in 1
// CHECK-NEXT:   reads K in 1
// CHECK-NEXT: rank m: 2 passes
// CHECK-NEXT:   1: GM = max over m
// CHECK-NEXT:   2: SNV = sum over m
// CHECK-NEXT:   reads K in 1 2
// CHECK-NEXT:   reads V in 2
cascade.kernel @attention_deferred {
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
  %GM = cascade.reduce max over ["m"] %S : <real[m, p]> -> <real[p]> loc("GM")
  %s = cascade.map sub(%S, %GM) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %e1 = cascade.map exp(%s) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %SD = cascade.reduce sum over ["m"] %e1 : <real[m, p]> -> <real[p]> loc("SD")
  %m2 = cascade.map mul(%e1, %v) : (!cascade.field<real[m, p]>, !cascade.field<real[f, m]>) -> !cascade.field<real[f, m, p]>
  %SNV = cascade.reduce sum over ["m"] %m2 : <real[f, m, p]> -> <real[f, p]> loc("SNV")
  %d = cascade.map div(%SNV, %SD) : (!cascade.field<real[f, p]>, !cascade.field<real[p]>) -> !cascade.field<real[f, p]>
  cascade.output "AV" [p, f] : f32 = %d : <real[f, p]>
}

// FlashAttention-2: cascade 5. One pass over the chunks, two within one.
// CHECK-LABEL: passes of partitioned_attention:
// CHECK-NEXT: rank m1: 1 pass
// CHECK-NEXT:   1: fold over m1
// CHECK-NEXT:   reads K in 1
// CHECK-NEXT:   reads V in 1
// CHECK-NEXT: rank m1.0: 2 passes
// CHECK-NEXT:   1: fold over m1
// CHECK-NEXT:   2: fold over m1
// CHECK-NEXT:   reads K in 1 2
// CHECK-NEXT:   reads V in 2
// CHECK-NEXT: rank e: 1 pass
// CHECK-NEXT:   1: sum over e
// CHECK-NEXT:   reads Q in 1
// CHECK-NEXT:   reads K in 1
// CHECK-NEXT: rank m0: 2 passes
// CHECK-NEXT:   1: LM = max over m0
// CHECK-NEXT:   2: SLNV = sum over m0
// CHECK-NEXT:   reads K in 1 2
// CHECK-NEXT:   reads V in 2
cascade.kernel @partitioned_attention {
  cascade.rank "m1" default 3
  cascade.rank "m0" default 4
  %Q = cascade.input "Q" [p, e] : <f32, 2>
  %K = cascade.input "K" [m1, m0, e] : <f32, 3>
  %V = cascade.input "V" [m1, m0, f] : <f32, 3>
  cascade.rank "p" default 4
  cascade.rank "e" default 3
  cascade.rank "f" default 2
  %p = cascade.coord "p" : <int[p]>
  %e = cascade.coord "e" : <int[e]>
  %m1 = cascade.coord "m1" : <int[m1]>
  %m0 = cascade.coord "m0" : <int[m0]>
  %f = cascade.coord "f" : <int[f]>
  %q = cascade.read %Q[%p, %e] : <f32, 2>, (!cascade.field<int[p]>, !cascade.field<int[e]>) -> !cascade.field<real[e, p]>
  %r:3 = cascade.fold over ["m1"] references 1 monoids [max, sum, sum] step {
  ^bb0(%rm: !cascade.field<real[p]>):
    %k = cascade.read %K[%m1, %m0, %e] : <f32, 3>, (!cascade.field<int[m1]>, !cascade.field<int[m0]>, !cascade.field<int[e]>) -> !cascade.field<real[e, m0, m1]>
    %v = cascade.read %V[%m1, %m0, %f] : <f32, 3>, (!cascade.field<int[m1]>, !cascade.field<int[m0]>, !cascade.field<int[f]>) -> !cascade.field<real[f, m0, m1]>
    %qk = cascade.map mul(%q, %k) : (!cascade.field<real[e, p]>, !cascade.field<real[e, m0, m1]>) -> !cascade.field<real[e, m0, m1, p]>
    %bqk = cascade.reduce sum over ["e"] %qk : <real[e, m0, m1, p]> -> <real[m0, m1, p]>
    %lm = cascade.reduce max over ["m0"] %bqk : <real[m0, m1, p]> -> <real[m1, p]> loc("LM")
    %d = cascade.map sub(%bqk, %rm) : (!cascade.field<real[m0, m1, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m0, m1, p]>
    %sln = cascade.map exp(%d) : (!cascade.field<real[m0, m1, p]>) -> !cascade.field<real[m0, m1, p]>
    %sld = cascade.reduce sum over ["m0"] %sln : <real[m0, m1, p]> -> <real[m1, p]> loc("SLD")
    %nv = cascade.map mul(%sln, %v) : (!cascade.field<real[m0, m1, p]>, !cascade.field<real[f, m0, m1]>) -> !cascade.field<real[f, m0, m1, p]>
    %slnv = cascade.reduce sum over ["m0"] %nv : <real[f, m0, m1, p]> -> <real[f, m1, p]> loc("SLNV")
    cascade.yield %lm, %sld, %slnv : !cascade.field<real[m1, p]>, !cascade.field<real[m1, p]>, !cascade.field<real[f, m1, p]>
  } act {
  ^bb0(%old: !cascade.field<real[p]>, %new: !cascade.field<real[p]>, %l: !cascade.field<real[p]>, %o: !cascade.field<real[f, p]>):
    %d = cascade.map sub(%old, %new) : (!cascade.field<real[p]>, !cascade.field<real[p]>) -> !cascade.field<real[p]>
    %prm = cascade.map exp(%d) : (!cascade.field<real[p]>) -> !cascade.field<real[p]>
    %l2 = cascade.map mul(%l, %prm) : (!cascade.field<real[p]>, !cascade.field<real[p]>) -> !cascade.field<real[p]>
    %o2 = cascade.map mul(%o, %prm) : (!cascade.field<real[f, p]>, !cascade.field<real[p]>) -> !cascade.field<real[f, p]>
    cascade.yield %l2, %o2 : !cascade.field<real[p]>, !cascade.field<real[f, p]>
  } : !cascade.field<real[p]>, !cascade.field<real[p]>, !cascade.field<real[f, p]>
  %av = cascade.map div(%r#2, %r#1) : (!cascade.field<real[f, p]>, !cascade.field<real[p]>) -> !cascade.field<real[f, p]>
  cascade.output "AV" [p, f] : f32 = %av : <real[f, p]>
}

// Without the maximum, the division deferred.
// CHECK-LABEL: passes of unstable_deferred:
// CHECK-NEXT: rank e: 1 pass
// CHECK-NEXT:   1: S = sum over e
// CHECK-NEXT:   reads Q in 1
// CHECK-NEXT:   reads K in 1
// CHECK-NEXT: rank m: 1 pass
// CHECK-NEXT:   1: SNV = sum over m
// CHECK-NEXT:   reads K in 1
// CHECK-NEXT:   reads V in 1
cascade.kernel @unstable_deferred {
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
  %SD = cascade.reduce sum over ["m"] %e1 : <real[m, p]> -> <real[p]> loc("SD")
  %m2 = cascade.map mul(%e1, %v) : (!cascade.field<real[m, p]>, !cascade.field<real[f, m]>) -> !cascade.field<real[f, m, p]>
  %SNV = cascade.reduce sum over ["m"] %m2 : <real[f, m, p]> -> <real[f, p]> loc("SNV")
  %d = cascade.map div(%SNV, %SD) : (!cascade.field<real[f, p]>, !cascade.field<real[p]>) -> !cascade.field<real[f, p]>
  cascade.output "AV" [p, f] : f32 = %d : <real[f, p]>
}

// Layer normalisation with a centred variance.
// CHECK-LABEL: passes of layernorm:
// CHECK-NEXT: rank d: 3 passes
// CHECK-NEXT:   1: sum = sum over d
// CHECK-NEXT:   2: squares = sum over d
// CHECK-NEXT:   3: output Y
// CHECK-NEXT:   reads X in 1 2 3
cascade.kernel @layernorm {
  cascade.rank "p" default 4
  cascade.rank "d" default 9
  %X = cascade.input "X" [p, d] : <f32, 2>
  %p = cascade.coord "p" : <int[p]>
  %d = cascade.coord "d" : <int[d]>
  %x = cascade.read %X[%p, %d] : <f32, 2>, (!cascade.field<int[p]>, !cascade.field<int[d]>) -> !cascade.field<real[d, p]>
  %nd = cascade.extent "d" : <int[]>
  %t = cascade.map to_real(%nd) : (!cascade.field<int[]>) -> !cascade.field<real[]>
  %sum = cascade.reduce sum over ["d"] %x : <real[d, p]> -> <real[p]> loc("sum")
  %d1 = cascade.map div(%sum, %t) : (!cascade.field<real[p]>, !cascade.field<real[]>) -> !cascade.field<real[p]>
  %s = cascade.map sub(%x, %d1) : (!cascade.field<real[d, p]>, !cascade.field<real[p]>) -> !cascade.field<real[d, p]>
  %m = cascade.map mul(%s, %s) : (!cascade.field<real[d, p]>, !cascade.field<real[d, p]>) -> !cascade.field<real[d, p]>
  %squares = cascade.reduce sum over ["d"] %m : <real[d, p]> -> <real[p]> loc("squares")
  %d2 = cascade.map div(%squares, %t) : (!cascade.field<real[p]>, !cascade.field<real[]>) -> !cascade.field<real[p]>
  %c = cascade.const 1.000000e-05 : f64 -> <real[]>
  %a = cascade.map add(%d2, %c) : (!cascade.field<real[p]>, !cascade.field<real[]>) -> !cascade.field<real[p]>
  %s1 = cascade.map sqrt(%a) : (!cascade.field<real[p]>) -> !cascade.field<real[p]>
  %d3 = cascade.map div(%s, %s1) : (!cascade.field<real[d, p]>, !cascade.field<real[p]>) -> !cascade.field<real[d, p]>
  cascade.output "Y" [p, d] : f32 = %d3 : <real[d, p]>
}

// Layer normalisation from two moments.
// CHECK-LABEL: passes of layernorm_two_moments:
// CHECK-NEXT: rank d: 2 passes
// CHECK-NEXT:   1: squares = sum over d
// CHECK-NEXT:   2: output Y
// CHECK-NEXT:   reads X in 1 2
cascade.kernel @layernorm_two_moments {
  cascade.rank "p" default 4
  cascade.rank "d" default 9
  %X = cascade.input "X" [p, d] : <f32, 2>
  %p = cascade.coord "p" : <int[p]>
  %d = cascade.coord "d" : <int[d]>
  %x = cascade.read %X[%p, %d] : <f32, 2>, (!cascade.field<int[p]>, !cascade.field<int[d]>) -> !cascade.field<real[d, p]>
  %nd = cascade.extent "d" : <int[]>
  %t = cascade.map to_real(%nd) : (!cascade.field<int[]>) -> !cascade.field<real[]>
  %sum = cascade.reduce sum over ["d"] %x : <real[d, p]> -> <real[p]> loc("sum")
  %d1 = cascade.map div(%sum, %t) : (!cascade.field<real[p]>, !cascade.field<real[]>) -> !cascade.field<real[p]>
  %s = cascade.map sub(%x, %d1) : (!cascade.field<real[d, p]>, !cascade.field<real[p]>) -> !cascade.field<real[d, p]>
  %m = cascade.map mul(%x, %x) : (!cascade.field<real[d, p]>, !cascade.field<real[d, p]>) -> !cascade.field<real[d, p]>
  %squares = cascade.reduce sum over ["d"] %m : <real[d, p]> -> <real[p]> loc("squares")
  %d2 = cascade.map div(%squares, %t) : (!cascade.field<real[p]>, !cascade.field<real[]>) -> !cascade.field<real[p]>
  %m1 = cascade.map mul(%d1, %d1) : (!cascade.field<real[p]>, !cascade.field<real[p]>) -> !cascade.field<real[p]>
  %s1 = cascade.map sub(%d2, %m1) : (!cascade.field<real[p]>, !cascade.field<real[p]>) -> !cascade.field<real[p]>
  %c = cascade.const 1.000000e-05 : f64 -> <real[]>
  %a = cascade.map add(%s1, %c) : (!cascade.field<real[p]>, !cascade.field<real[]>) -> !cascade.field<real[p]>
  %s2 = cascade.map sqrt(%a) : (!cascade.field<real[p]>) -> !cascade.field<real[p]>
  %d3 = cascade.map div(%s, %s2) : (!cascade.field<real[d, p]>, !cascade.field<real[p]>) -> !cascade.field<real[d, p]>
  cascade.output "Y" [p, d] : f32 = %d3 : <real[d, p]>
}

