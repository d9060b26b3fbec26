#include "service/rules/compiler.h"

#include <algorithm>
#include <utility>

#include "base/core/assert.h"

namespace dunlin::rules {
namespace {

using Kind = Expression::Kind;

/// The operands of an AND of ANDs, in their order.
void add_conditions(const Expression& expression, std::vector<const Expression*>& found) {
  if (expression.kind != Kind::binary || expression.operation != Operator::both)
    return found.push_back(&expression);
  for (const Expression& operand : expression.operands) add_conditions(operand, found);
}

}  // namespace

Compiler::Compiler(std::shared_ptr<PathTable> paths, std::vector<std::string> variables)
    : variables_(std::move(variables)) {
  program_.paths = PathUse(std::move(paths));
}

Block Compiler::block(const Expression& expression) {
  std::vector<Instruction> outer = std::exchange(code_, {});
  const std::uint32_t registers = next_register_;
  Block made;
  made.result = compile(expression);
  next_register_ = registers;
  made.begin = static_cast<std::uint32_t>(program_.code.size());
  program_.code.insert(program_.code.end(), code_.begin(), code_.end());
  made.end = static_cast<std::uint32_t>(program_.code.size());
  code_ = std::move(outer);
  return made;
}

std::vector<Block> Compiler::conditions(const Expression& where) {
  std::vector<const Expression*> expressions;
  add_conditions(where, expressions);
  std::vector<Block> blocks;
  blocks.reserve(expressions.size());
  for (const Expression* expression : expressions) blocks.push_back(block(*expression));
  return blocks;
}

ListPlan Compiler::list(const SelectList& list) {
  ListPlan plan;
  if (list.value) {
    plan.value = block(*list.value);
    return plan;
  }
  plan.items.reserve(list.items.size());
  for (const SelectItem& item : list.items) {
    ItemPlan made;
    made.first_name = static_cast<std::uint32_t>(program_.names.size());
    made.names = static_cast<std::uint32_t>(item.path.size());
    for (const std::string& step : item.path) program_.names.push_back(text_constant(step));
    if (item.kind == SelectItem::Kind::named) made.block = block(item.expression);
    plan.items.push_back(made);
  }
  return plan;
}

std::optional<PathId> Compiler::path_of(const Expression& expression) {
  if (scope_ == Scope::element) return std::nullopt;
  if (expression.kind == Kind::everything) return PathTable::kRoot;
  if (expression.kind == Kind::name) return program_.paths.take(PathTable::kRoot, expression.text);
  if (expression.kind != Kind::member) return std::nullopt;
  const auto parent = path_of(expression.operands[0]);
  if (!parent) return std::nullopt;
  return program_.paths.take(*parent, expression.text);
}

Program Compiler::finish() && {
  program_.characters = std::make_unique<char[]>(std::max<std::size_t>(characters_.size(), 1));
  std::ranges::copy(characters_, program_.characters.get());
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    Value& value = program_.constants[i];
    const std::string_view text(program_.characters.get() + texts_[i].at, texts_[i].size);
    if (value.is_text()) value = Value::text(text);
    if (value.kind() == Value::Kind::big) value = Value::big(text);
  }
  program_.code.shrink_to_fit();
  program_.constants.shrink_to_fit();
  program_.names.shrink_to_fit();
  program_.calls.shrink_to_fit();
  program_.shapes.shrink_to_fit();
  program_.queries.shrink_to_fit();
  program_.paths.trim();
  return std::move(program_);
}

Operand Compiler::compile(const Expression& expression) {
  switch (expression.kind) {
    case Kind::null:
    case Kind::boolean:
    case Kind::number:
    case Kind::text:
      return constant(literal_of(expression));
    case Kind::name:
      return name(expression);
    case Kind::everything:
      if (scope_ == Scope::payload) return {Operand::Place::path, PathTable::kRoot};
      return emit({Code::element, {}, take_register(), {}, 0});
    case Kind::variable: {
      const auto found = std::ranges::find(variables_, expression.text);
      DUNLIN_ASSERT(found != variables_.end());
      return {Operand::Place::variable, static_cast<std::uint32_t>(found - variables_.begin())};
    }
    case Kind::member:
      return member(expression);
    case Kind::negative:
      return one(Code::negative, expression.operands[0]);
    case Kind::negation:
      return one(Code::negation, expression.operands[0]);
    case Kind::binary:
      return binary(expression);
    case Kind::array:
      return in_row(Code::array, expression, static_cast<std::uint32_t>(expression.operands.size()));
    case Kind::object: {
      std::vector<std::uint32_t> shape;
      shape.reserve(expression.names.size());
      for (const std::string& member_name : expression.names) shape.push_back(text_constant(member_name));
      program_.shapes.push_back(std::move(shape));
      return in_row(Code::object, expression, static_cast<std::uint32_t>(program_.shapes.size() - 1));
    }
    case Kind::choice:
      return choice(expression);
    case Kind::call:
      return call(expression);
    case Kind::query:
      return query(expression);
  }
  return {};
}

Operand Compiler::constant(Value value) {
  if (value.is_text()) return {Operand::Place::constant, text_constant(value.characters())};
  const std::size_t at = characters_.size();
  const bool is_big = value.kind() == Value::Kind::big;
  if (is_big) characters_ += value.characters();
  texts_.push_back({at, is_big ? value.characters().size() : 0});
  program_.constants.push_back(value);
  return {Operand::Place::constant, static_cast<std::uint32_t>(program_.constants.size() - 1)};
}

std::uint32_t Compiler::text_constant(std::string_view text) {
  const auto found = text_constants_.find(text);
  if (found != text_constants_.end()) return found->second;
  texts_.push_back({characters_.size(), text.size()});
  characters_ += text;
  program_.constants.push_back(Value::text(text));
  const auto made = static_cast<std::uint32_t>(program_.constants.size() - 1);
  text_constants_.emplace(text, made);
  return made;
}

Operand Compiler::name(const Expression& expression) {
  if (const auto path = path_of(expression)) return {Operand::Place::path, *path};
  return emit({Code::element_member, {}, take_register(), {}, text_constant(expression.text)});
}

Operand Compiler::member(const Expression& expression) {
  if (const auto path = path_of(expression)) return {Operand::Place::path, *path};
  const std::uint32_t registers = next_register_;
  const Operand object = compile(expression.operands[0]);
  next_register_ = registers;
  return emit({Code::member, {}, take_register(), object, text_constant(expression.text)});
}

Operand Compiler::binary(const Expression& expression) {
  const std::uint32_t registers = next_register_;
  const Operand left = compile(expression.operands[0]);
  const Operand right = compile(expression.operands[1]);
  next_register_ = registers;
  return emit({Code::binary, expression.operation, take_register(), left, right.bits()});
}

Operand Compiler::one(Code code, const Expression& operand) {
  const std::uint32_t registers = next_register_;
  const Operand inner = compile(operand);
  next_register_ = registers;
  return emit({code, {}, take_register(), inner, 0});
}

Operand Compiler::choice(const Expression& expression) {
  const auto& operands = expression.operands;
  const std::uint16_t result = take_register();
  const std::uint32_t registers = next_register_;
  copy_to(result, constant({}));
  const Operand subject = compile(operands[0]);
  std::vector<std::size_t> to_end{code_.size()};
  code_.push_back({Code::jump_if_undefined, {}, 0, subject, 0});
  for (std::size_t i = 1; i + 1 < operands.size(); i += 2) {
    const std::uint32_t kept = next_register_;
    const Operand when = compile(operands[i]);
    const std::size_t test = code_.size();
    code_.push_back({Code::jump_unless_equal, {}, 0, subject, when.bits()});
    next_register_ = kept;
    copy_to(result, compile(operands[i + 1]));
    next_register_ = kept;
    to_end.push_back(code_.size());
    code_.push_back({Code::jump, {}, 0, {}, 0});
    code_[test].to = static_cast<std::uint16_t>(code_.size() - test - 1);
  }
  if (operands.size() % 2 == 0) copy_to(result, compile(operands.back()));
  for (const std::size_t jump : to_end) code_[jump].b = static_cast<std::uint32_t>(code_.size() - jump - 1);
  next_register_ = registers;
  return {Operand::Place::register_, result};
}

Operand Compiler::query(const Expression& expression) {
  const std::uint32_t registers = next_register_;
  const Operand source = compile(expression.operands[0]);
  const Scope outer = std::exchange(scope_, Scope::element);
  QueryPlan plan;
  if (expression.query->where) plan.where = conditions(*expression.query->where);
  plan.list = list(expression.query->list);
  scope_ = outer;
  program_.queries.push_back(std::move(plan));
  next_register_ = registers;
  return emit(
      {Code::query, {}, take_register(), source, static_cast<std::uint32_t>(program_.queries.size() - 1)});
}

Operand Compiler::in_row(const std::vector<Expression>& operands) {
  const std::uint32_t first = next_register_;
  for (std::uint32_t i = 0; i < operands.size(); ++i) {
    next_register_ = first + i;
    const Operand value = compile(operands[i]);
    next_register_ = first + i;
    const std::uint16_t wanted = take_register();
    if (!(value == Operand(Operand::Place::register_, wanted))) copy_to(wanted, value);
  }
  next_register_ = first;
  return {Operand::Place::register_, first};
}

Operand Compiler::in_row(Code code, const Expression& expression, std::uint32_t index) {
  const Operand first = in_row(expression.operands);
  return emit({code, {}, take_register(), first, index});
}

Operand Compiler::call(const Expression& expression) {
  const Function& function = *expression.function;
  const std::size_t count = expression.operands.size();
  if (count < function.least || count > function.most) return constant({});
  program_.calls.push_back({&function, static_cast<std::uint32_t>(count)});
  return in_row(Code::call, expression, static_cast<std::uint32_t>(program_.calls.size() - 1));
}

std::uint16_t Compiler::take_register() {
  DUNLIN_ASSERT(next_register_ < UINT16_MAX);  // a statement has 1000 nodes
  const auto taken = static_cast<std::uint16_t>(next_register_++);
  program_.registers = std::max(program_.registers, next_register_);
  return taken;
}

Operand Compiler::emit(Instruction instruction) {
  code_.push_back(instruction);
  return {Operand::Place::register_, instruction.to};
}

void Compiler::copy_to(std::uint16_t target, Operand from) {
  code_.push_back({Code::copy, {}, target, from, 0});
}

}  // namespace dunlin::rules
