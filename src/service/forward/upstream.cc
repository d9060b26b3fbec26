#include "service/forward/upstream.h"

#include <memory>

namespace dunlin::forward {

bool came_from_upstream(const hub::Message& message) {
  return message.principal && message.principal->kind == PrincipalKind::service && message.principal->name == kUplinkName;
}

PrincipalRef make_service_principal(std::string_view name) {
  auto principal = std::make_shared<Principal>();
  principal->kind = PrincipalKind::service;
  principal->proof = Proof::in_process;
  principal->name = name;
  return principal;
}

}  // namespace dunlin::forward
