// RUN: einfall-opt %s --expand-vector-math | FileCheck %s

// A vector has no library to call; a scalar keeps its exact function.
// CHECK-LABEL: func.func @exponentials
// CHECK-NOT: math.exp %{{.*}} : vector
// CHECK: math.exp %{{.*}} : f32
func.func @exponentials(%v: vector<16xf32>, %s: f32) -> (vector<16xf32>, f32) {
  %a = math.exp %v : vector<16xf32>
  %b = math.exp %s : f32
  return %a, %b : vector<16xf32>, f32
}

// One exponential, which becomes a polynomial as well.
// CHECK-LABEL: func.func @tangents
// CHECK-NOT: math.tanh %{{.*}} : vector
// CHECK: arith.divf
// CHECK: math.copysign
// CHECK: math.tanh %{{.*}} : f32
func.func @tangents(%v: vector<16xf32>, %s: f32) -> (vector<16xf32>, f32) {
  %a = math.tanh %v : vector<16xf32>
  %b = math.tanh %s : f32
  return %a, %b : vector<16xf32>, f32
}

// Angles are reduced in f64, whatever the vector's length.
// CHECK-LABEL: func.func @angles
// CHECK-NOT: math.sin %{{.*}} : vector
// CHECK-NOT: math.cos %{{.*}} : vector
// CHECK: arith.extf %{{.*}} : vector<16xf32> to vector<16xf64>
// CHECK: math.roundeven %{{.*}} : vector<16xf64>
// CHECK: arith.truncf %{{.*}} : vector<16xf64> to vector<16xf32>
// CHECK: math.sin %{{.*}} : f32
func.func @angles(%v: vector<16xf32>, %s: f32)
    -> (vector<16xf32>, vector<16xf32>, f32) {
  %a = math.sin %v : vector<16xf32>
  %b = math.cos %v : vector<16xf32>
  %c = math.sin %s : f32
  return %a, %b, %c : vector<16xf32>, vector<16xf32>, f32
}
