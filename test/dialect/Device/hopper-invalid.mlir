// RUN: einfall-opt %s --split-input-file --verify-diagnostics

device.kernel @k target "sm_90a" threads 128 shared 0 parameters ["x"] grid {
^bb0(%x: i64):
  // expected-error @+1 {{has a box with rows of 256 bytes; at most 128 are possible with its swizzle}}
  %m = device.nv.encode_map bf16 %x extents %x, %x strides %x box [128, 64] swizzle 128
  device.launch %x, %x, %x maps %m
} body {
^bb0(%x: i64, %m: !device.tensor_map):
  device.return
}

// -----

device.kernel @k target "sm_90a" threads 128 shared 0 parameters ["x"] grid {
^bb0(%x: i64):
  // expected-error @+1 {{has 2 extents, 2 strides and 2 sides of the box; 2, 1 and 2 are needed}}
  %m = device.nv.encode_map bf16 %x extents %x, %x strides %x, %x box [64, 64] swizzle 128
  device.launch %x, %x, %x maps %m
} body {
^bb0(%x: i64, %m: !device.tensor_map):
  device.return
}

// -----

// expected-error @+1 {{has 1 parameters and 1 maps, but 1 arguments of its grid and 1 of its body}}
device.kernel @k target "sm_90a" threads 128 shared 0 parameters ["x"] grid {
^bb0(%x: i64):
  %m = device.nv.encode_map bf16 %x extents %x box [64] swizzle 0
  device.launch %x, %x, %x maps %m
} body {
^bb0(%x: i64):
  device.return
}

// -----

device.kernel @k target "sm_90a" threads 128 shared 0 parameters ["x"] grid {
^bb0(%x: i64):
  %m = device.nv.encode_map bf16 %x extents %x box [64] swizzle 0
  device.launch %x, %x, %x maps %m
} body {
^bb0(%x: i64, %m: !device.tensor_map):
  %zero = arith.constant 0 : i32
  // expected-error @+1 {{has 2 coordinates; the tensor has 1 dimensions}}
  device.nv.bulk_load %m[%zero, %zero] to %zero barrier %zero
  device.return
}

// -----

device.kernel @k target "sm_90a" threads 128 shared 0 parameters [] grid {
  %one = arith.constant 1 : i64
  device.launch %one, %one, %one
} body {
  %zero = arith.constant 0 : i64
  // expected-error @+1 {{has 12 columns; a multiple of 8 up to 256 is needed}}
  %s = device.nv.wgmma bf16 12 %zero, %zero : i64 -> vector<6xf32>
  device.return
}

// -----

device.kernel @k target "sm_90a" threads 128 shared 0 parameters [] grid {
  %one = arith.constant 1 : i64
  device.launch %one, %one, %one
} body {
  %zero = arith.constant 0 : i64
  // expected-error @+1 {{has 16 columns in 'vector<4xf32>'; vector<8xf32> holds them}}
  %s = device.nv.wgmma bf16 16 %zero, %zero : i64 -> vector<4xf32>
  device.return
}

// -----

device.kernel @k target "sm_90a" threads 128 shared 0 parameters [] grid {
  %one = arith.constant 1 : i64
  device.launch %one, %one, %one
} body {
  // expected-error @+1 {{sets 250 registers; 24 to 256 in steps of 8 are possible}}
  device.nv.set_max_registers increase 250
  device.return
}

// -----

device.kernel @k target "sm_90a" threads 128 shared 0 parameters [] grid {
  %one = arith.constant 1 : i64
  device.launch %one, %one, %one
} body {
  %zero = arith.constant 0 : i32
  // expected-error @+1 {{strides by 1000 bytes; a multiple of 16 below 262144 is needed}}
  %d = device.nv.descriptor %zero leading 16 stride 1000 swizzle 128
  device.return
}
