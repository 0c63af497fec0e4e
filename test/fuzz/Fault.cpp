//===- Fault.cpp - A broken promise ---------------------------------------===//

#include "test/fuzz/Target.h"

#include <cstdio>
#include <cstdlib>

void einfall::fuzz::fault(std::string_view what, std::string_view input) {
  std::fprintf(stderr, "fault: %.*s\n---\n%.*s\n---\n", int(what.size()),
               what.data(), int(input.size()), input.data());
  std::abort();
}
