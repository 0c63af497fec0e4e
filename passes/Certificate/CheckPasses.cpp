//===- CheckPasses.cpp - What must move at least once, or again -----------===//

#include "passes/Certificate/Checker.h"
#include "passes/Certificate/Integer.h"

namespace einfall::certificate {

std::pair<mpq_class, mpq_class> Checker::compulsory() const {
  mpz_class inputs = 0, outputs = 0; // bits
  for (const Tensor &tensor : certificate.tensors)
    (tensor.direction == Tensor::Direction::Input ? inputs : outputs) +=
        tensor.elements * tensor.bits;
  mpq_class in(inputs, 8), out(outputs, 8);
  in.canonicalize();
  out.canonicalize();
  return {in, out};
}

Checker::Bytes Checker::derive(Path path, CompulsoryBound &bound,
                               const Boundary &boundary) {
  auto [inputs, outputs] = compulsory();
  expect(path + ".inputs", bound.inputs, floorOf(inputs));
  expect(path + ".outputs", bound.outputs, floorOf(outputs));
  return floorOf(inputs + outputs);
}

/// After a barrier every element of a fibre is needed, and all units together
/// hold units x capacity bytes of it, as it or as what was made of it. What is
/// loaded again is loaded beyond the compulsory traffic.
Checker::Bytes Checker::derive(Path path, PassesBound &bound,
                               const Boundary &boundary) {
  const Tensor *tensor = findTensor(path + ".tensor", bound.tensor);
  if (!tensor || !checkRanks(path + ".fibre", bound.fibre))
    return std::nullopt;
  if (tensor->direction != Tensor::Direction::Input || !tensor->needs.empty()) {
    problem(path + ".tensor",
            "'" + bound.tensor + "' is not an input that is needed whole");
    return std::nullopt;
  }
  if (bound.bits > tensor->bits) {
    problem(path + ".bits", "an element of '" + bound.tensor + "' has " +
                                std::to_string(tensor->bits));
    return std::nullopt;
  }
  std::set<std::string> plain = plainRanks(*tensor, certificate.extents);
  for (const std::string &rank : bound.fibre)
    if (!plain.count(rank)) {
      problem(path + ".fibre",
              "'" + bound.tensor + "' is not indexed by '" + rank + "' alone");
      return std::nullopt;
    }
  if (bound.fibre.empty() || bound.barriers.empty()) {
    problem(path + (bound.fibre.empty() ? ".fibre" : ".barriers"), "is empty");
    return std::nullopt;
  }
  mpz_class elements = volume(bound.fibre);
  if (elements == 0 || tensor->elements % elements != 0) {
    problem(path + ".fibre", "the elements of '" + bound.tensor +
                                 "' are not fibres of " + text(elements));
    return std::nullopt;
  }
  mpz_class fibres = tensor->elements / elements;
  mpz_class length = floorQuotient(elements * bound.bits, 8);
  expect(path + ".fibres", bound.fibres, fibres);
  expect(path + ".length", bound.length, length);
  mpz_class again = length - toInteger(boundary.units) * boundary.capacity;
  if (again < 0)
    again = 0;
  auto [inputs, outputs] = compulsory();
  mpz_class barriers = toInteger(static_cast<uint64_t>(bound.barriers.size()));
  return floorOf(inputs + outputs + fibres * barriers * again);
}

} // namespace einfall::certificate
