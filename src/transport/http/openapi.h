#pragma once
// The OpenAPI 3.1 document of a program's operations, made from their tables.

#include <boost/json/fwd.hpp>
#include <string_view>

#include "model/operation.h"

namespace dunlin::transport {

/// Of `byte_operations` a request's body is bytes, beside fields in the query; or, of those that get
/// something, an answer's.
boost::json::object openapi_document(const model::OperationTable& table,
                                     std::span<const model::OperationSpec> session_operations,
                                     std::span<const model::OperationSpec> device_operations,
                                     std::span<const model::OperationSpec> byte_operations,
                                     std::string_view version);

/// The names in braces of a path template, in order: "/api/things/{thing}" has {"thing"}.
std::vector<std::string> path_fields(std::string_view path);

/// As OpenAPI writes methods.
std::string lower_case(std::string_view method);

}  // namespace dunlin::transport
