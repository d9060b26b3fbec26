#pragma once
// A statement or an expression as flat code for Machine.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "service/rules/functions.h"
#include "service/rules/paths.h"
#include "service/rules/syntax.h"
#include "service/rules/value.h"

namespace dunlin::rules {

/// Where a value is: a register, a constant of the program, a path of the payload, or a SET variable.
class Operand {
 public:
  enum class Place : std::uint8_t { register_, constant, path, variable };
  constexpr Operand() = default;
  constexpr Operand(Place place, std::uint32_t index)
      : bits_(static_cast<std::uint32_t>(place) << kShift | index) {}
  static constexpr Operand from_bits(std::uint32_t bits) {
    Operand operand;
    operand.bits_ = bits;
    return operand;
  }
  constexpr std::uint32_t bits() const { return bits_; }
  constexpr Place place() const { return static_cast<Place>(bits_ >> kShift); }
  constexpr std::uint32_t index() const { return bits_ & kMask; }
  friend bool operator==(Operand, Operand) = default;

 private:
  static constexpr unsigned kShift = 30;
  static constexpr std::uint32_t kMask = (std::uint32_t{1} << kShift) - 1;
  std::uint32_t bits_ = 0;
};

struct Instruction {
  enum class Code : std::uint8_t {
    copy,               // a
    member,             // of a, called as the constant `b` says
    element,            // what a nested query looks at
    element_member,     // its member, called as the constant `b` says
    negative,           // -a
    negation,           // NOT a
    binary,             // a `operation` operand `b`
    array,              // of `b` registers from a on
    object,             // of registers from a on, called as shapes[b] says
    call,               // calls[b] with registers from a on
    query,              // queries[b] over a
    jump,               // over the next `b`
    jump_if_undefined,  // over the next `b`, if a is
    jump_unless_equal   // over the next `to`, if a and the operand `b` are not
  };
  Code code{};
  Operator operation{};
  std::uint16_t to = 0;  // a register
  Operand a;
  std::uint32_t b = 0;

  Operand second() const { return Operand::from_bits(b); }
};

/// Instructions, and where their result is then.
struct Block {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  Operand result;
};

/// One item of a SELECT list; without names it is `*`.
struct ItemPlan {
  Block block;
  std::uint32_t first_name = 0;  // of the program's names
  std::uint32_t names = 0;
};

struct ListPlan {
  std::vector<ItemPlan> items;
  std::optional<Block> value;  // SELECT VALUE
};

/// Conditions that must all be true, and what is selected then.
struct QueryPlan {
  std::vector<Block> where;
  ListPlan list;
};

struct CallPlan {
  const Function* function = nullptr;
  std::uint32_t arguments = 0;
};

struct Program {
  std::vector<Instruction> code;
  std::vector<Value> constants;
  std::unique_ptr<char[]> characters;  // of the constants
  std::vector<std::uint32_t> names;    // constants
  std::vector<CallPlan> calls;
  std::vector<std::vector<std::uint32_t>> shapes;  // names of object literals: constants
  std::vector<QueryPlan> queries;
  PathUse paths;
  std::uint32_t registers = 0;

  std::string_view text_of(std::uint32_t constant) const { return constants[constant].characters(); }
};

}  // namespace dunlin::rules
