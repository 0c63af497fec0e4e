//===- RandomProgram.cpp - Programs in Ein by chance ----------------------===//

#include "test/fuzz/RandomProgram.h"

#include <algorithm>
#include <map>
#include <random>
#include <regex>
#include <vector>

using einfall::fuzz::RandomProgram;

namespace {
using Ranks = std::vector<std::string>;

enum class Kind { Real, Int, Bool };

/// A tensor that equations may read.
struct Field {
  std::string name;
  Ranks ranks;
  Kind kind;
  bool isStored = false; ///< an input: the same number in every precision
};

class Generator {
public:
  explicit Generator(uint64_t seed)
      : random(seed * 0x9e3779b97f4a7c15 + 0x1234567) {}
  RandomProgram draw();

private:
  size_t pick(size_t count) { return random() % count; }
  bool chance(unsigned of) { return pick(of) == 0; }
  template <typename List> const auto &oneOf(const List &list) {
    return list[pick(std::size(list))];
  }
  std::string text(std::initializer_list<const char *> list) {
    return std::data(list)[pick(list.size())];
  }
  Ranks someRanks(const Ranks &of, size_t most);
  static Ranks with(Ranks ranks, const std::string &more) {
    ranks.push_back(more);
    return ranks;
  }
  static std::string brackets(const Ranks &ranks);
  std::string fresh(const char *prefix) {
    return prefix + std::to_string(next++);
  }

  // Expressions over some ranks. Those of depth 0 are single accesses.
  std::string read(const Field &field, const Ranks &ranks);
  const Field *fieldOver(Kind kind, const Ranks &ranks, bool stored = false);
  std::string index(const std::string &rank, const Ranks &ranks);
  std::string real(const Ranks &ranks, unsigned depth);
  std::string integer(const Ranks &ranks, unsigned depth);
  std::string boolean(const Ranks &ranks, unsigned depth);
  std::string stored(const Ranks &ranks);
  std::string reduction(const Ranks &ranks, unsigned depth);
  std::string maybeWhere(const Ranks &ranks, unsigned of) {
    return chance(of) ? "  where " + boolean(ranks, 1) : "";
  }

  void declareInputs();
  void add(const std::string &equation) { addTo(equation, equation); }
  void addTo(const std::string &equation, const std::string &ofTwin) {
    body += "  " + equation + "\n";
    twin += "  " + ofTwin + "\n";
  }
  void define(std::string name, Ranks ranks, Kind kind) {
    fields.push_back({std::move(name), std::move(ranks), kind});
  }
  void equation();
  void mapEquation();
  void contraction();
  void attention();
  void reducedEquation();
  void disjointEquations();
  void ownRank();
  void recurrence();
  void list();
  void ragged();

  std::mt19937_64 random;
  unsigned next = 0;
  Ranks ranks; ///< of inputs
  std::map<std::string, unsigned> sizes;
  std::vector<Field> fields;
  std::vector<std::string> inputs, scalars;
  std::string body, twin;
};
} // namespace

Ranks Generator::someRanks(const Ranks &of, size_t most) {
  Ranks chosen = of;
  std::shuffle(chosen.begin(), chosen.end(), random);
  chosen.resize(std::min(chosen.size(), 1 + pick(most)));
  return chosen;
}

std::string Generator::brackets(const Ranks &ranks) {
  std::string text;
  for (const std::string &rank : ranks)
    text += (text.empty() ? "[" : ",") + rank;
  return text.empty() ? text : text + "]";
}

//===----------------------------------------------------------------------===//
// Expressions
//===----------------------------------------------------------------------===//

static bool contains(const Ranks &ranks, const std::string &rank) {
  return std::find(ranks.begin(), ranks.end(), rank) != ranks.end();
}

/// A field whose ranks are all there, or null.
const Field *Generator::fieldOver(Kind kind, const Ranks &there, bool stored) {
  std::vector<const Field *> found;
  for (const Field &field : fields)
    if (field.kind == kind && (!stored || field.isStored) &&
        std::all_of(field.ranks.begin(), field.ranks.end(),
                    [&](const auto &rank) { return contains(there, rank); }))
      found.push_back(&field);
  return found.empty() ? nullptr : oneOf(found);
}

/// An integer that is mostly a coordinate of `rank`.
std::string Generator::index(const std::string &rank, const Ranks &there) {
  std::string at = contains(there, rank) && !chance(4) ? rank
                   : there.empty()                     ? "1"
                                                       : oneOf(there);
  switch (pick(7)) {
  case 0:
    return at + " - " + text({"1", "2"});
  case 1:
    return "(" + at + " + " + text({"1", "2", "3"}) + ") % |" + rank + "|";
  case 2:
    return at + " / 2";
  case 3:
    return "|" + rank + "| - 1 - " + at;
  case 4:
    if (const Field *field = fieldOver(Kind::Int, there))
      return read(*field, there) + (chance(2) ? " % |" + rank + "|" : "");
    return "0";
  case 5:
    return "min(" + at + " * 2, |" + rank + "| - 1)";
  default:
    return at;
  }
}

/// The field at the coordinates of its own ranks, or at others.
std::string Generator::read(const Field &field, const Ranks &there) {
  std::string text;
  for (const std::string &rank : field.ranks)
    text += (text.empty() ? "[" : ", ") +
            (contains(there, rank) && !chance(12) ? rank : index(rank, there));
  return field.name + (text.empty() ? "" : text + "]");
}

/// A number as it was stored.
std::string Generator::stored(const Ranks &there) {
  const Field *field = fieldOver(Kind::Real, there, /*stored=*/true);
  return field ? field->name + brackets(field->ranks) : "0.5";
}

std::string Generator::reduction(const Ranks &there, unsigned depth) {
  const std::string &rank = oneOf(ranks);
  Ranks inner = contains(there, rank) ? there : with(there, rank);
  std::string operand = real(inner, depth - 1);
  if (chance(3))
    operand += " where " + boolean(inner, 1);
  std::string of = "[" + rank + "](" + operand + ")";
  switch (pick(8)) {
  case 0:
    return "or_else(max" + of + ", 0.25)";
  case 1:
    return "or_else(min" + of + ", -1)";
  case 2:
    return "or_else(mean" + of + ", 0.5)";
  case 3:
    return "max" + of;
  case 4:
    return "logsumexp[" + rank + "](tanh(" + real(inner, depth - 1) + "))";
  case 5:
    return "real(count" + of + ")";
  default:
    return "sum" + of;
  }
}

std::string Generator::real(const Ranks &there, unsigned depth) {
  auto deeper = [&] { return real(there, depth - 1); };
  if (depth == 0 || chance(6)) {
    switch (pick(10)) {
    case 0:
      return text({"0.5", "1.5", "2", "-0.25", "1"});
    case 1:
      return "real(" + integer(there, 1) + ") * 0.125";
    case 2:
      if (!scalars.empty())
        return oneOf(scalars);
      [[fallthrough]];
    default:
      if (const Field *field = fieldOver(Kind::Real, there))
        return read(*field, there);
      for (const Field &field : fields)
        if (field.kind == Kind::Real && chance(2))
          return read(field, there);
      return "0.75";
    }
  }
  switch (pick(16)) {
  case 0:
  case 1:
    return "(" + deeper() + " + " + deeper() + ")";
  case 2:
    return "(" + deeper() + " - " + deeper() + ")";
  case 3:
  case 4:
    return "(" + deeper() + " * " + deeper() + ")";
  case 5:
    return "(" + deeper() + " / (1.5 + abs(" + deeper() + ")))";
  case 6:
    return text({"exp(tanh(", "sin(tanh(", "cos(tanh(", "-(tanh("}) + deeper() +
           "))";
  case 7:
    return text({"log(1 + abs(", "sqrt(0.25 + abs("}) + deeper() + "))";
  case 8:
    return text({"tanh(", "erf(", "abs(", "sigmoid(", "relu(", "gelu("}) +
           deeper() + ")";
  case 9:
    return text({"min(", "max("}) + deeper() + ", " + deeper() + ")";
  case 10:
    return "if(" + boolean(there, 1) + ", " + deeper() + ", " + deeper() + ")";
  case 11:
    return "or_else(" + deeper() + ", " + text({"0", "0.5", "-1"}) + ")";
  case 12:
    return "pow(0.5 + abs(tanh(" + deeper() + ")), " +
           text({"2", "1.5", "-1"}) + ")";
  default:
    return reduction(there, depth);
  }
}

std::string Generator::integer(const Ranks &there, unsigned depth) {
  if (depth == 0 || chance(4)) {
    switch (pick(5)) {
    case 0:
      return text({"0", "1", "2", "3", "-1"});
    case 1:
      return "|" + oneOf(ranks) + "|";
    case 2:
      if (const Field *field = fieldOver(Kind::Int, there))
        return read(*field, there);
      [[fallthrough]];
    default:
      return there.empty() ? "1" : oneOf(there);
    }
  }
  auto deeper = [&] { return integer(there, depth - 1); };
  const std::string &rank = oneOf(ranks);
  Ranks inner = contains(there, rank) ? there : with(there, rank);
  switch (pick(9)) {
  case 0:
    return "(" + deeper() + " + " + deeper() + ")";
  case 1:
    return "(" + deeper() + " - " + deeper() + ")";
  case 2:
    return "(" + deeper() + " * " + text({"2", "3"}) + ")";
  case 3:
    return "floor(" + deeper() + " / " + text({"2", "3"}) + ")";
  case 4:
    return "(" + deeper() + " % " + text({"2", "3", "5"}) + ")";
  case 5:
    return "count[" + rank + "](1 where " + boolean(inner, 1) + ")";
  case 6:
    return "or_else(argmax[" + rank + "](" + stored(inner) + "), 0)";
  case 7:
    return text({"floor(", "round(", "ceil("}) + "2 * " + stored(there) + ")";
  default:
    return text({"min(", "max("}) + deeper() + ", " + deeper() + ")";
  }
}

std::string Generator::boolean(const Ranks &there, unsigned depth) {
  auto compare = [&] { return text({" < ", " <= ", " > ", " != ", " == "}); };
  if (depth > 0 && chance(3)) {
    const std::string &rank = oneOf(ranks);
    Ranks inner = contains(there, rank) ? there : with(there, rank);
    switch (pick(4)) {
    case 0:
      return "(" + boolean(there, depth - 1) + " and " +
             boolean(there, depth - 1) + ")";
    case 1:
      return "(" + boolean(there, depth - 1) + " or " +
             boolean(there, depth - 1) + ")";
    case 2:
      return "not (" + boolean(there, depth - 1) + ")";
    default:
      return text({"any[", "all["}) + rank + "](" + boolean(inner, depth - 1) +
             ")";
    }
  }
  switch (pick(6)) {
  case 0:
    return stored(there) + text({" > ", " <= "}) + text({"0", "0.5", "-0.5"});
  case 1:
    return stored(there) + compare() + stored(there);
  case 2:
    if (const Field *field = fieldOver(Kind::Bool, there))
      return read(*field, there);
    [[fallthrough]];
  case 3:
    if (there.size() > 1)
      return oneOf(there) + text({" <= ", " > "}) + oneOf(there);
    [[fallthrough]];
  case 4:
    if (!there.empty())
      return oneOf(there) + " % " + text({"2", "3"}) + compare() + "1";
    [[fallthrough]];
  default:
    return integer(there, depth) + compare() + integer(there, depth);
  }
}

//===----------------------------------------------------------------------===//
// Equations
//===----------------------------------------------------------------------===//

void Generator::mapEquation() {
  Ranks left = someRanks(ranks, 3);
  std::string name = fresh("T");
  Kind kind = chance(5) ? Kind::Int : chance(6) ? Kind::Bool : Kind::Real;
  std::string value = kind == Kind::Real  ? real(left, 3)
                      : kind == Kind::Int ? integer(left, 2)
                                          : boolean(left, 2);
  add(name + brackets(left) + " = " + value + maybeWhere(left, 3));
  define(name, left, kind);
}

/// A product whose sum is implied.
void Generator::contraction() {
  std::vector<const Field *> of;
  for (const Field &field : fields)
    if (field.kind == Kind::Real && !field.ranks.empty())
      of.push_back(&field);
  if (of.empty())
    return mapEquation();
  const Field &a = *oneOf(of);
  const std::string free = oneOf(a.ranks);
  std::vector<const Field *> others;
  for (const Field *field : of)
    if (contains(field->ranks, free))
      others.push_back(field);
  const Field &b = *oneOf(others);
  Ranks left;
  for (const Field *field : {&a, &b})
    for (const std::string &rank : field->ranks)
      if (rank != free && !contains(left, rank))
        left.push_back(rank);
  if (left.size() > 3)
    return mapEquation();
  Ranks all = with(left, free);
  std::string name = fresh("T");
  std::string value =
      a.name + brackets(a.ranks) + " * " + b.name + brackets(b.ranks);
  if (chance(3))
    value = "0.5 * " + value;
  if (chance(4))
    value = "2 * tanh(" + value + " / 4)";
  add(name + brackets(left) + " = " + value +
      (chance(3) ? "  where " + free +
                       " <= " + (left.empty() ? std::string("2") : oneOf(left))
                 : ""));
  define(name, left, Kind::Real);
}

/// Normalised weights times values, as most kernels have it.
void Generator::attention() {
  if (ranks.size() < 2)
    return mapEquation();
  Ranks left = someRanks(ranks, 2);
  std::string stream;
  for (const std::string &rank : ranks)
    if (!contains(left, rank))
      stream = rank;
  if (stream.empty())
    return mapEquation();
  Ranks score = with(left, stream);
  std::string s = fresh("S"), name = fresh("T");
  add(s + brackets(score) + " = 2 * tanh(" + real(score, 2) + ")" +
      maybeWhere(score, 2));
  define(s, score, Kind::Real);
  std::string weights = text({"softmax", "softmax", "softmax_one"}) + "[" +
                        stream + "](" + s + brackets(score) + ")";
  std::vector<const Field *> values;
  for (const Field &field : fields)
    if (field.kind == Kind::Real && contains(field.ranks, stream) &&
        field.ranks.size() < 3 && field.name != s)
      values.push_back(&field);
  if (values.empty()) {
    add(name + brackets(score) + " = " + weights);
    define(name, score, Kind::Real);
    return;
  }
  const Field &v = *oneOf(values);
  Ranks all = left;
  for (const std::string &rank : v.ranks)
    if (rank != stream && !contains(all, rank))
      all.push_back(rank);
  add(name + brackets(all) + " = " + weights + " * " + v.name +
      brackets(v.ranks));
  define(name, all, Kind::Real);
  if (chance(3)) {
    std::string log = fresh("T");
    add(log + brackets(left) + " = logsumexp[" + stream + "](" + s +
        brackets(score) + ")");
    define(log, left, Kind::Real);
  }
}

void Generator::reducedEquation() {
  Ranks left = someRanks(ranks, 2);
  std::string name = fresh("T");
  add(name + brackets(left) + " = " + reduction(left, 2 + pick(2)) +
      maybeWhere(left, 4));
  define(name, left, Kind::Real);
}

void Generator::disjointEquations() {
  Ranks left = someRanks(ranks, 2);
  std::string name = fresh("T");
  std::string a = oneOf(left), b = integer({}, 1);
  add(name + brackets(left) + " = " + real(left, 2) + "  where " + a + " < " +
      b);
  add(name + brackets(left) + " = " + real(left, 2) + "  where " + a +
      " >= " + b);
  define(name, left, Kind::Real);
}

/// A rank that the kernel binds itself.
void Generator::ownRank() {
  std::string rank = fresh("r");
  const std::string &of = oneOf(ranks);
  add("rank " + rank + " = " +
      (chance(2)   ? text({"1", "2", "4"})
       : chance(2) ? "ceil(|" + of + "| / 2)"
                   : "|" + of + "| + 1"));
  ranks.push_back(rank);
}

/// The text with a rank, where it is a coordinate, replaced by something.
static std::string substituted(const std::string &text, const std::string &rank,
                               const std::string &by) {
  std::regex word("\\|?\\b" + rank + "\\b");
  std::string result;
  auto at = text.cbegin();
  for (std::sregex_iterator match(text.begin(), text.end(), word), end;
       match != end; ++match) {
    result.append(at, text.begin() + match->position());
    result += match->str()[0] == '|' ? match->str() : by;
    at = text.begin() + match->position() + match->length();
  }
  return result.append(at, text.cend());
}

/// A state along a rank of its own; its steps one by one for the twin.
void Generator::recurrence() {
  std::string time = fresh("t"), state = fresh("H"), x = fresh("x");
  unsigned steps = 1 + pick(4);
  Ranks left = someRanks(ranks, 1);
  Ranks there = with(left, time);
  sizes[time] = steps;
  inputs.push_back(x + brackets(there) + ": f32");
  fields.push_back({x, there, Kind::Real, true});
  std::string start = "or_else(" + real(left, 1) + ", 0)";
  std::string gain = "or_else(tanh(" + real(there, 1) + "), 0.5)";
  std::string more = "or_else(" + real(there, 1) + ", 0.25)";
  std::string step = chance(3) ? "(tanh(" + gain + ") - 0.5) * " : gain + " * ";
  bool coupled = chance(3); // every element with the sum of all
  std::string rest = left.empty() || !coupled ? "" : " * 0.5";
  auto at = [&](const std::string &when) {
    Ranks place{when};
    place.insert(place.end(), left.begin(), left.end());
    return state + brackets(place);
  };
  body += "  " + at("0") + " = " + start + "\n";
  body += "  " + at(time + "+1") + " = " + step + at(time) + rest + " + " +
          more + "\n";
  auto numbered = [&](unsigned number) {
    return state + "at" + std::to_string(number) + brackets(left);
  };
  twin += "  " + numbered(0) + " = " + start + "\n";
  for (unsigned now = 0; now < steps; ++now)
    twin += "  " + numbered(now + 1) + " = " +
            substituted(step, time, std::to_string(now)) + numbered(now) +
            rest + " + " + substituted(more, time, std::to_string(now)) + "\n";
  std::string last = fresh("T"), all = fresh("T");
  addTo(last + brackets(left) + " = " + at("|" + time + "|"),
        last + brackets(left) + " = " + numbered(steps));
  define(last, left, Kind::Real);
  std::string chosen = numbered(steps);
  for (unsigned now = steps - 1; now-- > 0;)
    chosen = "if(" + time + " == " + std::to_string(now) + ", " +
             numbered(now + 1) + ", " + chosen + ")";
  addTo(all + brackets(there) + " = " + at(time + "+1"),
        all + brackets(there) + " = " + chosen);
  define(all, there, Kind::Real);
  // Others may read the states; only this equation ranges over the steps.
  fields.erase(
      std::remove_if(fields.begin(), fields.end(),
                     [&](const Field &field) { return field.name == x; }),
      fields.end());
}

/// The greatest entries of a row, or those that meet a condition, and a sum
/// over what stands there.
void Generator::list() {
  std::string c = fresh("c"), other = fresh("i"), j = fresh("j"),
              pick1 = fresh("P"), order = fresh("N"), s = fresh("s");
  Ranks left = someRanks(ranks, 1);
  Ranks row = with(left, c), entry = with(left, j);
  sizes[c] = 1 + pick(7);
  bool integers = chance(3); // ties
  inputs.push_back(s + brackets(row) + (integers ? ": i32" : ": f32"));
  std::string value = s + brackets(row);
  std::string atOther = substituted(value, c, other);
  bool restricted = chance(3);
  std::string where = restricted ? c + " % 3 != 1" : "";
  std::string whereOther = restricted ? " and " + other + " % 3 != 1" : "";
  std::string list = pick1 + brackets(entry);
  std::string count = order + brackets(row);
  if (chance(2)) {
    unsigned most = pick(4);
    body += "  " + list + " = topk[" + c + "](" + value +
            (restricted ? " where " + where : "") + ", " +
            std::to_string(most) + ")\n";
    twin += "  rank " + other + " = |" + c + "|, " + j + " = " +
            std::to_string(most) + "\n  " + count + " = count[" + other +
            "](1 where (" + atOther + " > " + value + " or (" + atOther +
            " == " + value + " and " + other + " < " + c + "))" + whereOther +
            ")" + (restricted ? "  where " + where : "") + "\n  " + list +
            " = max[" + c + "](" + c + " where " + count + " == " + j + ")\n";
  } else {
    std::string condition = value + (integers ? " > 2" : " > 0");
    std::string ofOther = substituted(condition, c, other);
    body += "  " + list + " = select[" + c + "](" + condition + ")\n";
    twin += "  rank " + other + " = |" + c + "|, " + j + " = |" + c + "|\n  " +
            count + " = count[" + other + "](1 where " + ofOther + " and " +
            other + " < " + c + ")\n  " + list + " = max[" + c + "](" + c +
            " where " + condition + " and " + count + " == " + j + ")\n";
  }
  define(pick1, entry, Kind::Int);
  std::string w = fresh("w"), sum = fresh("T");
  inputs.push_back(w + "[" + c + "]: f32");
  add(sum + brackets(left) + " = sum[" + j + "](" + w + "[" + list + "] * (" +
      j + " + 1.5))");
  define(sum, left, Kind::Real);
}

/// Pieces of a long rank, by their borders.
void Generator::ragged() {
  std::string s = fresh("s"), p = fresh("p"), n = fresh("n"), cu = fresh("cu"),
              z = fresh("z"), sum = fresh("T"), most = fresh("T");
  sizes[s] = 1 + pick(4);
  sizes[n] = 1 + pick(12);
  inputs.push_back(cu + "[" + s + "+1]: i32");
  inputs.push_back(z + "[" + n + "]: f32");
  add("require monotone(" + cu + "), " + cu + " in 0 .. |" + n + "| + 1");
  std::string low = cu + "[" + s + "]", length = cu + "[" + s + "+1] - " + low;
  addTo("rank " + p + " of " + s + " in 0 .. " + length,
        "rank " + p + " = |" + n + "|");
  std::string value = z + "[" + low + " + " + p + "] * (" + p + " + 0.5)";
  std::string where = " where " + p + " < " + length;
  addTo(sum + "[" + s + "] = sum[" + p + "](" + value + ")",
        sum + "[" + s + "] = sum[" + p + "](" + value + where + ")");
  addTo(most + "[" + s + "] = max[" + p + "](tanh(" + value + "))",
        most + "[" + s + "] = max[" + p + "](tanh(" + value + ")" + where +
            ")");
  define(sum, {s}, Kind::Real);
  define(most, {s}, Kind::Real);
}

void Generator::equation() {
  switch (pick(16)) {
  case 0:
  case 1:
  case 2:
    return mapEquation();
  case 3:
  case 4:
  case 5:
    return contraction();
  case 6:
  case 7:
  case 8:
    return attention();
  case 9:
  case 10:
    return reducedEquation();
  case 11:
    return disjointEquations();
  case 12:
    return ownRank();
  case 13:
    return recurrence();
  case 14:
    return list();
  default:
    return ragged();
  }
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

void Generator::declareInputs() {
  static constexpr const char *names[] = {"p", "m", "e", "f"};
  static constexpr unsigned extents[] = {1, 2, 3, 4, 5, 7, 13, 17};
  size_t count = 2 + pick(3);
  for (size_t i = 0; i < count; ++i) {
    ranks.push_back(names[i]);
    sizes[names[i]] = oneOf(extents);
  }
  if (chance(8))
    sizes["m"] = 65;
  auto input = [&](Ranks of, const char *type, Kind kind) {
    std::string name = fresh("x");
    inputs.push_back(name + brackets(of) + ": " + type);
    fields.push_back({name, std::move(of), kind, true});
  };
  for (size_t i = 0, most = 2 + pick(3); i < most; ++i) {
    Ranks of = someRanks(ranks, 3);
    switch (pick(8)) {
    case 0:
      input(of, chance(2) ? "bf16" : "f16", Kind::Real);
      break;
    case 1:
      input(of, "i32", Kind::Int);
      break;
    case 2:
      input(of, "bool", Kind::Bool);
      break;
    default:
      input(of, "f32", Kind::Real);
    }
  }
  // Every rank is one of an input of reals.
  input(ranks, "f32", Kind::Real);
  if (chance(3)) {
    std::string name = fresh("a");
    inputs.push_back(name + ": f32 = " + text({"0.5", "1 / sqrt(2)", "-2"}));
    scalars.push_back(name);
  }
}

RandomProgram Generator::draw() {
  declareInputs();
  for (size_t i = 0, most = 2 + pick(5); i < most; ++i)
    equation();
  std::vector<const Field *> results;
  for (const Field &field : fields)
    if (!field.isStored && field.ranks.size() < 4)
      results.push_back(&field);
  if (results.empty()) {
    mapEquation();
    results.push_back(&fields.back());
  }
  std::string outputs, stores;
  for (size_t i = 0, most = std::min<size_t>(results.size(), 1 + pick(3));
       i < most; ++i) {
    // The last ones depend on most of the others.
    const Field &field = *results[results.size() - 1 - i];
    std::string name = "O" + std::to_string(i);
    const char *type = field.kind == Kind::Int    ? "i32"
                       : field.kind == Kind::Bool ? "bool"
                       : chance(6)                ? "bf16"
                                                  : "f32";
    outputs += (i ? ", " : "") + name + brackets(field.ranks) + ": " + type +
               " else " + (field.kind == Kind::Bool ? "false" : "-1");
    stores += "  " + name + brackets(field.ranks) + " = " + field.name +
              brackets(field.ranks) + "\n";
  }
  std::string head = "kernel drawn(";
  for (size_t i = 0; i < inputs.size(); ++i)
    head += (i ? ", " : "") + inputs[i];
  head += ")\n    -> " + outputs + "\n{\n";
  for (const auto &[rank, size] : sizes)
    head += "  default " + rank + " = " + std::to_string(size) + "\n";
  return {head + body + stores + "}\n", head + twin + stores + "}\n"};
}

RandomProgram RandomProgram::draw(uint64_t seed) {
  return Generator(seed).draw();
}
