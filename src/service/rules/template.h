#pragma once
// Texts with ${expression} parts, e.g. a republish topic.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "service/rules/statement.h"

namespace dunlin::rules {

/// Its expressions see the payload, not the SELECT list, and the variables of the statement that was started
/// last.
class Template {
 public:
  /// Errors as Statement::parse, with the place in the whole text.
  static Result<Template> parse(std::string_view text, const std::vector<std::string>& variables = {},
                                const Environment& environment = {});
  /// Parts without a text form stay empty. Ends early past kMaxResultBytes.
  std::string render(Machine& machine) const;
  /// The parts that no expression makes, joined.
  const std::string& literal_text() const { return text_; }

 private:
  struct Part {
    std::size_t at = 0;  // in the text, which it stands before
    Block block;
  };
  std::string text_;
  std::vector<Part> parts_;
  std::unique_ptr<const Program> program_;  // null: there are no expressions
};

}  // namespace dunlin::rules
