//===- RandomCascade.cpp - Attention-like cascades by chance --------------===//

#include "test/numerics/RandomCascade.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Verifier.h"

#include <limits>
#include <random>

using namespace mlir;
using namespace einfall;
using namespace einfall::numerics;
using namespace einfall::cascade;

namespace {
/// Writes fields into a kernel's block.
struct Emitter {
  OpBuilder builder;
  Location loc;

  Value map(Function function, ValueRange operands) {
    return MapOp::create(builder, loc, function, operands);
  }
  Value add(Value a, Value b) { return map(Function::Add, {a, b}); }
  Value sub(Value a, Value b) { return map(Function::Sub, {a, b}); }
  Value mul(Value a, Value b) { return map(Function::Mul, {a, b}); }
  Value div(Value a, Value b) { return map(Function::Div, {a, b}); }
  Value exp(Value a) { return map(Function::Exp, {a}); }
  Value log(Value a) { return map(Function::Log, {a}); }
  Value abs(Value a) { return map(Function::Abs, {a}); }
  Value real(double value) { return ConstOp::create(builder, loc, value); }
  Value integer(int64_t value) { return ConstOp::create(builder, loc, value); }
  Value coord(StringRef rank) { return CoordOp::create(builder, loc, rank); }
  Value extent(StringRef rank) { return ExtentOp::create(builder, loc, rank); }
  Value toReal(Value a) { return map(Function::ToReal, {a}); }
  Value where(Value value, Value condition) {
    return WhereOp::create(builder, loc, value, condition);
  }
  Value reduce(Monoid monoid, StringRef rank, Value value) {
    return ReduceOp::create(builder, loc, monoid, ArrayRef<StringRef>{rank},
                            value);
  }
  Value sum(Value value) { return reduce(Monoid::Sum, "m", value); }
  /// The mean over m of what is present, absent where nothing is.
  Value mean(Value value) {
    Value count = reduce(Monoid::Count, "m", value);
    Value quotient = div(sum(value), toReal(count));
    return where(quotient, map(Function::Gt, {count, integer(0)}));
  }
  /// Reads an input, by default at the coordinates of its own ranks.
  Value read(StringRef name, Type element, ArrayRef<StringRef> dims,
             ArrayRef<Value> indices = {}) {
    auto type = ArgumentType::get(builder.getContext(), element, dims.size());
    Value tensor =
        InputOp::create(builder, loc, type, builder.getStringAttr(name),
                        builder.getStrArrayAttr(dims), StringAttr());
    SmallVector<Value> at(indices);
    if (at.empty())
      for (StringRef rank : dims)
        at.push_back(coord(rank));
    return ReadOp::create(builder, loc, tensor, at);
  }
  void output(StringRef name, ArrayRef<StringRef> dims, Value value,
              double filler, Type storage = {}) {
    Value stored = real(filler);
    OutputOp::create(builder, loc, name, builder.getStrArrayAttr(dims),
                     storage ? storage : builder.getF32Type(), value, stored,
                     /*indices=*/ValueRange());
  }
};
} // namespace

static Type typeOf(OpBuilder &builder, Storage storage) {
  return storage == Storage::F32    ? Type(builder.getF32Type())
         : storage == Storage::BF16 ? Type(builder.getBF16Type())
                                    : Type(builder.getF16Type());
}

static Value emitScore(Emitter &emit, const Recipe &recipe) {
  Type f32 = emit.builder.getF32Type();
  Type stored = typeOf(emit.builder, recipe.storage);
  SmallVector<StringRef> rows = {"p"};
  Value q, k;
  if (recipe.heads) {
    rows = {"h", "p"};
    q = emit.read("Q", stored, {"h", "p", "e"});
    Value group =
        emit.map(Function::FloorDiv,
                 {emit.map(Function::Mul, {emit.coord("h"), emit.extent("g")}),
                  emit.extent("h")});
    k = emit.read("K", stored, {"g", "m", "e"},
                  {group, emit.coord("m"), emit.coord("e")});
  } else {
    q = emit.read("Q", stored, {"p", "e"});
    k = emit.read("K", stored, {"m", "e"});
  }
  if (recipe.rolls) {
    Value next =
        emit.map(Function::Mod, {emit.add(emit.coord("e"), emit.integer(1)),
                                 emit.extent("e")});
    Value rolled =
        AtOp::create(emit.builder, emit.loc, k,
                     emit.builder.getStrArrayAttr({"e"}), ValueRange{next});
    k = emit.add(k, emit.mul(emit.real(0.5), rolled));
  }
  Value dot = emit.reduce(Monoid::Sum, "e", emit.mul(q, k));
  switch (recipe.score) {
  case Score::Dot:
    return dot;
  case Score::Scaled: {
    Value root = emit.map(Function::Sqrt, {emit.toReal(emit.extent("e"))});
    Value scale = emit.div(emit.real(1), root);
    Value param = ParamOp::create(emit.builder, emit.loc, scale.getType(),
                                  "scale", f32, scale);
    return emit.mul(param, dot);
  }
  case Score::Softcap: {
    Value cap = emit.real(5);
    return emit.mul(cap, emit.map(Function::Tanh, {emit.div(dot, cap)}));
  }
  case Score::Bias: {
    SmallVector<StringRef> dims = rows;
    dims.push_back("m");
    return emit.add(dot, emit.read("Bias", f32, dims));
  }
  case Score::Distance: {
    Value away =
        emit.map(Function::Abs, {emit.sub(emit.coord("p"), emit.coord("m"))});
    return emit.sub(dot, emit.mul(emit.real(0.25), emit.toReal(away)));
  }
  case Score::Abs:
    return emit.abs(dot);
  case Score::Square: // small, as exponentials of it are taken
    return emit.mul(emit.real(0.125), emit.mul(dot, dot));
  }
  return dot;
}

/// The condition under which a key exists for a row, or null.
static Value emitMask(Emitter &emit, const Recipe &recipe) {
  Value p = emit.coord("p"), m = emit.coord("m");
  auto ahead = [&] { return emit.sub(p, m); }; // how far the key is behind
  auto le = [&](Value a, Value b) { return emit.map(Function::Le, {a, b}); };
  switch (recipe.mask) {
  case Mask::None:
    return nullptr;
  case Mask::Causal: // aligned to the end of the keys
    return le(emit.sub(m, p), emit.sub(emit.extent("m"), emit.extent("p")));
  case Mask::Window:
    return emit.map(Function::And, {le(m, p), le(ahead(), emit.integer(6))});
  case Mask::WindowAndSink: {
    Value near = emit.map(
        Function::Or, {le(ahead(), emit.integer(4)), le(m, emit.integer(1))});
    return emit.map(Function::And, {le(m, p), near});
  }
  case Mask::Modulo:
    return emit.map(
        Function::Eq,
        {emit.map(Function::Mod, {ahead(), emit.integer(3)}), emit.integer(0)});
  case Mask::Data: {
    Type i32 = emit.builder.getI32Type();
    return emit.map(Function::Eq, {emit.read("Doc", i32, {"p"}),
                                   emit.read("KeyDoc", i32, {"m"})});
  }
  }
  return nullptr;
}

/// Whether a list of the row has the key, by its coordinate modulo 5.
static Value emitListed(Emitter &emit) {
  Value listed = emit.read("List", emit.builder.getI32Type(), {"p", "j"});
  Value key = emit.map(Function::Mod, {emit.coord("m"), emit.integer(5)});
  return emit.reduce(Monoid::Any, "j", emit.map(Function::Eq, {listed, key}));
}

/// The reference of the exponent; null for none.
static Value emitReference(Emitter &emit, const Recipe &recipe, Value s) {
  switch (recipe.reference) {
  case Reference::Max:
    return emit.reduce(Monoid::Max, "m", s);
  case Reference::None:
    return nullptr;
  case Reference::Mean:
    return emit.mean(s);
  case Reference::Constant:
    return emit.real(1.5);
  case Reference::MaxAndSink:
    return emit.map(Function::Max,
                    {emit.reduce(Monoid::Max, "m", s), emit.real(0.5)});
  }
  return nullptr;
}

static Value emitWeight(Emitter &emit, const Recipe &recipe, Value s,
                        Value reference) {
  switch (recipe.weight) {
  case Weight::Exp:
    return emit.exp(reference ? emit.sub(s, reference) : s);
  case Weight::Linear:
    return s;
  case Weight::Normalised:
    return emit.div(s, emit.map(Function::Sqrt, {emit.sum(emit.mul(s, s))}));
  case Weight::Sigmoid:
    return emit.div(
        emit.real(1),
        emit.add(emit.real(1), emit.exp(emit.map(Function::Neg, {s}))));
  case Weight::Deviation: {
    Value away = emit.sub(s, emit.mean(s));
    return emit.mul(away, away);
  }
  case Weight::Temperature: {
    // Hotter where scores are larger on average: no rule factors this.
    Value heat = emit.add(emit.real(1), emit.mean(emit.abs(s)));
    return emit.exp(emit.div(s, heat));
  }
  }
  return s;
}

static Value emitNormaliser(Emitter &emit, const Recipe &recipe, Value w) {
  switch (recipe.normaliser) {
  case Normaliser::Sum:
    return emit.sum(w);
  case Normaliser::OnePlusSum:
    return emit.add(emit.real(1), emit.sum(w));
  case Normaliser::RootOfSquares:
    return emit.map(Function::Sqrt, {emit.sum(emit.mul(w, w))});
  case Normaliser::MaxAbs:
    return emit.reduce(Monoid::Max, "m", emit.abs(w));
  case Normaliser::None:
    return nullptr;
  }
  return nullptr;
}

OwningOpRef<ModuleOp> numerics::build(MLIRContext *context,
                                      const Recipe &recipe) {
  context->loadDialect<CascadeDialect>();
  Location loc = UnknownLoc::get(context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
  auto kernel = KernelOp::create(builder, loc, "cascade", DictionaryAttr());
  Emitter emit{OpBuilder::atBlockEnd(&kernel.getBody().emplaceBlock()), loc};

  Value s = emitScore(emit, recipe);
  if (Value condition = emitMask(emit, recipe)) {
    if (recipe.lists)
      condition = emit.map(Function::Or, {condition, emitListed(emit)});
    s = emit.where(s, condition);
  }
  bool exponential = recipe.weight == Weight::Exp;
  Value x = exponential ? emitReference(emit, recipe, s) : nullptr;
  Value w = emitWeight(emit, recipe, s, x);
  Value norm = emitNormaliser(emit, recipe, w);
  Value a = norm ? emit.div(w, norm) : w;

  SmallVector<StringRef> rows = {"p"};
  if (recipe.heads)
    rows = {"h", "p"};
  double none = -std::numeric_limits<double>::infinity();
  if (recipe.values) {
    Value v;
    Type stored = typeOf(emit.builder, recipe.storage);
    if (recipe.heads) {
      Value group = emit.map(
          Function::FloorDiv,
          {emit.map(Function::Mul, {emit.coord("h"), emit.extent("g")}),
           emit.extent("h")});
      v = emit.read("V", stored, {"g", "m", "f"},
                    {group, emit.coord("m"), emit.coord("f")});
    } else {
      v = emit.read("V", stored, {"m", "f"});
    }
    SmallVector<StringRef> dims = rows;
    Value o = emit.sum(emit.mul(a, v));
    if (recipe.projects) {
      Value matrix = emit.read("W", stored, {"f", "n"});
      o = emit.reduce(Monoid::Sum, "f", emit.mul(o, matrix));
    }
    dims.push_back(recipe.projects ? "n" : "f");
    emit.output("O", dims, o, 0, stored);
  }
  if (recipe.logSum) {
    Value log = emit.log(emit.sum(w));
    emit.output("L", rows, x ? emit.add(x, log) : log, none);
  }
  if (recipe.entropy)
    emit.output("H", rows,
                emit.map(Function::Neg, {emit.sum(emit.mul(a, emit.log(a)))}),
                0);
  if (recipe.sum)
    emit.output("S", rows, emit.sum(a), 0);
  if (recipe.max)
    emit.output("M", rows, emit.reduce(Monoid::Max, "m", a), none);
  if (failed(verify(*module)))
    return nullptr;
  return module;
}

KernelOp numerics::kernelOf(ModuleOp module) {
  auto kernels = module.getOps<KernelOp>();
  return kernels.empty() ? nullptr : *kernels.begin();
}

Recipe Recipe::random(uint64_t seed) {
  std::mt19937_64 random(seed * 0x9e3779b97f4a7c15 + 1);
  auto pick = [&](auto last) {
    return static_cast<decltype(last)>(random() %
                                       (static_cast<uint64_t>(last) + 1));
  };
  Recipe recipe;
  recipe.score = pick(Score::Square);
  recipe.mask = pick(Mask::Data);
  recipe.reference = pick(Reference::MaxAndSink);
  // Half of all cascades are softmax-like.
  recipe.weight = random() % 2 ? Weight::Exp : pick(Weight::Temperature);
  recipe.normaliser = pick(Normaliser::None);
  recipe.heads = random() % 3 == 0;
  bool positive =
      recipe.weight != Weight::Linear && recipe.weight != Weight::Normalised;
  recipe.logSum = positive && random() % 3 == 0;
  // a log a is not a number at a = 0.
  recipe.entropy =
      positive && recipe.weight != Weight::Deviation && random() % 4 == 0;
  recipe.sum = random() % 4 == 0;
  recipe.max = random() % 4 == 0;
  recipe.values = random() % 8 != 0 || !(recipe.logSum || recipe.entropy ||
                                         recipe.sum || recipe.max);
  recipe.rolls = random() % 4 == 0;
  recipe.lists = recipe.mask != Mask::None && random() % 4 == 0;
  // Without a normaliser the projection's step runs the sum over the keys.
  recipe.projects = recipe.values && recipe.normaliser != Normaliser::None &&
                    random() % 4 == 0;
  return recipe;
}

bool Recipe::isWellConditioned() const {
  bool divides =
      normaliser == Normaliser::Sum || normaliser == Normaliser::OnePlusSum;
  bool isSigned = weight == Weight::Linear || weight == Weight::Normalised;
  bool positive = score == Score::Abs || score == Score::Square;
  // The deviations of a single key are 0, or what rounding makes of it.
  bool mayVanish = weight == Weight::Deviation &&
                   (logSum || (normaliser != Normaliser::OnePlusSum &&
                               normaliser != Normaliser::None));
  // Over a root of squares the entropy of a single key is 0, or what rounding
  // makes of it.
  bool cancels = entropy && normaliser == Normaliser::RootOfSquares;
  return !mayVanish && !cancels && (!divides || !isSigned || positive);
}

std::string Recipe::text() const {
  static constexpr const char *scores[] = {
      "dot", "scaled", "softcap", "bias", "distance", "abs", "square"};
  static constexpr const char *masks[] = {
      "none", "causal", "window", "window and sink", "modulo", "data"};
  static constexpr const char *references[] = {"max", "none", "mean",
                                               "constant", "max and sink"};
  static constexpr const char *weights[] = {
      "exp", "linear", "normalised", "sigmoid", "deviation", "temperature"};
  static constexpr const char *normalisers[] = {
      "sum", "one plus sum", "root of squares", "max abs", "none"};
  std::string text = std::string("score ") + scores[int(score)] + ", mask " +
                     masks[int(mask)] + ", weight " + weights[int(weight)];
  if (weight == Weight::Exp)
    text += std::string(", reference ") + references[int(reference)];
  text += std::string(", normaliser ") + normalisers[int(normaliser)] +
          (heads ? ", heads" : "") + (rolls ? ", rolls" : "") +
          (lists ? ", lists" : "") + (projects ? ", projects" : "") + ":";
  for (auto [there, name] :
       {std::pair(values, " O"), std::pair(logSum, " L"),
        std::pair(entropy, " H"), std::pair(sum, " S"), std::pair(max, " M")})
    text += there ? name : "";
  return text;
}

interpreter::Arguments numerics::randomExtents(const Recipe &recipe,
                                               uint64_t seed) {
  std::mt19937_64 random(seed);
  auto pick = [&](ArrayRef<int64_t> sizes) {
    return sizes[random() % sizes.size()];
  };
  interpreter::Arguments arguments;
  arguments.extents["p"] = pick({1, 3, 17, 63, 65});
  arguments.extents["m"] = pick({1, 3, 17, 63, 65});
  arguments.extents["e"] = pick({1, 3, 16});
  if (recipe.values)
    arguments.extents["f"] = pick({1, 5, 16});
  if (recipe.lists)
    arguments.extents["j"] = 2;
  if (recipe.projects)
    arguments.extents["n"] = 3;
  if (recipe.heads) {
    arguments.extents["g"] = 2;
    arguments.extents["h"] = pick({2, 4});
  }
  return arguments;
}
