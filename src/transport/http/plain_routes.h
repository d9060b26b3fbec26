#pragma once
// Routes that are no operations, in the OpenAPI document: what other protocols have over HTTP.

#include <boost/json/fwd.hpp>

#include "net/http/router.h"

namespace dunlin::transport {

/// Adds those of the router that `document` does not name. Each has "x-protocol", which says whose rules its
/// bodies follow. A route that is described nowhere is a bug.
void describe_plain_routes(boost::json::object& document, const net::http::Router& router);

}  // namespace dunlin::transport
