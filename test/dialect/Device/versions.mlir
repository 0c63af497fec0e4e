// RUN: einfall-opt %s | einfall-opt | FileCheck %s

// Two programs of one version: what the first leaves in the workspace the second
// finds there.
// CHECK-LABEL: device.kernel @parts
// CHECK-SAME: parameters ["x", "workspace"] then @merge grid
// CHECK: device.launch %{{.*}}, %{{.*}}, %{{.*}} when %{{.*}} workspace %{{.*}}
// CHECK-LABEL: device.kernel @merge
// CHECK-SAME: parameters ["x", "workspace"] grid
device.kernel @parts target "sm_80" threads 32 shared 0
    parameters ["x", "workspace"] then @merge grid {
^bb0(%x: i64, %w: i64):
  %one = arith.constant 1 : i64
  %fits = arith.cmpi ne, %x, %one : i64
  device.launch %one, %one, %one when %fits workspace %one
} body {
^bb0(%x: i64, %w: i64):
  device.return
}
device.kernel @merge target "sm_80" threads 32 shared 0
    parameters ["x", "workspace"] grid {
^bb0(%x: i64, %w: i64):
  %one = arith.constant 1 : i64
  device.launch %one, %one, %one workspace %one
} body {
^bb0(%x: i64, %w: i64):
  device.return
}
