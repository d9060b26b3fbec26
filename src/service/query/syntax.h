#pragma once
// What a query says, before it is known what its names mean.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "service/query/value.h"

namespace dunlin::query {

struct Syntax;
using SyntaxPtr = std::shared_ptr<const Syntax>;
struct Select;

struct OrderKey {
  SyntaxPtr expression;
  enum class Direction : std::uint8_t { ascending, descending } direction = Direction::ascending;
};

/// OVER (PARTITION BY .. ORDER BY ..)
struct Over {
  std::vector<SyntaxPtr> partition;
  std::vector<OrderKey> order;
};

/// What two expressions have in common if they are written alike.
struct Identity {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend auto operator<=>(const Identity&, const Identity&) = default;
};

/// An expression. Operators are calls by their sign; BETWEEN, IN, LIKE and CASE are calls by their name.
struct Syntax {
  enum class Kind : std::uint8_t { literal, name, star, call, cast } kind = Kind::literal;
  std::size_t at = 0;     // byte offset in the query
  Datum value;            // literal
  std::string qualifier;  // name: what stands before the point
  std::string text;       // name; the function's in lower case; the type of a cast
  std::vector<SyntaxPtr> operands;
  enum class Quantifier : std::uint8_t { all, distinct } quantifier = Quantifier::all;
  std::shared_ptr<const Over> over;
  Identity identity;  // of all the above but the place
};

struct SelectItem {
  SyntaxPtr expression;
  std::string alias;  // empty: none
};

struct From {
  std::string table;  // where it is no sub-select
  std::unique_ptr<Select> select;
  std::string alias;
  std::size_t at = 0;
};

struct Select {
  enum class Quantifier : std::uint8_t { all, distinct } quantifier = Quantifier::all;
  std::vector<SelectItem> items;
  From from;
  SyntaxPtr where;
  std::vector<SyntaxPtr> group_by;
  SyntaxPtr having;
  std::vector<OrderKey> order_by;
  std::optional<std::uint64_t> limit;
  std::uint64_t offset = 0;
  std::size_t at = 0;
};

struct Query {
  enum class Wanted : std::uint8_t { rows, plan } wanted = Wanted::rows;
  std::unique_ptr<Select> select;
};

/// Errors: malformed, limit_exceeded; the text names line and column.
Result<Query> parse_query(std::string_view sql);

/// An expression on its own. Errors likewise.
Result<SyntaxPtr> parse_expression(std::string_view text);

/// Of an expression whose operands have theirs.
Identity identity_of(const Syntax& expression);

/// The expression as it might be written.
std::string text_of(const Syntax& expression);

/// "10 minutes", "1h 30m", "500ms". Errors: malformed (months and years have no fixed length).
Result<std::int64_t> parse_interval(std::string_view text);

}  // namespace dunlin::query
