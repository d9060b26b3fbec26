#pragma once
// Expressions of the rules' SQL: what a parsed one is, and what it gives for a message.

#include <boost/json/value.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace dunlin::rules {

/// nullopt is Undefined: no value, not even null. It never is an error.
using Value = std::optional<boost::json::value>;

/// The message that an expression is evaluated for.
struct Context {
  const boost::json::value* payload = nullptr;  // null: the payload is not JSON
  std::string_view topic;
  std::string_view client_id;
  std::string_view principal;
  WallTime received_at{};
};

class Expression {
 public:
  virtual ~Expression() = default;
  virtual Value evaluate(const Context& context) const = 0;
};
using ExpressionPtr = std::unique_ptr<const Expression>;

/// True only for true (or its text): what WHERE and the logical operators ask.
std::optional<bool> as_boolean(const Value& value);
/// A number, or a text that spells one.
std::optional<double> as_number(const Value& value);
/// The standard text of a value; nullopt for null and Undefined.
std::optional<std::string> as_text(const Value& value);
/// A number as JSON: whole ones as integers.
boost::json::value number_value(double number);

}  // namespace dunlin::rules
