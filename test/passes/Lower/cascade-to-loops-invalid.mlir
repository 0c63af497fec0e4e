// RUN: einfall-opt %s --split-input-file --lower-cascade-to-loops --verify-diagnostics

cascade.kernel @fold {
  %X = cascade.input "X" [m] : <f32, 1>
  %m = cascade.coord "m" : <int[m]>
  // expected-error @below {{a fold has no plain loops; lower the kernel as it was before derivation}}
  %r = cascade.fold over ["m"] references 0 monoids [sum] step {
    %x = cascade.read %X[%m] : <f32, 1>, (!cascade.field<int[m]>) -> !cascade.field<real[m]>
    cascade.yield %x : !cascade.field<real[m]>
  } act {
  ^bb0(%s: !cascade.field<real[]>):
    cascade.yield %s : !cascade.field<real[]>
  } : !cascade.field<real[]>
  cascade.output "S" [] : f32 = %r : <real[]>
}

// -----

cascade.kernel @eight_bits {
  // expected-error @below {{storage type 'f8E4M3FN' is not lowered to the CPU yet}}
  %X = cascade.input "X" [m] : <f8E4M3FN, 1>
  %m = cascade.coord "m" : <int[m]>
  %x = cascade.read %X[%m] : <f8E4M3FN, 1>, (!cascade.field<int[m]>) -> !cascade.field<real[m]>
  cascade.output "Y" [m] : f32 = %x : <real[m]>
}

// -----

cascade.kernel @packed {
  // expected-error @below {{packed storage is not lowered to the CPU yet}}
  %X = cascade.input "X" [m] packed "m" : <i8, 1>
  %m = cascade.coord "m" : <int[m]>
  %x = cascade.read %X[%m] : <i8, 1>, (!cascade.field<int[m]>) -> !cascade.field<int[m]>
  cascade.output "Y" [m] : i32 = %x : <int[m]>
}
