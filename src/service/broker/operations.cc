#include "service/broker/broker.h"
#include "service/broker/render.h"

namespace dunlin::broker {

void declare(const BrokerParts& parts, model::OperationTable& table) {
  declare_sessions(parts, table);
  declare_shared(parts, table);
  declare_explain(parts, table);
  declare_retained(parts, table);
}

std::vector<model::OperationSpec> operations() {
  std::vector<model::OperationSpec> all = session_operations();
  for (const auto& more : {shared_operations(), explain_operations(), retained_operations()})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace dunlin::broker
