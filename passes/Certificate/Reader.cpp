//===- Reader.cpp - Members of JSON objects, read strictly ----------------===//

#include "passes/Certificate/Reader.h"

namespace einfall::certificate {

JSON writeNumber(const mpz_class &value) {
  static const mpz_class exact = mpz_class(1) << 53; // in a double
  if (abs(value) <= exact)
    return static_cast<int64_t>(value.get_si());
  return value.get_str();
}

JSON writeFraction(const mpq_class &value) {
  if (value.get_den() == 1)
    return writeNumber(value.get_num());
  return value.get_str();
}

ObjectReader::~ObjectReader() {
  if (json.is_object())
    for (const auto &member : json.items())
      if (!known.count(member.key()))
        errors.add(pathOf(member.key()), "unknown member");
}

const JSON *ObjectReader::find(const std::string &name) {
  known.insert(name);
  if (!json.is_object())
    return nullptr;
  auto member = json.find(name);
  return member == json.end() ? nullptr : &*member;
}

const JSON *ObjectReader::get(const std::string &name) {
  const JSON *member = find(name);
  if (!member)
    errors.add(pathOf(name), "is missing");
  return member;
}

void ObjectReader::readOptional(const char *name, std::string &out) {
  if (const JSON *member = find(name)) {
    readValue(*member, pathOf(name), out);
    if (out.empty())
      errors.add(pathOf(name), "is empty");
  }
}

void ObjectReader::readValue(const JSON &json, const std::string &path,
                             std::string &out) {
  if (!json.is_string())
    return errors.add(path, "expected a string");
  out = json.get<std::string>();
  if (out.size() > 1000)
    errors.add(path, "string is longer than 1000");
}

void ObjectReader::readValue(const JSON &json, const std::string &path,
                             mpz_class &out) {
  Result<Expression> number = Expression::fromJSON(json);
  if (!number || number->kind() != Expression::Kind::Number || json.is_array())
    return errors.add(path, "expected an integer");
  out = number->value();
}

void ObjectReader::readValue(const JSON &json, const std::string &path,
                             mpq_class &out) {
  mpz_class numerator, denominator = 1;
  if (json.is_string()) {
    const std::string &text = json.get_ref<const std::string &>();
    size_t slash = text.find('/');
    if (slash != std::string::npos) {
      readValue(JSON(text.substr(0, slash)), path, numerator);
      readValue(JSON(text.substr(slash + 1)), path, denominator);
      if (denominator <= 0)
        return errors.add(path, "denominator is not positive");
      out = mpq_class(numerator, denominator);
      out.canonicalize();
      return;
    }
  }
  readValue(json, path, numerator);
  out = numerator;
}

void ObjectReader::readValue(const JSON &json, const std::string &path,
                             Expression &out) {
  Result<Expression> expression = Expression::fromJSON(json);
  if (!expression)
    return errors.add(path, expression.error());
  out = *expression;
}

int64_t ObjectReader::readRange(const JSON &json, const std::string &path,
                                int64_t least, int64_t most) {
  mpz_class value = 0;
  readValue(json, path, value);
  if (value < toInteger(least) || value > toInteger(most)) {
    errors.add(path, value.get_str() + " is not within " +
                         std::to_string(least) + " .. " + std::to_string(most));
    return least;
  }
  return value.get_si();
}

} // namespace einfall::certificate
