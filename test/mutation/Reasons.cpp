//===- Reasons.cpp - Why a mutant is no fault -----------------------------===//

#include "test/mutation/Reasons.h"

#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace einfall;
using namespace einfall::mutation;

llvm::Expected<Reasons> Reasons::load(llvm::StringRef path) {
  auto wrong = [&](const llvm::Twine &text) {
    return llvm::createStringError(path + ": " + text);
  };
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!file)
    return wrong("cannot read: " + file.getError().message());
  llvm::Expected<llvm::json::Value> parsed =
      llvm::json::parse((*file)->getBuffer());
  if (!parsed)
    return parsed.takeError();
  const llvm::json::Array *array = parsed->getAsArray();
  if (!array)
    return wrong("an array of rules is expected");
  Reasons reasons;
  for (auto [number, entry] : llvm::enumerate(*array)) {
    const llvm::json::Object *object = entry.getAsObject();
    auto text = [&](llvm::StringRef key) {
      return object ? object->getString(key).value_or("").str() : "";
    };
    Rule rule{text("name"),
              text("reason"),
              {},
              llvm::Regex(text("role")),
              llvm::Regex(text("program")),
              object && object->getBoolean("equal").value_or(false)};
    const llvm::json::Array *kinds =
        object ? object->getArray("kinds") : nullptr;
    if (rule.name.empty() || rule.reason.empty() || !kinds)
      return wrong("rule " + llvm::Twine(number) +
                   " needs a name, kinds and a reason");
    std::string broken;
    if (!rule.role.isValid(broken) || !rule.program.isValid(broken))
      return wrong("rule " + rule.name + ": " + broken);
    for (const llvm::json::Value &kind : *kinds)
      rule.kinds.push_back(kind.getAsString().value_or("").str());
    reasons.rules.push_back(std::move(rule));
  }
  return reasons;
}

bool Reasons::matches(const Rule &rule, llvm::StringRef program,
                      const Mutant &mutant) {
  return llvm::is_contained(rule.kinds, name(mutant.kind)) &&
         rule.role.match(mutant.role) && rule.program.match(program);
}

bool Reasons::explains(llvm::StringRef program, const Mutant &mutant) const {
  return llvm::any_of(
      rules, [&](const Rule &rule) { return matches(rule, program, mutant); });
}

const Reasons::Rule *Reasons::find(llvm::StringRef program,
                                   const Mutant &mutant, bool equal) {
  for (Rule &rule : rules) {
    if ((rule.equal && !equal) || !matches(rule, program, mutant))
      continue;
    ++rule.used;
    return &rule;
  }
  return nullptr;
}
