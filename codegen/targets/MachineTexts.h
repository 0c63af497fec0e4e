//===- MachineTexts.h - The descriptions that are built in ------*- C++ -*-===//

#ifndef EINFALL_CODEGEN_TARGETS_MACHINETEXTS_H
#define EINFALL_CODEGEN_TARGETS_MACHINETEXTS_H

#include <span>

namespace einfall {

struct MachineText {
  const char *name;
  const char *text; ///< of machines/`name`.json
};

std::span<const MachineText> machineTexts();

} // namespace einfall

#endif // EINFALL_CODEGEN_TARGETS_MACHINETEXTS_H
