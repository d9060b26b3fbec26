#pragma once
// The broker's insides as operations: sessions, subscriptions, retained messages, and why a message did not
// arrive.

#include <functional>
#include <string>
#include <vector>

#include "base/executor.h"
#include "hub/access.h"
#include "hub/hub.h"
#include "model/operation.h"

namespace dunlin::broker {

/// Subscriptions of a session that its own page shows.
inline constexpr std::size_t kMaxSubscriptionsShown = 1000;

struct BrokerParts {
  Executor& executor;
  hub::Hub& hub;
  hub::Authorizer authorize;
  hub::Limits limits;
};

/// Declares session.*, subscription.list, shared.* and retained.*. The parts' objects must outlive the table.
void declare(const BrokerParts& parts, model::OperationTable& table);

/// What declare() adds, for clients that render the operations without a server.
std::vector<model::OperationSpec> operations();

}  // namespace dunlin::broker
