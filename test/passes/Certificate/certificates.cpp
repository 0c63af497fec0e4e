//===- certificates.cpp - Writes the hand-made certificates ---------------===//
//
// For lit tests: `einfall-certificates NAME` prints the certificate of that
// name (Examples.h).
//
//===----------------------------------------------------------------------===//

#include "test/passes/Certificate/Examples.h"

#include <nlohmann/json.hpp>

#include <iostream>

int main(int argc, char **argv) {
  for (const auto &[name, certificate] : einfall::certificate::examples::all())
    if (argc == 2 && std::string(name) == argv[1]) {
      std::cout << certificate.toJSON().dump(1) << "\n";
      return 0;
    }
  std::cerr << "usage: einfall-certificates NAME\n";
  return 2;
}
