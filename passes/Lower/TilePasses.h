//===- TilePasses.h - Scheduling and tiles as passes ------------*- C++ -*-===//
//
// `--schedule-tiles` decides how the folds of each kernel are tiled and writes
// the decision down as the kernel's `schedule`, completing what the user fixed.
// `--lower-tiles-to-vector` obeys a schedule, given or decided, and emits code.
// Between the two a schedule is text: it can be read, tested and edited.
//
//   cascade.kernel @k attributes {schedule = {tile = {p = 96}}} ...
//   ==> cascade.kernel @k attributes {schedule = {row_vectors = 3 : i64,
//                                     tile = {m = 80 : i64, p = 96 : i64}}} ...
//
// Options: `extents=e=64,f=64` fixes extents; `lanes`, `registers` and `l1` (in
// bytes) describe the processor, 16, 32 and 49152 unless given.
//
// A kernel that does not fit the tile program is left alone, with a remark that
// says why.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_LOWER_TILEPASSES_H
#define EINFALL_PASSES_LOWER_TILEPASSES_H

namespace einfall {

void registerTilePasses();

} // namespace einfall

#endif // EINFALL_PASSES_LOWER_TILEPASSES_H
