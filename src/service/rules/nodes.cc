#include "service/rules/nodes.h"

#include <boost/json.hpp>
#include <cmath>

#include "model/text.h"
#include "service/rules/limits.h"

namespace dunlin::rules {
namespace {

class Literal final : public Expression {
 public:
  explicit Literal(boost::json::value value) : value_(std::move(value)) {}
  Value evaluate(const Context&) const override { return value_; }

 private:
  boost::json::value value_;
};

class Name final : public Expression {
 public:
  explicit Name(std::string name) : name_(std::move(name)) {}
  Value evaluate(const Context& context) const override {
    if (context.payload == nullptr || !context.payload->is_object()) return std::nullopt;
    const auto* member = context.payload->get_object().if_contains(name_);
    return member == nullptr ? Value() : Value(*member);
  }

 private:
  std::string name_;
};

class Payload final : public Expression {
 public:
  Value evaluate(const Context& context) const override {
    return context.payload == nullptr ? Value() : Value(*context.payload);
  }
};

class Member final : public Expression {
 public:
  Member(ExpressionPtr object, std::string name) : object_(std::move(object)), name_(std::move(name)) {}
  Value evaluate(const Context& context) const override {
    const Value object = object_->evaluate(context);
    if (!object || !object->is_object()) return std::nullopt;
    const auto* member = object->get_object().if_contains(name_);
    return member == nullptr ? Value() : Value(*member);
  }

 private:
  ExpressionPtr object_;
  std::string name_;
};

Value equal(const Value& left, const Value& right) {
  if (!left || !right) return std::nullopt;
  return boost::json::value(model::same_value(*left, *right));
}

bool both_whole(const Value& left, const Value& right) {
  return left && right && left->is_int64() && right->is_int64();
}

template <class Number>
bool compare(BinaryOperator operation, Number a, Number b) {
  switch (operation) {
    case BinaryOperator::less:
      return a < b;
    case BinaryOperator::less_equal:
      return a <= b;
    case BinaryOperator::greater:
      return a > b;
    default:
      return a >= b;
  }
}

Value order(BinaryOperator operation, const Value& left, const Value& right) {
  if (both_whole(left, right))
    return boost::json::value(compare(operation, left->get_int64(), right->get_int64()));
  const auto a = as_number(left);
  const auto b = as_number(right);
  if (!a || !b) return std::nullopt;
  return boost::json::value(compare(operation, *a, *b));
}

/// The exact result of whole numbers; nullopt where it is not whole or does not fit.
std::optional<std::int64_t> whole_result(BinaryOperator operation, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  switch (operation) {
    case BinaryOperator::add:
      return __builtin_add_overflow(a, b, &result) ? std::nullopt : std::optional(result);
    case BinaryOperator::subtract:
      return __builtin_sub_overflow(a, b, &result) ? std::nullopt : std::optional(result);
    case BinaryOperator::multiply:
      return __builtin_mul_overflow(a, b, &result) ? std::nullopt : std::optional(result);
    default:
      break;
  }
  if (b == 0 || b == -1) return std::nullopt;  // -1: the least number has no negative
  if (operation == BinaryOperator::modulo) return a % b;
  return a % b == 0 ? std::optional(a / b) : std::nullopt;
}

Value arithmetic(BinaryOperator operation, const Value& left, const Value& right) {
  if (both_whole(left, right)) {
    if (const auto whole = whole_result(operation, left->get_int64(), right->get_int64()))
      return boost::json::value(*whole);
  }
  const auto a = as_number(left);
  const auto b = as_number(right);
  if (!a || !b) return std::nullopt;
  double result = 0;
  switch (operation) {
    case BinaryOperator::add:
      result = *a + *b;
      break;
    case BinaryOperator::subtract:
      result = *a - *b;
      break;
    case BinaryOperator::multiply:
      result = *a * *b;
      break;
    case BinaryOperator::divide:
      result = *a / *b;
      break;
    default:
      result = std::fmod(*a, *b);
      break;
  }
  // Division by zero has no value.
  if (!std::isfinite(result)) return std::nullopt;
  return number_value(result);
}

Value add(const Value& left, const Value& right) {
  const bool joins = (left && left->is_string()) || (right && right->is_string());
  if (!joins) return arithmetic(BinaryOperator::add, left, right);
  const auto a = as_text(left);
  const auto b = as_text(right);
  if (!a || !b || a->size() + b->size() > kMaxResultBytes) return std::nullopt;
  return boost::json::value(*a + *b);
}

Value logical(BinaryOperator operation, const Value& left, const Value& right) {
  const auto a = as_boolean(left);
  const auto b = as_boolean(right);
  if (!a || !b) return std::nullopt;
  return boost::json::value(operation == BinaryOperator::both ? *a && *b : *a || *b);
}

class Binary final : public Expression {
 public:
  Binary(BinaryOperator operation, ExpressionPtr left, ExpressionPtr right)
      : operation_(operation), left_(std::move(left)), right_(std::move(right)) {}

  Value evaluate(const Context& context) const override {
    const Value left = left_->evaluate(context);
    const Value right = right_->evaluate(context);
    switch (operation_) {
      case BinaryOperator::equal:
        return equal(left, right);
      case BinaryOperator::not_equal: {
        const Value same = equal(left, right);
        return same ? Value(boost::json::value(!same->get_bool())) : Value();
      }
      case BinaryOperator::less:
      case BinaryOperator::less_equal:
      case BinaryOperator::greater:
      case BinaryOperator::greater_equal:
        return order(operation_, left, right);
      case BinaryOperator::both:
      case BinaryOperator::either:
        return logical(operation_, left, right);
      case BinaryOperator::add:
        return add(left, right);
      default:
        return arithmetic(operation_, left, right);
    }
  }

 private:
  BinaryOperator operation_;
  ExpressionPtr left_;
  ExpressionPtr right_;
};

class Not final : public Expression {
 public:
  explicit Not(ExpressionPtr operand) : operand_(std::move(operand)) {}
  Value evaluate(const Context& context) const override {
    const auto value = as_boolean(operand_->evaluate(context));
    return value ? Value(boost::json::value(!*value)) : Value();
  }

 private:
  ExpressionPtr operand_;
};

class Negative final : public Expression {
 public:
  explicit Negative(ExpressionPtr operand) : operand_(std::move(operand)) {}
  Value evaluate(const Context& context) const override {
    const auto number = as_number(operand_->evaluate(context));
    return number ? Value(number_value(-*number)) : Value();
  }

 private:
  ExpressionPtr operand_;
};

class Array final : public Expression {
 public:
  explicit Array(std::vector<ExpressionPtr> elements) : elements_(std::move(elements)) {}
  Value evaluate(const Context& context) const override {
    boost::json::array array;
    for (const ExpressionPtr& element : elements_) {
      if (Value value = element->evaluate(context)) array.push_back(*std::move(value));
    }
    return boost::json::value(std::move(array));
  }

 private:
  std::vector<ExpressionPtr> elements_;
};

class Object final : public Expression {
 public:
  explicit Object(std::vector<std::pair<std::string, ExpressionPtr>> members)
      : members_(std::move(members)) {}
  Value evaluate(const Context& context) const override {
    boost::json::object object;
    for (const auto& [name, member] : members_) {
      if (Value value = member->evaluate(context)) object[name] = *std::move(value);
    }
    return boost::json::value(std::move(object));
  }

 private:
  std::vector<std::pair<std::string, ExpressionPtr>> members_;
};

class Case final : public Expression {
 public:
  Case(ExpressionPtr subject, std::vector<CaseBranch> branches, ExpressionPtr otherwise)
      : subject_(std::move(subject)), branches_(std::move(branches)), otherwise_(std::move(otherwise)) {}
  Value evaluate(const Context& context) const override {
    const Value subject = subject_->evaluate(context);
    if (!subject) return std::nullopt;
    for (const CaseBranch& branch : branches_) {
      const Value same = equal(subject, branch.when->evaluate(context));
      if (same && same->get_bool()) return branch.then->evaluate(context);
    }
    return otherwise_ ? otherwise_->evaluate(context) : Value();
  }

 private:
  ExpressionPtr subject_;
  std::vector<CaseBranch> branches_;
  ExpressionPtr otherwise_;
};

}  // namespace

ExpressionPtr make_literal(boost::json::value value) {
  return std::make_unique<Literal>(std::move(value));
}
ExpressionPtr make_name(std::string name) {
  return std::make_unique<Name>(std::move(name));
}
ExpressionPtr make_payload() {
  return std::make_unique<Payload>();
}
ExpressionPtr make_member(ExpressionPtr object, std::string name) {
  return std::make_unique<Member>(std::move(object), std::move(name));
}
ExpressionPtr make_binary(BinaryOperator operation, ExpressionPtr left, ExpressionPtr right) {
  return std::make_unique<Binary>(operation, std::move(left), std::move(right));
}
ExpressionPtr make_not(ExpressionPtr operand) {
  return std::make_unique<Not>(std::move(operand));
}
ExpressionPtr make_negative(ExpressionPtr operand) {
  return std::make_unique<Negative>(std::move(operand));
}
ExpressionPtr make_array(std::vector<ExpressionPtr> elements) {
  return std::make_unique<Array>(std::move(elements));
}
ExpressionPtr make_object(std::vector<std::pair<std::string, ExpressionPtr>> members) {
  return std::make_unique<Object>(std::move(members));
}
ExpressionPtr make_case(ExpressionPtr subject, std::vector<CaseBranch> branches, ExpressionPtr otherwise) {
  return std::make_unique<Case>(std::move(subject), std::move(branches), std::move(otherwise));
}

}  // namespace dunlin::rules
