#include "model/hops.h"

#include <charconv>
#include <memory>
#include <string_view>

namespace dunlin::model {
namespace {

constexpr std::string_view kHops = "dunlin-hops";

}  // namespace

int hops_of(const hub::Message& message) {
  const bool own = message.principal && message.principal->kind == PrincipalKind::service;
  if (!own || !message.properties) return 0;
  for (const auto& [name, value] : message.properties->user) {
    if (name != kHops) continue;
    int hops = 0;
    std::from_chars(value.data(), value.data() + value.size(), hops);
    return hops < 0 ? 0 : hops;
  }
  return 0;
}

void set_hops(hub::Message& message, int hops) {
  auto properties = message.properties ? std::make_shared<hub::Properties>(*message.properties)
                                       : std::make_shared<hub::Properties>();
  properties->user.emplace_back(kHops, std::to_string(hops));
  message.properties = std::move(properties);
}

}  // namespace dunlin::model
