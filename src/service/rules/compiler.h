#pragma once
// Makes a flat program of what the parser understood.

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "service/rules/program.h"
#include "service/rules/syntax.h"

namespace dunlin::rules {

class Compiler {
 public:
  /// `variables` are those that the expressions may name, by number.
  Compiler(std::shared_ptr<PathTable> paths, std::vector<std::string> variables);

  Block block(const Expression& expression);
  /// Its conditions joined by AND; each must be true for the whole to be.
  std::vector<Block> conditions(const Expression& where);
  ListPlan list(const SelectList& list);
  /// Of the name, once it has a value.
  void add_variable(std::string name) { variables_.push_back(std::move(name)); }
  /// The path that an expression is: `a.b`. nullopt: it is something else.
  std::optional<PathId> path_of(const Expression& expression);
  /// Whose result is a constant.
  Block constant_block(Value value) { return {0, 0, constant(value)}; }
  /// Nothing may be compiled after it.
  Program finish() &&;

 private:
  using Code = Instruction::Code;

  Operand compile(const Expression& expression);
  Operand constant(Value value);
  std::uint32_t text_constant(std::string_view text);
  Operand name(const Expression& expression);
  Operand member(const Expression& expression);
  Operand binary(const Expression& expression);
  Operand one(Code code, const Expression& operand);
  Operand choice(const Expression& expression);
  Operand query(const Expression& expression);
  /// Each operand in a register of its own, one behind the other. Gives the first.
  Operand in_row(const std::vector<Expression>& operands);
  Operand in_row(Code code, const Expression& expression, std::uint32_t index);
  Operand call(const Expression& expression);

  std::uint16_t take_register();
  Operand emit(Instruction instruction);
  void copy_to(std::uint16_t target, Operand from);

  Program program_;
  std::vector<Instruction> code_;  // of the block that is being made
  std::vector<std::string> variables_;
  std::string characters_;
  struct Text {
    std::size_t at;
    std::size_t size;
  };
  std::vector<Text> texts_;  // of each constant, where it is a text or a big number
  std::map<std::string, std::uint32_t, std::less<>> text_constants_;
  std::uint32_t next_register_ = 0;
  enum class Scope : std::uint8_t { payload, element } scope_ = Scope::payload;
};

}  // namespace dunlin::rules
