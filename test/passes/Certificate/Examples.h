//===- Examples.h - Certificates made by hand -------------------*- C++ -*-===//

#ifndef EINFALL_TEST_PASSES_CERTIFICATE_EXAMPLES_H
#define EINFALL_TEST_PASSES_CERTIFICATE_EXAMPLES_H

#include "passes/Certificate/Check.h"

namespace einfall::certificate::examples {

/// One head of attention, 8192 x 8192, widths 128, fp16, on SMs of 512 KiB: a
/// block of 256 rows streams keys and values.
Certificate attention();
/// The backward pass of one head, 4096 x 8192, widths 64, fp32 (Theorem 10).
Certificate backward();
/// Forward again, with a causal mask, 4 x 48 heads that share 8, and partial
/// outputs in fp32 (Theorem 4).
Certificate causalMixed();
/// Value columns blocked: F = 4 E (regime b), and a small memory (c, d).
Certificate wideValues();
Certificate smallMemory();
/// Multi-head latent attention, absorbed: values are the first 512 of 576 key
/// words (Theorem 5), in the regimes d and, in a cluster, a.
Certificate latent();
/// 4096^3 in fp16, partial sums in fp32.
Certificate matmul();
/// A norm of rows in two passes that does not fit, and the recurrence of a
/// linear attention, which is compulsory.
Certificate norm();
Certificate recurrence();

/// Tiles of Hopper's program, 64 wide, and of Ampere's, 128 and 96 wide.
Choice warpgroups();
Choice blocks();
/// Sizes of a processor's tiles, with lanes of 8 and small caches: a causal
/// fold, and one without a mask. Ranks p, m and n are 40, 64 and 90.
SizeChoice sizes();
Certificate withSizes();

std::vector<std::pair<const char *, Certificate>> all();

} // namespace einfall::certificate::examples

#endif // EINFALL_TEST_PASSES_CERTIFICATE_EXAMPLES_H
