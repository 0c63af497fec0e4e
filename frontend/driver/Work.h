//===- Work.h - How much arithmetic a kernel asks for -----------*- C++ -*-===//

#ifndef EINFALL_FRONTEND_DRIVER_WORK_H
#define EINFALL_FRONTEND_DRIVER_WORK_H

#include "frontend/driver/Arguments.h"

namespace einfall::driver {

/// Floating-point operations of the sums of products in `kernel` as written,
/// two for each term, at the coordinates where the term exists by the
/// conditions of `where`. A condition is counted exactly over the ranks it
/// depends on where those have at most 2^22 coordinates, and estimated from
/// 2^20 of them otherwise.
double countContractions(cascade::KernelOp kernel,
                         const KernelArguments &arguments);

} // namespace einfall::driver

#endif // EINFALL_FRONTEND_DRIVER_WORK_H
