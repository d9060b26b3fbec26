#include "service/forward/upstream.h"

namespace dunlin::forward {

bool came_from_upstream(const hub::Message& message) {
  return message.principal && message.principal->kind == PrincipalKind::service &&
         message.principal->name == kUplinkName;
}

}  // namespace dunlin::forward
