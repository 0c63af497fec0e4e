// RUN: einfall-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{has blocks of 100 threads; a multiple of 32 is needed}}
device.kernel @k target "sm_80" threads 100 shared 0 parameters [] grid {
  %one = arith.constant 1 : i64
  device.launch %one, %one, %one
} body {
  device.return
}

// -----

// expected-error @+1 {{has 128 threads and 18446744073709551615 bytes of shared memory, which take 32 bits each}}
device.kernel @k target "sm_80" threads 128 shared -1 parameters [] grid {
  %one = arith.constant 1 : i64
  device.launch %one, %one, %one
} body {
  device.return
}

// -----

// expected-error @+1 {{has 1 parameters and 0 maps, but 0 arguments of its grid and 0 of its body}}
device.kernel @k target "sm_80" threads 128 shared 0 parameters ["x"] grid {
  %one = arith.constant 1 : i64
  device.launch %one, %one, %one
} body {
  device.return
}

// -----

device.kernel @k target "sm_80" threads 128 shared 0 parameters [] grid {
  %one = arith.constant 1 : i64
  device.launch %one, %one, %one
} body {
  %zero = arith.constant 0 : i32
  // expected-error @+1 {{addresses global memory by 'i32'; it takes i64}}
  %v = device.load global %zero[%zero : i32] : i32 -> f32
  device.return
}

// -----

device.kernel @k target "sm_80" threads 128 shared 0 parameters [] grid {
  %one = arith.constant 1 : i64
  device.launch %one, %one, %one
} body {
  // expected-error @+1 {{counts 40 threads; a multiple of 32 is needed}}
  device.barrier 1 threads 40
  device.return
}

// -----

device.kernel @k target "sm_80" threads 128 shared 0 parameters [] grid {
  %one = arith.constant 1 : i64
  device.launch %one, %one, %one
} body {
  %no = arith.constant false
  // expected-error @+1 {{names barrier 16; there are 0 to 15}}
  %any = device.barrier_any %no, 16
  device.return
}

// -----

device.kernel @k target "sm_80" threads 128 shared 0 parameters [] grid {
  %one = arith.constant 1 : i64
  device.launch %one, %one, %one
} body {
  %zero = arith.constant 0 : i32
  // expected-error @+1 {{loads 4 matrices into 'vector<2xi32>'}}
  %a = device.nv.ldmatrix 4 %zero : vector<2xi32>
  device.return
}

// -----

device.kernel @k target "sm_80" threads 128 shared 0 parameters [] grid {
  %one = arith.constant 1 : i64
  device.launch %one, %one, %one
} body {
  %x = arith.constant 1.0 : f32
  // expected-error @+1 {{is not part of a device program}}
  %e = math.exp %x : f32
  device.return
}

// -----

device.kernel @k target "sm_80" threads 32 shared 1024 parameters [] grid {
  %one = arith.constant 1 : i64
  device.launch %one, %one, %one
} body {
  %zero = arith.constant 0 : i32
  %a = device.nv.ldmatrix 4 %zero : vector<4xi32>
  %b = vector.broadcast %zero : i32 to vector<2xi32>
  %c = arith.constant dense<0.0> : vector<4xf32>
  // expected-error @+1 {{takes registers as device.nv.ldmatrix loaded them; device.nv.to_tf32 has to round them}}
  %d = device.nv.mma_tf32 %a, %b, %c : vector<4xi32>, vector<2xi32>, vector<4xf32>
  device.return
}

// -----

device.kernel @k target "sm_80" threads 32 shared 1024 parameters [] grid {
  %one = arith.constant 1 : i64
  device.launch %one, %one, %one
} body {
  %zero = arith.constant 0 : i32
  %a = device.nv.ldmatrix 4 %zero : vector<4xi32>
  %b = device.nv.ldmatrix 1 %zero : vector<1xi32>
  %c = arith.constant dense<0.0> : vector<4xf32>
  // expected-error @+1 {{multiplies A that is 16 deep by B of 8}}
  %d = device.nv.mma bf16 %a, %b, %c : vector<4xi32>, vector<1xi32>, vector<4xf32>
  device.return
}
