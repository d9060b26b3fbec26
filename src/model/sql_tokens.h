#pragma once
// Words and signs of SQL, as the rules over streams and the queries over stored series write it.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace dunlin::model {

struct SqlToken {
  enum class Kind : std::uint8_t { word, number, text, sign, end } kind = Kind::end;
  std::string text;
  std::size_t at = 0;  // byte offset, for messages
  char quote = 0;      // of a text: ' or "
};

/// How messages name a byte of the text.
using SqlPlace = std::string (*)(std::string_view sql, std::size_t at);
/// "character 12".
std::string sql_character(std::string_view sql, std::size_t at);
/// "line 2, column 5".
std::string sql_line(std::string_view sql, std::size_t at);

/// Always ends with a token of kind `end`. Errors: malformed (with the place).
Result<std::vector<SqlToken>> tokenize_sql(std::string_view sql, SqlPlace place = sql_character);

/// Whether a word is the keyword, which is given in capitals; case does not count.
bool is_sql_keyword(std::string_view word, std::string_view keyword);

}  // namespace dunlin::model
