#pragma once
// The plain way to evaluate a statement: walks its tree, looks up every name anew. What Machine is judged by.

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "service/rules/conversion.h"
#include "service/rules/evaluation.h"
#include "service/rules/functions.h"
#include "service/rules/operators.h"
#include "service/rules/syntax.h"

namespace dunlin::rules::testing {

class TreeWalk {
 public:
  TreeWalk(const Syntax& syntax, Evaluation& evaluation, Value payload)
      : syntax_(syntax), evaluation_(evaluation), element_(payload) {
    for (const Variable& variable : syntax.variables) {
      const Value value = evaluate(variable.value);
      variables_.emplace_back(variable.name, value);
    }
  }

  bool matches() { return holds(syntax_.where.get()); }
  Value select() { return select(syntax_.list); }

 private:
  using Kind = Expression::Kind;
  using Members = std::vector<Member>;

  bool holds(const Expression* where) {
    return where == nullptr || to_boolean(evaluate(*where)).value_or(false);
  }

  Value evaluate(const Expression& expression) {
    const auto operand = [&](std::size_t i) { return evaluate(expression.operands[i]); };
    switch (expression.kind) {
      case Kind::name:
        return member_of(element_, expression.text);
      case Kind::everything:
        return element_;
      case Kind::variable:
        for (const auto& [name, value] : variables_) {
          if (name == expression.text) return value;
        }
        return {};
      case Kind::member:
        return member_of(operand(0), expression.text);
      case Kind::negative:
        return negative_of(operand(0), evaluation_);
      case Kind::negation:
        return negation_of(operand(0));
      case Kind::binary: {
        const Value left = operand(0);
        return apply(expression.operation, left, operand(1), evaluation_);
      }
      case Kind::array:
        return kept(defined(values_of(expression)));
      case Kind::object: {
        Members members;
        for (std::size_t i = 0; i < expression.names.size(); ++i)
          set(members, expression.names[i], operand(i));
        return kept(members);
      }
      case Kind::choice:
        return choose(expression);
      case Kind::call:
        return call(expression);
      case Kind::query:
        return query(expression, operand(0));
      default:
        return literal_of(expression);
    }
  }

  std::vector<Value> values_of(const Expression& expression) {
    std::vector<Value> values;
    for (const Expression& operand : expression.operands) values.push_back(evaluate(operand));
    return values;
  }
  static std::vector<Value> defined(std::vector<Value> values) {
    std::erase_if(values, [](Value value) { return value.is_undefined(); });
    return values;
  }

  Value choose(const Expression& expression) {
    const auto& operands = expression.operands;
    const Value subject = evaluate(operands[0]);
    if (subject.is_undefined()) return {};
    for (std::size_t i = 1; i + 1 < operands.size(); i += 2) {
      if (equals(subject, evaluate(operands[i]), evaluation_).is_true()) return evaluate(operands[i + 1]);
    }
    return operands.size() % 2 == 0 ? evaluate(operands.back()) : Value();
  }

  Value call(const Expression& expression) {
    const Function& function = *expression.function;
    if (expression.operands.size() < function.least || expression.operands.size() > function.most) return {};
    const std::vector<Value> arguments = values_of(expression);
    return function.call(evaluation_, arguments);
  }

  Value query(const Expression& expression, Value source) {
    const Value outer = element_;
    Value result;
    if (source.is_object()) {
      element_ = source;
      if (holds(expression.query->where.get())) result = select(expression.query->list);
    } else if (source.is_array()) {
      std::vector<Value> values;
      for (const Value element : source.elements()) {
        element_ = element;
        if (holds(expression.query->where.get())) values.push_back(select(expression.query->list));
      }
      result = kept(defined(std::move(values)));
    }
    element_ = outer;
    return result;
  }

  Value select(const SelectList& list) {
    if (list.value) return evaluate(*list.value);
    if (list.items.size() == 1 && list.items[0].kind == SelectItem::Kind::everything) return element_;
    Members members;
    for (const SelectItem& item : list.items) {
      if (item.kind == SelectItem::Kind::named) {
        set_at(members, item.path, evaluate(item.expression));
      } else if (element_.is_object()) {
        for (const Member& member : element_.members()) set(members, member.name, member.value);
      }
    }
    return kept(members);
  }

  static void set(Members& members, std::string_view name, Value value) {
    if (value.is_undefined()) return;
    const auto same = std::ranges::find(members, name, &Member::name);
    if (same == members.end()) {
      members.push_back({name, value});
    } else {
      same->value = value;
    }
  }
  void set_at(Members& members, std::span<const std::string> path, Value value) {
    if (value.is_undefined() || path.size() == 1) return set(members, path[0], value);
    const auto same = std::ranges::find(members, std::string_view(path[0]), &Member::name);
    Members inside;
    if (same != members.end() && same->value.is_object())
      inside.assign(same->value.members().begin(), same->value.members().end());
    set_at(inside, path.subspan(1), value);
    set(members, path[0], kept(inside));
  }

  template <class Item>
  std::span<Item> room(const std::vector<Item>& items) {
    const auto span = evaluation_.arena.template items<Item>(items.size());
    if (span.size() == items.size()) std::ranges::copy(items, span.begin());
    return span;
  }
  Value kept(const std::vector<Value>& values) { return Value::array(room(values)); }
  Value kept(const Members& members) { return Value::object(room(members)); }

  const Syntax& syntax_;
  Evaluation& evaluation_;
  Value element_;  // the payload outside of nested queries
  std::vector<std::pair<std::string, Value>> variables_;
};

}  // namespace dunlin::rules::testing
