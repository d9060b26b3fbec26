#pragma once
// Words and signs of the rules' SQL.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace dunlin::rules {

struct Token {
  enum class Kind : std::uint8_t { word, number, text, sign, end } kind = Kind::end;
  std::string text;
  std::size_t at = 0;  // byte offset, for messages
};

/// Always ends with a token of kind `end`. Errors: malformed (with the place).
Result<std::vector<Token>> tokenize(std::string_view sql);

}  // namespace dunlin::rules
