//===- Hash.h - Detects corruption ------------------------------*- C++ -*-===//
//
// XXH64 (Yann Collet, xxHash specification 0.1.1), seed 0. Fast and well
// spread, but not cryptographic: whoever wants two texts of one hash can make
// them. It finds damage, not malice.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_RUNTIME_CORE_HASH_H
#define EINFALL_RUNTIME_CORE_HASH_H

#include <cstdint>
#include <string_view>

namespace einfall::runtime {

uint64_t xxh64(std::string_view bytes);

} // namespace einfall::runtime

#endif // EINFALL_RUNTIME_CORE_HASH_H
