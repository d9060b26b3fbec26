// Parses any bytes as a policy; what is accepted must judge without harm, and never allow what is no
// valid topic.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/core/assert.h"
#include "security/policy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin;
  using namespace dunlin::security;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // The first line is the topic or filter that is asked, the rest the policy.
  const std::size_t line = text.find('\n');
  const std::string_view asked = text.substr(0, line);
  auto policy = Policy::parse(line == std::string_view::npos ? text : text.substr(line + 1));
  if (!policy) return 0;
  PolicyEngine engine;
  engine.put("p", std::make_shared<const Policy>(std::move(*policy)));
  Principal principal;
  principal.kind = PrincipalKind::device;
  principal.name = "thing";
  principal.client_id = asked;
  principal.attributes = {{"site", std::string(asked)}};
  principal.policies = {"p"};
  const bool publishes = engine.authorize(principal, Action::publish, asked).allowed();
  const bool subscribes = engine.authorize(principal, Action::subscribe, asked).allowed();
  engine.authorize(principal, Action::connect, asked);
  DUNLIN_ASSERT(!publishes || is_valid_topic(asked));
  DUNLIN_ASSERT(!subscribes || asked.starts_with("$share/") || is_valid_filter(asked));
  return 0;
}
