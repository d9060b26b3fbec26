#include "service/query/syntax.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>

#include "model/sql_tokens.h"

namespace dunlin::query {
namespace {

struct Unit {
  std::string_view name;  // in capitals, without the s of many
  double nanoseconds;
};
constexpr double kSecond = 1e9;
constexpr std::array<Unit, 22> kUnits{{{"NANOSECOND", 1},
                                       {"NS", 1},
                                       {"MICROSECOND", 1e3},
                                       {"US", 1e3},
                                       {"MILLISECOND", 1e6},
                                       {"MS", 1e6},
                                       {"SECOND", kSecond},
                                       {"SEC", kSecond},
                                       {"S", kSecond},
                                       {"MINUTE", 60 * kSecond},
                                       {"MIN", 60 * kSecond},
                                       {"M", 60 * kSecond},
                                       {"HOUR", 3600 * kSecond},
                                       {"HR", 3600 * kSecond},
                                       {"H", 3600 * kSecond},
                                       {"DAY", 86400 * kSecond},
                                       {"D", 86400 * kSecond},
                                       {"WEEK", 7 * 86400 * kSecond},
                                       {"W", 7 * 86400 * kSecond},
                                       {"MSEC", 1e6},
                                       {"USEC", 1e3},
                                       {"NSEC", 1}}};

const Unit* unit_of(std::string_view word) {
  for (const Unit& unit : kUnits) {
    const bool is_many =
        word.size() == unit.name.size() + 1 && (word.back() | 0x20) == 's' && word.size() > 3;
    if (model::is_sql_keyword(is_many ? word.substr(0, word.size() - 1) : word, unit.name)) return &unit;
  }
  return nullptr;
}

std::string quoted(std::string_view text, char quote) {
  std::string made(1, quote);
  for (const char c : text) {
    if (c == quote) made.push_back(quote);
    made.push_back(c);
  }
  return made + quote;
}

std::string literal_text(const Datum& value) {
  switch (value.type) {
    case Type::null:
      return "NULL";
    case Type::boolean:
      return value.integer != 0 ? "true" : "false";
    case Type::text:
      return quoted(value.text, '\'');
    case Type::number: {
      std::array<char, 40> digits{};
      const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value.number).ptr;
      return {digits.data(), end};
    }
    case Type::interval:
      return "INTERVAL '" + std::to_string(value.integer) + " ns'";
    default:
      return std::to_string(value.integer);
  }
}

void add_all(std::string& text, const std::vector<SyntaxPtr>& all) {
  for (std::size_t i = 0; i < all.size(); ++i) text += (i == 0 ? "" : ", ") + text_of(*all[i]);
}

void mix(Identity& identity, std::uint64_t word) {
  identity.low = (identity.low ^ word) * 0x9E3779B97F4A7C15;
  identity.low ^= identity.low >> 29;
  identity.high = (identity.high + word) * 0xC2B2AE3D27D4EB4F + identity.low;
  identity.high ^= identity.high >> 31;
}

void mix(Identity& identity, std::string_view text) {
  mix(identity, text.size());
  for (const char c : text) mix(identity, static_cast<std::uint64_t>(static_cast<unsigned char>(c)));
}

void mix(Identity& identity, const Identity& other) {
  mix(identity, other.high);
  mix(identity, other.low);
}

}  // namespace

Identity identity_of(const Syntax& expression) {
  Identity identity;
  mix(identity, static_cast<std::uint64_t>(expression.kind));
  mix(identity, static_cast<std::uint64_t>(expression.quantifier));
  mix(identity, static_cast<std::uint64_t>(expression.value.type));
  mix(identity, static_cast<std::uint64_t>(expression.value.integer));
  mix(identity, std::bit_cast<std::uint64_t>(expression.value.number));
  mix(identity, expression.value.text);
  mix(identity, expression.qualifier);
  mix(identity, expression.text);
  for (const SyntaxPtr& operand : expression.operands) mix(identity, operand->identity);
  if (!expression.over) return identity;
  mix(identity, expression.over->partition.size());
  for (const SyntaxPtr& key : expression.over->partition) mix(identity, key->identity);
  for (const OrderKey& key : expression.over->order) {
    mix(identity, key.expression->identity);
    mix(identity, static_cast<std::uint64_t>(key.direction));
  }
  return identity;
}

Result<std::int64_t> parse_interval(std::string_view text) {
  double total = 0;
  std::size_t parts = 0;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  const auto skip_spaces = [&] {
    while (at != end && *at == ' ') ++at;
  };
  for (skip_spaces(); at != end; skip_spaces()) {
    double amount = 0;
    const auto read = std::from_chars(at, end, amount, std::chars_format::fixed);
    if (read.ec != std::errc() || !std::isfinite(amount)) break;
    at = read.ptr;
    skip_spaces();
    const char* const word = at;
    while (at != end && ((*at | 0x20) >= 'a' && (*at | 0x20) <= 'z')) ++at;
    const Unit* unit = unit_of({word, at});
    if (unit == nullptr) {
      return fail(Errc::malformed,
                  "\"" + std::string(word, at) +
                      "\" is no unit of time; there are ms, seconds, minutes, hours, days and "
                      "weeks (months and years have no fixed length)");
    }
    total += amount * unit->nanoseconds;
    ++parts;
  }
  if (at != end || parts == 0)
    return fail(Errc::malformed, "an interval is a number and a unit, such as '10 minutes'");
  if (!(std::abs(total) < 9e18)) return fail(Errc::malformed, "the interval is longer than 285 years");
  return static_cast<std::int64_t>(std::llround(total));
}

std::string text_of(const Syntax& expression) {
  switch (expression.kind) {
    case Syntax::Kind::literal:
      return literal_text(expression.value);
    case Syntax::Kind::star:
      return "*";
    case Syntax::Kind::name:
      return expression.qualifier.empty() ? expression.text : expression.qualifier + "." + expression.text;
    case Syntax::Kind::cast:
      return "cast(" + text_of(*expression.operands[0]) + " AS " + expression.text + ")";
    case Syntax::Kind::call:
      break;
  }
  const bool is_operator =
      expression.operands.size() == 2 && (expression.text == "and" || expression.text == "or" ||
                                          expression.text.find_first_of("+-*/%<>=|") == 0);
  if (is_operator) {
    return "(" + text_of(*expression.operands[0]) + " " + expression.text + " " +
           text_of(*expression.operands[1]) + ")";
  }
  std::string text = expression.text + "(";
  if (expression.quantifier == Syntax::Quantifier::distinct) text += "distinct ";
  add_all(text, expression.operands);
  text += ")";
  if (expression.over) {
    text += " over (partition by ";
    add_all(text, expression.over->partition);
    text += " order by ";
    for (const OrderKey& key : expression.over->order) {
      text += text_of(*key.expression);
      text += key.direction == OrderKey::Direction::ascending ? " asc " : " desc ";
    }
    text += ")";
  }
  return text;
}

}  // namespace dunlin::query
