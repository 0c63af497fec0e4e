//===- Elaborated.h - The elaborated cascade --------------------*- C++ -*-===//
//
// What the analysis of a kernel gives: every sum explicit, every name resolved,
// every def inlined, every index an expression, every node typed and with its
// place. Values are point-free as in the cascade dialect: a node is a field, a
// partial function from the coordinates of its ranks to a real, an integer or a
// truth value. Nodes and tensors are numbered so that operands come first.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_SEMA_ELABORATED_H
#define EINFALL_FRONTEND_SEMA_ELABORATED_H

#include "frontend/sema/Builtins.h"
#include "frontend/syntax/Source.h"
#include "llvm/ADT/SmallVector.h"
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace einfall::ein {

using NodeId = uint32_t;
using RankId = uint32_t;
using TensorId = uint32_t;
constexpr NodeId noNode = ~0u;

enum class ValueKind : uint8_t { Real, Int, Bool };

/// "real", "int", "bool".
llvm::StringRef getName(ValueKind kind);

/// Sorted, each once.
using RankSet = llvm::SmallVector<RankId, 4>;

enum class NodeKind : uint8_t {
  Coord,   // the coordinate of rank `index`
  Extent,  // the extent of rank `index`
  Const,   // `real` or `integer`, by `kind`
  Param,   // the scalar input `index`
  Read,    // input `index` at the operands, one a dimension
  Ref,     // tensor `index`
  Map,     // fn(operands)
  Sum,     // operands joined by ops, Add or Sub; ops[0] is the leading sign
  Product, // operands joined by ops, left to right: Mul, Div, FloorDiv
  Where,   // operands[0] where operands[1]
  OrElse,  // operands[0], where absent operands[1]
  At,      // operands[0] with over[i] replaced by operands[i + 1], all at once
  Reduce,  // `reduce` of operands[0] over `over`
  TopK,    // coordinates along over[0] of the operands[1] greatest values of
           // operands[0], numbered by rank `index`
  Select,  // coordinates along over[0] where operands[0] is true, by `index`
};

struct Node {
  NodeKind nodeKind;
  ValueKind kind = ValueKind::Real;
  MapFn fn = MapFn::Add;
  ReduceFn reduce = ReduceFn::Sum;
  bool quotient = false; // an integer that a floored quotient went into
  uint32_t index = 0;
  int64_t integer = 0;
  double real = 0;
  llvm::SmallVector<NodeId, 2> operands;
  llvm::SmallVector<MapFn, 2> ops;
  llvm::SmallVector<RankId, 1> over;
  RankSet ranks;         // of the result
  uint32_t presence = 0; // 0: present everywhere (see Presence.h)
  SourceRange range;
};

enum class ExtentKind : uint8_t {
  Shape,     // dimension `dim` of input `input`, less `offset`
  Declared,  // `extent`, an integer without ranks
  Define,    // `constant`, by -D
  Selection, // how many entries topk or select can give: `extent`
  Ragged,    // coordinates low .. high, which depend on `parent`
  State,     // the states of a recurrence: extent |parent| + 1, from `first`
};

struct RankInfo {
  std::string name; // unique in the kernel
  SourceRange range;
  ExtentKind kind = ExtentKind::Shape;
  unsigned input = 0, dim = 0;
  int64_t offset = 0;
  NodeId extent = noNode, low = noNode, high = noNode;
  RankId parent = 0;
  int64_t first = 0; // the first coordinate; -1 for states backwards in time
  std::optional<int64_t> constant;    // known at compile time
  std::optional<int64_t> defaultSize; // for examples and random runs
};

/// A dimension of an input: |rank| + offset, or `offset` alone.
struct InputDim {
  std::optional<RankId> rank;
  int64_t offset = 0;
};

enum class ElementType : uint8_t {
  F32,
  F16,
  BF16,
  F8E4M3,
  F8E5M2,
  I32,
  I8,
  Bool,
  I4,
  U4,
  U2,
};

llvm::StringRef getName(ElementType type);
ValueKind getValueKind(ElementType type);
/// 32, 16, 8, 4 or 2; bool is stored in 8.
unsigned getBitWidth(ElementType type);

struct InputInfo {
  std::string name;
  ElementType type = ElementType::F32;
  llvm::SmallVector<InputDim, 4> dims; // empty: a scalar
  std::optional<RankId> packed;
  NodeId value = noNode; // default of a scalar
  SourceRange range;
};

enum class DefinitionKind : uint8_t { Plain, Recurrence, Scatter };

/// A named intermediate or output.
struct TensorInfo {
  std::string name; // unique in the kernel; of an inlined def "softmax.n"
  DefinitionKind definition = DefinitionKind::Plain;
  ValueKind kind = ValueKind::Real;
  llvm::SmallVector<RankId, 4> dims; // in writing order
  NodeId value = noNode;             // Plain, Scatter; the step of a Recurrence
  // Recurrence: dims[iterDim] ranges over the states.
  NodeId start = noNode;
  RankId iterRank = 0;
  unsigned iterDim = 0;
  bool backward = false;
  // Scatter: one index a dimension of the output.
  llvm::SmallVector<NodeId, 4> left;
  SourceRange range;
};

struct OutputInfo {
  std::string name;
  ElementType type = ElementType::F32;
  llvm::SmallVector<RankId, 4> dims;
  TensorId tensor = 0;
  NodeId filler = noNode;
  SourceRange range;
};

/// What a precondition says of a whole input.
enum class Property : uint8_t {
  Monotone,    // of one rank: elements never decrease
  Permutation, // rows along the last rank hold each of its coordinates once
};

/// "monotone", "permutation".
llvm::StringRef getName(Property property);
std::optional<Property> findProperty(llvm::StringRef name);

struct Precondition {
  NodeId condition = noNode; // holds at all coordinates; or
  std::optional<Property> property;
  unsigned input = 0; // that has the property
  SourceRange range;
};

struct ShardInfo {
  llvm::SmallVector<RankId, 2> ranks;
  std::string over;
};

struct ScheduleInfo {
  std::string target; // empty: every target
  std::vector<std::pair<RankId, int64_t>> tiles;
  std::optional<int64_t> stages;
  std::vector<ShardInfo> shards;
  SourceRange range;
};

/// `kernel k = grad of wrt ... saving ...`: only the interface is elaborated.
struct GradientInfo {
  std::string of;
  std::vector<std::string> wrt, saving;
};

struct ElaboratedKernel {
  std::string name;
  SourceRange range;
  std::vector<RankInfo> ranks;
  std::vector<InputInfo> inputs;
  std::deque<Node> nodes;          // grows without moving
  std::vector<TensorInfo> tensors; // each after what it refers to
  std::vector<OutputInfo> outputs;
  std::vector<Precondition> preconditions;
  std::vector<ScheduleInfo> schedules;
  std::optional<GradientInfo> gradient;

  const Node &operator[](NodeId id) const { return nodes[id]; }
};

} // namespace einfall::ein

#endif // EINFALL_FRONTEND_SEMA_ELABORATED_H
