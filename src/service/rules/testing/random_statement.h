#pragma once
// Statements and payloads by chance: valid ones, made of everything that the language has.

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "service/rules/functions.h"

namespace dunlin::rules::testing {

class RandomStatement {
 public:
  explicit RandomStatement(Rng& rng) : rng_(rng) {
    for (const std::string_view name : function_names()) {
      const Function* function = find_function(name);
      // What differs from call to call cannot be compared.
      if (function != nullptr && function->call != nullptr && name != "rand" && name != "newuuid")
        functions_.push_back(function);
    }
  }

  std::string statement() {
    variables_ = 0;
    std::string sql;
    if (one_of(4)) {
      sql = "SET ";
      const std::uint64_t count = 1 + rng_.below(3);
      for (std::uint64_t i = 0; i < count; ++i) {
        sql += (i == 0 ? "@v" : ", @v") + std::to_string(i) + " = " + expression(2);
        ++variables_;
      }
      sql += " ";
    }
    sql += "SELECT " + list(3) + " FROM '#'";
    if (!one_of(3)) sql += " WHERE " + expression(3);
    return sql;
  }

  std::string payload(int depth = 3) {
    if (depth == 3 && !one_of(10)) return object(depth);
    switch (rng_.below(depth > 0 ? 9 : 7)) {
      case 0:
        return "null";
      case 1:
        return one_of(2) ? "true" : "false";
      case 2:
      case 3:
        return number();
      case 4:
        return "\"" + std::string(pick(kTexts)) + "\"";
      case 5:
        return "\"" + number() + "\"";
      case 6:
        return std::to_string(rng_.below(4));
      case 7:
        return object(depth);
      default: {
        std::string text = "[";
        const std::uint64_t count = rng_.below(4);
        for (std::uint64_t i = 0; i < count; ++i) text += (i == 0 ? "" : ",") + payload(depth - 1);
        return text + "]";
      }
    }
  }

 private:
  static constexpr std::array<std::string_view, 5> kNames{"a", "b", "c", "list", "value"};
  static constexpr std::array<std::string_view, 10> kTexts{"",     "a",  "true", "FALSE", "x y",
                                                           "a.*b", "é€", "abc",  "YWJj",  "eyJhIjoxfQ=="};
  static constexpr std::array<std::string_view, 13> kOperators{"+", "-",  "*", "/",  "%",   "=", "<>",
                                                               "<", "<=", ">", ">=", "AND", "OR"};
  static constexpr std::array<std::string_view, 5> kTypes{"String", "Int", "Decimal", "Bool", "Double"};

  bool one_of(std::uint64_t count) { return rng_.below(count) == 0; }
  template <std::size_t Count>
  std::string_view pick(const std::array<std::string_view, Count>& all) {
    return all[rng_.below(Count)];
  }

  std::string number() {
    std::string text = one_of(3) ? "-" : "";
    text += std::to_string(rng_.below(one_of(8) ? 9'999'999'999'999'999'999U : 120));
    if (one_of(3)) text += "." + std::to_string(rng_.below(one_of(6) ? 99'999'999'999'999'999U : 100));
    if (one_of(8)) text += "e" + std::to_string(rng_.below(25));
    if (one_of(16)) text += "e-" + std::to_string(rng_.below(25));
    const std::size_t first = text.find('e');
    return text.substr(0, text.find('e', first == std::string::npos ? first : first + 1));
  }

  std::string object(int depth) {
    std::string text = "{";
    const std::uint64_t count = rng_.below(6);
    for (std::uint64_t i = 0; i < count; ++i)
      text += (i == 0 ? "\"" : ",\"") + std::string(pick(kNames)) + "\":" + payload(depth - 1);
    return text + "}";
  }

  std::string list(int depth) {
    if (one_of(3)) return "VALUE " + expression(depth);
    std::string items = one_of(4) ? "*" : expression(depth) + " AS " + name();
    const std::uint64_t more = rng_.below(3);
    for (std::uint64_t i = 0; i < more; ++i)
      items += one_of(6) ? ", *" : ", " + expression(depth) + " AS " + name();
    return items;
  }
  std::string name() {
    return std::string(pick(kNames)) + (one_of(4) ? "." + std::string(pick(kNames)) : "");
  }

  std::string leaf() {
    switch (rng_.below(10)) {
      case 0:
        return "NULL";
      case 1:
        return one_of(2) ? "true" : "false";
      case 2:
      case 3:
        return number();
      case 4:
        return "'" + std::string(pick(kTexts)) + "'";
      case 5:
        return one_of(3) ? "*" : "missing";
      case 6:
        if (variables_ > 0) return "@v" + std::to_string(rng_.below(variables_));
        [[fallthrough]];
      default:
        return std::string(pick(kNames)) + (one_of(3) ? "." + std::string(pick(kNames)) : "");
    }
  }

  std::string expression(int depth) {
    if (depth == 0) return leaf();
    const auto inner = [&] { return expression(depth - 1); };
    switch (rng_.below(14)) {
      case 0:
        return "(NOT (" + inner() + "))";
      case 1:
        return "(-(" + inner() + "))";
      case 2:
        return "[" + inner() + ", " + inner() + "]";
      case 3:
        return "{'" + std::string(pick(kNames)) + "': " + inner() + ", 'k': " + inner() + "}";
      case 4:
        return "CASE " + inner() + " WHEN " + inner() + " THEN " + inner() +
               (one_of(2) ? " ELSE " + inner() : "") + " END";
      case 5:
        return "cast(" + inner() + " AS " + std::string(pick(kTypes)) + ")";
      case 6:
        return "(SELECT " + list(depth - 1) + " FROM " + std::string(pick(kNames)) +
               (one_of(2) ? " WHERE " + inner() : "") + ")";
      case 7:
        return "(" + inner() + ")." + std::string(pick(kNames));
      case 8:
      case 9:
        return call(depth);
      case 10:
        return leaf();
      default:
        return "(" + inner() + " " + std::string(pick(kOperators)) + " " + inner() + ")";
    }
  }

  std::string call(int depth) {
    const Function& function = *functions_[rng_.below(functions_.size())];
    std::string text = std::string(function.name) + "(";
    const std::size_t most = std::min(function.most, function.least + 2);
    const std::size_t count = function.least + rng_.below(most - function.least + 1);
    for (std::size_t i = 0; i < count; ++i) {
      text += i == 0 ? "" : ", ";
      if (function.name == "transform" && i == 0) {
        text += "'enrichArray'";
      } else if (i == 1 && (function.name == "encode" || function.name == "decode")) {
        text += "'base64'";
      } else {
        text += expression(depth - 1);
      }
    }
    return text + ")";
  }

  Rng& rng_;
  std::vector<const Function*> functions_;
  std::uint64_t variables_ = 0;
};

}  // namespace dunlin::rules::testing
