// RUN: not einfall-ptx %s --target sm_80 2>&1 | FileCheck %s
// RUN: not einfall-ptx %s --target sm_90a 2>&1 | FileCheck %s --check-prefix=OTHER
// RUN: not einfall-ptx %s --target sm_10 2>&1 | FileCheck %s --check-prefix=NONE

// CHECK: error: kernel 'large' needs 200000 bytes of shared memory per block, sm_80 has 166912; use smaller tiles or fewer stages
// OTHER: error: kernel 'large' was lowered for sm_80, not for sm_90a; lower it again
// NONE: error: there is no target 'sm_10'; known are sm_80, sm_90a
device.kernel @large target "sm_80" threads 32 shared 200000 parameters [] grid {
  %one = arith.constant 1 : i64
  device.launch %one, %one, %one
} body {
  device.return
}
