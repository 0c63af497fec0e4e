//===- Absence.cpp - Why a value may be absent, for people ----------------===//
//
// Finds the place that a message about absence points at, and what to do about
// it: the remedy for an index that may lie outside is most often another index,
// and a filler only where absence is meant.
//
//===----------------------------------------------------------------------===//

#include "frontend/sema/Elaborator.h"
#include "frontend/sema/Frontend.h"

using namespace einfall::ein;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

Absence Elaborator::findAbsence(NodeId root, PresenceId left) const {
  Absence absence = build.presence.explain(left);
  if (absence.cause != AbsenceCause::Nothing)
    return absence;
  auto has = [&](NodeId id) {
    return build.presence.holds(kernel[id].presence, absence.atom);
  };
  // In the order of writing.
  SmallVector<NodeId, 16> stack{root};
  llvm::DenseSet<NodeId> seen;
  while (!stack.empty()) {
    NodeId id = stack.pop_back_val();
    const Node &node = kernel[id];
    if (!seen.insert(id).second || !has(id))
      continue;
    if (node.nodeKind == NodeKind::Ref) {
      stack.push_back(kernel.tensors[node.index].value);
      continue;
    }
    if (llvm::none_of(node.operands, has)) {
      absence.range = node.range;
      return absence;
    }
    stack.append(node.operands.rbegin(), node.operands.rend());
  }
  return absence;
}

/// "index `h` may lie outside of rank `g` of `V`"; empty where that is not
/// known.
std::string Elaborator::describeIndex(const Absence &absence) const {
  if (absence.cause != AbsenceCause::Outside || absence.access == 0)
    return "";
  const Builder::Indexed &indexed = build.accesses[absence.access - 1];
  const Builder::Access &access = indexed.access;
  std::string text =
      "index `" + printNode(kernel, access.index) + "` may lie outside of ";
  if (access.rank)
    text += "rank `" + kernel.ranks[*access.rank].name + "`";
  else
    text += "0 .. " + std::to_string(access.offset);
  if (!indexed.tensor.empty())
    text += " of `" + indexed.tensor + "`";
  return text;
}

bool Elaborator::mentionsExtent(NodeId id, RankId rank) const {
  const Node &node = kernel[id];
  return (node.nodeKind == NodeKind::Extent && node.index == rank) ||
         llvm::any_of(node.operands, [&](NodeId operand) {
           return mentionsExtent(operand, rank);
         });
}

void Elaborator::noteAbsence(DiagnosticEngine::Builder &builder,
                             const Absence &absence) {
  switch (absence.cause) {
  case AbsenceCause::Condition:
    builder.note(absence.range,
                 "a coordinate that this condition excludes does not exist");
    return;
  case AbsenceCause::Nothing:
    builder.note(absence.range,
                 "this is absent where there is nothing to reduce");
    return;
  case AbsenceCause::Selection:
    builder.note(absence.range,
                 "a selection may have fewer entries than places");
    return;
  case AbsenceCause::Scatter:
    builder.note(absence.range, "no equation may write some coordinates");
    return;
  case AbsenceCause::Other:
    builder.note(absence.range, "because of this");
    return;
  case AbsenceCause::Outside:
    break;
  }
  if (absence.access == 0) {
    builder.note(absence.range, "this access may lie outside of the tensor and "
                                "does not exist then");
    return;
  }
  const Builder::Indexed &indexed = build.accesses[absence.access - 1];
  const Builder::Access &access = indexed.access;
  const Node &index = kernel[access.index];
  builder.note(index.range.isValid() ? index.range : absence.range,
               "this index may lie outside, where nothing exists");
  if (indexed.declared.isValid())
    builder.note(indexed.declared, "`" + indexed.tensor + "` declared here");
  if (!access.rank)
    return;
  StringRef rank = kernel.ranks[*access.rank].name;
  if (index.nodeKind == NodeKind::Read) {
    StringRef list = kernel.inputs[index.index].name;
    builder.remedy("if its elements all lie inside, say so: `require " + list +
                   " in 0 .. |" + rank + "|`");
    return;
  }
  // An index made of one rank h: alone, or as in h / (|h| / |g|), which leaves
  // g where |g| does not divide |h|.
  if (index.ranks.size() != 1)
    return;
  RankId given = index.ranks.front();
  bool isAlone = index.nodeKind == NodeKind::Coord;
  bool isGrouped = index.quotient && mentionsExtent(access.index, given) &&
                   mentionsExtent(access.index, *access.rank);
  if (!isAlone && !isGrouped)
    return;
  StringRef name = kernel.ranks[given].name;
  std::string share = (name + "*|" + rank + "|/|" + name + "|").str();
  // The idiom for heads in groups, where the kernel uses it already.
  bool isShared = llvm::any_of(kernel.nodes, [&](const Node &node) {
    return node.nodeKind == NodeKind::Product && node.operands.size() == 3 &&
           kernel[node.operands[0]].nodeKind == NodeKind::Coord &&
           kernel[node.operands[0]].index == given &&
           kernel[node.operands[1]].nodeKind == NodeKind::Extent &&
           kernel[node.operands[1]].index == *access.rank;
  });
  if (isShared || isGrouped) {
    builder.remedy("did you mean `" + share + "`?")
        .fix("write `" + share + "`", {{index.range, share}});
    return;
  }
  builder.remedy("if `" + name + "` and `" + rank +
                 "` are one rank, declare them with one name; if several `" +
                 name + "` share one `" + rank + "`, the index is `" + share +
                 "`");
}

/// Rule abs.4, of an output that declares no filler.
void Elaborator::checkPresence(const Param &output, const TensorInfo &tensor,
                               PresenceId left) {
  Absence absence{AbsenceCause::Scatter, tensor.range};
  if (left)
    absence = findAbsence(tensor.value, left);
  StringRef name = output.name.name;
  std::string index = describeIndex(absence);
  auto builder = build.error(
      output.name.range, Rule::Abs4,
      "the output `" + name + "` may be absent" +
          (index.empty() ? " and declares no filler" : ": " + index));
  noteAbsence(builder, absence);
  bool isLeast = llvm::any_of(kernel.nodes, [&](const Node &node) {
    return node.nodeKind == NodeKind::Reduce && node.reduce == ReduceFn::Min &&
           node.range.begin == absence.range.begin &&
           node.range.end == absence.range.end;
  });
  ValueKind kind = getValueKind(*parseElementType(output.type.name));
  StringRef filler = kind == ValueKind::Bool  ? "false"
                     : kind == ValueKind::Int ? "-1"
                     : absence.cause == AbsenceCause::Nothing
                         ? (isLeast ? "inf" : "-inf")
                         : "0";
  std::string ranks;
  for (const Expr *dim : output.dims)
    ranks += (ranks.empty() ? "[" : ",") + dim->name.name.str();
  if (!ranks.empty())
    ranks += "]";
  builder.remedy((index.empty() ? "" : "where absence is meant, ") +
                 Twine("declare `") + name + ranks + ": " + output.type.name +
                 " else " + filler +
                 "`, or give the value with `or_else(x, v)`");
  builder.fix("write `else " + filler + "`",
              {{{output.type.range.end, output.type.range.end},
                (" else " + filler).str()}});
}
