// REQUIRES: ptxas
// RUN: einfall-ptx %s --target sm_90a --assemble | FileCheck %s

// The core of FlashAttention-3's forward by hand, without maximum and sum: bulk
// copies into two stages, S of the next tile in flight with O += P V of this
// one, P in registers, converted only when both have landed. The assembler must
// not serialize it (C7510 to C7515), nor spill.
// CHECK: kernel forward: {{[0-9]+}} registers, 0 bytes spill stores, 0 bytes spill loads, 0 bytes stack,
// CHECK-NOT: warning
device.kernel @forward target "sm_90a" threads 128 shared 41088
    parameters ["q", "k", "v", "o", "rows", "tiles"] grid {
^bb0(%q: i64, %k: i64, %v: i64, %o: i64, %rows: i64, %tiles: i32):
  %one = arith.constant 1 : i64
  %width = arith.constant 64 : i64
  %pitch = arith.constant 128 : i64
  %blocks = arith.ceildivsi %rows, %width : i64
  %mq = device.nv.encode_map bf16 %q extents %width, %rows strides %pitch box [64, 64] swizzle 128
  %mk = device.nv.encode_map bf16 %k extents %width, %rows strides %pitch box [64, 64] swizzle 128
  %mv = device.nv.encode_map bf16 %v extents %width, %rows strides %pitch box [64, 64] swizzle 128
  device.launch %blocks, %one, %one maps %mq, %mk, %mv
} body {
^bb0(%q: i64, %k: i64, %v: i64, %o: i64, %rows: i64, %tiles: i32, %mq: !device.tensor_map, %mk: !device.tensor_map, %mv: !device.tensor_map):
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c2 = arith.constant 2 : i32
  %c8 = arith.constant 8 : i32
  %c64 = arith.constant 64 : i32
  %tile = arith.constant 8192 : i32
  %keys = arith.constant 8192 : i32
  %values = arith.constant 24576 : i32
  %barriers = arith.constant 40960 : i32
  %first = arith.constant 24576 : i32
  %later = arith.constant 16384 : i32
  %t = device.thread
  %bx = device.block x
  %row = arith.muli %bx, %c64 : i32
  %leads = arith.cmpi eq, %t, %c0 : i32
  %second = arith.addi %barriers, %c8 : i32
  scf.if %leads {
    device.nv.mbarrier_init %barriers, 1
    device.nv.mbarrier_init %second, 1
    device.nv.fence mbarrier_init
    device.nv.mbarrier_expect %barriers, %first
    device.nv.bulk_load %mq[%c0, %row] to %c0 barrier %barriers
    device.nv.bulk_load %mk[%c0, %c0] to %keys barrier %barriers
    device.nv.bulk_load %mv[%c0, %c0] to %values barrier %barriers
  }
  device.barrier 0
  device.nv.mbarrier_wait %barriers parity %c0
  %dq = device.nv.descriptor %c0 leading 16 stride 1024 swizzle 128
  %dk0 = device.nv.descriptor %keys leading 16 stride 1024 swizzle 128
  %k1 = arith.constant 2 : i64
  %k2 = arith.constant 4 : i64
  %k3 = arith.constant 6 : i64
  %v1 = arith.constant 128 : i64
  %v2 = arith.constant 256 : i64
  %v3 = arith.constant 384 : i64
  %dq0 = device.nv.descriptor %c0 leading 16 stride 1024 swizzle 128
  %dq1 = arith.addi %dq0, %k1 : i64
  %dq2 = arith.addi %dq0, %k2 : i64
  %dq3 = arith.addi %dq0, %k3 : i64
  device.nv.wgmma_fence
  %s0 = device.nv.wgmma bf16 64 %dq0, %dk0 : i64 -> vector<32xf32>
  %sd1 = arith.addi %dk0, %k1 : i64
  %s1 = device.nv.wgmma bf16 64 %dq1, %sd1 plus %s0 : vector<32xf32> : i64 -> vector<32xf32>
  %sd2 = arith.addi %dk0, %k2 : i64
  %s2 = device.nv.wgmma bf16 64 %dq2, %sd2 plus %s1 : vector<32xf32> : i64 -> vector<32xf32>
  %sd3 = arith.addi %dk0, %k3 : i64
  %s3 = device.nv.wgmma bf16 64 %dq3, %sd3 plus %s2 : vector<32xf32> : i64 -> vector<32xf32>
  device.nv.wgmma_commit
  %sw = device.nv.wgmma_wait 0 of %s3 : vector<32xf32> -> vector<32xf32>
  %ax0 = vector.extract %sw[0] : f32 from vector<32xf32>
  %ae0 = device.approximate exp2 %ax0
  %ax1 = vector.extract %sw[1] : f32 from vector<32xf32>
  %ae1 = device.approximate exp2 %ax1
  %ax2 = vector.extract %sw[2] : f32 from vector<32xf32>
  %ae2 = device.approximate exp2 %ax2
  %ax3 = vector.extract %sw[3] : f32 from vector<32xf32>
  %ae3 = device.approximate exp2 %ax3
  %ax4 = vector.extract %sw[4] : f32 from vector<32xf32>
  %ae4 = device.approximate exp2 %ax4
  %ax5 = vector.extract %sw[5] : f32 from vector<32xf32>
  %ae5 = device.approximate exp2 %ax5
  %ax6 = vector.extract %sw[6] : f32 from vector<32xf32>
  %ae6 = device.approximate exp2 %ax6
  %ax7 = vector.extract %sw[7] : f32 from vector<32xf32>
  %ae7 = device.approximate exp2 %ax7
  %ax8 = vector.extract %sw[8] : f32 from vector<32xf32>
  %ae8 = device.approximate exp2 %ax8
  %ax9 = vector.extract %sw[9] : f32 from vector<32xf32>
  %ae9 = device.approximate exp2 %ax9
  %ax10 = vector.extract %sw[10] : f32 from vector<32xf32>
  %ae10 = device.approximate exp2 %ax10
  %ax11 = vector.extract %sw[11] : f32 from vector<32xf32>
  %ae11 = device.approximate exp2 %ax11
  %ax12 = vector.extract %sw[12] : f32 from vector<32xf32>
  %ae12 = device.approximate exp2 %ax12
  %ax13 = vector.extract %sw[13] : f32 from vector<32xf32>
  %ae13 = device.approximate exp2 %ax13
  %ax14 = vector.extract %sw[14] : f32 from vector<32xf32>
  %ae14 = device.approximate exp2 %ax14
  %ax15 = vector.extract %sw[15] : f32 from vector<32xf32>
  %ae15 = device.approximate exp2 %ax15
  %ax16 = vector.extract %sw[16] : f32 from vector<32xf32>
  %ae16 = device.approximate exp2 %ax16
  %ax17 = vector.extract %sw[17] : f32 from vector<32xf32>
  %ae17 = device.approximate exp2 %ax17
  %ax18 = vector.extract %sw[18] : f32 from vector<32xf32>
  %ae18 = device.approximate exp2 %ax18
  %ax19 = vector.extract %sw[19] : f32 from vector<32xf32>
  %ae19 = device.approximate exp2 %ax19
  %ax20 = vector.extract %sw[20] : f32 from vector<32xf32>
  %ae20 = device.approximate exp2 %ax20
  %ax21 = vector.extract %sw[21] : f32 from vector<32xf32>
  %ae21 = device.approximate exp2 %ax21
  %ax22 = vector.extract %sw[22] : f32 from vector<32xf32>
  %ae22 = device.approximate exp2 %ax22
  %ax23 = vector.extract %sw[23] : f32 from vector<32xf32>
  %ae23 = device.approximate exp2 %ax23
  %ax24 = vector.extract %sw[24] : f32 from vector<32xf32>
  %ae24 = device.approximate exp2 %ax24
  %ax25 = vector.extract %sw[25] : f32 from vector<32xf32>
  %ae25 = device.approximate exp2 %ax25
  %ax26 = vector.extract %sw[26] : f32 from vector<32xf32>
  %ae26 = device.approximate exp2 %ax26
  %ax27 = vector.extract %sw[27] : f32 from vector<32xf32>
  %ae27 = device.approximate exp2 %ax27
  %ax28 = vector.extract %sw[28] : f32 from vector<32xf32>
  %ae28 = device.approximate exp2 %ax28
  %ax29 = vector.extract %sw[29] : f32 from vector<32xf32>
  %ae29 = device.approximate exp2 %ax29
  %ax30 = vector.extract %sw[30] : f32 from vector<32xf32>
  %ae30 = device.approximate exp2 %ax30
  %ax31 = vector.extract %sw[31] : f32 from vector<32xf32>
  %ae31 = device.approximate exp2 %ax31
  %ap0_0 = device.pack bf16 %ae0, %ae1
  %ap0_1 = device.pack bf16 %ae2, %ae3
  %ap0_2 = device.pack bf16 %ae4, %ae5
  %ap0_3 = device.pack bf16 %ae6, %ae7
  %aP0 = vector.from_elements %ap0_0, %ap0_1, %ap0_2, %ap0_3 : vector<4xi32>
  %ap1_0 = device.pack bf16 %ae8, %ae9
  %ap1_1 = device.pack bf16 %ae10, %ae11
  %ap1_2 = device.pack bf16 %ae12, %ae13
  %ap1_3 = device.pack bf16 %ae14, %ae15
  %aP1 = vector.from_elements %ap1_0, %ap1_1, %ap1_2, %ap1_3 : vector<4xi32>
  %ap2_0 = device.pack bf16 %ae16, %ae17
  %ap2_1 = device.pack bf16 %ae18, %ae19
  %ap2_2 = device.pack bf16 %ae20, %ae21
  %ap2_3 = device.pack bf16 %ae22, %ae23
  %aP2 = vector.from_elements %ap2_0, %ap2_1, %ap2_2, %ap2_3 : vector<4xi32>
  %ap3_0 = device.pack bf16 %ae24, %ae25
  %ap3_1 = device.pack bf16 %ae26, %ae27
  %ap3_2 = device.pack bf16 %ae28, %ae29
  %ap3_3 = device.pack bf16 %ae30, %ae31
  %aP3 = vector.from_elements %ap3_0, %ap3_1, %ap3_2, %ap3_3 : vector<4xi32>
  %zero = arith.constant dense<0.0> : vector<32xf32>
  %last:5 = scf.for %i = %c1 to %tiles step %c1 iter_args(%acc = %zero, %pin0 = %aP0, %pin1 = %aP1, %pin2 = %aP2, %pin3 = %aP3)
      -> (vector<32xf32>, vector<4xi32>, vector<4xi32>, vector<4xi32>, vector<4xi32>) : i32 {
    %stage = arith.remui %i, %c2 : i32
    %half = arith.divui %i, %c2 : i32
    %before = arith.subi %c1, %stage : i32
    %bytes = arith.muli %stage, %tile : i32
    %bytesBefore = arith.muli %before, %tile : i32
    %eight = arith.muli %stage, %c8 : i32
    %full = arith.addi %barriers, %eight : i32
    %key = arith.addi %keys, %bytes : i32
    %value = arith.addi %values, %bytes : i32
    %valueBefore = arith.addi %values, %bytesBefore : i32
    %where = arith.muli %i, %c64 : i32
    device.barrier 0
    scf.if %leads {
      device.nv.mbarrier_expect %full, %later
      device.nv.bulk_load %mk[%c0, %where] to %key barrier %full
      device.nv.bulk_load %mv[%c0, %where] to %value barrier %full
    }
    device.nv.mbarrier_wait %full parity %half
    %dk = device.nv.descriptor %key leading 16 stride 1024 swizzle 128
    %dv = device.nv.descriptor %valueBefore leading 16 stride 1024 swizzle 128
    %f:5 = device.nv.wgmma_fence of %acc, %pin0, %pin1, %pin2, %pin3 : vector<32xf32>, vector<4xi32>, vector<4xi32>, vector<4xi32>, vector<4xi32> -> vector<32xf32>, vector<4xi32>, vector<4xi32>, vector<4xi32>, vector<4xi32>
    %n0 = device.nv.wgmma bf16 64 %dq0, %dk : i64 -> vector<32xf32>
    %nd1 = arith.addi %dk, %k1 : i64
    %n1 = device.nv.wgmma bf16 64 %dq1, %nd1 plus %n0 : vector<32xf32> : i64 -> vector<32xf32>
    %nd2 = arith.addi %dk, %k2 : i64
    %n2 = device.nv.wgmma bf16 64 %dq2, %nd2 plus %n1 : vector<32xf32> : i64 -> vector<32xf32>
    %nd3 = arith.addi %dk, %k3 : i64
    %n3 = device.nv.wgmma bf16 64 %dq3, %nd3 plus %n2 : vector<32xf32> : i64 -> vector<32xf32>
    device.nv.wgmma_commit
    %m0 = device.nv.wgmma bf16 64 %f#1, %dv transpose_b plus %f#0 : vector<32xf32> : vector<4xi32> -> vector<32xf32>
    %md1 = arith.addi %dv, %v1 : i64
    %m1 = device.nv.wgmma bf16 64 %f#2, %md1 transpose_b plus %m0 : vector<32xf32> : vector<4xi32> -> vector<32xf32>
    %md2 = arith.addi %dv, %v2 : i64
    %m2 = device.nv.wgmma bf16 64 %f#3, %md2 transpose_b plus %m1 : vector<32xf32> : vector<4xi32> -> vector<32xf32>
    %md3 = arith.addi %dv, %v3 : i64
    %m3 = device.nv.wgmma bf16 64 %f#4, %md3 transpose_b plus %m2 : vector<32xf32> : vector<4xi32> -> vector<32xf32>
    device.nv.wgmma_commit
    %w1:2 = device.nv.wgmma_wait 1 of %n3, %m3 : vector<32xf32>, vector<32xf32> -> vector<32xf32>, vector<32xf32>
    %bx0 = vector.extract %w1#0[0] : f32 from vector<32xf32>
    %be0 = device.approximate exp2 %bx0
    %bx1 = vector.extract %w1#0[1] : f32 from vector<32xf32>
    %be1 = device.approximate exp2 %bx1
    %bx2 = vector.extract %w1#0[2] : f32 from vector<32xf32>
    %be2 = device.approximate exp2 %bx2
    %bx3 = vector.extract %w1#0[3] : f32 from vector<32xf32>
    %be3 = device.approximate exp2 %bx3
    %bx4 = vector.extract %w1#0[4] : f32 from vector<32xf32>
    %be4 = device.approximate exp2 %bx4
    %bx5 = vector.extract %w1#0[5] : f32 from vector<32xf32>
    %be5 = device.approximate exp2 %bx5
    %bx6 = vector.extract %w1#0[6] : f32 from vector<32xf32>
    %be6 = device.approximate exp2 %bx6
    %bx7 = vector.extract %w1#0[7] : f32 from vector<32xf32>
    %be7 = device.approximate exp2 %bx7
    %bx8 = vector.extract %w1#0[8] : f32 from vector<32xf32>
    %be8 = device.approximate exp2 %bx8
    %bx9 = vector.extract %w1#0[9] : f32 from vector<32xf32>
    %be9 = device.approximate exp2 %bx9
    %bx10 = vector.extract %w1#0[10] : f32 from vector<32xf32>
    %be10 = device.approximate exp2 %bx10
    %bx11 = vector.extract %w1#0[11] : f32 from vector<32xf32>
    %be11 = device.approximate exp2 %bx11
    %bx12 = vector.extract %w1#0[12] : f32 from vector<32xf32>
    %be12 = device.approximate exp2 %bx12
    %bx13 = vector.extract %w1#0[13] : f32 from vector<32xf32>
    %be13 = device.approximate exp2 %bx13
    %bx14 = vector.extract %w1#0[14] : f32 from vector<32xf32>
    %be14 = device.approximate exp2 %bx14
    %bx15 = vector.extract %w1#0[15] : f32 from vector<32xf32>
    %be15 = device.approximate exp2 %bx15
    %bx16 = vector.extract %w1#0[16] : f32 from vector<32xf32>
    %be16 = device.approximate exp2 %bx16
    %bx17 = vector.extract %w1#0[17] : f32 from vector<32xf32>
    %be17 = device.approximate exp2 %bx17
    %bx18 = vector.extract %w1#0[18] : f32 from vector<32xf32>
    %be18 = device.approximate exp2 %bx18
    %bx19 = vector.extract %w1#0[19] : f32 from vector<32xf32>
    %be19 = device.approximate exp2 %bx19
    %bx20 = vector.extract %w1#0[20] : f32 from vector<32xf32>
    %be20 = device.approximate exp2 %bx20
    %bx21 = vector.extract %w1#0[21] : f32 from vector<32xf32>
    %be21 = device.approximate exp2 %bx21
    %bx22 = vector.extract %w1#0[22] : f32 from vector<32xf32>
    %be22 = device.approximate exp2 %bx22
    %bx23 = vector.extract %w1#0[23] : f32 from vector<32xf32>
    %be23 = device.approximate exp2 %bx23
    %bx24 = vector.extract %w1#0[24] : f32 from vector<32xf32>
    %be24 = device.approximate exp2 %bx24
    %bx25 = vector.extract %w1#0[25] : f32 from vector<32xf32>
    %be25 = device.approximate exp2 %bx25
    %bx26 = vector.extract %w1#0[26] : f32 from vector<32xf32>
    %be26 = device.approximate exp2 %bx26
    %bx27 = vector.extract %w1#0[27] : f32 from vector<32xf32>
    %be27 = device.approximate exp2 %bx27
    %bx28 = vector.extract %w1#0[28] : f32 from vector<32xf32>
    %be28 = device.approximate exp2 %bx28
    %bx29 = vector.extract %w1#0[29] : f32 from vector<32xf32>
    %be29 = device.approximate exp2 %bx29
    %bx30 = vector.extract %w1#0[30] : f32 from vector<32xf32>
    %be30 = device.approximate exp2 %bx30
    %bx31 = vector.extract %w1#0[31] : f32 from vector<32xf32>
    %be31 = device.approximate exp2 %bx31
    %w0:5 = device.nv.wgmma_wait 0 of %w1#1, %f#1, %f#2, %f#3, %f#4 : vector<32xf32>, vector<4xi32>, vector<4xi32>, vector<4xi32>, vector<4xi32> -> vector<32xf32>, vector<4xi32>, vector<4xi32>, vector<4xi32>, vector<4xi32>
    %bp0_0 = device.pack bf16 %be0, %be1
    %bp0_1 = device.pack bf16 %be2, %be3
    %bp0_2 = device.pack bf16 %be4, %be5
    %bp0_3 = device.pack bf16 %be6, %be7
    %bP0 = vector.from_elements %bp0_0, %bp0_1, %bp0_2, %bp0_3 : vector<4xi32>
    %bp1_0 = device.pack bf16 %be8, %be9
    %bp1_1 = device.pack bf16 %be10, %be11
    %bp1_2 = device.pack bf16 %be12, %be13
    %bp1_3 = device.pack bf16 %be14, %be15
    %bP1 = vector.from_elements %bp1_0, %bp1_1, %bp1_2, %bp1_3 : vector<4xi32>
    %bp2_0 = device.pack bf16 %be16, %be17
    %bp2_1 = device.pack bf16 %be18, %be19
    %bp2_2 = device.pack bf16 %be20, %be21
    %bp2_3 = device.pack bf16 %be22, %be23
    %bP2 = vector.from_elements %bp2_0, %bp2_1, %bp2_2, %bp2_3 : vector<4xi32>
    %bp3_0 = device.pack bf16 %be24, %be25
    %bp3_1 = device.pack bf16 %be26, %be27
    %bp3_2 = device.pack bf16 %be28, %be29
    %bp3_3 = device.pack bf16 %be30, %be31
    %bP3 = vector.from_elements %bp3_0, %bp3_1, %bp3_2, %bp3_3 : vector<4xi32>
    scf.yield %w0#0, %bP0, %bP1, %bP2, %bP3 : vector<32xf32>, vector<4xi32>, vector<4xi32>, vector<4xi32>, vector<4xi32>
  }
  %lastTile = arith.subi %tiles, %c1 : i32
  %lastStage = arith.remui %lastTile, %c2 : i32
  %lastBytes = arith.muli %lastStage, %tile : i32
  %lastValue = arith.addi %values, %lastBytes : i32
  %dl = device.nv.descriptor %lastValue leading 16 stride 1024 swizzle 128
  %g:5 = device.nv.wgmma_fence of %last#0, %last#1, %last#2, %last#3, %last#4 : vector<32xf32>, vector<4xi32>, vector<4xi32>, vector<4xi32>, vector<4xi32> -> vector<32xf32>, vector<4xi32>, vector<4xi32>, vector<4xi32>, vector<4xi32>
  %z0 = device.nv.wgmma bf16 64 %g#1, %dl transpose_b plus %g#0 : vector<32xf32> : vector<4xi32> -> vector<32xf32>
  %zd1 = arith.addi %dl, %v1 : i64
  %z1 = device.nv.wgmma bf16 64 %g#2, %zd1 transpose_b plus %z0 : vector<32xf32> : vector<4xi32> -> vector<32xf32>
  %zd2 = arith.addi %dl, %v2 : i64
  %z2 = device.nv.wgmma bf16 64 %g#3, %zd2 transpose_b plus %z1 : vector<32xf32> : vector<4xi32> -> vector<32xf32>
  %zd3 = arith.addi %dl, %v3 : i64
  %z3 = device.nv.wgmma bf16 64 %g#4, %zd3 transpose_b plus %z2 : vector<32xf32> : vector<4xi32> -> vector<32xf32>
  device.nv.wgmma_commit
  %end = device.nv.wgmma_wait 0 of %z3 : vector<32xf32> -> vector<32xf32>
  %c4 = arith.constant 4 : i64
  %t64 = arith.extui %t : i32 to i64
  %at = arith.muli %t64, %c4 : i64
  %off0 = arith.constant 0 : i64
  %at0 = arith.addi %at, %off0 : i64
  %r0 = vector.extract %end[0] : f32 from vector<32xf32>
  device.store global %r0, %o[%at0 : i64] : i64, f32
  %off1 = arith.constant 512 : i64
  %at1 = arith.addi %at, %off1 : i64
  %r1 = vector.extract %end[1] : f32 from vector<32xf32>
  device.store global %r1, %o[%at1 : i64] : i64, f32
  %off2 = arith.constant 1024 : i64
  %at2 = arith.addi %at, %off2 : i64
  %r2 = vector.extract %end[2] : f32 from vector<32xf32>
  device.store global %r2, %o[%at2 : i64] : i64, f32
  %off3 = arith.constant 1536 : i64
  %at3 = arith.addi %at, %off3 : i64
  %r3 = vector.extract %end[3] : f32 from vector<32xf32>
  device.store global %r3, %o[%at3 : i64] : i64, f32
  %off4 = arith.constant 2048 : i64
  %at4 = arith.addi %at, %off4 : i64
  %r4 = vector.extract %end[4] : f32 from vector<32xf32>
  device.store global %r4, %o[%at4 : i64] : i64, f32
  %off5 = arith.constant 2560 : i64
  %at5 = arith.addi %at, %off5 : i64
  %r5 = vector.extract %end[5] : f32 from vector<32xf32>
  device.store global %r5, %o[%at5 : i64] : i64, f32
  %off6 = arith.constant 3072 : i64
  %at6 = arith.addi %at, %off6 : i64
  %r6 = vector.extract %end[6] : f32 from vector<32xf32>
  device.store global %r6, %o[%at6 : i64] : i64, f32
  %off7 = arith.constant 3584 : i64
  %at7 = arith.addi %at, %off7 : i64
  %r7 = vector.extract %end[7] : f32 from vector<32xf32>
  device.store global %r7, %o[%at7 : i64] : i64, f32
  %off8 = arith.constant 4096 : i64
  %at8 = arith.addi %at, %off8 : i64
  %r8 = vector.extract %end[8] : f32 from vector<32xf32>
  device.store global %r8, %o[%at8 : i64] : i64, f32
  %off9 = arith.constant 4608 : i64
  %at9 = arith.addi %at, %off9 : i64
  %r9 = vector.extract %end[9] : f32 from vector<32xf32>
  device.store global %r9, %o[%at9 : i64] : i64, f32
  %off10 = arith.constant 5120 : i64
  %at10 = arith.addi %at, %off10 : i64
  %r10 = vector.extract %end[10] : f32 from vector<32xf32>
  device.store global %r10, %o[%at10 : i64] : i64, f32
  %off11 = arith.constant 5632 : i64
  %at11 = arith.addi %at, %off11 : i64
  %r11 = vector.extract %end[11] : f32 from vector<32xf32>
  device.store global %r11, %o[%at11 : i64] : i64, f32
  %off12 = arith.constant 6144 : i64
  %at12 = arith.addi %at, %off12 : i64
  %r12 = vector.extract %end[12] : f32 from vector<32xf32>
  device.store global %r12, %o[%at12 : i64] : i64, f32
  %off13 = arith.constant 6656 : i64
  %at13 = arith.addi %at, %off13 : i64
  %r13 = vector.extract %end[13] : f32 from vector<32xf32>
  device.store global %r13, %o[%at13 : i64] : i64, f32
  %off14 = arith.constant 7168 : i64
  %at14 = arith.addi %at, %off14 : i64
  %r14 = vector.extract %end[14] : f32 from vector<32xf32>
  device.store global %r14, %o[%at14 : i64] : i64, f32
  %off15 = arith.constant 7680 : i64
  %at15 = arith.addi %at, %off15 : i64
  %r15 = vector.extract %end[15] : f32 from vector<32xf32>
  device.store global %r15, %o[%at15 : i64] : i64, f32
  %off16 = arith.constant 8192 : i64
  %at16 = arith.addi %at, %off16 : i64
  %r16 = vector.extract %end[16] : f32 from vector<32xf32>
  device.store global %r16, %o[%at16 : i64] : i64, f32
  %off17 = arith.constant 8704 : i64
  %at17 = arith.addi %at, %off17 : i64
  %r17 = vector.extract %end[17] : f32 from vector<32xf32>
  device.store global %r17, %o[%at17 : i64] : i64, f32
  %off18 = arith.constant 9216 : i64
  %at18 = arith.addi %at, %off18 : i64
  %r18 = vector.extract %end[18] : f32 from vector<32xf32>
  device.store global %r18, %o[%at18 : i64] : i64, f32
  %off19 = arith.constant 9728 : i64
  %at19 = arith.addi %at, %off19 : i64
  %r19 = vector.extract %end[19] : f32 from vector<32xf32>
  device.store global %r19, %o[%at19 : i64] : i64, f32
  %off20 = arith.constant 10240 : i64
  %at20 = arith.addi %at, %off20 : i64
  %r20 = vector.extract %end[20] : f32 from vector<32xf32>
  device.store global %r20, %o[%at20 : i64] : i64, f32
  %off21 = arith.constant 10752 : i64
  %at21 = arith.addi %at, %off21 : i64
  %r21 = vector.extract %end[21] : f32 from vector<32xf32>
  device.store global %r21, %o[%at21 : i64] : i64, f32
  %off22 = arith.constant 11264 : i64
  %at22 = arith.addi %at, %off22 : i64
  %r22 = vector.extract %end[22] : f32 from vector<32xf32>
  device.store global %r22, %o[%at22 : i64] : i64, f32
  %off23 = arith.constant 11776 : i64
  %at23 = arith.addi %at, %off23 : i64
  %r23 = vector.extract %end[23] : f32 from vector<32xf32>
  device.store global %r23, %o[%at23 : i64] : i64, f32
  %off24 = arith.constant 12288 : i64
  %at24 = arith.addi %at, %off24 : i64
  %r24 = vector.extract %end[24] : f32 from vector<32xf32>
  device.store global %r24, %o[%at24 : i64] : i64, f32
  %off25 = arith.constant 12800 : i64
  %at25 = arith.addi %at, %off25 : i64
  %r25 = vector.extract %end[25] : f32 from vector<32xf32>
  device.store global %r25, %o[%at25 : i64] : i64, f32
  %off26 = arith.constant 13312 : i64
  %at26 = arith.addi %at, %off26 : i64
  %r26 = vector.extract %end[26] : f32 from vector<32xf32>
  device.store global %r26, %o[%at26 : i64] : i64, f32
  %off27 = arith.constant 13824 : i64
  %at27 = arith.addi %at, %off27 : i64
  %r27 = vector.extract %end[27] : f32 from vector<32xf32>
  device.store global %r27, %o[%at27 : i64] : i64, f32
  %off28 = arith.constant 14336 : i64
  %at28 = arith.addi %at, %off28 : i64
  %r28 = vector.extract %end[28] : f32 from vector<32xf32>
  device.store global %r28, %o[%at28 : i64] : i64, f32
  %off29 = arith.constant 14848 : i64
  %at29 = arith.addi %at, %off29 : i64
  %r29 = vector.extract %end[29] : f32 from vector<32xf32>
  device.store global %r29, %o[%at29 : i64] : i64, f32
  %off30 = arith.constant 15360 : i64
  %at30 = arith.addi %at, %off30 : i64
  %r30 = vector.extract %end[30] : f32 from vector<32xf32>
  device.store global %r30, %o[%at30 : i64] : i64, f32
  %off31 = arith.constant 15872 : i64
  %at31 = arith.addi %at, %off31 : i64
  %r31 = vector.extract %end[31] : f32 from vector<32xf32>
  device.store global %r31, %o[%at31 : i64] : i64, f32
  device.return
}
