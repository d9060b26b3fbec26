#pragma once
// JSON forms of what the hub shows, and what the room's files share. Internal to the room.

#include <boost/json/fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "hub/view.h"
#include "model/operation.h"
#include "service/broker/broker.h"

namespace dunlin::broker {

/// A row of a list: one level of names and values.
boost::json::object to_row(const hub::SessionView& session, WallTime now);
/// The row, with what has been dropped and why.
boost::json::object to_json(const hub::SessionView& session, WallTime now);
/// What happens to messages that come faster than the client takes them, and where each of it begins.
boost::json::object back_pressure(const hub::SessionView& session, const hub::Limits& limits);
boost::json::object to_json(const hub::SubscriptionView& subscription);
/// Without the payload.
boost::json::object to_row(const hub::Message& message);
/// With it: `payload` where it is text, `payload_base64` where not.
boost::json::object to_json(const hub::Message& message);

/// Counts by drop_reason_name().
boost::json::object dropped_by_reason(const hub::SessionActivity& activity);

/// Times are texts; the epoch is null.
boost::json::value time_or_null(WallTime time);

/// A page's place in a list, as callers get and send it back. Errors: invalid_argument.
std::string to_cursor(std::string_view key);
Result<std::string> from_cursor(const boost::json::object& request);

std::vector<model::OperationSpec> session_operations();
std::vector<model::OperationSpec> shared_operations();
std::vector<model::OperationSpec> retained_operations();
std::vector<model::OperationSpec> explain_operations();

void declare_sessions(const BrokerParts& parts, model::OperationTable& table);
void declare_shared(const BrokerParts& parts, model::OperationTable& table);
void declare_retained(const BrokerParts& parts, model::OperationTable& table);
void declare_explain(const BrokerParts& parts, model::OperationTable& table);

}  // namespace dunlin::broker
