// RUN: einfall-opt %s --schedule-tiles=extents=e=64,f=64 | FileCheck %s
// RUN: einfall-opt %s --schedule-tiles="extents=e=64,f=64 l1=12288" | FileCheck %s --check-prefix=SMALL
// RUN: einfall-opt %s --schedule-tiles 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// The least by the model of the space (passes/Schedule/TileSizes.h): whole
// vectors of rows, in groups of which an item has some, and tiles of 16 keys at
// least. With a cache that weights of many keys do not fit, tiles are smaller.
// CHECK: cascade.kernel @derived attributes {schedule = {row_vectors = {{[123]}} : i64, tile = {m = {{(96|112|128|160|192)}} : i64, p = {{[0-9]+}} : i64}}}
// SMALL: tile = {m = {{(16|32|48|64)}} : i64, p = {{[0-9]+}} : i64}
// UNKNOWN: remark: not tiled: {{.*}}
cascade.kernel @derived {
  %Q = cascade.input "Q" [p, e] : <f32, 2>
  %K = cascade.input "K" [m, e] : <f32, 2>
  %V = cascade.input "V" [m, f] : <f32, 2>
  %p = cascade.coord "p" : <int[p]>
  %e = cascade.coord "e" : <int[e]>
  %m = cascade.coord "m" : <int[m]>
  %f = cascade.coord "f" : <int[f]>
  %r:3 = cascade.fold over ["m"] references 1 monoids [max, sum, sum] step {
  ^bb0(%ref: !cascade.field<real[p]>):
    %q = cascade.read %Q[%p, %e] : <f32, 2>, (!cascade.field<int[p]>, !cascade.field<int[e]>) -> !cascade.field<real[e, p]>
    %k = cascade.read %K[%m, %e] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[e]>) -> !cascade.field<real[e, m]>
    %v = cascade.read %V[%m, %f] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[f]>) -> !cascade.field<real[f, m]>
    %qk = cascade.map mul(%q, %k) : (!cascade.field<real[e, p]>, !cascade.field<real[e, m]>) -> !cascade.field<real[e, m, p]>
    %s0 = cascade.reduce sum over ["e"] %qk : <real[e, m, p]> -> <real[m, p]>
    %c = cascade.map le(%m, %p) : (!cascade.field<int[m]>, !cascade.field<int[p]>) -> !cascade.field<bool[m, p]>
    %s = cascade.where %s0, %c : <real[m, p]>, <bool[m, p]> -> <real[m, p]>
    %d = cascade.map sub(%s, %ref) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
    %w = cascade.map exp(%d) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
    %wv = cascade.map mul(%w, %v) : (!cascade.field<real[m, p]>, !cascade.field<real[f, m]>) -> !cascade.field<real[f, m, p]>
    cascade.yield %s, %w, %wv : !cascade.field<real[m, p]>, !cascade.field<real[m, p]>, !cascade.field<real[f, m, p]>
  } act {
  ^bb0(%old: !cascade.field<real[p]>, %new: !cascade.field<real[p]>, %l: !cascade.field<real[p]>, %o: !cascade.field<real[f, p]>):
    %d = cascade.map sub(%old, %new) : (!cascade.field<real[p]>, !cascade.field<real[p]>) -> !cascade.field<real[p]>
    %chi = cascade.map exp(%d) : (!cascade.field<real[p]>) -> !cascade.field<real[p]>
    %l2 = cascade.map mul(%l, %chi) : (!cascade.field<real[p]>, !cascade.field<real[p]>) -> !cascade.field<real[p]>
    %o2 = cascade.map mul(%o, %chi) : (!cascade.field<real[f, p]>, !cascade.field<real[p]>) -> !cascade.field<real[f, p]>
    cascade.yield %l2, %o2 : !cascade.field<real[p]>, !cascade.field<real[f, p]>
  } : !cascade.field<real[p]>, !cascade.field<real[p]>, !cascade.field<real[f, p]>
  // A row without keys: its sum is 0 as written, so the quotient must not be.
  %some = cascade.present %r#0 : <real[p]> -> <bool[p]>
  %quot = cascade.map div(%r#2, %r#1) : (!cascade.field<real[f, p]>, !cascade.field<real[p]>) -> !cascade.field<real[f, p]>
  %there = cascade.where %quot, %some : <real[f, p]>, <bool[p]> -> <real[f, p]>
  %zero = cascade.const 0.0 : f64 -> <real[]>
  %out = cascade.or_else %there, %zero : <real[f, p]>, <real[]> -> <real[f, p]>
  cascade.output "O" [p, f] : f32 = %out : <real[f, p]>
}
