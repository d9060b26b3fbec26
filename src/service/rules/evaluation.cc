#include "service/rules/evaluation.h"

#include <cstring>

namespace dunlin::rules {

Context context_of(const hub::Message& message) {
  Context context;
  context.payload = message.payload.view();
  context.topic = message.topic.text();
  context.received_at = message.received_at;
  context.trace_id = message.trace_id;
  context.properties = message.properties.get();
  if (!message.principal) return context;
  context.client_id = message.principal->client_id;
  context.tenant = message.principal->tenant;
  context.principal = message.principal->fingerprint();
  if (context.principal.empty()) context.principal = message.principal->name;
  return context;
}

Value Evaluation::text(std::string_view given) {
  if (given.size() > kMaxResultBytes || !spend(1 + given.size() / 64)) return {};
  if (given.empty()) return Value::text("");
  const auto room = arena.items<char>(given.size());
  if (room.empty()) {
    stop();
    return {};
  }
  std::memcpy(room.data(), given.data(), given.size());
  return Value::text({room.data(), room.size()});
}

}  // namespace dunlin::rules
