#pragma once
// system.drain and system.resume: the MQTT side stops serving, and serves again.

#include <boost/json/fwd.hpp>
#include <vector>

#include "model/operation.h"
#include "transport/mqtt/server.h"

namespace dunlin::platform {

/// The server must outlive the table.
void declare_drain(model::OperationTable& table, transport::MqttServer& mqtt);

std::vector<model::OperationSpec> drain_operations();

/// For the status: "state" ("serving" or "draining"), "to", "permanent".
boost::json::object drain_state(const transport::MqttServer& mqtt);

}  // namespace dunlin::platform
