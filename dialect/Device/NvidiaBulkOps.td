// sm_90a: barriers in shared memory and copies of whole boxes of tensors (TMA).
#ifndef EINFALL_DEVICE_NVIDIA_BULK_OPS
#define EINFALL_DEVICE_NVIDIA_BULK_OPS

//===----------------------------------------------------------------------===//
// Barriers in shared memory
//===----------------------------------------------------------------------===//

def Device_MBarrierInitOp : Device_Op<"nv.mbarrier_init"> {
  let summary = "makes a barrier in shared memory";
  let description = [{
    `mbarrier.init.shared::cta.b64` (PTX ISA, "Parallel synchronization and
    communication instructions: mbarrier"). The 8 bytes at `address` (aligned)
    become a barrier in phase 0 whose phases complete when `count` threads have
    arrived and no bytes are expected any more. One thread does it; others see
    it after `device.nv.fence mbarrier_init` and a barrier of the block.

    Example: `device.nv.mbarrier_init %full, 1`
  }];
  let arguments = (ins I32:$address, I64Attr:$count);
  let assemblyFormat = "$address `,` $count attr-dict";
  let hasVerifier = 1;
}

def Device_MBarrierArriveOp : Device_Op<"nv.mbarrier_arrive"> {
  let summary = "arrives at a barrier in shared memory";
  let description = [{
    `mbarrier.arrive.shared::cta.b64`: one arrival in the current phase, with
    release semantics: what the thread did before is visible to threads that
    have waited for this phase.
  }];
  let arguments = (ins I32:$address);
  let assemblyFormat = "$address attr-dict";
}

def Device_MBarrierExpectOp : Device_Op<"nv.mbarrier_expect"> {
  let summary = "arrives and announces bytes that copies will bring";
  let description = [{
    `mbarrier.arrive.expect_tx.shared::cta.b64`: the current phase expects
    `bytes` more, and then one arrival is made. The phase completes when all
    have arrived and the copies have brought as many bytes as were announced.

    Example: `device.nv.mbarrier_expect %full, %bytes`
  }];
  let arguments = (ins I32:$address, I32:$bytes);
  let assemblyFormat = "$address `,` $bytes attr-dict";
}

def Device_MBarrierWaitOp : Device_Op<"nv.mbarrier_wait"> {
  let summary = "waits for a phase of a barrier in shared memory";
  let description = [{
    Returns when the phase of parity `parity` (bit 0) has completed: with 0, when
    phase 0 has, so that on a new barrier the wait for 1 returns at once (a loop
    around `mbarrier.try_wait.parity.shared::cta.b64`). What the copies of that
    phase brought, and what arriving threads did before, is visible. The lanes of
    a warp may come one by one.

    Example: `device.nv.mbarrier_wait %full parity %p`
  }];
  let arguments = (ins I32:$address, I32:$parity);
  let assemblyFormat = "$address `parity` $parity attr-dict";
}

//===----------------------------------------------------------------------===//
// Fences
//===----------------------------------------------------------------------===//

def Device_Fence : Device_Enum<"Fence", "what a fence orders", [
  I32EnumAttrCase<"MBarrierInit", 0, "mbarrier_init">,
  I32EnumAttrCase<"AsyncShared", 1, "async_shared">,
]>;
def Device_FenceAttr : EnumAttr<Device_Dialect, Device_Fence, "fence">;

def Device_FenceOp : Device_Op<"nv.fence"> {
  let summary = "makes a thread's writes visible to asynchronous machinery";
  let description = [{
    `mbarrier_init`: the barriers that the thread made, to bulk copies
    (`fence.mbarrier_init.release.cluster`). `async_shared`: the thread's writes
    to shared memory, to bulk stores and matrix products that are begun after it,
    by this thread or by one that it has met at a barrier since
    (`fence.proxy.async.shared::cta`).

    Example: `device.nv.fence async_shared`
  }];
  let arguments = (ins Device_FenceAttr:$kind);
  let assemblyFormat = "$kind attr-dict";
}

//===----------------------------------------------------------------------===//
// Copies of boxes
//===----------------------------------------------------------------------===//

def Device_EncodeMapOp : Device_Op<"nv.encode_map", [Pure,
    AttrSizedOperandSegments, HasParent<"KernelOp">]> {
  let summary = "describes a tensor in global memory to bulk copies";
  let description = [{
    Stands in the `grid` region: the host does it before the launch
    (cuTensorMapEncodeTiled), and `device.launch ... maps` hands it to the body.

    A tensor of `element` at `base` (a multiple of 16) with 1 to 5 dimensions,
    the innermost first: `extents` in elements; `strides` in bytes, multiples of
    16, of all but the innermost, whose elements lie side by side. A copy moves a
    box of `box` elements, each 1 to 256; a row of a box is a multiple of 16
    bytes. In shared memory the box is dense, innermost first, at an address that
    is a multiple of 128 (1024 with a swizzle). Elements of a box outside the
    tensor are zeros when loaded and left out when stored.

    `swizzle` 32, 64 or 128: a row of a box is at most that many bytes, and bits
    4 and up of an address in shared memory are exclusive-ored with bits 7 and
    up: 1, 2 or 3 of them (PTX ISA, "Swizzling modes"); 0 is none.

    Example:
    ```mlir
    %m = device.nv.encode_map bf16 %base extents %d, %n strides %s
        box [64, 128] swizzle 128
    ```
  }];
  let arguments = (ins TypeAttr:$element, I64:$base, Variadic<I64>:$extents,
                       Variadic<I64>:$strides, DenseI64ArrayAttr:$box,
                       I64Attr:$swizzle);
  let results = (outs Device_TensorMap:$result);
  let assemblyFormat = [{
    $element $base `extents` $extents (`strides` $strides^)? `box` $box
    `swizzle` $swizzle attr-dict
  }];
  let extraClassDeclaration = [{
    /// Of a box in shared memory.
    int64_t getBoxBytes();
  }];
  let hasVerifier = 1;
}

def Device_BulkLoadOp : Device_Op<"nv.bulk_load"> {
  let summary = "copies a box of a tensor to shared memory, landing later";
  let description = [{
    `cp.async.bulk.tensor.{n}d.shared::cluster.global
    .mbarrier::complete_tx::bytes` (PTX ISA, "Data movement and conversion
    instructions: cp.async.bulk.tensor"): the box at `coordinates` (in elements,
    the innermost first; may reach outside) goes to `destination`. Each thread
    that comes here begins one copy. When it has landed, `barrier` has got the
    bytes of the whole box. Until a wait for that phase nobody may touch the
    destination.

    Example: `device.nv.bulk_load %map[%zero, %row] to %stage barrier %full`
  }];
  let arguments = (ins Device_TensorMap:$map, Variadic<I32>:$coordinates,
                       I32:$destination, I32:$barrier);
  let assemblyFormat = [{
    $map `[` $coordinates `]` `to` $destination `barrier` $barrier attr-dict
  }];
  let hasVerifier = 1;
}

def Device_BulkStoreOp : Device_Op<"nv.bulk_store"> {
  let summary = "copies a box in shared memory to a tensor, landing later";
  let description = [{
    `cp.async.bulk.tensor.{n}d.global.shared::cta.bulk_group`. Belongs to the
    group that the thread's next `device.nv.bulk_commit` closes. Writes to the
    source by threads need `device.nv.fence async_shared` before.

    Example: `device.nv.bulk_store %map[%zero, %row] from %tile`
  }];
  let arguments = (ins Device_TensorMap:$map, Variadic<I32>:$coordinates,
                       I32:$source);
  let assemblyFormat = [{
    $map `[` $coordinates `]` `from` $source attr-dict
  }];
  let hasVerifier = 1;
}

def Device_BulkCommitOp : Device_Op<"nv.bulk_commit"> {
  let summary = "closes a group of the thread's bulk stores";
  let assemblyFormat = "attr-dict";
}

def Device_BulkWaitOp : Device_Op<"nv.bulk_wait"> {
  let summary = "waits for the thread's bulk stores";
  let description = [{
    Returns when all but the newest `pending` groups of this thread have landed;
    with `read`, when they have read their sources, which may then be
    overwritten.

    Example: `device.nv.bulk_wait 0 read`
  }];
  let arguments = (ins I64Attr:$pending, UnitAttr:$read);
  let assemblyFormat = "$pending (`read` $read^)? attr-dict";
  let hasVerifier = 1;
}

#endif // EINFALL_DEVICE_NVIDIA_BULK_OPS
