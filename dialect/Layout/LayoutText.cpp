//===- LayoutText.cpp - Layouts as text -----------------------------------===//
//
//   layout ::= '[' [input {';' input}] ']' '->' '[' [output {',' output}] ']'
//   input  ::= name number [':' digit {',' digit}]
//   digit  ::= '^' step | number 'x' step
//   step   ::= '0' | name number {'+' name number}
//   output ::= name number
//
//===----------------------------------------------------------------------===//

#include "dialect/Layout/Layout.h"

#include <cctype>

using namespace einfall::layout;

std::string Layout::str() const {
  auto step = [&](const Point &amounts) {
    std::string text;
    for (size_t d = 0; d < amounts.size(); ++d)
      if (amounts[d])
        text += (text.empty() ? "" : " + ") + outs[d].name + " " +
                std::to_string(amounts[d]);
    return text.empty() ? std::string("0") : text;
  };
  std::string text = "[";
  for (size_t i = 0; i < ins.size(); ++i) {
    text += (i ? "; " : "") + ins[i].dim.name + " " +
            std::to_string(ins[i].dim.extent);
    const char *separator = ": ";
    for (const Digit &digit : ins[i].digits) {
      text += separator;
      text += digit.isBit ? "^" : std::to_string(digit.radix) + " x ";
      text += step(digit.step);
      separator = ", ";
    }
  }
  text += "] -> [";
  for (size_t d = 0; d < outs.size(); ++d)
    text +=
        (d ? ", " : "") + outs[d].name + " " + std::to_string(outs[d].extent);
  return text + "]";
}

namespace {
class Parser {
public:
  explicit Parser(std::string_view text) : text(text) {}
  OrError<Layout> run();

private:
  void space() {
    while (at < text.size() && std::isspace((unsigned char)text[at]))
      ++at;
  }
  bool eat(std::string_view token) {
    space();
    if (text.substr(at, token.size()) != token)
      return false;
    at += token.size();
    return true;
  }
  bool expect(std::string_view token) {
    return eat(token) || fail("'" + std::string(token) + "'");
  }
  bool fail(const std::string &expected) {
    if (error.empty())
      error = "expected " + expected + " at position " + std::to_string(at);
    return false;
  }
  bool isNext(char c) {
    space();
    return at < text.size() && text[at] == c;
  }
  bool name(std::string &result) {
    space();
    size_t begin = at;
    while (at < text.size() &&
           (std::isalpha((unsigned char)text[at]) || text[at] == '_' ||
            (at > begin && std::isdigit((unsigned char)text[at]))))
      ++at;
    result = text.substr(begin, at - begin);
    return at > begin || fail("a name");
  }
  bool number(int64_t &result) {
    space();
    size_t begin = at;
    result = 0;
    while (at < text.size() && std::isdigit((unsigned char)text[at])) {
      if (result > (int64_t(1) << 52))
        return fail("a smaller number");
      result = result * 10 + (text[at++] - '0');
    }
    return at > begin || fail("a number");
  }
  bool step(Steps &result) {
    if (isNext('0')) {
      int64_t zero;
      return number(zero) && (zero == 0 || fail("'0' or a name"));
    }
    do {
      std::pair<std::string, int64_t> part;
      if (!name(part.first) || !number(part.second))
        return false;
      result.push_back(std::move(part));
    } while (eat("+"));
    return true;
  }
  struct NamedDigit {
    int64_t radix;
    bool isBit;
    Steps steps;
  };
  struct NamedInput {
    Dim dim;
    std::vector<NamedDigit> digits;
  };
  bool digit(NamedDigit &result) {
    result.isBit = eat("^");
    result.radix = 2;
    if (!result.isBit && (!number(result.radix) || !expect("x")))
      return false;
    return step(result.steps);
  }
  bool input() {
    NamedInput in;
    if (!name(in.dim.name) || !number(in.dim.extent))
      return false;
    if (eat(":"))
      do {
        if (!digit(in.digits.emplace_back()))
          return false;
      } while (eat(","));
    inputs.push_back(std::move(in));
    return true;
  }
  bool output() {
    Dim dim;
    if (!name(dim.name) || !number(dim.extent))
      return false;
    if (dim.extent < 1)
      return fail("a positive extent");
    outputs.push_back(std::move(dim));
    return true;
  }
  bool layout() {
    if (!expect("["))
      return false;
    if (!isNext(']'))
      do {
        if (!input())
          return false;
      } while (eat(";"));
    if (!expect("]") || !expect("->") || !expect("["))
      return false;
    if (!isNext(']'))
      do {
        if (!output())
          return false;
      } while (eat(","));
    if (!expect("]"))
      return false;
    space();
    return at == text.size() || fail("the end");
  }

  std::string_view text;
  size_t at = 0;
  std::string error;
  std::vector<NamedInput> inputs;
  std::vector<Dim> outputs;
};
} // namespace

OrError<Layout> Parser::run() {
  if (!layout())
    return Failure{error};
  LayoutBuilder builder(outputs);
  for (const NamedInput &in : inputs) {
    if (in.dim.extent < 1)
      return Failure{"input dimension '" + in.dim.name + "' has extent " +
                     std::to_string(in.dim.extent)};
    builder.input(in.dim.name, in.dim.extent);
    for (const NamedDigit &digit : in.digits) {
      if (digit.isBit)
        builder.bit(digit.steps);
      else if (digit.radix < 2)
        return Failure{"input dimension '" + in.dim.name +
                       "' has a digit of radix " + std::to_string(digit.radix)};
      else
        builder.repeat(digit.radix, digit.steps);
    }
  }
  return builder.build();
}

OrError<Layout> Layout::parse(std::string_view text) {
  return Parser(text).run();
}
