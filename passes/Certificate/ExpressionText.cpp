//===- ExpressionText.cpp - Expressions as mathematics and as JSON --------===//

#include "passes/Certificate/Expression.h"
#include "passes/Certificate/Integer.h"

#include <nlohmann/json.hpp>

#include <optional>

namespace einfall::certificate {

using JSON = nlohmann::ordered_json;
using Kind = Expression::Kind;

std::string_view operatorName(Kind kind) {
  switch (kind) {
  case Kind::Number:
    return "number";
  case Kind::Coordinate:
    return "coordinate";
  case Kind::Extent:
    return "extent";
  case Kind::Add:
    return "+";
  case Kind::Subtract:
    return "-";
  case Kind::Multiply:
    return "*";
  case Kind::FloorDivide:
    return "/";
  case Kind::Modulo:
    return "mod";
  case Kind::CeilDivide:
    return "ceil";
  case Kind::Minimum:
    return "min";
  case Kind::Maximum:
    return "max";
  case Kind::Less:
    return "<";
  case Kind::LessEqual:
    return "<=";
  case Kind::Equal:
    return "==";
  case Kind::NotEqual:
    return "!=";
  case Kind::And:
    return "and";
  case Kind::Or:
    return "or";
  case Kind::Not:
    return "not";
  case Kind::If:
    return "if";
  case Kind::Sum:
    return "sum";
  case Kind::Sectors:
    return "sectors";
  }
  return "";
}

// --- as mathematics ---------------------------------------------------------

namespace {
/// How tightly the outermost operator binds.
enum Binding {
  bindsOr,
  bindsAnd,
  bindsCompare,
  bindsAdd,
  bindsMultiply,
  bindsAll
};

struct Text {
  std::string text;
  Binding binding;
};
} // namespace

static Text print(const Expression &e);

static std::string printAt(const Expression &e, Binding least) {
  Text inner = print(e);
  return inner.binding < least ? "(" + inner.text + ")" : inner.text;
}

static std::string printList(const Expression &e, const char *separator,
                             Binding least) {
  std::string text;
  for (const Expression &operand : e.operands())
    text += (text.empty() ? "" : separator) + printAt(operand, least);
  return text;
}

static std::string printAddition(const Expression &e) {
  std::string text;
  for (const Expression &operand : e.operands()) {
    if (text.empty())
      text = printAt(operand, bindsAdd);
    else if (operand.kind() == Kind::Number && operand.value() < 0)
      text += " - " + mpz_class(-operand.value()).get_str();
    else
      text += " + " + printAt(operand, bindsMultiply);
  }
  return text;
}

static std::string printBounds(const Expression &e) {
  const Expression &lo = e.operands()[0], &hi = e.operands()[1];
  std::string text = e.name() + " < " + printAt(hi, bindsAdd);
  return lo.isNumber(0) ? text : printAt(lo, bindsAdd) + " <= " + text;
}

static Text print(const Expression &e) {
  const std::vector<Expression> &of = e.operands();
  auto binary = [&](const char *sign, Binding binding, Binding left,
                    Binding right) {
    return Text{printAt(of[0], left) + sign + printAt(of[1], right), binding};
  };
  switch (e.kind()) {
  case Kind::Number:
    return {e.value().get_str(), e.value() < 0 ? bindsAdd : bindsAll};
  case Kind::Coordinate:
    return {e.name(), bindsAll};
  case Kind::Extent:
    return {"|" + e.name() + "|", bindsAll};
  case Kind::Add:
    return {printAddition(e), bindsAdd};
  case Kind::Subtract:
    return binary(" - ", bindsAdd, bindsAdd, bindsMultiply);
  case Kind::Multiply:
    return {printList(e, " ", bindsAll), bindsMultiply};
  case Kind::FloorDivide:
    return {"floor(" + printAt(of[0], bindsMultiply) + " / " +
                printAt(of[1], bindsAll) + ")",
            bindsAll};
  case Kind::CeilDivide:
    return {"ceil(" + printAt(of[0], bindsMultiply) + " / " +
                printAt(of[1], bindsAll) + ")",
            bindsAll};
  case Kind::Modulo:
    return binary(" mod ", bindsAdd, bindsAll, bindsAll);
  case Kind::Minimum:
  case Kind::Maximum:
    return {std::string(operatorName(e.kind())) + "(" +
                printList(e, ", ", bindsOr) + ")",
            bindsAll};
  case Kind::Less:
    return binary(" < ", bindsCompare, bindsAdd, bindsAdd);
  case Kind::LessEqual:
    return binary(" <= ", bindsCompare, bindsAdd, bindsAdd);
  case Kind::Equal:
    return binary(" == ", bindsCompare, bindsAdd, bindsAdd);
  case Kind::NotEqual:
    return binary(" != ", bindsCompare, bindsAdd, bindsAdd);
  case Kind::And:
    return {printList(e, " and ", bindsCompare), bindsAnd};
  case Kind::Or:
    return {printList(e, " or ", bindsCompare), bindsOr};
  case Kind::Not:
    return {"not " + printAt(of[0], bindsAll), bindsCompare};
  case Kind::If:
    return {"(" + printAt(of[1], bindsAdd) + " if " + printAt(of[0], bindsOr) +
                " else " + printAt(of[2], bindsAdd) + ")",
            bindsAll};
  case Kind::Sum:
    return {"sum_{" + printBounds(e) + "} " + printAt(of[2], bindsMultiply),
            bindsAdd};
  case Kind::Sectors: {
    std::string text =
        "sectors_{" + e.name() + " < " + printAt(of[0], bindsAdd) + "}(" +
        printAt(of[3], bindsOr) + " bytes at " + printAt(of[2], bindsOr);
    if (!of[1].isNumber(1))
      text += " where " + printAt(of[1], bindsOr);
    return {text + ")", bindsAll};
  }
  }
  return {"", bindsAll};
}

std::string Expression::str() const { return print(*this).text; }

// --- JSON -------------------------------------------------------------------

JSON Expression::toJSON() const {
  if (kind() == Kind::Number) {
    if (value().fits_slong_p())
      return static_cast<int64_t>(value().get_si());
    return value().get_str();
  }
  if (kind() == Kind::Coordinate)
    return name();
  JSON array = JSON::array();
  array.push_back(operatorName(kind()));
  if (!name().empty())
    array.push_back(name());
  for (const Expression &operand : operands())
    array.push_back(operand.toJSON());
  return array;
}

namespace {

class Reader {
public:
  explicit Reader(const Expression::Limits &limits) : limits(limits) {}

  Result<Expression> read(const JSON &json, unsigned depth) {
    if (depth > limits.depth)
      return Failure{"expression is deeper than " +
                     std::to_string(limits.depth)};
    if (++nodes > limits.nodes)
      return Failure{"expression has more than " +
                     std::to_string(limits.nodes) + " parts"};
    if (json.is_number_integer()) {
      if (json.is_number_unsigned())
        return Expression::number(toInteger(json.get<uint64_t>()));
      return Expression(json.get<int64_t>());
    }
    if (json.is_string())
      return readString(json.get_ref<const std::string &>());
    if (!json.is_array() || json.empty() || !json[0].is_string())
      return Failure{"expected an integer, a name or an array that begins with "
                     "an operator"};
    return readOperator(json, depth);
  }

private:
  static bool isName(const std::string &text) {
    if (text.empty() || text.size() > 100)
      return false;
    auto letter = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    if (!letter(text[0]))
      return false;
    for (char c : text)
      if (!letter(c) && !(c >= '0' && c <= '9') && c != '.' && c != '\'')
        return false;
    return true;
  }

  Result<Expression> readString(const std::string &text) {
    if (isName(text))
      return Expression::coordinate(text);
    size_t begin = text.starts_with('-') ? 1 : 0;
    bool digits = text.size() > begin;
    for (char c : text.substr(begin))
      digits &= c >= '0' && c <= '9';
    if (!digits)
      return Failure{"'" + text.substr(0, 100) +
                     "' is neither a name nor a number"};
    if (text.size() > limits.digits)
      return Failure{"number of more than " + std::to_string(limits.digits) +
                     " digits"};
    return Expression::number(mpz_class(text, 10));
  }

  Result<Expression> readOperator(const JSON &json, unsigned depth) {
    const std::string &sign = json[0].get_ref<const std::string &>();
    std::string name;
    size_t first = 1;
    if (sign == "extent" || sign == "sum" || sign == "sectors") {
      if (json.size() < 2 || !json[1].is_string() ||
          !isName(json[1].get_ref<const std::string &>()))
        return Failure{"'" + sign + "' needs a name"};
      name = json[1].get<std::string>();
      first = 2;
    }
    std::vector<Expression> of;
    for (size_t i = first; i < json.size(); ++i) {
      Result<Expression> operand = read(json[i], depth + 1);
      if (!operand)
        return operand;
      of.push_back(*operand);
    }
    if (std::optional<Expression> built = build(sign, name, of))
      return *built;
    if (known)
      return Failure{"'" + sign + "' does not take " +
                     std::to_string(of.size()) + " operands"};
    return Failure{"unknown operator '" + sign.substr(0, 100) + "'"};
  }

  /// Nothing where the operator is unknown, or known but of other operands.
  std::optional<Expression> build(const std::string &sign, std::string &name,
                                  const std::vector<Expression> &of) {
    using Binary = Expression (*)(const Expression &, const Expression &);
    struct Row {
      const char *sign;
      Binary function;
      bool folds; ///< any number of operands
    };
    static const Row rows[] = {
        {"+", [](const Expression &a, const Expression &b) { return a + b; },
         true},
        {"*", [](const Expression &a, const Expression &b) { return a * b; },
         true},
        {"-", [](const Expression &a, const Expression &b) { return a - b; },
         false},
        {"/", floorDivide, false},
        {"mod", modulo, false},
        {"ceil", ceilDivide, false},
        {"min", minimum, true},
        {"max", maximum, true},
        {"<", less, false},
        {"<=", lessEqual, false},
        {"==", equal, false},
        {"!=", notEqual, false},
        {"and", conjunction, true},
        {"or", disjunction, true},
    };
    known = true;
    for (const Row &row : rows) {
      if (sign != row.sign)
        continue;
      if (of.size() < 2 || (of.size() > 2 && !row.folds))
        return std::nullopt;
      Expression result = row.function(of[0], of[1]);
      for (size_t i = 2; i < of.size(); ++i)
        result = row.function(result, of[i]);
      return result;
    }
    auto takes = [&](size_t count) { return of.size() == count; };
    if (sign == "extent")
      return takes(0) ? std::optional(Expression::extent(name)) : std::nullopt;
    if (sign == "not")
      return takes(1) ? std::optional(negation(of[0])) : std::nullopt;
    if (sign == "if")
      return takes(3) ? std::optional(select(of[0], of[1], of[2]))
                      : std::nullopt;
    if (sign == "sum")
      return takes(3) ? std::optional(sum(name, of[0], of[1], of[2]))
                      : std::nullopt;
    if (sign == "sectors")
      return takes(4) ? std::optional(sectors(name, of[0], of[1], of[2], of[3]))
                      : std::nullopt;
    known = false;
    return std::nullopt;
  }

  const Expression::Limits &limits;
  uint64_t nodes = 0;
  bool known = true; ///< the operator that `build` refused
};

} // namespace

Result<Expression> Expression::fromJSON(const JSON &json,
                                        const Limits &limits) {
  return Reader(limits).read(json, 1);
}

Result<Expression> Expression::fromJSON(const JSON &json) {
  return fromJSON(json, Limits());
}

} // namespace einfall::certificate
