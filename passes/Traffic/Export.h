//===- Export.h - Forms in the language of certificates ---------*- C++ -*-===//

#ifndef EINFALL_PASSES_TRAFFIC_EXPORT_H
#define EINFALL_PASSES_TRAFFIC_EXPORT_H

#include "passes/Certificate/Expression.h"
#include "passes/Traffic/Index.h"

namespace einfall::traffic {

/// A form without unknown parts and free variables. Extents become extents,
/// other parameters coordinates, truths 1 or 0; tensors begin at 0.
certificate::Expression exported(Ref form, const Pool &pool);

} // namespace einfall::traffic

#endif // EINFALL_PASSES_TRAFFIC_EXPORT_H
