// RUN: einfall-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{'device.kernel' op is followed by @nobody, which is no kernel}}
device.kernel @k target "sm_80" threads 32 shared 0 parameters [] then @nobody grid {
  %one = arith.constant 1 : i64
  device.launch %one, %one, %one
} body {
  device.return
}

// -----

// expected-error @+1 {{'device.kernel' op is followed by @other, which takes other parameters}}
device.kernel @k target "sm_80" threads 32 shared 0 parameters ["x"] then @other grid {
^bb0(%x: i64):
  %one = arith.constant 1 : i64
  device.launch %one, %one, %one workspace %one
} body {
^bb0(%x: i64):
  device.return
}
device.kernel @other target "sm_80" threads 32 shared 0 parameters ["x"] grid {
^bb0(%x: i64):
  %one = arith.constant 1 : i64
  device.launch %one, %one, %one
} body {
^bb0(%x: i64):
  device.return
}

// -----

// expected-error @+1 {{'device.kernel' op has a workspace, but no i64 as its last parameter}}
device.kernel @k target "sm_80" threads 32 shared 0 parameters ["x", "a"] grid {
^bb0(%x: i64, %a: f32):
  %one = arith.constant 1 : i64
  device.launch %one, %one, %one workspace %one
} body {
^bb0(%x: i64, %a: f32):
  device.return
}
