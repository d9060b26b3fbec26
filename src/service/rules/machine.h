#pragma once
// Runs programs for messages.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "service/rules/evaluation.h"
#include "service/rules/json_reader.h"
#include "service/rules/program.h"

namespace dunlin::rules {

/// Keeps its memory from message to message. What it gives is valid until the next start() or begin(). One
/// thread.
class Machine {
 public:
  explicit Machine(Rng& rng);

  /// Takes up another message, which must stay until the next one.
  void begin(const Context& context);
  /// Takes up another statement, with a whole budget: gives its variables their values.
  void start(const Program& program, std::span<const Block> variables);

  Value run(const Program& program, Block block);
  /// Whether all of them are true.
  bool holds(const Program& program, std::span<const Block> conditions);
  /// What a SELECT list gives for the whole payload. Undefined members are left out.
  Value select(const Program& program, const ListPlan& list);

  /// The payload as a value; Undefined: it is not JSON, or larger than kMaxPayloadBytes. Read when it is
  /// first asked for.
  Value payload();
  Value path(const PathTable& table, PathId id);
  const Context& context() const { return evaluation_.context; }
  /// Whether the budget of the statement that was started last did not suffice.
  bool stopped() const { return evaluation_.stopped; }
  Evaluation& evaluation() { return evaluation_; }

 private:
  struct Slot {
    std::uint64_t message = 0;  // for which `value` is right
    Value value;
  };

  Value at(const Program& program, Operand operand);
  void step(const Program& program, const Instruction& instruction);
  Value make_array(std::span<const Value> elements);
  Value make_object(const Program& program, const Instruction& instruction);
  Value member(Value object, std::string_view name);
  Value query(const Program& program, const QueryPlan& plan, Value source);
  Value each(const Program& program, const QueryPlan& plan, Value array);
  Value list_value(const Program& program, const ListPlan& list, Value everything);
  void put_all(std::size_t begin, Value object);
  void put(std::size_t begin, std::string_view name, Value value);
  Value nested(const Program& program, std::span<const std::uint32_t> names, Value inside, Value value);
  Value keep_members(std::size_t begin);

  Evaluation evaluation_;
  JsonReader reader_;
  Arena parsed_{kMaxParsedBytes};
  Value payload_;
  enum class Payload : std::uint8_t { unread, read } state_ = Payload::unread;
  std::uint64_t message_ = 0;  // how many there were
  std::uint64_t table_ = 0;    // whose paths the slots are: its stamp
  std::vector<Slot> slots_;    // by path
  std::vector<Value> registers_;
  std::vector<Value> variables_;
  std::vector<Value> values_;    // of the lists that are being made
  std::vector<Member> members_;  // of the objects
  Value element_;                // that a nested query looks at
};

}  // namespace dunlin::rules
