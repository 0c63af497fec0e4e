//===- JitLink.h - The assembler as a library -------------------*- C++ -*-===//
//
// libnvJitLink, opened at run time. Needs no GPU and no driver. Once opened a
// library stays open.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_CODEGEN_NVIDIA_JITLINK_H
#define EINFALL_CODEGEN_NVIDIA_JITLINK_H

#include "codegen/nvidia/Assembler.h"

namespace einfall::nvidia {

/// Without a build number, which the library does not say.
llvm::Expected<ToolVersion> jitLinkVersion(llvm::StringRef path);

/// Assembles in process; `options.seconds` has no effect.
llvm::Expected<Assembly> runJitLink(llvm::StringRef path, llvm::StringRef ptx,
                                    const GpuTarget &target,
                                    const AssembleOptions &options);

} // namespace einfall::nvidia

#endif // EINFALL_CODEGEN_NVIDIA_JITLINK_H
