// What a refusal costs the picture of an attack: a known address, and a flood of addresses and names that
// nobody has seen before.
#include <benchmark/benchmark.h>

#include <array>

#include "security/refusal_book.h"

namespace dunlin::security {
namespace {

void of_a_known_address(benchmark::State& state) {
  SystemClock clock;
  metrics::Registry registry;
  RefusalBook book(clock, registry);
  const Refusal refusal{.kind = RefusalKind::password,
                        .address = "192.0.2.7:50000",
                        .device = "press-01",
                        .user = "ada",
                        .reason = "the user name or the password is not right"};
  for (auto _ : state) book.refused(refusal);
}
BENCHMARK(of_a_known_address);

void of_made_up_ones(benchmark::State& state) {
  SystemClock clock;
  metrics::Registry registry;
  RefusalBook book(clock, registry);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<char, 20> address{'2', '0', '0', '1', ':', 'd', 'b', '8', ':', '0',
                               '0', '0', '0', ':', '0', '0', '0', '0', ':', ':'};
  std::uint64_t number = 0;
  for (auto _ : state) {
    ++number;
    for (const std::size_t place : {9U, 10U, 11U, 12U, 14U, 15U, 16U, 17U})
      address[place] = kDigits[number * 0x9e3779b97f4a7c15ULL >> (place * 3) & 15];
    const std::string_view name(address.data(), address.size());
    book.refused({.kind = RefusalKind::token, .address = name, .device = name, .user = name});
  }
}
BENCHMARK(of_made_up_ones);

}  // namespace
}  // namespace dunlin::security
