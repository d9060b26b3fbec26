// Any document of a definition, computed over a few samples; and any saved state.
#include <boost/json.hpp>
#include <cstdint>

#include "service/derived/derivation.h"

using namespace dunlin;

namespace {

void compute(const std::shared_ptr<const derived::Definition>& definition, std::string_view state) {
  derived::Derivation derivation(definition);
  static_cast<void>(derivation.restore("d", state));
  static_cast<void>(derivation.restore("", state));
  const auto& inputs = definition->formula.inputs();
  for (int i = 0; i < 8; ++i) {
    const WallTime time = from_unix_nanoseconds(1'000'000'000LL * (i * 7 % 10));
    const model::Value value = i == 5 ? model::Value{std::string("on")} : model::Value{0.5 * i};
    derivation.add("d", static_cast<std::size_t>(i) % inputs.size(), {time, value}, {}, time);
  }
  const std::string saved = derivation.save("d");
  derived::Derivation again(definition);
  if (!saved.empty() && !again.restore("d", saved)) __builtin_trap();
  derivation.look(from_unix_nanoseconds(10'000'000'000'000));
  derivation.close();
  static_cast<void>(derivation.take_results());
}

}  // namespace

/// A document, a zero byte, and a state.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\0'), input.size());
  boost::system::error_code error;
  const auto document = boost::json::parse(input.substr(0, end), error);
  if (error || !document.is_object()) return 0;
  auto read = derived::definition_from_json(document.get_object());
  if (!read) return 0;
  const boost::json::object shown = derived::to_json(*read);
  if (!derived::definition_from_json(shown)) __builtin_trap();
  static_cast<void>(derived::check_cycles(*read, {}));
  compute(std::make_shared<const derived::Definition>(*std::move(read)),
          end < input.size() ? input.substr(end + 1) : std::string_view());
  return 0;
}
