#include "service/rules/machine.h"

#include <algorithm>
#include <utility>

#include "service/rules/conversion.h"
#include "service/rules/operators.h"

namespace dunlin::rules {

using Code = Instruction::Code;

Machine::Machine(Rng& rng) : evaluation_(rng) {}

void Machine::begin(const Context& context) {
  evaluation_.context = context;
  state_ = Payload::unread;
  ++message_;
}

void Machine::start(const Program& program, std::span<const Block> variables) {
  evaluation_.arena.reset();
  evaluation_.steps_left = kMaxSteps;
  evaluation_.stopped = false;
  variables_.clear();
  for (const Block& block : variables) {
    const Value value = run(program, block);
    variables_.push_back(value);
  }
}

Value Machine::payload() {
  if (std::exchange(state_, Payload::read) == Payload::read) return payload_;
  parsed_.reset();
  payload_ = {};
  const std::string_view text = as_text(evaluation_.context.payload);
  if (text.size() <= kMaxPayloadBytes) payload_ = reader_.read(text, parsed_);
  return payload_;
}

Value Machine::path(const PathTable& table, PathId id) {
  if (id == PathTable::kRoot) return payload();
  if (table.stamp() != table_) {
    table_ = table.stamp();
    slots_.clear();
  }
  if (slots_.size() <= id) slots_.resize(table.size());
  if (slots_[id].message != message_) {
    const Value value = member_of(path(table, table.parent_of(id)), table.name_of(id));
    slots_[id] = {message_, value};
  }
  return slots_[id].value;
}

Value Machine::at(const Program& program, Operand operand) {
  switch (operand.place()) {
    case Operand::Place::register_:
      return registers_[operand.index()];
    case Operand::Place::constant:
      return program.constants[operand.index()];
    case Operand::Place::path:
      return path(*program.paths.table(), operand.index());
    case Operand::Place::variable:
      return operand.index() < variables_.size() ? variables_[operand.index()] : Value();
  }
  return {};
}

Value Machine::run(const Program& program, Block block) {
  if (registers_.size() < program.registers) registers_.resize(program.registers);
  for (std::uint32_t next = block.begin; next < block.end; ++next) {
    const Instruction& instruction = program.code[next];
    if (!evaluation_.spend(1)) return {};
    switch (instruction.code) {
      case Code::jump:
        next += instruction.b;
        break;
      case Code::jump_if_undefined:
        if (at(program, instruction.a).is_undefined()) next += instruction.b;
        break;
      case Code::jump_unless_equal:
        if (!equals(at(program, instruction.a), at(program, instruction.second()), evaluation_).is_true())
          next += instruction.to;
        break;
      default:
        step(program, instruction);
        break;
    }
  }
  return evaluation_.stopped ? Value() : at(program, block.result);
}

void Machine::step(const Program& program, const Instruction& instruction) {
  const auto registers_from = [&](std::size_t count) {
    return std::span<const Value>(registers_).subspan(instruction.a.index(), count);
  };
  Value result;
  switch (instruction.code) {
    case Code::copy:
      result = at(program, instruction.a);
      break;
    case Code::member:
      result = member(at(program, instruction.a), program.text_of(instruction.b));
      break;
    case Code::element:
      result = element_;
      break;
    case Code::element_member:
      result = member(element_, program.text_of(instruction.b));
      break;
    case Code::negative:
      result = negative_of(at(program, instruction.a), evaluation_);
      break;
    case Code::negation:
      result = negation_of(at(program, instruction.a));
      break;
    case Code::binary:
      result = apply(instruction.operation, at(program, instruction.a), at(program, instruction.second()),
                     evaluation_);
      break;
    case Code::array:
      result = make_array(instruction.b == 0 ? std::span<const Value>() : registers_from(instruction.b));
      break;
    case Code::object:
      result = make_object(program, instruction);
      break;
    case Code::call: {
      const CallPlan& call = program.calls[instruction.b];
      const auto arguments = call.arguments == 0 ? Arguments() : registers_from(call.arguments);
      if (call.function->call != nullptr) result = call.function->call(evaluation_, arguments);
      break;
    }
    case Code::query:
      result = query(program, program.queries[instruction.b], at(program, instruction.a));
      break;
    default:
      break;
  }
  registers_[instruction.to] = result;
}

bool Machine::holds(const Program& program, std::span<const Block> conditions) {
  for (const Block& condition : conditions) {
    if (!to_boolean(run(program, condition)).value_or(false)) return false;
  }
  return !evaluation_.stopped;
}

Value Machine::make_array(std::span<const Value> elements) {
  const auto room = evaluation_.arena.items<Value>(elements.size());
  if (room.size() != elements.size() || !evaluation_.spend(elements.size())) {
    evaluation_.stop();
    return {};
  }
  const auto is_defined = [](Value value) { return !value.is_undefined(); };
  const auto end = std::ranges::copy_if(elements, room.begin(), is_defined).out;
  return Value::array(room.first(static_cast<std::size_t>(end - room.begin())));
}

Value Machine::make_object(const Program& program, const Instruction& instruction) {
  const std::size_t begin = members_.size();
  const auto& shape = program.shapes[instruction.b];
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const Value value = registers_[instruction.a.index() + i];
    if (!value.is_undefined()) put(begin, program.text_of(shape[i]), value);
  }
  return keep_members(begin);
}

Value Machine::member(Value object, std::string_view name) {
  if (!object.is_object() || !evaluation_.spend(object.members().size() / 4)) return {};
  return member_of(object, name);
}

Value Machine::query(const Program& program, const QueryPlan& plan, Value source) {
  if (!source.is_array() && !source.is_object()) return {};
  const Value outer = element_;
  Value result;
  if (source.is_array()) {
    result = each(program, plan, source);
  } else {
    element_ = source;
    if (holds(program, plan.where)) result = list_value(program, plan.list, source);
  }
  element_ = outer;
  return result;
}

Value Machine::each(const Program& program, const QueryPlan& plan, Value array) {
  const std::size_t begin = values_.size();
  for (const Value element : array.elements()) {
    if (!evaluation_.spend(1)) break;
    element_ = element;
    if (!holds(program, plan.where)) continue;
    const Value made = list_value(program, plan.list, element);
    values_.push_back(made);
  }
  const Value result = make_array(std::span<const Value>(values_).subspan(begin));
  values_.resize(begin);
  return result;
}

Value Machine::select(const Program& program, const ListPlan& list) {
  const bool has_all = std::ranges::any_of(list.items, [](const ItemPlan& item) { return item.names == 0; });
  return list_value(program, list, has_all ? payload() : Value());
}

Value Machine::list_value(const Program& program, const ListPlan& list, Value everything) {
  if (list.value) return run(program, *list.value);
  if (list.items.size() == 1 && list.items[0].names == 0) return everything;
  const std::size_t begin = members_.size();
  for (const ItemPlan& item : list.items) {
    if (item.names == 0) {
      put_all(begin, everything);
      continue;
    }
    const Value value = run(program, item.block);
    if (value.is_undefined()) continue;
    const auto names = std::span(program.names).subspan(item.first_name, item.names);
    const std::string_view first = program.text_of(names[0]);
    if (names.size() == 1) {
      put(begin, first, value);
      continue;
    }
    const auto there = std::ranges::find(std::span(members_).subspan(begin), first, &Member::name);
    const bool is_there = there != std::span(members_).subspan(begin).end();
    put(begin, first, nested(program, names.subspan(1), is_there ? there->value : Value(), value));
  }
  return keep_members(begin);
}

void Machine::put_all(std::size_t begin, Value object) {
  if (!object.is_object()) return;
  if (members_.size() == begin && evaluation_.spend(object.members().size())) {
    members_.insert(members_.end(), object.members().begin(), object.members().end());
    return;
  }
  for (const Member& member : object.members()) put(begin, member.name, member.value);
}

void Machine::put(std::size_t begin, std::string_view name, Value value) {
  const auto made = std::span(members_).subspan(begin);
  if (!evaluation_.spend(1 + made.size() / 4)) return;
  const auto same = std::ranges::find(made, name, &Member::name);
  if (same != made.end()) {
    same->value = value;
  } else {
    members_.push_back({name, value});
  }
}

/// `inside`, if it is an object, with the value at the path of names.
Value Machine::nested(const Program& program, std::span<const std::uint32_t> names, Value inside,
                      Value value) {
  const std::string_view first = program.text_of(names[0]);
  if (names.size() > 1) value = nested(program, names.subspan(1), member(inside, first), value);
  const std::size_t begin = members_.size();
  put_all(begin, inside);
  put(begin, first, value);
  return keep_members(begin);
}

Value Machine::keep_members(std::size_t begin) {
  const auto made = std::span<const Member>(members_).subspan(begin);
  const auto kept = evaluation_.arena.items<Member>(made.size());
  const bool fits = kept.size() == made.size() && evaluation_.spend(made.size());
  if (fits) std::ranges::copy(made, kept.begin());
  members_.resize(begin);
  if (fits) return Value::object(kept);
  evaluation_.stop();
  return {};
}

}  // namespace dunlin::rules
