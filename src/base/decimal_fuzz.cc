// Any text as two numbers, one after the other with a blank between: refused, or numbers whose text reads
// back and whose operations undo each other where they are exact.
#include <cstdlib>

#include "base/decimal.h"

namespace {

void expect(bool truth) {
  if (!truth) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using dunlin::Decimal;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t blank = text.find(' ');
  const auto a = Decimal::parse(text.substr(0, blank));
  if (!a) return 0;
  expect(Decimal::parse(a->to_text()) == a);
  expect(a->negate().negate() == *a && a->subtract(*a) == Decimal{});
  expect(a->floor() <= *a && *a <= a->ceil() && a->floor().is_whole() && a->round_half_away().is_whole());
  const auto b = Decimal::parse(blank == std::string_view::npos ? "7" : text.substr(blank + 1));
  if (!b) return 0;
  expect(a->add(*b) == b->add(*a) && a->multiply(*b) == b->multiply(*a));
  const auto difference = a->subtract(*b);
  if (difference && !difference->is_zero()) expect(difference->is_negative() == (*a < *b));
  if (b->is_zero()) {
    expect(!a->divide(*b) && !a->remainder(*b));
    return 0;
  }
  const auto rest = a->remainder(*b);
  expect(rest.has_value());
  const auto size_of = [](const Decimal& one) { return one.is_negative() ? one.negate() : one; };
  expect(size_of(*rest) < size_of(*b));
  expect(rest->is_zero() || rest->is_negative() == a->is_negative());
  return 0;
}
